"""Naming the characters that a reader does not see, or takes for another one."""

import pytest

from schemas.model.characters import HiddenCharacter, describe_character, find_hidden_character, plain_word

HIDDEN = [
    ("Customer\u00a0Service", 9, "a no-break space (U+00A0)", "Customer Service"),
    ("Customer  Service", 10, "a second space in a row", "Customer Service"),
    ("Customer Service\u200b", 17, "a zero width space (U+200B)", "Customer Service"),
    ("Surv\u00adey", 5, "a soft hyphen (U+00AD)", "Survey"),
    ("Survey\ufe0f", 7, "a variation selector-16 (U+FE0F)", "Survey"),
    ("\u202eSurvey", 1, "a right-to-left override (U+202E)", "Survey"),
    ("Survey\x1a", 7, "a Ctrl-Z (U+001A)", "Survey"),
    ("\ufeffSurvey", 1, "a byte order mark (U+FEFF)", "Survey"),
    ("Debt\tCollection", 5, "a tab", "Debt Collection"),
    ("Debt\u2003Collection", 5, "an em space (U+2003)", "Debt Collection"),
    ("Debt\u2028Collection", 5, "a line separator (U+2028)", "Debt Collection"),
    ("\u0421harity", 1, 'a Cyrillic capital letter es (U+0421) instead of "C"', "Charity"),
    ("Pris\u03bfn", 5, 'a Greek small letter omicron (U+03BF) instead of "o"', "Prison"),
    ("\uff33urvey", 1, 'a fullwidth Latin capital letter s (U+FF33) instead of "S"', "Survey"),
    ("Multi\u2011Use Line", 6, 'a non-breaking hyphen (U+2011) instead of "-"', "Multi-Use Line"),
    (
        "\u201cSurvey\u201d",
        1,
        "a left double quotation mark (U+201C) instead of a straight quotation mark",
        '"Survey"',
    ),
]


@pytest.mark.parametrize(("text", "position", "description", "plain"), HIDDEN)
def test_the_first_hidden_character_is_named_and_the_plain_word_has_none(text, position, description, plain):
    assert find_hidden_character(text) == HiddenCharacter(position, description)
    assert plain_word(text) == plain
    assert find_hidden_character(plain) is None


@pytest.mark.parametrize("text", ["", "Customer Service", "café", "調査", "\u0665", "😀", "\ue000"])
def test_a_character_that_is_seen_and_looks_like_no_other_is_not_hidden(text):
    assert find_hidden_character(text) is None
    assert plain_word(text) == text


def test_a_character_without_a_name_is_described_by_its_number():
    assert describe_character("\x07") == "the invisible character U+0007"
    assert describe_character("é") == "a Latin small letter e with acute (U+00E9)"
