"""The +1 numbering plan by area code: what can exist, what is assigned, where it is, and which numbers are valid.

What can exist follows from the plan's own rules. What is assigned and valid comes from phonenumbers' metadata, the same
that its `is_valid_number` uses, expanded into a table of leading digits: nearly every area code takes any exchange from
200 up, but two dozen do not, and in two of those the validity depends on digits after the exchange. A test compares the
table with `phonenumbers` itself. The lists of area codes (`area_codes`) go before the metadata: an area code that they
have in service takes any exchange from 200 up.
"""

import re
from dataclasses import dataclass, field
from functools import cache, lru_cache
from itertools import product

import numpy as np
import phonenumbers
from numpy.typing import NDArray
from phonenumbers.phonemetadata import PhoneMetadata

from schemas.model.area_codes import AreaCodesInForce
from schemas.rows.numbers.area_codes import is_possible_area_code
from schemas.rows.numbers.metadata_patterns import ANY_DIGIT, DigitSet, DigitSets, expand_pattern
from schemas.rows.types import BoolArray, Integers

#: The version of the metadata, which decides what is assigned, and which ages.
PHONENUMBERS_VERSION: str = phonenumbers.__version__

#: The size of a table by area code. The last entry, which index -1 finds, means "no area code" and breaks no rule.
AREA_TABLE_SIZE = 1001

_FROM_2: DigitSet = ANY_DIGIT & ~0b11
#: How many numbers share an entry in `NumberingPlan.valid`.
_NUMBERS_PER_ENTRY = 1000

_ANY_EXCHANGE: DigitSets = (_FROM_2, *(ANY_DIGIT,) * 6)
_PREMIUM = (900,)
_NON_GEOGRAPHIC = (500, *range(521, 530), 533, 544, 566, 577, 588, 600, 622, 700, 710)

