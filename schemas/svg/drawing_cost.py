"""Works out how long a browser takes to draw an SVG image, in plain shapes, without drawing it.

A few hundred bytes can ask for a billion shapes: `<use>` in `<use>`, a marker at each point of a long path, a filter on
each letter. So each element gets a cost, and pays the cost of what it refers to as often as it is drawn. The unit is
what Chromium takes for one small filled shape, about 0.06 ms; the weights were measured the same way. Where a style can
be read in two ways, the dearer one counts.
"""

import base64
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import unquote

from schemas.svg.element import NUMBER, SvgElement, bounded, walk_elements
from schemas.svg.embedded_pictures import count_decoded_pixels
from schemas.svg.filter_cost import filter_cost, filter_functions_cost, may_magnify_filters
from schemas.svg.style_rules import (
    Declaration,
    StyleError,
    StyleRules,
    parse_declarations,
    parse_style_sheets,
    plain_css,
)

#: Costs stop growing here.
ENDLESS = 1e12
#: References and elements may nest this deep. Each level can hold an image of its own in memory.
MAX_DEPTH = 100
#: An image with more elements is not worked out.
_MAX_ELEMENTS = 30_000

_SHAPES = frozenset(
    ["path", "rect", "circle", "ellipse", "line", "polyline", "polygon", "text", "tspan", "textPath", "image"]
)
_TEXTS = frozenset(["text", "tspan", "textPath"])
#: What is drawn apart and then put on the rest.
_LAYER_PROPERTIES = frozenset(["opacity", "filter", "mask", "clip-path", "mix-blend-mode", "isolation"])
#: Properties that the elements inside get too. Markers count as one.
_INHERITED = frozenset(["fill", "stroke", "marker"])

_LAYER = 4
_STOP = 0.1
_SHAPE_BYTES, _STYLE_BYTES = 8, 100
_DASH = 1 / 3
#: Browsers draw a line with more dashes without them.
_MAX_DASHES = 1_000_000
_PIXELS = 1_000
#: A shape has about this many points for each unit of its cost.
_MARKERS_OF_USED = 8

_REFERENCE = re.compile(r"url\(\s*+[\"']?\s*+#([^\"')\s]*+)", re.IGNORECASE)


def drawing_cost(root: SvgElement, style_sheets: str) -> float:
    """The cost of an image in plain shapes, at most ENDLESS. Raises StyleError."""
    elements = list(walk_elements(root))
    if len(elements) > _MAX_ELEMENTS:
        return ENDLESS
    rules = parse_style_sheets(style_sheets, len(elements))
    cost, references = _Graph(elements, rules, magnified=False).find_cost(root)
    if cost < ENDLESS and may_magnify_filters(root, elements, rules, references):
        cost, _ = _Graph(elements, rules, magnified=True).find_cost(root)
    return cost


@dataclass(slots=True, eq=False)
class _Node:
    """Something that is drawn. It costs `own` and its parts, each so many times, and all that again with `each`."""

    own: float = 0.0
    parts: list[tuple[float, "_Node"]] = field(default_factory=list)
    each: list[tuple[float, "_Node"]] = field(default_factory=list)
    is_reference: bool = False
    cost: float = -1.0  # -1: not worked out; -2: being worked out
    depth: int = 0
    references: int = 0


@dataclass(slots=True)
class _Style:
    """What a set of declarations costs: at the element itself, and in what it and the elements inside are painted with.

    `dashes` is the number of dashes for each unit of a line's length; None if the style says nothing of it.
    """

    own: _Node
    paints: dict[str, _Node] = field(default_factory=dict)
    dashes: float | None = None


@dataclass(frozen=True, slots=True)
class _Inherited:
    paints: Mapping[str, _Node] = field(default_factory=dict)
    dashes: float = 0.0


