"""What a developer writes without quotes is read as a whole, or reported."""

import pytest
from hypothesis import example, given, seed, settings
from hypothesis import strategies as st

from schemas.manifest.parse import ParsedManifest, parse_manifest

MANIFEST = "manifest: 1\nprogram:\n  name: {}\n  type: INFORM\nreference: r-1\n"
SPECIAL = "ab &*!@#%`|>-?:,[]{}'\"\\~<=éЖ\u00a0\u200b"


def parse(written: str, manifest: str = MANIFEST) -> ParsedManifest:
    return parse_manifest(manifest.replace("{}", written).encode(), max_bytes=10_000, per_rule=10)


@seed(1)
@settings(max_examples=1500, deadline=None, database=None)
@given(st.text(SPECIAL, min_size=1, max_size=12).filter(lambda text: text.strip(" ")[:1] not in ("", "'", '"')))
@example("&Co Acme")
@example("Acme #1")
@example("{a}")
def test_no_part_of_a_value_is_dropped_in_silence(written):
    parsed = parse(written)
    about_name = [found for found in parsed.findings.kept_findings if found.path in ("program.name", None)]
    name = parsed.manifest.name if parsed.manifest else None
    assert about_name or name == written.partition(" # ")[0].removesuffix(" #").strip()
    assert parsed.manifest is None or parsed.manifest.reference == "r-1"


@seed(1)
@settings(max_examples=500, deadline=None, database=None)
@given(st.text(SPECIAL, min_size=1, max_size=12))
def test_the_suggested_value_is_read_as_a_text(written):
    for found in parse(written).findings.kept_findings:
        if found.rule in ("MAN-003", "MAN-020") and found.path == "program.name" and found.suggestion:
            fixed = parse(found.suggestion)
            assert fixed.manifest
            assert not {"MAN-001", "MAN-020", "MAN-021"} & fixed.findings.totals.keys()


@pytest.mark.parametrize(
    ("written", "suggestion"),
    [
        ("sha256:" + "a" * 64, "a" * 64),
        ("A" * 64 + "  numbers.csv", "A" * 64),
        ("SHA256 (numbers.csv) = " + "0" * 64, "0" * 64),
        ("a" * 65, None),
        ("d41d8cd98f00b204e9800998ecf8427e", None),
    ],
)
def test_a_checksum_is_suggested_without_what_tools_print_around_it(written, suggestion):
    parsed = parse(f"- {{file: a.csv, sha256: '{written}'}}", "numbers:\n  {}\n")
    found = next(each for each in parsed.findings.kept_findings if each.path == "numbers[0].sha256")
    assert found.suggestion == suggestion


@pytest.mark.parametrize(
    ("written", "suggestion"),
    [
        ("a.csv", "file: a.csv"),
        ("file:a.csv", "file: a.csv"),
        ("file:\u00a0a.csv", "file: a.csv"),
        ("number:5012149020", "number: 5012149020"),
        ("files:a.csv", None),
        ("file", None),
    ],
)
def test_the_entry_of_the_list_that_was_meant_by_a_text(written, suggestion):
    parsed = parse(f"- {written}", "numbers:\n  {}\n")
    found = next(each for each in parsed.findings.kept_findings if each.path == "numbers[0]")
    assert found.suggestion == suggestion


@pytest.mark.parametrize(
    ("manifest", "message"),
    [
        ("timezone: UTC\n", '"timezone" is not a known key; it belongs under schedule.'),
        ("display: A\n", '"display" is not a known key; it belongs under display_name.'),
        ("program:\n  logo: a.svg\n", '"logo" is not a known key in program; it belongs at the top level.'),
        (
            "display_name:\n  call_reason: A\n",
            '"call_reason" is not a known key in display_name; it belongs at the top level.',
        ),
        ("program:\n  start: 2027-01-04\n", '"start" is not a known key in program; it belongs under schedule.'),
        ("numbers:\n  - file: a.csv\n    sha256sum: x\n", '"sha256sum" is not a known key in numbers[0].'),
    ],
)
def test_a_known_key_in_the_wrong_place(manifest, message):
    parsed = parse("", manifest)
    assert [each.message for each in parsed.findings.kept_findings if each.rule == "MAN-002"] == [message]


def test_a_misplaced_or_misspelled_key_is_not_missing_as_well():
    parsed = parse("", "type: INFORM\nstat: 2027-01-04\nprogram:\n  nam: x\n  description: y\n  call_purpose: Survey\n")
    paths = [each.path for each in parsed.findings.kept_findings if each.rule == "MAN-003"]
    assert "program.type" not in paths
    assert "program.name" not in paths
    assert "schedule" in paths
