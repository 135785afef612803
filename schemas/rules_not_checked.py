"""Which rules were not checked, because the facts that they need are missing. Ids in catalog order."""

from collections.abc import Collection
from typing import Literal

from schemas.model.drop import Drop
from schemas.model.filenames import match_names
from schemas.model.judging_context import JudgingContext
from schemas.model.judgment import Judgment
from schemas.model.manifest import Manifest
from schemas.rules import RULES

_NEED_THE_BUSINESS = ("MAN-010", "SCH-005", "DSP-007", "DSP-008", "IMG-005")
_NEED_THE_LOGO_FILE = ("IMG-002", "IMG-003", "IMG-004", "IMG-005")
_NEED_THE_LEDGER = ("MAN-015", "MAN-019", "SCH-008", "NUM-022", "NUM-023", "NUM-025", "PUR-006")
#: The rules that a cancellation is checked against, among those that can be unchecked.
_FOR_CANCELLATIONS = ("MAN-008", "MAN-009", "MAN-015")
#: The rules that need no parsed manifest.
_WITHOUT_A_MANIFEST = ("MAN-001", "MAN-011", "MAN-013", "MAN-018", "MAN-022")
#: The file and row rules that compare with the manifest, the ledger or the operator's list.
_NOT_FOR_BARE_FILES = ("CSV-003", "NUM-022", "NUM-023", "NUM-024", "NUM-025", "PUR-003", "PUR-005", "PUR-006")

#: A fact from outside the drop that a rule needs. "folder" is the business whose folder the drop is in.
MissingFact = Literal["folder", "businesses", "gallery", "ledger", "do_not_originate", "manifest"]
_NEEDED_BY: dict[MissingFact, tuple[str, ...]] = {
    "folder": ("MAN-008",),
    "businesses": ("MAN-009", *_NEED_THE_BUSINESS),
    "gallery": tuple(rule for rule in _NEED_THE_LOGO_FILE if rule not in _NEED_THE_BUSINESS),
    "ledger": _NEED_THE_LEDGER,
    "do_not_originate": ("NUM-024",),
}
_NUMBERS_FILE_SCOPES = ("file", "row", "number", "purpose")


def not_checked_in_drop(drop: Drop, context: JudgingContext, manifest: Manifest) -> tuple[str, ...]:
    """The rules not checked in a drop whose manifest could be read."""
    ids: list[str] = []
    if drop.business is None:
        ids.append("MAN-008")
    if context.is_registered is None:
        ids.append("MAN-009")
    if not context.has_ledger:
        ids += _NEED_THE_LEDGER
    if manifest.state == "cancelled":
        return _in_catalog_order(set(ids) & set(_FOR_CANCELLATIONS))
    if context.business is None:
        ids += _NEED_THE_BUSINESS
    if context.is_registered is None and manifest.logo and not match_names([manifest.logo], drop.files):
        ids += _NEED_THE_LOGO_FILE
    if context.do_not_originate is None:
        ids.append("NUM-024")
    return _in_catalog_order(ids)


def not_checked_without_manifest() -> tuple[str, ...]:
    """The rules not checked if the manifest is missing or cannot be read: the program and its files are unknown."""
    return _in_catalog_order(RULES.keys() - set(_WITHOUT_A_MANIFEST))


def not_checked_without_rows(drop: Drop, context: JudgingContext, manifest: Manifest) -> tuple[str, ...]:
    """The rules not checked in a drop that has not arrived completely: no numbers file was read."""
    about_rows = {rule.id for rule in RULES.values() if rule.scope in _NUMBERS_FILE_SCOPES} - {"CSV-003"}
    return _in_catalog_order({*not_checked_in_drop(drop, context, manifest), *about_rows, "MAN-017", "MAN-019"})


def not_checked_in_bare_file() -> tuple[str, ...]:
    """The rules not checked in a numbers CSV without a manifest: only rules about files and rows apply."""
    row_rules = {rule.id for rule in RULES.values() if rule.scope in _NUMBERS_FILE_SCOPES}
    return _in_catalog_order(RULES.keys() - (row_rules - set(_NOT_FOR_BARE_FILES)))


def group_by_missing_fact(judgment: Judgment) -> dict[MissingFact, tuple[str, ...]]:
    """The rules that a judgment did not check, by the fact that they need."""
    if judgment.manifest is None:
        return {"manifest": judgment.rules_not_checked} if judgment.rules_not_checked else {}
    return {
        fact: ids
        for fact, needed_by in _NEEDED_BY.items()
        if (ids := tuple(rule for rule in judgment.rules_not_checked if rule in needed_by))
    }


def _in_catalog_order(ids: Collection[str]) -> tuple[str, ...]:
    return tuple(rule for rule in RULES if rule in ids)
