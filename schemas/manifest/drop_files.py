"""Compares the files in a drop with the files that its manifest lists: MAN-005 to MAN-007, MAN-013."""

from schemas.manifest.finding_collector import FindingCollector
from schemas.manifest.misplaced_manifest import report_missing_manifest
from schemas.manifest.section import nearest_word, printable_text
from schemas.model.drop import Drop, DropFile
from schemas.model.filenames import parent_folders
from schemas.model.manifest import Manifest, NumbersFile

#: How many unlisted files a missing file is compared with, to suggest one.
_MAX_COMPARED = 50


def check_manifest_count(drop: Drop, findings: FindingCollector) -> None:
    """MAN-018 or MAN-022 if the drop has no manifest. MAN-013 for each one after the first, which is the one used."""
    if not drop.manifests:
        report_missing_manifest(drop.files, drop.refused, findings)
    for other in drop.manifests[1:]:
        message = f"{other.name} is a second manifest; {drop.manifests[0].name} was used."
        findings.report("MAN-013", message, file=other.name)


def find_numbers_files(
    drop: Drop, manifest: Manifest, findings: FindingCollector
) -> list[tuple[NumbersFile, DropFile]]:
    """The numbers files in the drop, in the manifest's order. Missing and refused ones are reported and left out."""
    unlisted = sorted(drop.files.keys() - {listed.file for listed in manifest.files})[:_MAX_COMPARED]
    present = []
    for listed in manifest.files:
        if listed.file in drop.files:
            present.append((listed, drop.files[listed.file]))
        elif reason := drop.explain_refusal(listed.file):
            _report_refused(listed, reason, findings)
        else:
            _report_missing(listed, unlisted, findings)
    return present


def _report_refused(listed: NumbersFile, reason: str, findings: FindingCollector) -> None:
    message = f"The file {listed.file} was not opened: {reason}."
    findings.report("MAN-007", message, path=listed.path, line=listed.line, value=listed.file)


def _report_missing(listed: NumbersFile, unlisted: list[str], findings: FindingCollector) -> None:
    meant = None if findings.is_full("MAN-005") else nearest_word(listed.file, unlisted)
    message = f"The file {listed.file} did not arrive."
    findings.report("MAN-005", message, path=listed.path, line=listed.line, value=listed.file, suggestion=meant)


def report_unlisted_files(drop: Drop, listed: frozenset[str], findings: FindingCollector) -> None:
    """MAN-006 for each file that the manifest does not list.

    A refused folder is left out if the manifest lists a file in it: MAN-007 already reports that file.
    """
    refused = drop.refused.keys() - {folder for name in listed for folder in parent_folders(name)}
    for name in sorted((drop.files.keys() | refused) - listed):
        shown = printable_text(name)
        findings.report("MAN-006", f"{shown} is not listed in the manifest and was not read.", file=shown)
