"""What a row's finding says: exact, short, and written once for each thing there is to say."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from schemas.model.findings import TYPED_IN
from schemas.rows.numbers.numbering_plan import PHONENUMBERS_VERSION, numbering_plan
from schemas.rows.numbers.phone_cells import MAX_CELL_BYTES, PhoneCells, parse_phone_cells
from schemas.rows.reading.csv_quotes import RecordFault
from schemas.rows.rule_codes import ROW_RULES

Integers = NDArray[np.int64]

_PLACES = {
    "AG": "Antigua and Barbuda",
    "AI": "Anguilla",
    "AS": "American Samoa",
    "BB": "Barbados",
    "BM": "Bermuda",
    "BS": "the Bahamas",
    "CA": "Canada",
    "DM": "Dominica",
    "DO": "the Dominican Republic",
    "GD": "Grenada",
    "GU": "Guam",
    "JM": "Jamaica",
    "KN": "Saint Kitts and Nevis",
    "KY": "the Cayman Islands",
    "LC": "Saint Lucia",
    "MP": "the Northern Mariana Islands",
    "MS": "Montserrat",
    "PR": "Puerto Rico",
    "SX": "Sint Maarten",
    "TC": "the Turks and Caicos Islands",
    "TT": "Trinidad and Tobago",
    "US": "the United States",
    "VC": "Saint Vincent and the Grenadines",
    "VG": "the British Virgin Islands",
    "VI": "the US Virgin Islands",
}

_PLAIN = {
    "CSV-011": "The first row names the columns; numbers files have no header.",
    "NUM-001": "The phone number is blank.",
    "NUM-003": "A spreadsheet has turned the phone number into an amount.",
    "NUM-004": "Seven digits: the area code is missing.",
    "NUM-006": "The number begins with another country code than +1.",
    "NUM-011": "900 numbers are premium rate.",
    "NUM-022": "Another business has registered this number.",
    "NUM-024": "The number is on the operator's do-not-originate list.",
    "PUR-001": "The call purpose is blank.",
    "PUR-002": "This is not one of the ten call purposes.",
}

_FAULTS = {
    RecordFault.NUL: "There is a NUL byte in the row.",
    RecordFault.UNCLOSED: "A quotation mark is not closed.",
    RecordFault.TEXT_AFTER_QUOTE: "There is text after a closing quotation mark.",
    RecordFault.STRAY_QUOTE: "A quotation mark stands inside a cell that does not begin with one.",
    RecordFault.TOO_LONG: "The row is longer than 65,536 bytes.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingFacts:
    """What is known of the rows of some findings, one place a finding; `other` is as in `schemas.rows.judging.cross_row_checks.LATE`."""

    code: NDArray[np.uint8]
    number: pa.Array  # the number cells as text
    cells: Integers
    fault: Integers
    other: Integers

    def spelling(self, place: Integers) -> PhoneCells:
        """How the numbers at these places are spelt: read again, since few messages ask."""
        return parse_phone_cells(pc.cast(self.number.take(pa.array(place)), pa.binary()))


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageWriter:
    """Says what is wrong. `where` gives the file and row of an ordinal, `programs` the names that NUM-023 cites."""

    where: Callable[[int], tuple[str, int]]
    programs: Sequence[str | None]

    def messages(self, facts: FindingFacts) -> pa.Array:
        """The message of each finding."""
        return texts_by_code(facts.code, lambda code, place: self._say(ROW_RULES[code], facts, place))

    def _say(self, rule: str, facts: FindingFacts, place: Integers) -> pa.Array:
        if rule in _PLAIN:
            return pa.repeat(_PLAIN[rule], len(place))
        if rule in _BY_AREA:
            return _each(facts.spelling(place).area, _BY_AREA[rule])
        if rule in _BY_EXCHANGE:
            return _each(facts.spelling(place).exchange, _BY_EXCHANGE[rule])
        if rule in ("NUM-020", "NUM-021"):
            return pa.array([self._repeats(rule, ordinal) for ordinal in facts.other[place].tolist()])
        if rule == "NUM-023":
            return _each(
                facts.other[place], lambda name: f"The number is in the program {self.programs[name]} already."
            )
        if rule == "NUM-002":
            return _foreign(facts.number.take(pa.array(place)))
        return _each(_COUNTED[rule][0](facts, place), _COUNTED[rule][1])

    def _repeats(self, rule: str, ordinal: int) -> str:
        file, row = self.where(ordinal)
        cited = f"number {row} of the manifest" if file == TYPED_IN else f"row {row} of {file}"
        purpose = " with another call purpose" if rule == "NUM-021" else ""
        return f"The same number{purpose} is {cited}, which stands."


def distinct_codes(code: NDArray[np.uint8]) -> list[int]:
    """The distinct codes, in order."""
    return [place for place, count in enumerate(np.bincount(code).tolist()) if count]


def texts_by_code(code: NDArray[np.uint8], texts: Callable[[int, Integers], pa.Array]) -> pa.Array:
    """A text for each finding, asked for code by code: `texts` is given a code and the places where it stands."""
    places = [(each, np.flatnonzero(code == each)) for each in distinct_codes(code)]
    order = np.empty(len(code), dtype=np.int64)
    order[np.concatenate([place for _, place in places])] = np.arange(len(code))
    return pa.concat_arrays([texts(each, place) for each, place in places]).take(pa.array(order))


def _each(values: Integers, say: Callable[[int], str]) -> pa.Array:
    """What is said of each value; put into words once for each distinct one."""
    distinct, place = np.unique(values, return_inverse=True)
    return pa.array([say(value) for value in distinct.tolist()]).take(pa.array(place))


def _region(area: int) -> str:
    place = int(numbering_plan().region[area])
    return f"Area code {area} is in {_PLACES.get(numbering_plan().regions[place], numbering_plan().regions[place])}, which is not served."


_BY_AREA: dict[str, Callable[[int], str]] = {
    "NUM-007": lambda area: f"There can be no area code {area:03d}.",
    "NUM-008": lambda area: f"Area code {area} is not assigned in phonenumbers {PHONENUMBERS_VERSION}.",
    "NUM-012": lambda area: f"Area code {area} belongs to no place.",
    "NUM-013": lambda area: f"{area} is toll-free, and toll-free numbers are not taken.",
    "NUM-014": _region,
}
_BY_EXCHANGE: dict[str, Callable[[int], str]] = {
    "NUM-009": lambda exchange: f"There can be no exchange {exchange:03d}.",
    "NUM-015": lambda exchange: f"Exchange {exchange} is not in use there, by phonenumbers {PHONENUMBERS_VERSION}.",
    "NUM-016": lambda exchange: f"Exchange {exchange} is used for tests or information.",
}
_COUNTED: dict[str, tuple[Callable[[FindingFacts, Integers], Integers], Callable[[int], str]]] = {
    "CSV-010": (
        lambda facts, place: facts.cells[place],
        lambda cells: f"{cells:,} column{'s' * (cells > 1)}; there must be two.",
    ),
    "CSV-012": (lambda facts, place: facts.fault[place], lambda fault: _FAULTS[RecordFault(fault)]),
    "NUM-005": (lambda facts, place: facts.spelling(place).digits, lambda digits: _digits(digits)),
    "NUM-010": (
        lambda facts, place: facts.spelling(place).local,
        lambda local: (
            "555-1212 is directory assistance." if local == 555_1212 else f"555-0{local % 1000} is fictional."
        ),
    ),
}


def _digits(digits: int) -> str:
    found = "No digits" if digits == 0 else "1 digit" if digits == 1 else f"{digits} digits"
    return f"{found}, a leading +1 or 1 of eleven not counted; there must be ten."


def _foreign(number: pa.Array) -> pa.Array:
    """Names the first character that cannot stand in a phone number."""
    found = pc.extract_regex(number, "^ *[+]?[-0-9 .()\u00a0\u2010\u2011\u2013]*(?P<c>(?s:.))")
    characters = pc.struct_field(found, "c").dictionary_encode(null_encoding="encode")
    return pa.array([_name(each) for each in characters.dictionary.to_pylist()]).take(characters.indices)


def _name(character: str | None) -> str:
    if character is None:
        return f"The cell is longer than {MAX_CELL_BYTES} characters."
    shown = f"“{character}”" if character.isprintable() and not character.isspace() else _unseen(character)
    return f"{shown} cannot stand in a phone number."


def _unseen(character: str) -> str:
    return _UNSEEN.get(character) or f"The invisible character U+{ord(character):04X}"


_UNSEEN = {"\t": "A tab", "\n": "A line break", "\r": "A line break"}
