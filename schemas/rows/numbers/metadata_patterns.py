"""The digit patterns of phonenumbers' metadata, unfolded so that they can be asked for a million numbers at once.

A pattern such as `2(?:0[1-3]|1\\d)[2-9]\\d{6}` is a handful of rows, each a set of digits per place. Only what the
metadata uses is understood; anything else raises, so that a new kind of pattern is noticed and not misread.
"""

import re
from collections.abc import Iterator
from functools import cache
from itertools import product

#: One place of a number: bit d is set where digit d may stand.
DigitSet = int
DigitSets = tuple[DigitSet, ...]

ANY_DIGIT: DigitSet = (1 << 10) - 1

_TOKEN = re.compile(r"\\d|\[[\d-]+\]|\d|\(\?:|\)|\||\{\d+(?:,\d+)?\}|\?")


@cache
def expand_pattern(pattern: str) -> frozenset[DigitSets]:
    """Every way through a pattern, as one set of digits per place. Raises ValueError where it is not understood."""
    tokens = _tokens(pattern)
    rows = _either(tokens)
    if next(tokens, None) is not None:
        raise ValueError(f"unbalanced pattern {pattern!r}")
    return frozenset(rows)


class _Tokens(Iterator[str]):
    """The tokens of a pattern, with a look at the next one."""

    def __init__(self, tokens: list[str]) -> None:
        self._rest = tokens[::-1]

    def __next__(self) -> str:
        if not self._rest:
            raise StopIteration
        return self._rest.pop()

    @property
    def ahead(self) -> str:
        return self._rest[-1] if self._rest else ""


def _tokens(pattern: str) -> _Tokens:
    tokens = _TOKEN.findall(pattern)
    if "".join(tokens) != pattern:
        raise ValueError(f"unknown syntax in pattern {pattern!r}")
    return _Tokens(tokens)


def _either(tokens: _Tokens) -> list[DigitSets]:
    rows = _sequence(tokens)
    while tokens.ahead == "|":
        next(tokens)
        rows += _sequence(tokens)
    return rows


def _sequence(tokens: _Tokens) -> list[DigitSets]:
    rows: list[DigitSets] = [()]
    while tokens.ahead not in ("", "|", ")"):
        rows = [head + tail for head, tail in product(rows, _repeated(tokens))]
    return rows


def _repeated(tokens: _Tokens) -> list[DigitSets]:
    item = _item(tokens)
    fewest, most = _times(tokens)
    rows: list[DigitSets] = []
    for times in range(fewest, most + 1):
        rows += [tuple(place for part in parts for place in part) for parts in product(item, repeat=times)]
    return rows


def _times(tokens: _Tokens) -> tuple[int, int]:
    if tokens.ahead == "?":
        next(tokens)
        return 0, 1
    if tokens.ahead.startswith("{"):
        fewest, _, most = next(tokens)[1:-1].partition(",")
        return int(fewest), int(most or fewest)
    return 1, 1


def _item(tokens: _Tokens) -> list[DigitSets]:
    found = next(tokens)
    if found == "(?:":
        rows = _either(tokens)
        if next(tokens, "") != ")":
            raise ValueError("a group is not closed")
        return rows
    if found == "\\d":
        return [(ANY_DIGIT,)]
    if found.startswith("["):
        return [(_set(found[1:-1]),)]
    return [(1 << int(found),)]


def _set(inside: str) -> DigitSet:
    digits = 0
    for first, last in re.findall(r"(\d)(?:-(\d))?", inside):
        for digit in range(int(first), int(last or first) + 1):
            digits |= 1 << digit
    return digits
