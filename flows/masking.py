"""Masks phone numbers as +1501•••9020 for logs, events, errors and notifications.

These count as phone numbers:

- ten digits that the North American numbering plan allows (area code and exchange start with 2 to 9), with or without
  +1 or 1 in front;
- eight to fifteen digits of another country after a plus, 011 or 00.

Between the digits there may be any number of the separators that a numbers file may have: spaces, hyphens, dots and
parentheses. Digits next to a letter or another digit are part of something else, such as a hash, and are not masked.
Neither are times and submission ids. When in doubt, as with a byte count of ten digits, the text is masked.
"""

import re

# As characters, and as Python's repr and JSON escape those that are not ASCII.
_GAP = "(?:[ \u00a0().\\-\u2010\u2011\u2013]|\\\\xa0|\\\\u00a0|\\\\u201[013])*"


def _digits(first: str, more: int) -> str:
    return first + f"(?:{_GAP}[0-9])" * more


_AREA = r"(?:\((?=[0-9]{3}\)))?"  # (501): the opening parenthesis is part of the number
_NORTH_AMERICAN = f"(?:(?:\\+{_GAP})?1{_GAP})?{_AREA}{_digits('[2-9]', 2)}{_GAP}{_digits('[2-9]', 6)}"
_INTERNATIONAL = f"(?:\\+{_GAP}|011{_GAP}|00{_GAP}){_digits('[1-9]', 7)}(?:{_GAP}[0-9]){{0,7}}"
_START, _END = r"(?<![0-9A-Za-z])", r"(?![0-9A-Za-z])"
#: A lookahead, to find all matches: a number may start within something else that looks like one.
_NUMBER = re.compile(f"(?={_START}({_NORTH_AMERICAN}|{_INTERNATIONAL}){_END})")

_TIME = r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?(?:Z|[+-]\d\d:?\d\d)?"
_SUBMISSION = r"\d{8}T\d{6}Z-[0-9a-f]{8}(?:-\d+)?"
_NOT_A_NUMBER = re.compile(f"(?<![0-9A-Za-z])({_TIME}|{_SUBMISSION})(?![0-9A-Za-z])")


def mask(text: str) -> str:
    """The text with every phone number in it masked."""
    pieces = _NOT_A_NUMBER.split(text)
    pieces[::2] = map(_mask_piece, pieces[::2])
    return "".join(pieces)


def _mask_piece(text: str) -> str:
    parts, end = [], 0
    for start, stop, masked in _find_numbers(text):
        parts += [text[end:start], masked]
        end = stop
    return "".join([*parts, text[end:]])


def _find_numbers(text: str) -> list[tuple[int, int, str]]:
    """(start, end, masked text) of each number. Possible numbers that overlap are masked as one."""
    found: list[tuple[int, int, str]] = []
    for match in _NUMBER.finditer(text):
        start, end = match.span(1)
        digits = re.sub(f"{_GAP}|[+]", "", match[1])
        if not found or start >= found[-1][1]:
            found.append((start, end, _masked_number(digits, match[1])))
        elif end > found[-1][1]:
            found[-1] = (found[-1][0], end, f"•••{digits[-4:]}")
    return found


def _masked_number(digits: str, spelling: str) -> str:
    if re.fullmatch("1?[2-9][0-9]{2}[2-9][0-9]{6}", digits):
        return f"+1{digits[-10:-7]}•••{digits[-4:]}"
    international = digits if spelling.startswith("+") else re.sub("^(?:011|00)", "", digits)
    return f"+{international[:2]}•••{digits[-4:]}"
