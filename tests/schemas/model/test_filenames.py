"""Which file names a manifest may list, and which names match."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.model.filenames import explain_unsafe_name, match_names, plain_path, suggest_safe_name


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
        "./numbers.csv",
        ".//numbers.csv",
        "west/./numbers.csv",
        "west//numbers.csv",
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
        ("./..", "has a .. that leaves the drop"),
        (".//../a", "has a .. that leaves the drop"),
        ("./a/../b", "has a .. that leaves the drop"),
        ("/./a", "is an absolute path"),
        ("//a", "is an absolute path"),
        ("./C:numbers.csv", "is an absolute path"),
        ("a/", "is that of a folder"),
        ("a/.", "is that of a folder"),
        (".", "is that of a folder"),
        ("./", "is that of a folder"),
        ("", "is that of a folder"),
        ("./ a", "starts or ends with a space"),
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


@pytest.mark.parametrize(
    ("name", "plain"),
    [("a", "a"), ("./a", "a"), (".//a", "a"), ("a//b/./c", "a/b/c"), ("/a", "/a"), ("a/", "a/"), ("./../a", "../a")],
)
def test_the_plain_path(name, plain):
    assert plain_path(name) == plain


@pytest.mark.parametrize(
    ("name", "suggestion"),
    [
        ("numbers.csv ", "numbers.csv"),
        ("west / numbers.csv", "west/numbers.csv"),
        (".\\west\\numbers.csv", "west/numbers.csv"),
        ("num\u200bbers.csv", "numbers.csv"),
        ("program.yaml ", None),
        ("C:\\drop\\numbers.csv", None),
        ("..\\numbers.csv", None),
        ("/numbers.csv", None),
        ("a\u2215b.csv", None),
    ],
)
def test_a_safe_name_is_suggested_if_it_is_certain(name, suggestion):
    assert explain_unsafe_name(name)
    assert suggest_safe_name(name) == suggestion


@given(
    st.lists(st.sampled_from(["..", ".", "", "a", "b.csv", " ", "\u2025", "C:"]) | st.text(max_size=5)).map("/".join)
)
def test_a_safe_name_stays_in_the_drop_and_is_safe_as_it_is(name):
    if explain_unsafe_name(name) is None:
        plain = plain_path(name)
        assert explain_unsafe_name(plain) is None
        assert plain == plain_path(plain)
        assert not {"", ".", ".."} & {*plain.split("/")}
    elif suggestion := suggest_safe_name(name):
        assert explain_unsafe_name(suggestion) is None


NFC, NFD = "n\u00fameros.csv", "nu\u0301meros.csv"


@pytest.mark.parametrize(
    ("listed", "present", "matches"),
    [
        (["a.csv"], ["a.csv", "A.csv"], {"a.csv": "a.csv"}),
        ([NFC], [NFD, "a.csv"], {NFC: NFD}),
        ([NFD], [NFC], {NFD: NFC}),
        ([f"{NFC}/x"], [f"{NFD}/x"], {f"{NFC}/x": f"{NFD}/x"}),
        # The very name wins. Of two other spellings, neither does.
        ([NFC], [NFD, NFC], {NFC: NFC}),
        (["\u00e9e\u0301"], ["\u00e9\u00e9", "e\u0301e\u0301"], {}),
        (["b.csv", NFC, "a.csv"], ["a.csv", NFD, "b.csv"], {"b.csv": "b.csv", NFC: NFD, "a.csv": "a.csv"}),
        # A look-alike is another name.
        (["\u212a.csv"], ["K.csv"], {}),
        ([NFC], [], {}),
    ],
)
def test_names_match_by_their_normal_form(listed, present, matches):
    assert list(match_names(listed, present).items()) == list(matches.items())
