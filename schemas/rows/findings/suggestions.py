"""What was probably meant: the ten-digit number, the nearest purpose, the row with a comma. Never applied."""

from collections.abc import Callable
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc

from schemas.model.purposes import nearest_purpose
from schemas.rows.numbers.numbering_plan import numbering_plan

_EXTENSION = r"(?i)[\s,;]*(?:extension|extn?|ext|x|#|;)[\s.:]*\d{1,6}\s*$"
_TEN_DIGITS = r"^(?:011|00|0)?1{0,2}(?P<ten>\d{10})$"
_AMOUNT = r"^\s*\+?1?(?P<a>\d{10})[.,]0+\s*$"
_SCIENTIFIC = r"^\s*(?P<a>\d)[.,](?P<b>\d{9})[eE]\+?0?9\s*$"
_EMPTY_AFTER = r'^(?P<a>[^,"]*,[^,"]*),[\s,]*$'
_OTHER_SEPARATOR = r"^(?P<a>[^;\t|]*[^;\t|\s])\s*[;\t|]\s*(?P<b>[^;\t|]+?)\s*$"

#: Distinct unknown purposes of a submission that are compared with the ten; a file has a few, or is no numbers file.
_COMPARED = 2000


@dataclass(slots=True)
class Suggester:
    """Suggestions for some findings' cells, as pyarrow strings with nulls."""

    _nearest: dict[str, str | None] = field(default_factory=dict)

    def of(self, rule: str, number: pa.Array, purpose: pa.Array, record: Callable[[], pa.Array]) -> pa.Array | None:
        """For each finding of this rule; `record` gives its rows as received."""
        if rule == "PUR-002":
            return _once(self._purposes, purpose)
        if rule == "CSV-010":
            return _once(_two_columns, record())
        return _once(_FROM_NUMBER[rule], number) if rule in _FROM_NUMBER else None

    def _purposes(self, purpose: pa.Array) -> pa.Array:
        return pa.array([self._meant(text) for text in purpose.to_pylist()], pa.string())

    def _meant(self, text: str) -> str | None:
        if text not in self._nearest:
            if len(self._nearest) >= _COMPARED:
                return None
            self._nearest[text] = nearest_purpose(text)
        return self._nearest[text]


def _once(suggest: Callable[[pa.Array], pa.Array], text: pa.Array) -> pa.Array:
    """What is suggested for each text, worked out once for each distinct one."""
    encoded = text.dictionary_encode()
    return suggest(encoded.dictionary).take(encoded.indices)


def _ten_digits(number: pa.Array) -> pa.Array:
    """The ten digits in the cell, without an extension or a way to dial from abroad, if they make a valid number."""
    text = pc.replace_substring_regex(pc.utf8_normalize(number, "NFKC"), _EXTENSION, "")
    digits = pc.replace_substring_regex(text, r"[^0-9]", "")
    return _if_valid(_part(digits, _TEN_DIGITS, "ten"))


def _undamaged(number: pa.Array) -> pa.Array:
    """The number, where the spreadsheet only added decimals or kept all ten digits."""
    whole = _part(number, _AMOUNT, "a")
    scientific = pc.extract_regex(number, _SCIENTIFIC)
    joined = pc.binary_join_element_wise(*_parts(scientific, "a", "b"), "")
    return _if_valid(pc.coalesce(whole, joined))


def _if_valid(ten: pa.Array) -> pa.Array:
    number = pc.fill_null(pc.cast(ten, pa.int64()), -1).to_numpy(zero_copy_only=False)
    known = numbering_plan()
    area, exchange = number // 10_000_000, number // 10_000 % 1000
    good = (number >= 0) & known.possible[area] & (exchange % 100 != 11) & known.knows(number)
    return pc.if_else(pa.array(good), ten, pa.scalar(None, pa.string()))


def _with_area_code(number: pa.Array) -> pa.Array:
    digits = pc.replace_substring_regex(number, r"[^0-9]", "")
    local = pc.utf8_slice_codeunits(digits, -7)
    exchange, line = pc.utf8_slice_codeunits(local, 0, 3), pc.utf8_slice_codeunits(local, 3, 7)
    return pc.binary_join_element_wise("ten digits, area code first: AAA", exchange, line, "-")


def _two_columns(record: pa.Array) -> pa.Array:
    """The record without its empty columns, or with a comma where it has another separator."""
    record = pc.utf8_rtrim(record, "\r\n")
    parted = pc.extract_regex(record, _OTHER_SEPARATOR)
    joined = pc.binary_join_element_wise(*_parts(parted, "a", "b"), ",")
    joined = pc.if_else(pc.equal(pc.count_substring(joined, ","), 1), joined, pa.scalar(None, pa.string()))
    return pc.coalesce(_part(record, _EMPTY_AFTER, "a"), joined)


_FROM_NUMBER: dict[str, Callable[[pa.Array], pa.Array]] = {
    "NUM-002": _ten_digits,
    "NUM-003": _undamaged,
    "NUM-004": _with_area_code,
    "NUM-005": _ten_digits,
    "NUM-006": _ten_digits,
}


def _part(text: pa.Array, pattern: str, name: str) -> pa.Array:
    """What a named part of the pattern matches; null where the pattern does not."""
    (part,) = _parts(pc.extract_regex(text, pattern), name)
    return part


def _parts(extracted: pa.Array, *names: str) -> list[pa.Array]:
    return [pc.struct_field(extracted, name) for name in names]
