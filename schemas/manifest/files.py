"""The drop's files against those that the manifest names: MAN-005, MAN-006, MAN-007, MAN-013, MAN-018."""

from schemas.manifest.finding_collector import FindingCollector
from schemas.manifest.section import nearest_word, printable_text
from schemas.model.drop import Drop, DropFile
from schemas.model.filenames import folders_of
from schemas.model.manifest import Manifest, NumbersFile

#: With how many files that the manifest does not name a missing one is compared, to see what was meant.
_COMPARED = 50


def report_manifests(drop: Drop, notes: FindingCollector) -> None:
    """MAN-018 where the drop has no manifest, MAN-013 for each after the first, which is the one that is read."""
    if not drop.manifests:
        notes.add("MAN-018", "The drop has no program.yaml that says what its files are for.")
    for other in drop.manifests[1:]:
        message = f"{other.name} is a second manifest; {drop.manifests[0].name} was read."
        notes.add("MAN-013", message, file=other.name)


def numbers_files(drop: Drop, manifest: Manifest, notes: FindingCollector) -> list[tuple[NumbersFile, DropFile]]:
    """The numbers files that are there, in the manifest's order; a missing one leaves the others to be judged."""
    unnamed = sorted(drop.files.keys() - {named.file for named in manifest.files})[:_COMPARED]
    there = []
    for named in manifest.files:
        if named.file in drop.files:
            there.append((named, drop.files[named.file]))
        elif why := drop.why_refused(named.file):
            _report_refused(named, why, notes)
        else:
            _report_missing(named, unnamed, notes)
    return there


def _report_refused(named: NumbersFile, why: str, notes: FindingCollector) -> None:
    message = f"The file {named.file} was not opened: {why}."
    notes.add("MAN-007", message, path=named.path, line=named.line, value=named.file)


def _report_missing(named: NumbersFile, unnamed: list[str], notes: FindingCollector) -> None:
    meant = None if notes.is_full("MAN-005") else nearest_word(named.file, unnamed)
    message = f"The file {named.file} did not arrive."
    notes.add("MAN-005", message, path=named.path, line=named.line, value=named.file, suggestion=meant)


def report_unnamed(drop: Drop, named: frozenset[str], notes: FindingCollector) -> None:
    """MAN-006 for each file that the manifest does not name; where it names one below a link, MAN-007 says enough."""
    refused = drop.refused.keys() - {folder for name in named for folder in folders_of(name)}
    for name in sorted((drop.files.keys() | refused) - named):
        shown = printable_text(name)
        notes.add("MAN-006", f"{shown} is not named in the manifest and was not read.", file=shown)
