"""The +1 numbering plan by area code: what can exist, what is assigned, where it is, and which numbers are valid.

What can exist is the plan's own shape. What is assigned and valid is phonenumbers' metadata, the same that its
`is_valid_number` reads, unfolded into a table of leading digits: nearly every area code takes any exchange from 200 up,
but two dozen do not, and in two it goes below the exchange. A test holds the table against `phonenumbers` itself.
"""

import re
from dataclasses import dataclass, field
from functools import cache
from itertools import product

import numpy as np
import phonenumbers
from numpy.typing import NDArray
from phonenumbers.phonemetadata import PhoneMetadata

from schemas.rows.numbers.metadata_patterns import ANY_DIGIT, DigitSet, DigitSets, expand_pattern

#: The metadata's version; it is the truth for what is assigned, and it ages.
PHONENUMBERS_VERSION: str = phonenumbers.__version__

#: Places in a table by area code: the last stands for "no area code", which -1 finds, and is at fault nowhere.
AREA_TABLE_SIZE = 1001

_FROM_2: DigitSet = ANY_DIGIT & ~0b11
#: How many numbers share a place in `Plan.valid`.
_PER_PLACE = 1000

_ANY_EXCHANGE: DigitSets = (_FROM_2, *(ANY_DIGIT,) * 6)
_PREMIUM = (900,)
_NON_GEOGRAPHIC = (500, *range(521, 530), 533, 544, 566, 577, 588, 600, 622, 700, 710)

#: The kinds of number in the metadata; those of the second line belong to no place.
_PLACED = ("fixed_line", "mobile", "toll_free", "premium_rate", "shared_cost", "pager", "uan", "voicemail")
_PLACELESS = ("personal_number", "voip")

Flags = NDArray[np.bool_]
Integers = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberingPlan:
    """Tables by area code. `region` is a place in `regions`, -1 for none.

    `valid` is by a number's first seven digits, as deep as the metadata goes; its last place stands for no number.
    """

    possible: Flags
    assigned: Flags
    premium: Flags
    non_geographic: Flags
    toll_free: Flags
    region: NDArray[np.int16]
    regions: tuple[str, ...]
    partly: frozenset[int]
    valid: Flags

    def served(self, regions: tuple[str, ...]) -> Flags:
        """By area code, whether it is in one of the regions. A toll-free number belongs to all of them."""
        wanted = [place for place, region in enumerate(self.regions) if region in regions]
        table = np.isin(self.region, wanted) | self.toll_free
        table[-1] = True
        return table

    def knows(self, number: Integers) -> Flags:
        """Whether the metadata knows each ten-digit number; -1 is no number, and counts as known.

        An exchange below 200 is never known here, though the metadata lets two area codes have some: NUM-009 has it.
        """
        return self.valid[number // _PER_PLACE]


@cache
def numbering_plan() -> NumberingPlan:
    """The plan as this version of phonenumbers has it; built once a process."""
    found = _read_metadata()
    regions = tuple(sorted(set(found.region.values())))
    return NumberingPlan(
        possible=_table(*(code for code in range(1000) if _possible(code)), none=True),
        assigned=_table(*found.rows, none=True),
        premium=_table(*_PREMIUM),
        non_geographic=_table(*_NON_GEOGRAPHIC, *(found.rows.keys() - found.placed)),
        toll_free=_table(*found.toll_free),
        region=np.array(
            [regions.index(found.region[code]) if code in found.region else -1 for code in range(AREA_TABLE_SIZE)]
        ),
        regions=regions,
        partly=frozenset(code for code, rows in found.rows.items() if _ANY_EXCHANGE not in rows),
        valid=_valid(found.rows),
    )


def _possible(code: int) -> bool:
    """First digit from 2, middle digit not 9, not N11, not 37X or 96X."""
    return code >= 200 and code // 10 % 10 != 9 and code % 100 != 11 and code // 10 not in (37, 96)


def _table(*codes: int, none: bool = False) -> Flags:
    table = np.zeros(AREA_TABLE_SIZE, dtype=np.bool_)
    table[list(codes)] = True
    table[-1] = none
    return table


def _valid(rows: dict[int, set[DigitSets]]) -> Flags:
    """By area code and four more digits. Raises where the metadata tells numbers apart by their last three."""
    table = np.zeros((1000, 10, 10, 10, 10), dtype=np.bool_)
    for code, of_code in rows.items():
        if _ANY_EXCHANGE in of_code:
            table[code, 2:] = True
            continue
        for row in of_code:
            if any(digits != ANY_DIGIT for digits in row[4:]):
                raise ValueError(f"phonenumbers tells numbers of area code {code} apart by their last three digits")
            table[code][np.ix_(*(_members(digits) for digits in row[:4]))] = True
    return np.append(table.ravel(), True)


def _members(digits: DigitSet) -> list[int]:
    return [digit for digit in range(10) if digits >> digit & 1]


@dataclass(slots=True)
class _Found:
    rows: dict[int, set[DigitSets]] = field(default_factory=dict)
    region: dict[int, str] = field(default_factory=dict)
    placed: set[int] = field(default_factory=set)
    toll_free: set[int] = field(default_factory=set)


def _read_metadata() -> _Found:
    """What the metadata says of each area code. A region with leading digits answers for those alone, as in
    phonenumbers' `region_code_for_number`; the first region that knows an area code has it."""
    found = _Found()
    for region in phonenumbers.region_codes_for_country_code(1):
        metadata = PhoneMetadata.metadata_for_region(region)
        assert metadata is not None
        assert metadata.general_desc is not None
        if metadata is None or metadata.general_desc is None or metadata.general_desc.national_number_pattern is None:
            continue
        lead = re.compile(metadata.leading_digits or "")
        general = expand_pattern(metadata.general_desc.national_number_pattern)
        for kind in (*_PLACED, *_PLACELESS):
            description = getattr(metadata, kind)
            if description is not None and description.national_number_pattern:
                for row in expand_pattern(description.national_number_pattern):
                    _note(found, region, kind, lead, _within(row, general))
    return found


def _within(row: DigitSets, general: frozenset[DigitSets]) -> list[DigitSets]:
    """The part of a row that the region's general pattern admits as well."""
    narrowed = [tuple(a & b for a, b in zip(row, other, strict=True)) for other in general if len(other) == len(row)]
    return [each for each in narrowed if len(each) == 10 and all(each)]


def _note(found: _Found, region: str, kind: str, lead: re.Pattern[str], rows: list[DigitSets]) -> None:
    for row in rows:
        for code in _codes(row[:3]):
            if not lead.match(f"{code:03d}"):
                continue
            found.rows.setdefault(code, set()).add(row[3:])
            found.region.setdefault(code, region)
            if kind in _PLACED:
                found.placed.add(code)
            if kind == "toll_free" and row[3:] == _ANY_EXCHANGE:
                found.toll_free.add(code)


def _codes(places: DigitSets) -> list[int]:
    return [a * 100 + b * 10 + c for a, b, c in product(*map(_members, places))]
