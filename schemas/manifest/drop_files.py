"""Compares the files in a drop with the files that its manifest lists: MAN-005 to MAN-007, MAN-013."""

from collections.abc import Collection, Iterator

from schemas.manifest.finding_collector import FindingCollector
from schemas.manifest.misplaced_manifest import report_missing_manifest
from schemas.manifest.section import printable_text
from schemas.manifest.similar_files import SimilarFile, SimilarFiles
from schemas.model.drop import Drop, DropFile
from schemas.model.filenames import match_names, normal_form, parent_folders
from schemas.model.manifest import Manifest, NumbersFile


def check_manifest_count(drop: Drop, findings: FindingCollector) -> None:
    """MAN-018 or MAN-022 if the drop has no manifest. MAN-013 for each one after the first, which is the one used."""
    if not drop.manifests:
        report_missing_manifest(drop.files, drop.refused, findings)
    for other in drop.manifests[1:]:
        message = f"{other.name} is a second manifest; {drop.manifests[0].name} was used."
        findings.report("MAN-013", message, file=other.name)


class ListedFiles:
    """The files of a drop by the names under which its manifest lists them, and those that it does not list."""

    def __init__(self, drop: Drop, listed: Collection[str]) -> None:
        self._drop = drop
        self._matches = match_names(listed, drop.files)
        self._listed_forms = {normal_form(name) for name in listed}
        self._refused_forms = {normal_form(name): name for name in drop.refused}
        self._unlisted = set(drop.files.keys() - self._matches.values())
        matched_forms = {normal_form(name) for name in self._matches}
        self._similar = SimilarFiles(name for name in self._unlisted if normal_form(name) not in matched_forms)

    def find(self, name: str) -> DropFile | None:
        """The file that is listed under this name; None if it is not in the drop, or was not opened."""
        return self._drop.files[self._matches[name]] if name in self._matches else None

    def explain_refusal(self, name: str) -> str | None:
        """Why the store would not open this file, or a folder above it; None if it did not refuse."""
        refused = self._refused_forms.get(normal_form(name))
        if refused is not None:
            return self._drop.refused[refused]
        folders = (self._refused_forms.get(normal_form(folder)) for folder in parent_folders(name))
        above = next((folder for folder in folders if folder is not None), None)
        return f"{above} is {self._drop.refused[above]}" if above is not None else None

    def take_similar(self, missing: str) -> SimilarFile | None:
        """The unlisted file that was probably meant by a missing name. It does not count as unlisted from then on."""
        similar = self._similar.take(missing)
        if similar and similar.name is not None:
            self._unlisted.discard(similar.name)
        return similar

    def iter_unlisted(self) -> Iterator[tuple[str, bool]]:
        """The files and refused names that the manifest does not list, and whether each looks like a listed name.

        A refused folder is left out if the manifest lists a file in it: MAN-007 already reports that file.
        """
        listed = self._listed_forms | {folder for form in self._listed_forms for folder in parent_folders(form)}
        refused = (name for form, name in self._refused_forms.items() if form not in listed)
        for name in sorted({*self._unlisted, *refused}):
            yield name, normal_form(name) in self._listed_forms


def find_numbers_files(
    files: ListedFiles, manifest: Manifest, findings: FindingCollector
) -> list[tuple[NumbersFile, DropFile]]:
    """The numbers files in the drop, in the manifest's order. Missing and refused ones are reported and left out."""
    present = []
    for listed in manifest.files:
        if file := files.find(listed.file):
            present.append((listed, file))
        elif reason := files.explain_refusal(listed.file):
            _report_refused(listed, reason, findings)
        else:
            _report_missing(listed, files, findings)
    return present


def _report_refused(listed: NumbersFile, reason: str, findings: FindingCollector) -> None:
    message = f"The file {listed.file} was not opened: {reason}."
    findings.report("MAN-007", message, path=listed.path, line=listed.line, value=listed.file)


def _report_missing(listed: NumbersFile, files: ListedFiles, findings: FindingCollector) -> None:
    similar = None if findings.is_full("MAN-005") else files.take_similar(listed.file)
    message = f"The file {listed.file} did not arrive.{f' {similar.sentence}' if similar else ''}"
    suggestion = similar.suggestion if similar else None
    findings.report("MAN-005", message, path=listed.path, line=listed.line, value=listed.file, suggestion=suggestion)


def report_unlisted_files(files: ListedFiles, findings: FindingCollector) -> None:
    """MAN-006 for each file that the manifest does not list."""
    for name, looks_listed in files.iter_unlisted():
        shown = printable_text(name)
        look = " It looks like a listed name, but its accents are written in another way." if looks_listed else ""
        findings.report("MAN-006", f"{shown} is not listed in the manifest and was not read.{look}", file=shown)