class _Graph:
    """The elements of an image as nodes, and what each refers to."""

    def __init__(self, elements: list[SvgElement], rules: StyleRules, *, magnified: bool) -> None:
        self._magnified = magnified
        self._nodes = {id(element): _Node() for element in elements}
        self._targets: dict[str, _Node] = {}
        for element in elements:
            if name := element.attributes.get("id"):
                self._targets.setdefault(name, _Node(parts=[(1, self._nodes[id(element)])], is_reference=True))
        self._rules = {key: self._read_style(declarations) for key, declarations in rules.items()}

    def find_cost(self, root: SvgElement) -> tuple[float, int]:
        """The cost of the image, and how many references lead from one to the next at most."""
        waiting = [(root, _Inherited())]
        while waiting:
            element, inherited = waiting.pop()
            inherited = self._connect(element, inherited)
            waiting += [(child, inherited) for child in element.children]
        node = self._nodes[id(root)]
        return _find_cost(node), node.references

    def _connect(self, element: SvgElement, inherited: _Inherited) -> _Inherited:
        """Fill in an element's node. Returns what the elements inside inherit."""
        node = self._nodes[id(element)]
        styles = [self._read_style(_own_declarations(element)), *self._matching_rules(element)]
        inherited = _inherit(inherited, styles)
        node.own = _own_cost(element, magnified=self._magnified)
        node.parts = [(1, self._nodes[id(child)]) for child in element.children]
        node.parts += [(1, style.own) for style in styles]
        if target := self._targets.get(unquote(element.attributes.get("href", "").strip().removeprefix("#"))):
            node.parts.append((1, target))
        paints = [(_times_painted(element, name), paint) for name, paint in inherited.paints.items()]
        if element.tag in _SHAPES:
            node.parts += paints
            node.own += _DASH * _count_dashes(element, inherited.dashes)
        elif element.tag == "use":
            node.each = paints
            node.own += ENDLESS if inherited.dashes else 0
        return inherited

    def _matching_rules(self, element: SvgElement) -> Iterator[_Style]:
        names = dict.fromkeys(element.attributes.get("class", "").split())
        keys = ("*", element.tag, f"#{element.attributes.get('id', '')}", *(f".{name}" for name in names))
        return (self._rules[key] for key in keys if key in self._rules)

    def _read_style(self, declarations: Sequence[Declaration]) -> _Style:
        style = _Style(own=_Node())
        for declaration in declarations:
            name = declaration.name.removeprefix("-webkit-")
            name = "marker" if name.startswith("marker") else name
            names = map(unquote, _REFERENCE.findall(declaration.value))
            targets = [(1.0, self._targets[target]) for target in names if target in self._targets]
            if name in _INHERITED:
                style.paints.setdefault(name, _Node()).parts += targets
            else:
                style.own.parts += targets
            if name == "stroke-dasharray":
                style.dashes = max(style.dashes or 0.0, _dashes_for_each_unit(declaration.value))
            style.own.own += _declaration_cost(name, declaration.value, magnified=self._magnified)
        return style


def _own_declarations(element: SvgElement) -> list[Declaration]:
    """The attributes as declarations, and those of the `style` attribute. Raises StyleError."""
    own = [Declaration(*item) for item in element.attributes.items() if item[0] not in ("style", "href", "id")]
    if any("\\" in d.value for d in own if d.name in _LAYER_PROPERTIES | _INHERITED or d.name.startswith("marker")):
        raise StyleError("it has a backslash in an attribute")
    return own + parse_declarations(plain_css(element.attributes.get("style", "")))


def _inherit(outer: _Inherited, styles: list[_Style]) -> _Inherited:
    """What an element and those inside it are painted with. What it says itself replaces what it inherits."""
    own: dict[str, _Node] = {}
    for style in styles:
        for name, paint in style.paints.items():
            own[name] = _Node(parts=[(1, own[name]), (1, paint)]) if name in own else paint
    dashes = [style.dashes for style in styles if style.dashes is not None]
    if not own and not dashes:
        return outer
    return _Inherited(paints={**outer.paints, **own}, dashes=max(dashes) if dashes else outer.dashes)


def _declaration_cost(name: str, value: str, *, magnified: bool) -> float:
    """What a declaration costs each element that it is for."""
    if "inherit" in value.lower() and (name in _LAYER_PROPERTIES or name == "all"):
        return ENDLESS  # each of the elements inside would get it again
    layer = _LAYER if name in _LAYER_PROPERTIES and value not in ("1", "none") else 0
    functions = filter_functions_cost(value, magnified=magnified) if name == "filter" else 0
    is_drawing = "path(" in value or "polygon(" in value
    return layer + functions + (len(value) / _SHAPE_BYTES if is_drawing else 0)


