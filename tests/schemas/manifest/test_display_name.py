"""Display names: their words, terms and characters."""

import pytest

from schemas.manifest import display_name, yaml_tree
from schemas.manifest.finding_collector import FindingCollector
from schemas.manifest.name_words import PROHIBITED_TERMS, contains_term, resembles_business, split_words
from schemas.manifest.section import Section
from schemas.manifest.yaml_tree import YamlMapping
from schemas.model.business import Business, DisplayName
from schemas.model.policy import Policy

ACME = Business(
    id="acme-bank",
    legal_name="Acme Bank, N.A.",
    dba="Acme",
    brands=("Roadrunner",),
    display_names=(DisplayName(display="Acme Police", shorthand="Acme"),),
)


def section(yaml: str, path: str = "") -> tuple[Section, FindingCollector]:
    """A section with the given display name, and its findings."""
    tree, findings = yaml_tree.parse_yaml(yaml.encode(), max_bytes=9999), FindingCollector(per_rule=10)
    assert isinstance(tree, YamlMapping)
    return Section(tree, path, findings, display_name.DISPLAY_NAME_KEYS), findings


def broken_rules(display: str, shorthand: str = "Acme", business: Business | None = ACME) -> list[str]:
    """The rules that a display name breaks."""
    reporter, findings = section("display: x\nshorthand: x\n", "display_name")
    name = DisplayName(display=display, shorthand=shorthand)
    display_name.check_display_name(reporter, name, business=business, policy=Policy())
    return [finding.rule for finding in findings.kept_findings]


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
    assert "DSP-005" in broken_rules(text)


@pytest.mark.parametrize(
    "text",
    [
        *("Acme Call Center", "Acme @ Home", "Acme Pay", "Acme Order Desk", "Acme 24-7", "Acme Now", "St. Acme Bank"),
        *("Acme Communications", "Acme Netting", "Acme 1234567", "Acme Signs", "Acme Back Office", "Acme Hurrying"),
    ],
)
def test_names_without_a_request(text):
    assert "DSP-005" not in broken_rules(text)


@pytest.mark.parametrize("term", PROHIBITED_TERMS)
def test_every_prohibited_term_is_found(term):
    assert contains_term(f"Acme {term.upper()} Line", term)
    assert contains_term(f"Acme-{term.lower()}", term)


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
def test_a_term_is_only_found_as_whole_words(text, term):
    assert not contains_term(text, term)


@pytest.mark.parametrize("text", ["I.R.S.", "I R S", "i-r-s", "The IRS Office", "IRS's"])
def test_initials_are_one_word(text):
    assert contains_term(text, "IRS")


def test_split_words():
    assert split_words("Acme_Bank's N.A. 24-7 Café") == ["acme", "bank", "na", "24", "7", "café"]


@pytest.mark.parametrize("text", ["Acme", "ACME Collections", "Road-Runner Bank", "RoadRunner", "acmebank na", "bank"])
def test_a_name_that_resembles_the_business(text):
    assert resembles_business(text, ACME)


@pytest.mark.parametrize("text", ["Zenith", "Acmes", "The N.A. Company", "Runner", ""])
def test_a_name_that_does_not_resemble_the_business(text):
    assert not resembles_business(text, ACME)


def test_a_business_name_of_common_words_only_is_compared_by_them():
    assert resembles_business("National Group", Business(id="x", legal_name="The National Company"))


@pytest.mark.parametrize("position", [0, 3, 8])
@pytest.mark.parametrize("character", [*'./+"#()?=<>{}|\\^~`;', "’", "–", "\u00a0", "é", "Ａ", "😀", "\u200b"])
def test_a_character_that_is_not_allowed_is_reported_with_its_position(character, position):
    reporter, findings = section("display: x\n")
    text = "AcmeBank"[:position] + character + "AcmeBank"[position:]
    display_name.check_characters(reporter, "DSP-003", "display", text)
    (finding,) = findings.kept_findings
    assert finding.message.startswith(f'display has "{character}" (')
    assert finding.message.endswith(f") at position {position + 1}.")


@pytest.mark.parametrize(
    ("text", "suggestion"), [("Acme’s – Café", "Acme's - Cafe"), ("Ａcme\u00a0Bank", "Acme Bank"), ("Acme/Bank", None)]
)
def test_a_suggestion_replaces_only_characters_with_a_clear_replacement(text, suggestion):
    reporter, findings = section("display: x\n")
    display_name.check_characters(reporter, "DSP-003", "display", text)
    assert findings.kept_findings[0].suggestion == suggestion


@pytest.mark.parametrize(
    ("length", "rules"),
    [(display_name.MAX_DISPLAY_NAME_LENGTH, []), (display_name.MAX_DISPLAY_NAME_LENGTH + 1, ["MAN-004"])],
)
def test_a_name_that_is_too_long_for_the_ledger_is_an_error(length, rules):
    reporter, findings = section(f"display: {'x' * length}\nshorthand: x\n")
    display_name.parse_display_name(reporter)
    assert [finding.rule for finding in findings.kept_findings] == rules


def test_a_storable_name_has_no_control_characters():
    stored = display_name.storable_name(DisplayName(display="Acme\0Bank", shorthand="A\tB"))
    assert stored == DisplayName(display="Acme Bank", shorthand="A B")


def test_an_approved_name_can_have_prohibited_terms():
    assert broken_rules("Acme Police") == []
    assert broken_rules("Acme Police", "Acme P.") == ["DSP-006", "DSP-003", "DSP-008"]


def test_without_a_business_only_the_text_is_checked():
    assert broken_rules("Zenith", "Zenith", business=None) == []
    assert broken_rules("Zenith IRS", "Zenith", business=None) == ["DSP-006"]
