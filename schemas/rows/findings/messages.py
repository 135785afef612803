"""The messages of rows' findings: exact, short, and built once for each distinct thing to say."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from schemas.model.area_codes import AreaCodesOnDay
from schemas.model.characters import describe_character, find_hidden_character
from schemas.model.findings import MAX_VALUE_LENGTH, TYPED_NUMBERS_FILE
from schemas.model.purposes import PURPOSES
from schemas.rows.findings.row_places import RowPlaces
from schemas.rows.numbers.numbering_plan import PHONENUMBERS_VERSION, numbering_plan
from schemas.rows.numbers.phone_cells import MAX_CELL_BYTES, PhoneCells, parse_phone_cells
from schemas.rows.numbers.places import PLACE_NAMES
from schemas.rows.reading.csv_quotes import RecordFault
from schemas.rows.reading.long_lines import MAX_LINE_BYTES
from schemas.rows.rule_codes import ROW_RULES
from schemas.rows.types import Integers

#: Messages that are always the same.
_FIXED = {
    "CSV-011": "This row has column names. A numbers file has no header row.",
    "CSV-013": "This is a sep= line for a spreadsheet, not a number.",
    "CSV-014": "This is a title above the numbers, not a number.",
    "NUM-001": "The phone number is blank.",
    "NUM-004": "This has 7 digits: the area code is missing.",
    "NUM-006": "The country code is not +1.",
    "NUM-011": "900 numbers are premium rate.",
    "NUM-022": "Another business has registered this phone number.",
    "NUM-024": "This phone number is on the operator's do-not-originate list.",
    "PUR-001": "The call purpose is blank.",
}

_FAULTS = {
    RecordFault.NUL: "The row contains a NUL byte.",
    RecordFault.UNCLOSED: "A quotation mark is never closed.",
    RecordFault.TEXT_AFTER_QUOTE: "There is text after a closing quotation mark.",
    RecordFault.STRAY_QUOTE: "There is a quotation mark inside a cell that doesn't begin with one.",
    RecordFault.TOO_LONG: f"The row is longer than {MAX_LINE_BYTES:,} bytes.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingFacts:
    """What the messages of some findings are about: arrays with one entry per finding.

    `number` and `purpose` have the two cells as text. `read_records` returns the records of some findings as received.
    `related` and `kept_purpose` are as in `schemas.rows.judging.cross_row_checks.CROSS_ROW_DTYPE`.
    """

    code: NDArray[np.uint8]
    number: pa.Array
    purpose: pa.Array
    read_records: Callable[[Integers], pa.Array]
    cell_counts: Integers
    fault: Integers
    related: Integers
    kept_purpose: NDArray[np.uint8]

    def phone_cells(self, place: Integers) -> PhoneCells:
        """The parsed number cells of some findings. Parsed again, because few messages need them."""
        return parse_phone_cells(pc.cast(self.number.take(pa.array(place)), pa.binary()))


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageWriter:
    """Writes the messages. `places` finds the rows that NUM-020 cites; `programs` has the names that NUM-023 cites."""

    places: RowPlaces
    programs: Sequence[str | None]
    area_codes: AreaCodesOnDay

    def messages(self, facts: FindingFacts) -> pa.Array:
        """The message of each finding."""
        return texts_by_code(facts.code, lambda code, place: self._of_rule(ROW_RULES[code], facts, place))

    def _of_rule(self, rule: str, facts: FindingFacts, place: Integers) -> pa.Array:
        if rule in _FIXED:
            return pa.repeat(_FIXED[rule], len(place))
        if rule in ("NUM-008", "NUM-014"):
            message = self._not_in_service_message if rule == "NUM-008" else self._region_message
            return _once_per_value(facts.phone_cells(place).area, message)
        if rule in _BY_AREA:
            return _once_per_value(facts.phone_cells(place).area, _BY_AREA[rule])
        if rule in _BY_EXCHANGE:
            return _once_per_value(facts.phone_cells(place).exchange, _BY_EXCHANGE[rule])
        if rule in ("NUM-020", "NUM-021"):
            return self._repeat_messages(rule, facts.related[place], facts.kept_purpose[place])
        if rule == "NUM-023":
            return _once_per_value(facts.related[place], self._conflict_message)
        if rule == "PUR-006":
            purposes = facts.related[place] * len(PURPOSES) + facts.kept_purpose[place]
            return _once_per_value(purposes, _new_purpose_message)
        if rule in _BY_TEXT:
            return _BY_TEXT[rule](facts, place)
        return _once_per_value(_BY_VALUE[rule][0](facts, place), _BY_VALUE[rule][1])

    def _not_in_service_message(self, area: int) -> str:
        listed, day = self.area_codes.find(area), self.area_codes.day
        if listed is None:
            return f"Area code {area} is not assigned, according to phonenumbers {PHONENUMBERS_VERSION}."
        start = f"; the program starts on {_spell_day(day)}" if self.area_codes.is_start else ""
        if listed.first_day is not None and day < listed.first_day:
            return f"Area code {area} goes into service on {_spell_day(listed.first_day)}{start}."
        assert listed.last_day is not None
        return f"Area code {area} is out of service after {_spell_day(listed.last_day)}{start}."

    def _region_message(self, area: int) -> str:
        plan = numbering_plan(self.area_codes.in_force())
        region = PLACE_NAMES[plan.regions[int(plan.region[area])]]
        return f"Area code {area} is in {region}, which is not served."

    def _conflict_message(self, program: int) -> str:
        return f"This phone number is already in the program {self.programs[program]}."

    def _repeat_messages(self, rule: str, ordinals: Integers, kept: NDArray[np.uint8]) -> pa.Array:
        files, rows = self.places.locate(ordinals)
        places = zip(files.to_pylist(), rows.tolist(), kept.tolist(), strict=True)
        return pa.array([_repeat_message(rule, file, row, purpose) for file, row, purpose in places])


def _repeat_message(rule: str, file: str, row: int, kept: int) -> str:
    cited = f"number {row} of the manifest" if file == TYPED_NUMBERS_FILE else f"in row {row} of {file}"
    purpose = f", with the call purpose {PURPOSES[kept]}, which was kept" if rule == "NUM-021" else ""
    return f"This phone number is already {cited}{purpose}."


def _new_purpose_message(purposes: int) -> str:
    before, now = divmod(purposes, len(PURPOSES))
    return f"Changes the call purpose of this number from {PURPOSES[before]} to {PURPOSES[now]}."


def distinct_codes(code: NDArray[np.uint8]) -> list[int]:
    """The distinct codes, sorted."""
    return [each for each, count in enumerate(np.bincount(code).tolist()) if count]


def texts_by_code(code: NDArray[np.uint8], texts: Callable[[int, Integers], pa.Array]) -> pa.Array:
    """A text for each finding. `texts` is called once per distinct code, with the places of its findings."""
    places = [(each, np.flatnonzero(code == each)) for each in distinct_codes(code)]
    order = np.empty(len(code), dtype=np.int64)
    order[np.concatenate([place for _, place in places])] = np.arange(len(code))
    return pa.concat_arrays([texts(each, place) for each, place in places]).take(pa.array(order))


def _once_per_value(values: Integers, message: Callable[[int], str]) -> pa.Array:
    """The message of each value, built once per distinct value."""
    distinct, index = np.unique(values, return_inverse=True)
    return pa.array([message(value) for value in distinct.tolist()]).take(pa.array(index))


def _spell_day(day: date) -> str:
    return f"{day:%B} {day.day}, {day.year}"


_BY_AREA: dict[str, Callable[[int], str]] = {
    "NUM-007": lambda area: f"Area code {area:03d} can't exist.",
    "NUM-012": lambda area: f"Area code {area} is not tied to a place.",
    "NUM-013": lambda area: f"{area} is toll-free, and toll-free numbers are not accepted.",
}
_BY_EXCHANGE: dict[str, Callable[[int], str]] = {
    "NUM-009": lambda exchange: f"Exchange {exchange:03d} can't exist.",
    "NUM-015": lambda exchange: (
        f"Exchange {exchange} is not in use in this area code, according to phonenumbers {PHONENUMBERS_VERSION}."
    ),
    "NUM-016": lambda exchange: f"Exchange {exchange} is used for tests or information services.",
}


def _all_digits(facts: FindingFacts, place: Integers) -> Integers:
    """The digits of ten- or eleven-digit numbers, with the leading 1."""
    digits = pc.replace_substring_regex(facts.number.take(pa.array(place)), "[^0-9]", "")
    found: Integers = pc.cast(digits, pa.int64()).to_numpy()
    return found


_BY_VALUE: dict[str, tuple[Callable[[FindingFacts, Integers], Integers], Callable[[int], str]]] = {
    "CSV-012": (lambda facts, place: facts.fault[place], lambda fault: _FAULTS[RecordFault(fault)]),
    "NUM-005": (lambda facts, place: facts.phone_cells(place).digits, lambda digits: _digits_message(digits)),
    "NUM-025": (_all_digits, lambda number: _suspect_message(number)),
    "NUM-010": (
        lambda facts, place: facts.phone_cells(place).local,
        lambda local: (
            "555-1212 is directory assistance." if local == 555_1212 else f"555-0{local % 1000} is a fictional number."
        ),
    ),
}


def _digits_message(digits: int) -> str:
    found = "no digits" if digits == 0 else "1 digit" if digits == 1 else f"{digits} digits"
    return f"This has {found}. A phone number needs 10 (plus an optional leading 1)."


def _suspect_message(digits: int) -> str:
    """Of a number with or without its leading 1: both forms are damaged in their own way."""
    text = str(digits)
    mantissa = text.rstrip("0")
    amount = f"{mantissa[0]}.{mantissa[1:] or '0'}E+{len(text) - 1:02d}"
    return (
        f"This may be what a spreadsheet left of {amount} (rejected earlier). If it is the real number, write it as "
        f"+1{text[-10:]} (or type it into the manifest)."
    )


#: How many characters of a cell a message shows.
_CELL_SHOWN = 30


def _spreadsheet_messages(number: pa.Array) -> pa.Array:
    cells = pc.utf8_trim(number, " ").dictionary_encode()
    return pa.array([_spreadsheet_message(cell) for cell in cells.dictionary.to_pylist()]).take(cells.indices)


def _spreadsheet_message(cell: str) -> str:
    if "e" not in cell.lower():
        return "A spreadsheet added decimals to this phone number."
    shown = cell if len(cell) <= _CELL_SHOWN else f"{cell[:_CELL_SHOWN]}…"
    return f"A spreadsheet changed this phone number ({shown})."


def _column_messages(cell_counts: Integers, records: pa.Array) -> pa.Array:
    """How many columns each record has, and the first character that may have been meant as a line end."""
    counted = _once_per_value(
        cell_counts, lambda cells: f"This row has {cells:,} column{'s' * (cells > 1)}. It needs 2."
    )
    found = pc.struct_field(pc.extract_regex(records, r"(?P<c>[\x0b\x0c\x1a\x1c-\x1e\x85\x{2028}\x{2029}])"), "c")
    if found.null_count == len(found):
        return counted
    return pc.coalesce(pc.binary_join_element_wise(counted, _once_per_text(found, _no_line_end_message), " "), counted)


def _no_line_end_message(character: str) -> str:
    return f"It contains {describe_character(character)}, which does not end a row."


def _purpose_messages(purpose: pa.Array) -> pa.Array:
    """Name the first character of each purpose that is not seen or looks like another one."""
    shown = pc.utf8_slice_codeunits(purpose, 0, MAX_VALUE_LENGTH)
    maybe = pc.if_else(pc.match_substring_regex(shown, "[^ -~]|  "), shown, pa.scalar(None, pa.string()))
    if maybe.null_count == len(maybe):
        return pa.repeat(_NO_PURPOSE, len(maybe))
    return pc.fill_null(_once_per_text(maybe, _purpose_message), _NO_PURPOSE)


_NO_PURPOSE = "This is not one of the ten call purposes."


def _purpose_message(text: str) -> str:
    hidden = find_hidden_character(text)
    if hidden is None:
        return _NO_PURPOSE
    return f"This is not one of the ten call purposes: it has {hidden.description} at position {hidden.position}."


def _once_per_text(texts: pa.Array, message: Callable[[str], str]) -> pa.Array:
    """The message of each text, built once per distinct text; null for null."""
    encoded = texts.dictionary_encode()
    return pa.array([message(text) for text in encoded.dictionary.to_pylist()], pa.string()).take(encoded.indices)


_PLACEHOLDER = r"(?i)^\s*(?:null|nil|none|nan|n/?a|#n/a|#ref!|#value!|#name\?|undefined|unknown|tbd|#{3,})\s*$"


def _bad_character_messages(number: pa.Array) -> pa.Array:
    """Name the first character that a phone number can't contain, and where it is if it is not seen."""
    placeholder = pc.if_else(pc.match_substring_regex(number, _PLACEHOLDER), number, pa.scalar(None, pa.string()))
    found = pc.extract_regex(number, "^(?P<before> *[+]?[-0-9 .()\u00a0\u2010\u2011\u2013]*)(?P<c>(?s:.))")
    position = pc.cast(pc.add(pc.utf8_length(pc.struct_field(found, "before")), 1), pa.string())
    placed = pc.binary_join_element_wise(pc.struct_field(found, "c"), position, "")
    messages = pc.fill_null(_once_per_text(placed, _bad_character_message), _TOO_LONG)
    if placeholder.null_count == len(placeholder):
        return messages
    return pc.coalesce(_once_per_text(placeholder, _placeholder_message), messages)


_TOO_LONG = f"The cell is longer than {MAX_CELL_BYTES} characters."


def _bad_character_message(placed: str) -> str:
    """`placed` is the character and its position."""
    character, position = placed[0], placed[1:]
    if find_hidden_character(character) is None:
        return f"Phone numbers can't contain “{character}”."
    if character in "\t\r\n":
        return f"Phone numbers can't contain {describe_character(character)}."
    return f"Phone numbers can't contain {describe_character(character)}, which is at position {position}."


def _placeholder_message(cell: str) -> str:
    text = cell.strip()
    if text.startswith("###"):
        return "A spreadsheet wrote ### instead of the phone number, because its column was too narrow."
    return f"There is “{text}” instead of a phone number."


_BY_TEXT: dict[str, Callable[[FindingFacts, Integers], pa.Array]] = {
    "CSV-010": lambda facts, place: _column_messages(facts.cell_counts[place], facts.read_records(place)),
    "NUM-002": lambda facts, place: _bad_character_messages(facts.number.take(pa.array(place))),
    "NUM-003": lambda facts, place: _spreadsheet_messages(facts.number.take(pa.array(place))),
    "PUR-002": lambda facts, place: _purpose_messages(facts.purpose.take(pa.array(place))),
}
