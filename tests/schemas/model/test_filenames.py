"""Which file names a manifest may list."""

import pytest

from schemas.model.filenames import explain_unsafe_name


@pytest.mark.parametrize(
    "name",
    [
        "numbers.csv",
        "west/numbers.csv",
        "a b.csv",
        "Größe.csv",
        "番号.csv",
        "..csv",
        "a..b",
        "v1.2_(final)-3.CSV",
        "ab:c.csv",
    ],
)
def test_safe_names(name):
    assert explain_unsafe_name(name) is None


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("/etc/passwd", "is an absolute path"),
        ("C:numbers.csv", "is an absolute path"),
        ("c:/numbers.csv", "is an absolute path"),
        ("..", "has a .. that leaves the drop"),
        ("a/../../b", "has a .. that leaves the drop"),
        ("a\\b", "has a backslash"),
        ("..\\b", "has a backslash"),
        ("a//b", "has an empty part between slashes"),
        ("a/", "has an empty part between slashes"),
        ("./a", "has an empty part between slashes"),
        (" a", "starts or ends with a space"),
        ("a /b", "starts or ends with a space"),
        ("a\0b", "has an invisible character, U+0000"),
        ("a\nb", "has an invisible character, U+000A"),
        ("a\u202efdp.csv", "has an invisible character, U+202E"),
        ("a\u200b.csv", "has an invisible character, U+200B"),
        ("..\u2215etc", "has a look-alike character: DIVISION SLASH"),
        ("\uff0e\uff0e/etc", "has a look-alike character: FULLWIDTH FULL STOP"),
        ("a\uff3cb", "has a look-alike character: FULLWIDTH REVERSE SOLIDUS"),
        ("\u2025/b", "has a look-alike character: TWO DOT LEADER"),
        ("a" * 256, "is too long"),
        ("é" * 128, "is too long"),
        ("a/" * 8 + "b", "is too long"),
    ],
)
def test_unsafe_names(name, reason):
    assert explain_unsafe_name(name) == reason


def test_no_character_raises_an_exception():
    """Each look-alike has a Unicode name for the message."""
    for code in range(0x10000):
        explain_unsafe_name(chr(code))
