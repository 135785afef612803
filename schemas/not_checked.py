"""Which rules could not be checked, for want of what they need to know. Ids in the catalogue's order."""

from collections.abc import Collection

from schemas.model.drop import Drop, Known
from schemas.model.manifest import Manifest
from schemas.rules import RULES

_BUSINESS = ("MAN-010", "SCH-005", "DSP-007", "DSP-008", "IMG-005")
_IMAGE = ("IMG-002", "IMG-003", "IMG-004", "IMG-005")
_CANCELLING = ("MAN-008", "MAN-009", "MAN-015")
_LEDGER = ("MAN-015", "MAN-019", "SCH-008", "NUM-022", "NUM-023")
#: What a drop's files say by themselves.
_WITHOUT_A_MANIFEST = ("MAN-001", "MAN-011", "MAN-013", "MAN-018")
#: Row and file rules that compare with the manifest.
_WITH_A_MANIFEST = ("CSV-003", "NUM-022", "NUM-023", "NUM-024", "PUR-003", "PUR-005")
_ROW_SCOPES = ("file", "row", "number", "purpose")


def in_a_drop(drop: Drop, known: Known, manifest: Manifest) -> tuple[str, ...]:
    """With a manifest that could be read. Of a cancelling one only a few rules are checked at all."""
    lacking: list[str] = []
    if drop.business is None:
        lacking.append("MAN-008")
    if known.registered is None:
        lacking.append("MAN-009")
    if not known.ledger:
        lacking += _LEDGER
    if manifest.state == "cancelled":
        return _in_order(set(lacking) & set(_CANCELLING))
    if known.business is None:
        lacking += _BUSINESS
    if known.registered is None and manifest.logo and manifest.logo not in drop.files:
        lacking += _IMAGE
    if known.do_not_originate is None:
        lacking.append("NUM-024")
    return _in_order(lacking)


def without_a_manifest() -> tuple[str, ...]:
    """With a manifest that is missing or cannot be read: nothing is known of the program, nor which files are its."""
    return _in_order(RULES.keys() - set(_WITHOUT_A_MANIFEST))


def in_a_bare_file() -> tuple[str, ...]:
    """In a numbers CSV by itself: only the rules about files and rows apply."""
    about_rows = {rule.id for rule in RULES.values() if rule.scope in _ROW_SCOPES}
    return _in_order(RULES.keys() - (about_rows - set(_WITH_A_MANIFEST)))


def _in_order(ids: Collection[str]) -> tuple[str, ...]:
    return tuple(rule for rule in RULES if rule in ids)