#: The kinds of number in the metadata, with and without a location.
_KINDS_WITH_LOCATION = ("fixed_line", "mobile", "toll_free", "premium_rate", "shared_cost", "pager", "uan", "voicemail")
_KINDS_WITHOUT_LOCATION = ("personal_number", "voip")


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberingPlan:
    """Tables indexed by area code.

    `region` is an index into `regions`, -1 for none. `partly_valid` has the area codes in which some exchanges from 200
    up are invalid. `valid` is indexed by a number's first seven digits, which is as deep as the metadata goes; its last
    entry means "no number".
    """

    possible: BoolArray
    assigned: BoolArray
    premium: BoolArray
    non_geographic: BoolArray
    toll_free: BoolArray
    region: NDArray[np.int16]
    regions: tuple[str, ...]
    partly_valid: frozenset[int]
    valid: BoolArray

    def served_areas(self, regions: tuple[str, ...]) -> BoolArray:
        """A table of whether an area code is in one of the regions. Toll-free area codes are in all of them."""
        wanted = [index for index, region in enumerate(self.regions) if region in regions]
        table = np.isin(self.region, wanted) | self.toll_free
        table[-1] = True
        return table

    def is_valid(self, number: Integers) -> BoolArray:
        """Whether each ten-digit number is valid by the metadata. -1 means "no number" and counts as valid.

        An exchange below 200 is never valid here, although the metadata has some in two area codes: that is NUM-009.
        """
        return self.valid[number // _NUMBERS_PER_ENTRY]


@lru_cache(maxsize=4)
def numbering_plan(area_codes: AreaCodesInForce) -> NumberingPlan:
    """The plan by the installed version of phonenumbers and the lists of area codes. Built once per process."""
    found = _read_metadata()
    patterns, region = dict(found.patterns), dict(found.region)
    for code, listed_region in area_codes.in_service:
        patterns[code], region[code] = {_ANY_EXCHANGE}, listed_region
    for code in area_codes.closed:
        patterns.pop(code, None)
    in_service = [code for code, _ in area_codes.in_service]
    regions = tuple(sorted(set(found.region.values())))
    region_index = {region: index for index, region in enumerate(regions)}
    return NumberingPlan(
        possible=_area_table(*filter(is_possible_area_code, range(1000)), no_area=True),
        assigned=_area_table(*patterns, no_area=True),
        premium=_area_table(*_PREMIUM),
        non_geographic=_area_table(*_NON_GEOGRAPHIC, *(patterns.keys() - found.with_location - set(in_service))),
        toll_free=_area_table(*found.toll_free),
        region=np.array([region_index.get(region.get(code, ""), -1) for code in range(AREA_TABLE_SIZE)]),
        regions=regions,
        partly_valid=frozenset(code for code, of_code in patterns.items() if _ANY_EXCHANGE not in of_code),
        valid=_valid_table(patterns),
    )


def _area_table(*codes: int, no_area: bool = False) -> BoolArray:
    table = np.zeros(AREA_TABLE_SIZE, dtype=np.bool_)
    table[list(codes)] = True
    table[-1] = no_area
    return table


def _valid_table(patterns: dict[int, set[DigitSets]]) -> BoolArray:
    """Validity by area code and four more digits. Raises ValueError if it depends on the last three digits."""
    table = np.zeros((1000, 10, 10, 10, 10), dtype=np.bool_)
    for code, of_code in patterns.items():
        if _ANY_EXCHANGE in of_code:
            table[code, 2:] = True
            continue
        for pattern in of_code:
            if any(digits != ANY_DIGIT for digits in pattern[4:]):
                raise ValueError(f"phonenumbers: whether numbers of area code {code} are valid depends on their end")
            table[code][np.ix_(*(_members(digits) for digits in pattern[:4]))] = True
    return np.append(table.ravel(), True)


def _members(digits: DigitSet) -> list[int]:
    return [digit for digit in range(10) if digits >> digit & 1]


@dataclass(slots=True)
class _Metadata:
    """What the metadata says by area code. `patterns` are those of the seven digits after it."""

    patterns: dict[int, set[DigitSets]] = field(default_factory=dict)
    region: dict[int, str] = field(default_factory=dict)
    with_location: set[int] = field(default_factory=set)
    toll_free: set[int] = field(default_factory=set)

    def add(self, region: str, kind: str, lead: re.Pattern[str], pattern: DigitSets) -> None:
        """Add a pattern of ten digits, for the area codes that match the region's leading digits."""
        local = pattern[3:]
        for code in _codes(pattern[:3]):
            if not lead.match(f"{code:03d}"):
                continue
            self.patterns.setdefault(code, set()).add(local)
            self.region.setdefault(code, region)
            if kind in _KINDS_WITH_LOCATION:
                self.with_location.add(code)
            if kind == "toll_free" and local == _ANY_EXCHANGE:
                self.toll_free.add(code)


@cache
def _read_metadata() -> _Metadata:
    """Read all +1 regions, as phonenumbers' `region_code_for_number` does.

    A region with leading digits has only area codes with those digits. An area code belongs to the first region that
    has it.
    """
    found = _Metadata()
    for region in phonenumbers.region_codes_for_country_code(1):
        metadata = PhoneMetadata.metadata_for_region(region)
        assert metadata is not None
        assert metadata.general_desc is not None
        if metadata.general_desc.national_number_pattern is None:
            continue
        lead = re.compile(metadata.leading_digits or "")
        general = expand_pattern(metadata.general_desc.national_number_pattern)
        for kind in (*_KINDS_WITH_LOCATION, *_KINDS_WITHOUT_LOCATION):
            description = getattr(metadata, kind)
            if description is not None and description.national_number_pattern:
                for pattern in expand_pattern(description.national_number_pattern):
                    for narrowed in _intersect(pattern, general):
                        found.add(region, kind, lead, narrowed)
    return found


def _intersect(pattern: DigitSets, general: frozenset[DigitSets]) -> list[DigitSets]:
    """The parts of a pattern that the region's general patterns allow too, where they have ten digits."""
    narrowed = [
        tuple(a & b for a, b in zip(pattern, other, strict=True)) for other in general if len(other) == len(pattern)
    ]
    return [each for each in narrowed if len(each) == 10 and all(each)]


def _codes(digits: DigitSets) -> list[int]:
    return [a * 100 + b * 10 + c for a, b, c in product(*map(_members, digits))]
