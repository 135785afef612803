"""Reads the declarations of SVG elements: their own, and those of the style sheets in the file.

Style sheets are read only as far as their cost depends on it, and less closely than by a browser: a selector is taken
by its last part, and what could be read in two ways is refused.
"""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

#: Selectors times elements: about what a browser compares.
_MAX_COMPARISONS = 2_000_000
_MAX_SELECTOR_PARTS = 4
#: Declarations times the selectors that they are for.
_MAX_DECLARATIONS = 100_000

_TOKEN = re.compile(r"/\*.*?\*/|\"[^\"\n]*\"|'[^'\n]*'|[\"']|/\*", re.DOTALL)
#: A brace or semicolon inside parentheses does not end anything in a browser.
_HIDDEN_END = re.compile(r"\([^()]*[{};]")
#: A custom property with a function in it can grow without bound, or hide a reference.
_COMPUTED_CUSTOM_PROPERTY = re.compile(r"(?:^|[;{}])\s*+--[^:;{}]*+:[^(;{}]*+\(")
#: Pseudo-classes and attributes, which only make a selector match less.
_CONDITION = re.compile(r"::?[\w-]++|\[[^\[\]]*+\]")
_COMPOUND = re.compile(r"(\*|[\w-]+)?([.#][\w-]+)?(?:[.#][\w-]+)*")


class StyleError(ValueError):
    """A style sheet is more than a logo needs. The message goes after "The logo is not a plain SVG image: "."""


@dataclass(frozen=True, slots=True)
class Declaration:
    """One `name: value`."""

    name: str
    value: str


#: Declarations by the last part of their selector: `.class`, `#id`, a tag or `*`.
StyleRules = Mapping[str, Sequence[Declaration]]


def parse_declarations(text: str) -> list[Declaration]:
    """The declarations of a block, or of a `style` attribute whose text is `plain_css`."""
    pairs = (part.partition(":") for part in text.split(";"))
    return [Declaration(name.strip().lower(), value.strip()) for name, colon, value in pairs if colon]


def parse_style_sheets(css: str, element_count: int) -> StyleRules:
    """The declarations of all style sheets of a file, joined. Raises StyleError."""
    rules: dict[str, list[Declaration]] = defaultdict(list)
    selector_count = declaration_count = 0
    for selectors, block in _split_blocks(plain_css(css)):
        declarations = parse_declarations(block)
        parts = selectors.split(",")
        selector_count, declaration_count = (
            selector_count + len(parts),
            declaration_count + len(parts) * len(declarations),
        )
        if selector_count * element_count > _MAX_COMPARISONS or declaration_count > _MAX_DECLARATIONS:
            raise StyleError("its style sheet has too many selectors")
        for selector in parts:
            rules[_key(selector)] += declarations
    return rules


def plain_css(css: str) -> str:
    """The style without comments. Raises StyleError if a browser could see other blocks or declarations in it."""
    css = _TOKEN.sub(_plain_token, css)
    if _HIDDEN_END.search(css):
        raise StyleError("its style has a brace or semicolon in parentheses")
    if _COMPUTED_CUSTOM_PROPERTY.search(css):
        raise StyleError("its style has a custom property with a function")
    return css


def _plain_token(token: re.Match[str]) -> str:
    text = token[0]
    if text.startswith("/*") and len(text) > 3:
        return " "
    if len(text) < 3 and text not in ('""', "''"):
        raise StyleError("its style has a comment or quote that never ends")
    if re.search(r"[{};]|/\*", text):
        raise StyleError("its style has a brace or semicolon in quotes")
    return text


def _split_blocks(css: str) -> Iterator[tuple[str, str]]:
    """(selectors, declarations) for each piece of a block. A block of an at-rule belongs to the selector around it."""
    open_blocks = ["*"]
    pieces = re.split(r"([{}])", css)
    for text, end in zip(pieces[::2], [*pieces[1::2], ""], strict=True):
        declarations, _, prelude = text.rpartition(";") if end == "{" else (text, "", "")
        if declarations.strip():
            yield open_blocks[-1], declarations
        if end == "{":
            open_blocks.append(open_blocks[-1] if prelude.strip().startswith("@") else prelude)
        elif end == "}" and len(open_blocks) > 1:
            open_blocks.pop()


def _key(selector: str) -> str:
    """What an element must have for the selector to match it. `*` if that is not plain to see."""
    parts = re.split(r"[\s>+~]+", selector.strip())
    if len(parts) > _MAX_SELECTOR_PARTS or "(" in selector:
        raise StyleError("its style sheet has a selector that is not plain")
    compound = _COMPOUND.fullmatch(_CONDITION.sub("", parts[-1]))
    return (compound[2] or compound[1] or "*") if compound else "*"
