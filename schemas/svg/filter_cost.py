"""What the filters of an SVG image cost, in plain shapes.

A filter works on each pixel of its region, and a blur makes the region larger: in a plain logo by a few pixels, but by
thousands if the image is magnified. So the cost depends on how large filters can get in the file as a whole.
"""

import math
import re
from collections.abc import Iterable, Iterator

from schemas.svg.element import NUMBER, SvgElement, bounded
from schemas.svg.style_rules import StyleRules, parse_declarations, plain_css

#: Primitives and functions that look at their surroundings, so that their input is larger than their output.
_WIDENING = frozenset(["feGaussianBlur", "feDropShadow", "feMorphology", "feDisplacementMap", "blur", "drop-shadow"])
_PRIMITIVE = 50
_SLOW_PRIMITIVES = {"feMorphology": 500, "feGaussianBlur": 100, "feDropShadow": 100, "blur": 100, "drop-shadow": 100}
_SLOW_PRIMITIVES |= {"feTurbulence": 100, "feDiffuseLighting": 100, "feSpecularLighting": 100}
_CONVOLVED_CELL = 5
#: How many times as large a region can get in a magnified image. Browsers stop at a blur of 532 pixels.
_MAGNIFIED = 400
#: The lengths in a filter can be this part of the image's side.
_LARGEST_PART = 0.2
#: Styles and attributes that give what is inside another scale. So does `viewBox`, except at the root.
_MAGNIFYING_STYLES = frozenset(["transform", "scale", "zoom"])
_MAGNIFYING_UNITS = frozenset(["primitiveUnits", "patternContentUnits", "maskContentUnits", "clipPathUnits"])

_COLOR = re.compile(r"(?:rgb|hsl)a?\([^()]*\)", re.IGNORECASE)
_FUNCTION = re.compile(r"(?<![A-Za-z-])([A-Za-z-]++)\s*+\(([^()]*+)\)")
#: Numbers, alone or in pixels, and names and codes of colors. Other units depend on the size of something else.
_PLAIN_LENGTHS = re.compile(
    r"(?:[-+.\d\s]|(?<=[\d.])(?:px|e(?=[-+\d]))|#[0-9a-f]++|(?<![\d.a-z])[a-z]++)*+", re.IGNORECASE
)


def filter_cost(element: SvgElement, *, magnified: bool) -> float:
    """What one use of a `<filter>` costs."""
    costs = {id(child): _primitive_cost(child) for child in element.children if child.tag.startswith("fe")}
    return _sum_costs(costs.values(), sum(child.tag in _WIDENING for child in element.children), magnified=magnified)


def filter_functions_cost(value: str, *, magnified: bool) -> float:
    """What one use of filter functions costs, such as `blur(2px)` in a style."""
    names = [name.lower() for name, _ in _list_functions(value)]
    costs = [_SLOW_PRIMITIVES.get(name, _PRIMITIVE) for name in names]
    return _sum_costs(costs, sum(name in _WIDENING for name in names), magnified=magnified)


def may_magnify_filters(root: SvgElement, elements: list[SvgElement], rules: StyleRules, references: int) -> bool:
    """Whether filters can get much larger than in a plain drawing. `references` is how often one can lead to the next.

    Whatever is not plain to see counts as magnified.
    """
    styles = [declaration for declarations in rules.values() for declaration in declarations]
    for element in elements:
        styles += parse_declarations(plain_css(element.attributes.get("style", "")))
    lengths = [length for element in elements for length in _filter_lengths(element)]
    functions = [style.value for style in styles if style.name == "filter"]
    functions += [element.attributes["filter"] for element in elements if "filter" in element.attributes]
    if not functions:
        return False
    limit = _LARGEST_PART * _find_side(root) / _find_largest_scale(root) ** (1 + references)
    has_other_scale = any(_changes_scale(element) for element in elements if element is not root) or any(
        style.name in _MAGNIFYING_STYLES for style in styles
    )
    return has_other_scale or not all(_is_small(text, limit) for text in (*lengths, *_widening_lengths(functions)))


def _sum_costs(costs: Iterable[float], widening: int, *, magnified: bool) -> float:
    return sum(costs) * (1 + widening) ** 2 * (_MAGNIFIED if magnified and widening else 1)


def _primitive_cost(primitive: SvgElement) -> float:
    if primitive.tag != "feConvolveMatrix":
        return _SLOW_PRIMITIVES.get(primitive.tag, _PRIMITIVE)
    order = [bounded(n) for n in NUMBER.findall(primitive.attributes.get("order", "3"))] or [3.0]
    return _PRIMITIVE + _CONVOLVED_CELL * order[0] * order[-1]


def _list_functions(value: str) -> list[tuple[str, str]]:
    """(name, arguments) of the functions in a style's value, without references and colors."""
    return [(name, inside) for name, inside in _FUNCTION.findall(_COLOR.sub("", value)) if name.lower() != "url"]


def _filter_lengths(element: SvgElement) -> Iterator[str]:
    names = ("stdDeviation", "radius", "scale") if element.tag.startswith("fe") else ()
    return (element.attributes[name] for name in names if name in element.attributes)


def _widening_lengths(functions: Iterable[str]) -> Iterator[str]:
    for value in functions:
        yield from (inside for name, inside in _list_functions(value) if name.lower() in _WIDENING)


def _is_small(lengths: str, limit: float) -> bool:
    is_plain = _PLAIN_LENGTHS.fullmatch(lengths) is not None
    return is_plain and all(bounded(n) <= limit for n in NUMBER.findall(re.sub(r"#\w+", "", lengths)))


def _changes_scale(element: SvgElement) -> bool:
    attributes = element.attributes
    return "viewBox" in attributes or any(attributes.get(name) == "objectBoundingBox" for name in _MAGNIFYING_UNITS)


def _find_side(root: SvgElement) -> float:
    """The image's shorter side in its own units; 0 if that is not plain."""
    box = root.attributes.get("viewBox") or f"{root.attributes.get('width')} {root.attributes.get('height')}"
    return min((bounded(n) for n in NUMBER.findall(box)[-2:]), default=0.0)


def _find_largest_scale(root: SvgElement) -> float:
    """How much the transforms around an element magnify it at most, without references."""
    largest, waiting = 1.0, [(root, 1.0)]
    while waiting:
        element, scale = waiting.pop()
        scale *= _transform_scale(element.attributes.get("transform", ""))
        largest = max(largest, scale)
        waiting += [(child, min(scale, 1e12)) for child in element.children]
    return min(largest, 1e6)


def _transform_scale(transform: str) -> float:
    scale = 1.0
    for name, inside in _FUNCTION.findall(transform):
        numbers = [math.copysign(bounded(n), float(n)) for n in NUMBER.findall(inside)] or [0.0]
        if name == "scale":
            scale *= max(map(abs, numbers))
        elif name.startswith("skew"):
            scale *= 1 + abs(math.tan(math.radians(numbers[0])))
        elif name == "matrix":
            a, b, c, d = (*numbers, 0.0, 0.0, 0.0, 0.0)[:4]
            squares, determinant = a * a + b * b + c * c + d * d, a * d - b * c
            scale *= math.sqrt((squares + math.sqrt(max(0.0, squares**2 - 4 * determinant**2))) / 2)
    return scale
