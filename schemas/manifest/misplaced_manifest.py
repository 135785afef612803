"""Finds what was probably meant to be the manifest: a file in the wrong place or under a near name (MAN-022)."""

import re
from collections.abc import Iterable, Mapping

from schemas.manifest.finding_collector import FindingCollector
from schemas.manifest.section import printable_text
from schemas.model.characters import find_hidden_character, plain_word
from schemas.model.filenames import MANIFEST_NAMES, is_partial_upload

EXPECTED_NAME = MANIFEST_NAMES[0]
_YAML_SUFFIXES = (".yaml", ".yml")
#: How many files are reported. A folder with more of them is not one drop.
_MAX_REPORTED = 10
#: Names longer than any name that this could match.
_MAX_NAME_LENGTH = 100
#: The letters of a near name, without case, digits and punctuation: "Copy of Program (2).yaml.txt", "manifest.yml".
_NEAR_NAME = re.compile(
    "(?:copyof)?(?:programs?|programme|manifest)(?:copy|final|new|draft|old|v)*"
    "(?:yaml|yml|yam|ymal|json|txt|text|bak|orig|rtf|docx?)*"
)


def report_missing_manifest(names: Iterable[str], refused: Mapping[str, str], findings: FindingCollector) -> None:
    """Report a drop without a manifest: MAN-022 for each file that was probably meant to be it, else MAN-018.

    `refused` has the names that the store would not open, with the reason.
    """
    meant = find_misplaced_manifests(names)
    for name in meant[:_MAX_REPORTED]:
        shown, hidden = printable_text(name), find_hidden_character(name)
        which = f", with {hidden.description}" if hidden else ""
        message = f'The drop has no manifest, but it has "{shown}"{which}: {_how_to_correct(name)}.'
        findings.report("MAN-022", message, file=shown)
    for name in (n for n in MANIFEST_NAMES if n in refused):
        findings.report("MAN-022", f"{name} was not opened: it is {refused[name]}.", file=name)
    if not findings.totals["MAN-022"]:
        findings.report("MAN-018", f"The drop has no manifest ({EXPECTED_NAME}).")


def find_misplaced_manifests(names: Iterable[str]) -> list[str]:
    """The files that were probably meant to be the manifest, sorted; only those of the most likely kind.

    The kinds are, from most to least likely: the right name in a folder, a near name, a near name in a folder, any YAML
    file. Unfinished uploads do not count.
    """
    kinds: dict[int, list[str]] = {}
    for name in names:
        kind = None if is_partial_upload(name) else _rank(name)
        if kind is not None:
            kinds.setdefault(kind, []).append(name)
    return sorted(kinds[min(kinds)]) if kinds else []


def is_near_manifest_name(file: str) -> bool:
    """Whether a file's name, without folders, is the manifest's or was probably meant to be."""
    if len(file) > _MAX_NAME_LENGTH:
        return False
    return _NEAR_NAME.fullmatch("".join(c for c in plain_word(file).casefold() if c.isalpha())) is not None


def _rank(name: str) -> int | None:
    folder, _, file = name.rpartition("/")
    if folder and file in MANIFEST_NAMES:
        return 0
    if is_near_manifest_name(file):
        return 2 if folder else 1
    return 3 if not folder and file.lower().endswith(_YAML_SUFFIXES) else None


def _how_to_correct(name: str) -> str:
    folder, _, file = name.rpartition("/")
    if not folder:
        return f"rename it to {EXPECTED_NAME}"
    if file in MANIFEST_NAMES:
        return "move it up into the drop's own folder"
    return f"move it up into the drop's own folder, and rename it to {EXPECTED_NAME}"
