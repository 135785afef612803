"""The lists of area codes that go before phonenumbers' metadata, which is months behind.

The operator's list goes before the shipped one (`area_codes.csv`). A list has a line `code,region,from,until` for each
area code; `#` starts a comment.
"""

import csv
import re
from datetime import date
from functools import cache
from importlib.resources import files

from schemas.model.area_codes import AreaCode, AreaCodeList
from schemas.rows.numbers.places import PLACE_NAMES

_LINE_EXPECTED = "code,region,from,until such as 729,US,2025-09-05, where from and until may be empty"
_VERSION = re.compile(r"^# version: ([0-9-]+)$", re.MULTILINE)


class AreaCodesError(ValueError):
    """A list of area codes has an invalid line. The message says which line, and what was expected."""


def merge_area_codes(operator: AreaCodeList | None) -> tuple[AreaCode, ...]:
    """The area codes of both lists. The operator's line for an area code replaces the shipped one."""
    lists = (shipped_area_codes(), operator) if operator else (shipped_area_codes(),)
    return tuple({each.code: each for codes in lists for each in codes.codes}.values())


@cache
def shipped_area_codes() -> AreaCodeList:
    """The list that comes with this version of launchdrop."""
    text = (files("schemas.rows.numbers") / "area_codes.csv").read_text("utf-8")
    version = _VERSION.search(text)
    assert version is not None
    return AreaCodeList(version=version[1], codes=parse_area_codes(text))


def parse_area_codes(text: str) -> tuple[AreaCode, ...]:
    """The area codes of a list, in its order. Raises AreaCodesError at the first invalid line.

    A fifth cell says where the line comes from. It is not used.
    """
    found: dict[int, AreaCode] = {}
    for line, row in enumerate(text.splitlines(), 1):
        if content := row.partition("#")[0].strip():
            each = _parse_line(line, content)
            if each.code in found:
                raise AreaCodesError(f"line {line}: area code {each.code} has a line already; expected one for each")
            found[each.code] = each
    return tuple(found.values())


def _parse_line(line: int, content: str) -> AreaCode:
    cells = _split(content)
    if not 2 <= len(cells) <= 5:
        raise AreaCodesError(f"line {line}: expected {_LINE_EXPECTED}")
    code, region, first, last = (*cells, "", "")[:4]
    if not re.fullmatch("[0-9]{3}", code) or not is_possible_area_code(int(code)):
        raise AreaCodesError(f'line {line}: "{code}" can\'t be an area code; expected three digits such as 729')
    if region not in PLACE_NAMES:
        expected = "expected two capital letters such as US, PR or CA"
        raise AreaCodesError(f'line {line}: "{region}" is not a region of the +1 numbering plan; {expected}')
    first_day, last_day = _parse_day(line, first), _parse_day(line, last)
    if first_day and last_day and last_day < first_day:
        raise AreaCodesError(f"line {line}: expected until ({last}) to be on or after from ({first})")
    return AreaCode(code=int(code), region=region, first_day=first_day, last_day=last_day)


def _split(content: str) -> list[str]:
    """The cells of a line; none if it is not a line of a CSV."""
    try:
        return [cell.strip() for cell in next(csv.reader([content]))]
    except csv.Error:
        return []


def _parse_day(line: int, text: str) -> date | None:
    if not text:
        return None
    try:
        if re.fullmatch("[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
            return date.fromisoformat(text)
    except ValueError:
        pass
    raise AreaCodesError(f'line {line}: "{text}" is not a date; expected one such as 2027-03-03, or nothing')


def is_possible_area_code(code: int) -> bool:
    """First digit from 2, middle digit not 9, not N11, not 37X or 96X."""
    return code >= 200 and code // 10 % 10 != 9 and code % 100 != 11 and code // 10 not in (37, 96)
