"""The drop's files against those that the manifest names: MAN-005, MAN-006, MAN-007, MAN-013, MAN-018."""

from schemas.drop import Drop, DropFile
from schemas.fields import nearest
from schemas.manifest import Manifest, NumbersFile
from schemas.notes import Notes


def the_manifest(drop: Drop, notes: Notes) -> DropFile | None:
    """The drop's manifest: the first, where there are several (MAN-013); None and MAN-018 where there is none."""
    if not drop.manifests:
        notes.add("MAN-018", "The drop has no program.yaml that says what its files are for.")
        return None
    first, *others = drop.manifests
    for other in others:
        notes.add("MAN-013", f"{other.name} is a second manifest; {first.name} was read.", file=other.name)
    return first


def numbers_files(drop: Drop, manifest: Manifest, notes: Notes) -> list[tuple[NumbersFile, DropFile]]:
    """The numbers files that are there, in the manifest's order; a missing one leaves the others to be judged."""
    return [(named, drop.files[named.file]) for named in manifest.files if _is_there(drop, manifest, named, notes)]


def _is_there(drop: Drop, manifest: Manifest, named: NumbersFile, notes: Notes) -> bool:
    if named.file in drop.files:
        return True
    if named.file in drop.refused:
        message = f"The file {named.file} was not opened: {drop.refused[named.file]}."
        notes.add("MAN-007", message, path=named.path, line=named.line, value=named.file)
        return False
    unnamed = drop.files.keys() - {file.file for file in manifest.files}
    message = f"The file {named.file} did not arrive."
    notes.add(
        "MAN-005",
        message,
        path=named.path,
        line=named.line,
        value=named.file,
        suggestion=nearest(named.file, sorted(unnamed)),
    )
    return False


def report_unnamed(drop: Drop, named: frozenset[str], notes: Notes) -> None:
    """MAN-006 for each file that the manifest does not name."""
    for name in sorted((drop.files.keys() | drop.refused.keys()) - named):
        notes.add("MAN-006", f"{name} is not named in the manifest and was not read.", file=name)