def _own_cost(element: SvgElement, *, magnified: bool) -> float:
    """The cost of one element without its style and what it refers to."""
    tag, size = element.tag, sum(map(len, element.attributes.values()))
    if tag == "stop":
        return _STOP + size / (_STYLE_BYTES * _SHAPE_BYTES)
    if tag == "filter":
        return filter_cost(element, magnified=magnified)
    if tag.startswith("fe"):
        return 0.0  # its filter has it
    if tag == "image":
        return 1 + _count_pixels(element.attributes.get("href", "")) / _PIXELS
    text = element.text_bytes if tag in _TEXTS else 0
    return max(1.0, (size + text) / (_SHAPE_BYTES if tag in _SHAPES else _STYLE_BYTES))


def _count_pixels(href: str) -> float:
    """The pixels of an embedded picture. One that cannot be read counts as endless."""
    _, comma, content = href.partition("base64,")
    if not comma:
        return 0.0
    try:
        pixels = count_decoded_pixels(base64.b64decode(content))
    except ValueError:
        pixels = None
    return ENDLESS if pixels is None else float(pixels)


def _times_painted(element: SvgElement, name: str) -> float:
    """How often a shape, or each shape that a `<use>` repeats, is painted with something. Markers are at each point."""
    if name != "marker":
        return 1
    return _MARKERS_OF_USED if element.tag == "use" else 4 + len(_points(element)) / 2


def _points(element: SvgElement) -> str:
    return element.attributes.get("d") or element.attributes.get("points") or ""


def _dashes_for_each_unit(value: str) -> float:
    """Dashes for each unit of length. Endless if the value has units or is computed."""
    if value.strip().lower() in ("none", "0", ""):
        return 0.0
    numbers = re.split(r"[\s,]+", value.strip().replace("px", ""))
    if not all(map(NUMBER.fullmatch, numbers)):
        return math.inf
    total = sum(map(bounded, numbers))
    return len(numbers) / total if total > 0 else 0.0


def _count_dashes(element: SvgElement, dashes: float) -> float:
    """At most how many dashes a shape has, from a bound of its length."""
    if not dashes:
        return 0.0
    if element.tag in _TEXTS or math.isinf(dashes) or {"pathLength", "vector-effect"} & element.attributes.keys():
        return _MAX_DASHES
    return min(_MAX_DASHES, dashes * _longest_outline(element))


def _longest_outline(element: SvgElement) -> float:
    """A bound of the length of a shape's outline, in its own units.

    With absolute commands alone, each point is within the largest number. A relative command adds its own numbers at
    most, but an absolute one after it can lead back from anywhere.
    """
    data = _points(element)
    if not data:
        keys = ("x", "y", "width", "height", "cx", "cy", "r", "rx", "ry", "x1", "y1", "x2", "y2")
        return 7 * sum(bounded(n) for key in keys for n in NUMBER.findall(element.attributes.get(key, "")))
    numbers, closings = [bounded(n) for n in NUMBER.findall(data)], len(re.findall(r"[Zz]", data))
    if not re.search(r"[a-df-y]", data):
        return 5 * (len(numbers) + closings) * max(numbers, default=0.0)
    absolute = sum(len(NUMBER.findall(piece)) for piece in re.findall(r"[A-Z][^A-Za-z]*", data.lstrip()[1:]))
    return 4 * sum(numbers) * (1 + 2 * (absolute + closings))


def _find_cost(root: _Node) -> float:
    """The cost of a node. One that refers to itself, or is nested too deep, is endless."""
    waiting = [root]
    while waiting:
        node = waiting[-1]
        parts = [part for _, part in (*node.parts, *node.each)]
        if node.cost == -1.0:
            node.cost = -2.0
            if any(part.cost == -2.0 for part in parts):
                return ENDLESS
            waiting += [part for part in parts if part.cost == -1.0]
            continue
        waiting.pop()
        if node.cost == -2.0:
            node.depth = 1 + max((part.depth for part in parts), default=0)
            node.references = node.is_reference + max((part.references for part in parts), default=0)
            drawn = node.own + sum(times * part.cost for times, part in node.parts)
            node.cost = min(ENDLESS, drawn * (1 + sum(times * part.cost for times, part in node.each)))
            if node.depth > MAX_DEPTH:
                return ENDLESS
    return root.cost
