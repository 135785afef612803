"""An SVG image as a tree of elements, with the few facts that its cost depends on."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

# Possessive quantifiers, here and in the other patterns: a text that does not match costs one look at each byte.
NUMBER = re.compile(r"[-+]?(?:\d++(?:\.\d*+)?|\.\d++)(?:[eE][-+]?\d++)?")


@dataclass(slots=True)
class SvgElement:
    """An element with its attributes, by their names without a namespace, and the bytes of text in it."""

    tag: str
    attributes: Mapping[str, str]
    children: list["SvgElement"] = field(default_factory=list)
    text_bytes: int = 0


def walk_elements(root: SvgElement) -> Iterator[SvgElement]:
    """The element and all in it, in the order of the file."""
    waiting = [root]
    while waiting:
        element = waiting.pop()
        yield element
        waiting += reversed(element.children)


def bounded(number: str) -> float:
    """The size of a number, without infinity."""
    return min(1e12, abs(float(number)))
