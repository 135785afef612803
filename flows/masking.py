"""Phone numbers as they may be shown: in logs, events, errors and notifications only masked, +1501•••9020.

What is taken for a number: ten digits that could be one of the numbering plan (area code and exchange begin with 2 to
9), with or without +1 or 1 before them; or eight to fifteen digits after a plus, 011 or 00, of another country. Between
the digits stands whatever a numbers file may have there: spaces, hyphens, points, parentheses, as many as there are.

A letter or another digit right beside them makes them part of something else, such as a digest. What is surely
something else is left as it is: a time, a submission's id. Where it cannot be told, as with a ten-digit count of bytes,
it is masked: too much is masked rather than too little.
"""

import re

# As they are, and as Python's repr and JSON write those beyond ASCII.
_GAP = "(?:[ \u00a0().\\-\u2010\u2011\u2013]|\\\\xa0|\\\\u00a0|\\\\u201[013])*"


def _digits(first: str, more: int) -> str:
    return first + f"(?:{_GAP}[0-9])" * more


_AREA = r"(?:\((?=[0-9]{3}\)))?"  # (501): the parenthesis goes with its number
_PLAN = f"(?:(?:\\+{_GAP})?1{_GAP})?{_AREA}{_digits('[2-9]', 2)}{_GAP}{_digits('[2-9]', 6)}"
_ABROAD = f"(?:\\+{_GAP}|011{_GAP}|00{_GAP}){_digits('[1-9]', 7)}(?:{_GAP}[0-9]){{0,7}}"
_ALONE = r"(?<![0-9A-Za-z])", r"(?![0-9A-Za-z])"
#: Looked for at every place, as one number may begin within what looks like another.
_NUMBER = re.compile(f"(?={_ALONE[0]}({_PLAN}|{_ABROAD}){_ALONE[1]})")

_TIME = r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?(?:Z|[+-]\d\d:?\d\d)?"
_SUBMISSION = r"\d{8}T\d{6}Z-[0-9a-f]{8}(?:-\d+)?"
_SURELY_NOT = re.compile(f"(?<![0-9A-Za-z])({_TIME}|{_SUBMISSION})(?![0-9A-Za-z])")


def mask(text: str) -> str:
    """The text with every phone number in it masked."""
    pieces = _SURELY_NOT.split(text)
    pieces[::2] = map(_mask, pieces[::2])
    return "".join(pieces)


def _mask(text: str) -> str:
    shown, end = [], 0
    for first, last, number in _numbers(text):
        shown += [text[end:first], number]
        end = last
    return "".join([*shown, text[end:]])


def _numbers(text: str) -> list[tuple[int, int, str]]:
    """(begin, end, masked) of each number. Where several could be meant that overlap, all of them are masked as one."""
    found: list[tuple[int, int, str]] = []
    for match in _NUMBER.finditer(text):
        first, last = match.span(1)
        digits = re.sub(f"{_GAP}|[+]", "", match[1])
        if not found or first >= found[-1][1]:
            found.append((first, last, _shown(digits, match[1])))
        elif last > found[-1][1]:
            found[-1] = (found[-1][0], last, f"•••{digits[-4:]}")
    return found


def _shown(digits: str, spelt: str) -> str:
    if re.fullmatch("1?[2-9][0-9]{2}[2-9][0-9]{6}", digits):
        return f"+1{digits[-10:-7]}•••{digits[-4:]}"
    abroad = digits if spelt.startswith("+") else re.sub("^(?:011|00)", "", digits)
    return f"+{abroad[:2]}•••{digits[-4:]}"
