"""Suggests what was probably meant: the ten-digit number, the nearest purpose, the row of two cells. Never applied.

A suggestion is a value for the cell, or for the whole row, that a program may put there.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import pyarrow as pa
import pyarrow.compute as pc

from schemas.model.area_codes import AreaCodesInForce
from schemas.model.purposes import PURPOSES, nearest_purpose
from schemas.rows.numbers.numbering_plan import NumberingPlan, numbering_plan

_EXTENSION = r"(?i)[\s,;]*(?:extension|extn?|ext|x|#|;)[\s.:]*\d{1,6}\s*$"
_TEN_DIGITS = r"^(?:011|00|0)?1{0,2}(?P<ten>\d{10})$"
_AMOUNT = r"^\s*\+?1?(?P<a>\d{10})[.,]0+\s*$"
_SCIENTIFIC = r"^\s*(?P<a>\d)[.,](?P<b>\d{9})[eE]\+?0?9\s*$"
_EMPTY_AFTER = r'^(?P<a>[^,"]*,[^,"]*),[\s,]*$'
_EMPTY_BEFORE = r'^,[\s,]*(?P<a>[^,"]*[^,"\s][^,"]*,[^,"]*[^,"\s][^,"]*)$'
_WHOLE_ROW_QUOTED = r'^"+(?P<a>[^",;\t|]+)"*[,;\t|]"*(?P<b>[^",;\t|]+)"+[,\s]*$'
_SPACE_BETWEEN = r"^\s*(?P<a>[+(]?\d[-\d ().]{8,20})\s(?P<b>[A-Za-z][A-Za-z /-]*)$"
#: Quotes of any kind, and what programs put before them: ="…" in spreadsheets, \" in code.
_QUOTE_MARKS = r'[="\\\x{2018}-\x{201f}\x{ff02}]+'
_TWO_CELLS = r"^\s*(?P<a>[-+\d ().]{10,20}?)\s*[,;\t|]\s*(?P<b>[^,;\t|]*[^,;\t|\s])[\s,]*$"
_PURPOSES_FOLDED = pa.array([purpose.lower() for purpose in PURPOSES])
_OTHER_SEPARATOR = r"^(?P<a>[^;\t|]*[^;\t|\s])\s*[;\t|]\s*(?P<b>[^;\t|]+?)\s*$"

#: How many distinct unknown purposes of a submission are compared with the ten. A real numbers file has a few.
_MAX_COMPARED = 2000


@dataclass(slots=True)
class Suggester:
    """Makes suggestions for findings, as pyarrow strings with nulls."""

    area_codes: AreaCodesInForce
    _nearest: dict[str, str | None] = field(default_factory=dict)

    def suggest(
        self, rule: str, number: pa.Array, purpose: pa.Array, read_records: Callable[[], pa.Array]
    ) -> pa.Array | None:
        """One suggestion per finding of this rule, or None if the rule has none.

        `number` and `purpose` are the findings' cells; `read_records` returns their records as received.
        """
        if rule == "PUR-002":
            return _once_per_text(self._nearest_purposes, purpose)
        if rule == "CSV-010":
            return _once_per_text(_two_columns, read_records())
        if rule == "CSV-012":
            return _once_per_text(_without_quote_marks, read_records())
        if rule not in _FROM_NUMBER:
            return None
        return _once_per_text(partial(_FROM_NUMBER[rule], numbering_plan(self.area_codes)), number)

    def _nearest_purposes(self, purpose: pa.Array) -> pa.Array:
        return pa.array([self._nearest_purpose(text) for text in purpose.to_pylist()], pa.string())

    def _nearest_purpose(self, text: str) -> str | None:
        if text not in self._nearest:
            if len(self._nearest) >= _MAX_COMPARED:
                return None
            self._nearest[text] = nearest_purpose(text)
        return self._nearest[text]


def _once_per_text(suggest: Callable[[pa.Array], pa.Array], text: pa.Array) -> pa.Array:
    """The suggestion for each text, made once per distinct text."""
    encoded = text.dictionary_encode()
    return suggest(encoded.dictionary).take(encoded.indices)


def _ten_digits(plan: NumberingPlan, number: pa.Array) -> pa.Array:
    """The ten digits in the cell, without an extension or an international prefix, if they are a valid number."""
    text = pc.replace_substring_regex(pc.utf8_normalize(number, "NFKC"), _EXTENSION, "")
    digits = pc.replace_substring_regex(text, r"[^0-9]", "")
    return _if_valid(plan, _group(digits, _TEN_DIGITS, "ten"))


def _undamaged(plan: NumberingPlan, number: pa.Array) -> pa.Array:
    """The number, if the spreadsheet only added decimals or kept all ten digits."""
    whole = _group(number, _AMOUNT, "a")
    scientific = pc.extract_regex(number, _SCIENTIFIC)
    joined = pc.binary_join_element_wise(*_groups(scientific, "a", "b"), "")
    return _if_valid(plan, pc.coalesce(whole, joined))


def _if_valid(plan: NumberingPlan, ten: pa.Array) -> pa.Array:
    number = pc.fill_null(pc.cast(ten, pa.int64()), -1).to_numpy(zero_copy_only=False)
    area, exchange = number // 10_000_000, number // 10_000 % 1000
    good = (number >= 0) & plan.possible[area] & (exchange % 100 != 11) & plan.is_valid(number)
    return pc.if_else(pa.array(good), ten, pa.scalar(None, pa.string()))


def _two_columns(record: pa.Array) -> pa.Array:
    """The record without empty columns or quotes around all of it, or with a comma in place of another separator."""
    record = pc.utf8_rtrim(record, "\r\n")
    split = [_joined(record, pattern) for pattern in (_WHOLE_ROW_QUOTED, _OTHER_SEPARATOR, _SPACE_BETWEEN)]
    joined = pc.coalesce(*split)
    joined = pc.if_else(pc.equal(pc.count_substring(joined, ","), 1), joined, pa.scalar(None, pa.string()))
    return pc.coalesce(_group(record, _EMPTY_AFTER, "a"), _group(record, _EMPTY_BEFORE, "a"), joined)


def _without_quote_marks(record: pa.Array) -> pa.Array:
    """The record without quotes, if that leaves a number and one of the ten purposes."""
    cells = pc.extract_regex(pc.replace_substring_regex(record, _QUOTE_MARKS, ""), _TWO_CELLS)
    number, purpose = _groups(cells, "a", "b")
    is_purpose = pc.is_in(pc.utf8_lower(purpose), _PURPOSES_FOLDED)
    joined = pc.binary_join_element_wise(number, purpose, ",")
    return pc.if_else(is_purpose, joined, pa.scalar(None, pa.string()))


def _joined(record: pa.Array, pattern: str) -> pa.Array:
    """The groups a and b of the pattern as two cells; null where it does not match."""
    return pc.binary_join_element_wise(*_groups(pc.extract_regex(record, pattern), "a", "b"), ",")


_FROM_NUMBER: dict[str, Callable[[NumberingPlan, pa.Array], pa.Array]] = {
    "NUM-002": _ten_digits,
    "NUM-003": _undamaged,
    "NUM-005": _ten_digits,
    "NUM-006": _ten_digits,
}


def _group(text: pa.Array, pattern: str, name: str) -> pa.Array:
    """What a named group of the pattern matches; null where the pattern does not match."""
    (group,) = _groups(pc.extract_regex(text, pattern), name)
    return group


def _groups(extracted: pa.Array, *names: str) -> list[pa.Array]:
    return [pc.struct_field(extracted, name) for name in names]
