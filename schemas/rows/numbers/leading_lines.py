"""Recognizes the lines that people and spreadsheets write above the numbers: a sep= line, titles, and a header."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from itertools import takewhile

from schemas.model.purposes import parse_purpose

#: How many of a file's first records, blank ones aside, can be such lines.
MAX_LEADING_LINES = 20


class LeadingLine(IntEnum):
    """What a line above the numbers is. The values take the place of a record's number of cells."""

    HEADER = -1
    SEPARATOR = -2
    TITLE = -3


@dataclass(frozen=True, slots=True, kw_only=True)
class LeadingRecord:
    """One of a file's first records: its text, and its first two cells."""

    text: str
    number: str
    purpose: str


def find_leading_lines(records: Sequence[LeadingRecord]) -> list[LeadingLine]:
    """What the file's first records are, up to the first row of numbers. `records` has no blank ones.

    A row with a bad number is not a leading line. Only what comes before a header, or is a sentence above the first
    row of numbers, is a title.
    """
    separator = [LeadingLine.SEPARATOR] if records and _SEPARATOR_LINE.fullmatch(records[0].text.strip()) else []
    above = _above_the_numbers(records[len(separator) :])
    headers = [place for place, record in enumerate(above) if _is_header(record)]
    if headers:
        return [*separator, *[LeadingLine.TITLE] * headers[-1], LeadingLine.HEADER]
    follows = len(separator) + len(above) < len(records)
    titles = list(takewhile(_is_title, above)) if follows else []
    return [*separator, *[LeadingLine.TITLE] * len(titles)]


#: The first line of a CSV file written for Excel in some languages: sep=; or "sep=,".
_SEPARATOR_LINE = re.compile(r'(?i)"?sep *= *(?:\\t|.)?"?[,;\t|]*')
_DATE_OR_TIME = re.compile(r"\b(?:\d{4}([-/.])\d\d?\1\d\d?|\d\d?([-/.])\d\d?\2(?:\d\d){1,2}|\d\d?:\d\d(?::\d\d)?)\b")
_LONG_NUMBER = re.compile(r"(?:\d[-\s().]*){9}")
_LETTERS = re.compile(r"[^\W\d_]{2,}")

_NUMBER_WORDS = frozenset(
    (
        *("phone", "phones", "telephone", "telephones", "tel", "telno", "number", "numbers", "num", "mobile", "cell"),
        *("cellphone", "phonenumber", "phonenumbers", "phonenum", "mobilenumber", "msisdn", "ani", "cli", "callerid"),
        *("tn", "tns", "did", "dids", "e164"),
    )
)
_PURPOSE_WORDS = frozenset(
    ("purpose", "purposes", "callpurpose", "reason", "reasons", "callreason", "use", "usage", "category")
)
_HEADER_WORD = re.compile(r"[^\W_]+")
#: How much of a cell is looked at.
_MAX_CELL = 200


def _above_the_numbers(records: Sequence[LeadingRecord]) -> Sequence[LeadingRecord]:
    first = next((place for place, record in enumerate(records) if _is_row_of_numbers(record)), len(records))
    return records[:first]


def _is_row_of_numbers(record: LeadingRecord) -> bool:
    """Whether this is meant to be a row of numbers, right or wrong."""
    number = _DATE_OR_TIME.sub("", record.number[:_MAX_CELL])
    only_digits = _LETTERS.search(number) is None and _count_digits(number) >= 7
    return only_digits or _LONG_NUMBER.search(number) is not None or parse_purpose(record.purpose) is not None


def _count_digits(text: str) -> int:
    return sum(letter.isdigit() for letter in text)


def _is_header(record: LeadingRecord) -> bool:
    """Whether a row names columns. It is not a row of numbers."""
    if _has_one_cell(record) and len(_LETTERS.findall(record.number[:_MAX_CELL])) >= 3:
        return False
    if _has_any_word(record.number, _NUMBER_WORDS) and not _count_digits(record.number):
        return True
    return _has_any_word(record.purpose, _NUMBER_WORDS | _PURPOSE_WORDS)


def _has_any_word(text: str, words: frozenset[str]) -> bool:
    return not words.isdisjoint(_HEADER_WORD.findall(text[:_MAX_CELL].casefold()))


def _is_title(record: LeadingRecord) -> bool:
    """Whether a row is a line of text: one cell with several words or a date, a word and a date, or a sentence."""
    number = record.number[:_MAX_CELL]
    words = len(_LETTERS.findall(number))
    if _has_one_cell(record):
        return words >= 2 or _DATE_OR_TIME.search(number) is not None
    return words >= 4 or (words > 0 and _DATE_OR_TIME.search(record.purpose[:_MAX_CELL]) is not None)


def _has_one_cell(record: LeadingRecord) -> bool:
    return record.text.strip(_AROUND_CELLS) == record.number.strip(_AROUND_CELLS)


_AROUND_CELLS = ', "\t\r\n\u00a0'
