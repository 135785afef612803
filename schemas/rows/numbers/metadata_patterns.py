"""Expands the digit patterns of phonenumbers' metadata, so that a million numbers can be looked up at once.

A pattern such as `2(?:0[1-3]|1\\d)[2-9]\\d{6}` expands to a few sequences of digit sets, one set per position. Only the
syntax that the metadata uses is supported. Anything else raises ValueError, so that new syntax is never misread.
"""

import re
from collections.abc import Iterator
from functools import cache
from itertools import product

#: The digits allowed at one position of a number, as bits: bit d is set if digit d is allowed.
DigitSet = int
DigitSets = tuple[DigitSet, ...]

ANY_DIGIT: DigitSet = (1 << 10) - 1

_TOKEN = re.compile(r"\\d|\[[\d-]+\]|\d|\(\?:|\)|\||\{\d+(?:,\d+)?\}|\?")


@cache
def expand_pattern(pattern: str) -> frozenset[DigitSets]:
    """Every alternative of a pattern, as one digit set per position. Raises ValueError for unsupported syntax."""
    tokens = _tokenize(pattern)
    found = _alternatives(tokens)
    if next(tokens, None) is not None:
        raise ValueError(f"unbalanced pattern {pattern!r}")
    return frozenset(found)


class _Tokens(Iterator[str]):
    """The tokens of a pattern."""

    def __init__(self, tokens: list[str]) -> None:
        self._rest = tokens[::-1]

    def __next__(self) -> str:
        if not self._rest:
            raise StopIteration
        return self._rest.pop()

    @property
    def following(self) -> str:
        """The next token, which is not consumed; empty at the end."""
        return self._rest[-1] if self._rest else ""


def _tokenize(pattern: str) -> _Tokens:
    tokens = _TOKEN.findall(pattern)
    if "".join(tokens) != pattern:
        raise ValueError(f"unsupported syntax in pattern {pattern!r}")
    return _Tokens(tokens)


def _alternatives(tokens: _Tokens) -> list[DigitSets]:
    found = _sequence(tokens)
    while tokens.following == "|":
        next(tokens)
        found += _sequence(tokens)
    return found


def _sequence(tokens: _Tokens) -> list[DigitSets]:
    found: list[DigitSets] = [()]
    while tokens.following not in ("", "|", ")"):
        found = [head + tail for head, tail in product(found, _repeated_item(tokens))]
    return found


def _repeated_item(tokens: _Tokens) -> list[DigitSets]:
    item = _item(tokens)
    fewest, most = _repetitions(tokens)
    found: list[DigitSets] = []
    for times in range(fewest, most + 1):
        found += [tuple(digits for part in parts for digits in part) for parts in product(item, repeat=times)]
    return found


def _repetitions(tokens: _Tokens) -> tuple[int, int]:
    if tokens.following == "?":
        next(tokens)
        return 0, 1
    if tokens.following.startswith("{"):
        fewest, _, most = next(tokens)[1:-1].partition(",")
        return int(fewest), int(most or fewest)
    return 1, 1


def _item(tokens: _Tokens) -> list[DigitSets]:
    symbol = next(tokens)
    if symbol == "(?:":
        found = _alternatives(tokens)
        if next(tokens, "") != ")":
            raise ValueError("a group is not closed")
        return found
    if symbol == "\\d":
        return [(ANY_DIGIT,)]
    if symbol.startswith("["):
        return [(_character_class(symbol[1:-1]),)]
    return [(1 << int(symbol),)]


def _character_class(content: str) -> DigitSet:
    digits = 0
    for first, last in re.findall(r"(\d)(?:-(\d))?", content):
        for digit in range(int(first), int(last or first) + 1):
            digits |= 1 << digit
    return digits
