"""Words, terms and characters of display names."""

import pytest

from schemas.manifest import display_name, yaml_tree
from schemas.manifest.finding_collector import FindingCollector
from schemas.manifest.section import Section
from schemas.manifest.terms import PROHIBITED, has_term, resembles, split_words
from schemas.manifest.yaml_tree import Fields
from schemas.model.business import Business, DisplayName
from schemas.model.policy import Policy

ACME = Business(
    id="acme-bank",
    legal_name="Acme Bank, N.A.",
    dba="Acme",
    brands=("Roadrunner",),
    display_names=(DisplayName(display="Acme Police", shorthand="Acme"),),
)


def rules(shown: str, shorthand: str = "Acme", business: Business | None = ACME) -> list[str]:
    """The rules that a display name breaks."""
    tree, notes = yaml_tree.read_yaml(b"display: x\nshorthand: x\n", max_bytes=100), FindingCollector(per_rule=10)
    assert isinstance(tree, Fields)
    section = Section(tree, "display_name", notes, display_name.KEYS)
    display_name.check_display_name(section, DisplayName(display=shown, shorthand=shorthand), business=business, policy=Policy())
    return [found.rule for found in notes.kept]


@pytest.mark.parametrize(
    "text",
    [
        *("Acme www.acme.com", "Acme.io", "https://acme", "acme dot com", "Acme www"),
        *("ops@acme.com", "first.last@acme dot org"),
        *("Acme call now", "Acme CALL US", "Press 1 Acme", "Acme Text STOP", "Please answer Acme", "Acme - Act Now!"),
        *("Acme don't ignore", "Acme limited time", "Acme URGENT", "Acme 501-214-9020", "Acme 15012149020"),
    ],
)
def test_a_link_an_address_or_a_call_to_action(text):
    assert "DSP-005" in rules(text)


@pytest.mark.parametrize(
    "text",
    [
        *("Acme Call Center", "Acme @ Home", "Acme Pay", "Acme Order Desk", "Acme 24-7", "Acme Now", "St. Acme Bank"),
        *("Acme Communications", "Acme Netting", "Acme 1234567", "Acme Signs", "Acme Back Office", "Acme Hurrying"),
    ],
)
def test_names_that_ask_for_nothing(text):
    assert "DSP-005" not in rules(text)


@pytest.mark.parametrize("term", PROHIBITED)
def test_every_term_is_found_in_its_own_words(term):
    assert has_term(f"Acme {term.upper()} Line", term)
    assert has_term(f"Acme-{term.lower()}", term)


@pytest.mark.parametrize(
    ("text", "term"),
    [
        ("First Bank", "IRS"),
        ("Acme Fireplace Department", "Fire Department"),
        ("Acme 9110", "911"),
        ("Policework", "Police"),
        ("Acme", ""),
    ],
)
def test_terms_are_whole_words(text, term):
    assert not has_term(text, term)


@pytest.mark.parametrize("text", ["I.R.S.", "I R S", "i-r-s", "The IRS Office", "IRS's"])
def test_initials_are_a_word(text):
    assert has_term(text, "IRS")


def test_words_are_split_as_people_see_them():
    assert split_words("Acme_Bank's N.A. 24-7 Café") == ["acme", "bank", "na", "24", "7", "café"]


@pytest.mark.parametrize("text", ["Acme", "ACME Collections", "Road-Runner Bank", "RoadRunner", "acmebank na", "bank"])
def test_what_resembles_the_business(text):
    assert resembles(text, ACME)


@pytest.mark.parametrize("text", ["Zenith", "Acmes", "The N.A. Company", "Runner", ""])
def test_what_does_not(text):
    assert not resembles(text, ACME)


def test_a_name_of_common_words_alone_is_compared_by_them():
    assert resembles("National Group", Business(id="x", legal_name="The National Company"))


@pytest.mark.parametrize("position", [0, 3, 8])
@pytest.mark.parametrize("character", [*'./+"#()?=<>{}|\\^~`;', "’", "–", "\u00a0", "é", "Ａ", "😀", "\u200b"])
def test_a_character_that_is_not_allowed_is_named_with_its_position(character, position):
    tree, notes = yaml_tree.read_yaml(b"display: x\n", max_bytes=100), FindingCollector(per_rule=10)
    assert isinstance(tree, Fields)
    section = Section(tree, "", notes, ("display",))
    text = "AcmeBank"[:position] + character + "AcmeBank"[position:]
    display_name.check_characters(section, "DSP-003", "display", text)
    (found,) = notes.kept
    assert found.message.startswith(f'display has "{character}" (')
    assert found.message.endswith(f") at position {position + 1}.")


@pytest.mark.parametrize(
    ("text", "meant"), [("Acme’s – Café", "Acme's - Cafe"), ("Ａcme\u00a0Bank", "Acme Bank"), ("Acme/Bank", None)]
)
def test_a_suggestion_takes_no_guessing(text, meant):
    tree, notes = yaml_tree.read_yaml(b"display: x\n", max_bytes=100), FindingCollector(per_rule=10)
    assert isinstance(tree, Fields)
    display_name.check_characters(Section(tree, "", notes, ("display",)), "DSP-003", "display", text)
    assert notes.kept[0].suggestion == meant


@pytest.mark.parametrize(("length", "found"), [(display_name.NAME_MAX, []), (display_name.NAME_MAX + 1, ["MAN-004"])])
def test_a_name_that_the_ledger_has_no_room_for_is_no_name(length, found):
    tree, notes = (
        yaml_tree.read_yaml(f"display: {'x' * length}\nshorthand: x\n".encode(), max_bytes=9999),
        FindingCollector(per_rule=9),
    )
    assert isinstance(tree, Fields)
    display_name.parse_display_name(Section(tree, "", notes, display_name.KEYS))
    assert [note.rule for note in notes.kept] == found


def test_what_is_kept_of_a_name_has_no_control_characters():
    kept = display_name.storable_name(DisplayName(display="Acme\0Bank", shorthand="A\tB"))
    assert kept == DisplayName(display="Acme Bank", shorthand="A B")


def test_an_approved_name_was_judged_by_people():
    assert rules("Acme Police") == []
    assert rules("Acme Police", "Acme P.") == ["DSP-006", "DSP-003", "DSP-008"]


def test_without_a_business_the_text_alone_is_judged():
    assert rules("Zenith", "Zenith", business=None) == []
    assert rules("Zenith IRS", "Zenith", business=None) == ["DSP-006"]
