"""Which names of files a manifest may give."""

import pytest

from schemas.model.filenames import unsafe


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
def test_plain_names(name):
    assert unsafe(name) is None


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("/etc/passwd", "is an absolute path"),
        ("C:numbers.csv", "is an absolute path"),
        ("c:/numbers.csv", "is an absolute path"),
        ("..", "has a .. that climbs out of the drop"),
        ("a/../../b", "has a .. that climbs out of the drop"),
        ("a\\b", "has a backslash"),
        ("..\\b", "has a backslash"),
        ("a//b", "has an empty part between slashes"),
        ("a/", "has an empty part between slashes"),
        ("./a", "has an empty part between slashes"),
        (" a", "begins or ends with a space"),
        ("a /b", "begins or ends with a space"),
        ("a\0b", "has an invisible character, U+0000"),
        ("a\nb", "has an invisible character, U+000A"),
        ("a\u202efdp.csv", "has an invisible character, U+202E"),
        ("a\u200b.csv", "has an invisible character, U+200B"),
        ("..\u2215etc", "has a character that only looks like a plain one: DIVISION SLASH"),
        ("\uff0e\uff0e/etc", "has a character that only looks like a plain one: FULLWIDTH FULL STOP"),
        ("a\uff3cb", "has a character that only looks like a plain one: FULLWIDTH REVERSE SOLIDUS"),
        ("\u2025/b", "has a character that only looks like a plain one: TWO DOT LEADER"),
        ("a" * 256, "is too long"),
        ("é" * 128, "is too long"),
        ("a/" * 8 + "b", "is too long"),
    ],
)
def test_unsafe_names(name, why):
    assert unsafe(name) == why


def test_every_look_alike_has_a_name():
    """None of them is refused by an exception."""
    for code in range(0x10000):
        unsafe(chr(code))
