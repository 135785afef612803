"""Checks that a logo is a plain, square SVG of less than 200 KB that is quick to draw: IMG-002, IMG-003, IMG-004.

A logo is shown to people who did not ask for it, so only a fixed list of drawing elements is allowed. The file is
parsed as XML and never rendered.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from xml.etree.ElementTree import ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import XMLParser

from schemas.svg.drawing_cost import ENDLESS, drawing_cost
from schemas.svg.element import SvgElement
from schemas.svg.style_rules import StyleError

#: A logo must be smaller than this: 200 KB of 1,024 bytes.
LOGO_SIZE_LIMIT = 200 * 1024
#: A larger file is not parsed.
MAX_PARSED_BYTES = 1 << 20
#: A logo must be drawn as quickly as this many plain shapes. A plain file of 200 KB costs less.
MAX_DRAWING_COST = 30_000

_SVG = "{http://www.w3.org/2000/svg}"
_XHTML = "{http://www.w3.org/1999/xhtml}"
_XML_BASE = "{http://www.w3.org/XML/1998/namespace}base"
_XLINK_HREF = "{http://www.w3.org/1999/xlink}href"
#: The DOCTYPE that drawing programs write. Its ids are known, so nothing has to be fetched.
_PUBLIC_ID = "-//W3C//DTD SVG"
_SYSTEM_IDS = ("http://www.w3.org/", "https://www.w3.org/")

_ELEMENTS = frozenset(
    [
        *("svg", "g", "defs", "title", "desc", "metadata", "style", "symbol", "use", "switch", "view"),
        *("path", "rect", "circle", "ellipse", "line", "polyline", "polygon", "marker"),
        *("text", "tspan", "textPath", "image"),
        *("linearGradient", "radialGradient", "stop", "pattern", "clipPath", "mask", "filter"),
        *("feBlend", "feColorMatrix", "feComponentTransfer", "feComposite", "feConvolveMatrix", "feDiffuseLighting"),
        *("feDisplacementMap", "feDistantLight", "feDropShadow", "feFlood", "feFuncA", "feFuncB", "feFuncG", "feFuncR"),
        *("feGaussianBlur", "feMerge", "feMergeNode", "feMorphology", "feOffset", "fePointLight"),
        *("feSpecularLighting", "feSpotLight", "feTile", "feTurbulence"),
    ]
)
_RASTER = re.compile(r"data:image/(?:png|jpeg|gif|webp);base64,[A-Za-z0-9+/=\s]*")
_URL = re.compile(r"url\s*\(\s*[\"']?\s*(.?)", re.IGNORECASE | re.DOTALL)
#: What a style sheet can use to fetch or run something. A backslash could hide any of these. Of the at-rules, only
#: those pass that drawing programs write: the others can load, animate or repeat.
_STYLE = re.compile(
    r"@(?!media\b|charset\b|supports\b)[\w-]*"
    r"|\bsrc\s*\(|image\s*\(|image-set|expression\s*\(|-moz-binding|behavior\s*:|script:|\\",
    re.IGNORECASE,
)

_LENGTH = re.compile(r"\s*([0-9]*\.?[0-9]+(?:[eE][+-]?[0-9]+)?)\s*(px|pt|pc|mm|cm|in|em|ex|)\s*")
_PIXELS = {
    "": 1.0,
    "px": 1.0,
    "pt": 4 / 3,
    "pc": 16.0,
    "mm": 96 / 25.4,
    "cm": 96 / 2.54,
    "in": 96.0,
    "em": 16.0,
    "ex": 8.0,
}
#: Width and height can differ by this fraction, because drawing programs round.
_ROUNDING = 0.001


@dataclass(frozen=True, slots=True, kw_only=True)
class LogoFault:
    """A logo rule that the image breaks, and the message."""

    rule: str
    message: str


def measure_logo(content: bytes) -> float | None:
    """What a logo costs to draw, in plain shapes. None if it breaks a rule, so that no page may show it."""
    inspector = _SvgInspector()
    is_faulty = len(content) >= LOGO_SIZE_LIMIT or any(_check_drawing(content, inspector))
    return None if is_faulty else inspector.cost


def check_logo(size: int, content: bytes) -> tuple[LogoFault, ...]:
    """The faults of an image of `size` bytes. `content` can be cut at `MAX_PARSED_BYTES`."""
    faults = []
    if size >= LOGO_SIZE_LIMIT:
        message = f"The logo has {size:,} bytes; it must have fewer than {LOGO_SIZE_LIMIT:,}."
        faults.append(LogoFault(rule="IMG-003", message=message))
    if size <= MAX_PARSED_BYTES:
        faults += _check_drawing(content, _SvgInspector(), is_small=size < LOGO_SIZE_LIMIT)
    return tuple(faults)


def _check_drawing(content: bytes, inspector: "_SvgInspector", *, is_small: bool = True) -> Iterator[LogoFault]:
    try:
        parser = XMLParser(target=inspector)
        # Ask expat directly: the wrapper misreads a DOCTYPE that arrives in pieces.
        parser.parser.StartDoctypeDeclHandler = inspector.doctype
        parser.feed(content)
        parser.close()
    except DefusedXmlException:
        inspector.refuse("it declares entities")
    except (ParseError, ValueError, LookupError) as error:
        position = getattr(error, "position", None)
        where = f" (line {position[0]}, column {position[1] + 1})" if position else ""
        yield LogoFault(rule="IMG-002", message=f"The logo is not an SVG image: it cannot be read as XML{where}.")
        return
    reason = _explain_cost(inspector) if is_small else None
    if inspector.refused:
        first, more = inspector.refused[0], len(inspector.refused) - 1
        others = f" (and {more} more problem{'s' if more > 1 else ''})" if more else ""
        yield LogoFault(rule="IMG-002", message=f"The logo is not a plain SVG image: {first}{others}.")
    elif reason:
        yield LogoFault(rule="IMG-002", message=f"The logo takes too long to draw: {reason}.")
    if inspector.root is not None and (reason := _explain_not_square(inspector.root.attributes)):
        yield LogoFault(rule="IMG-004", message=f"The logo is not square: {reason}.")


def _explain_cost(inspector: "_SvgInspector") -> str | None:
    """Why the image takes too long to draw. None if it does not, or is refused anyway."""
    if inspector.refused or inspector.root is None:
        return None
    try:
        cost = inspector.measure()
    except StyleError as e:
        inspector.refuse(str(e))
        return None
    if cost >= ENDLESS:
        return "its parts refer to each other, are nested too deep, or are repeated almost without end"
    return f"as long as {cost:,.0f} plain shapes; {MAX_DRAWING_COST:,} are allowed" if cost > MAX_DRAWING_COST else None


class _SvgInspector:
    """A target of the XML parser. It keeps the elements, and each reason to refuse the image, once."""

    def __init__(self) -> None:
        self.root: SvgElement | None = None
        self.cost = 0.0
        self._reasons: dict[str, None] = {}
        self._open_tags: list[str] = []
        self._open_elements: list[SvgElement] = []
        self._style_text: list[str] = []
        self._style_sheets: list[str] = []

    @property
    def refused(self) -> list[str]:
        return list(self._reasons)

    def refuse(self, reason: str) -> None:
        self._reasons[reason] = None

    def measure(self) -> float:
        """Find the cost of the image, once it is read. Raises StyleError."""
        self.cost = drawing_cost(self.root, "\n".join(self._style_sheets)) if self.root else 0.0
        return self.cost

    def doctype(self, _name: str, system_id: str | None, public_id: str | None, _has_subset: int) -> None:
        is_known = (public_id or "").startswith(_PUBLIC_ID) and (system_id or "").startswith(_SYSTEM_IDS)
        if system_id and not is_known:
            self.refuse("its DOCTYPE refers to something outside the file")

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        element = SvgElement(tag.removeprefix(_SVG), _plain_attributes(attributes))
        if not self._open_tags and tag != f"{_SVG}svg":
            self.refuse(f'its root element is <{_local_name(tag)}>, not <svg xmlns="{_SVG[1:-1]}">')
        elif not self._open_tags:
            self.root = element
        else:
            self._open_elements[-1].children.append(element)
        self._open_tags.append(tag)
        self._open_elements.append(element)
        if tag.startswith(_XHTML) or (tag.startswith(_SVG) and _local_name(tag) not in _ELEMENTS):
            self.refuse(f"it has a <{_local_name(tag)}> element")
        for name, value in attributes.items():
            self._check_attribute(tag, name, value)

    def _check_attribute(self, tag: str, name: str, value: str) -> None:
        local = _local_name(name)
        if local.lower().startswith("on"):
            self.refuse(f"it has the script attribute {local}")
        elif name == _XML_BASE:
            self.refuse("it uses xml:base")
        elif local in ("href", "src"):
            self._check_reference(tag, local, value)
        else:
            self._check_style(value if local == "style" else "", f"the attribute {local}")
            self._check_urls(value, f"the attribute {local}")

    def _check_reference(self, tag: str, name: str, value: str) -> None:
        is_internal = value.strip().startswith("#") or not value.strip()
        is_embedded_picture = tag == f"{_SVG}image" and _RASTER.fullmatch(value.strip())
        if not (is_internal or is_embedded_picture):
            self.refuse(f"the {name} of <{_local_name(tag)}> refers to something outside the file")

    def _check_style(self, css: str, where: str) -> None:
        if found := _STYLE.search(css):
            self.refuse(f"{where} contains {found[0]}")

    def _check_urls(self, text: str, where: str) -> None:
        if any(target != "#" for target in _URL.findall(text)) or "javascript:" in text.lower():
            self.refuse(f"{where} refers to something outside the file")

    def data(self, text: str) -> None:
        if self._open_elements:
            self._open_elements[-1].text_bytes += len(text.encode())
        if self._open_tags and _local_name(self._open_tags[-1]) == "style":
            self._style_text.append(text)

    def end(self, tag: str) -> None:
        self._open_tags.pop()
        self._open_elements.pop()
        if _local_name(tag) == "style":
            css = "".join(self._style_text)
            self._style_text.clear()
            self._style_sheets.append(css)
            self._check_style(css, "its style sheet")
            self._check_urls(css, "its style sheet")

    def pi(self, target: str, _data: str | None = None) -> None:
        self.refuse(f"it has the processing instruction <?{target[:40]}?>")

    def close(self) -> None:
        """The parser requires this method."""


def _plain_attributes(attributes: dict[str, str]) -> dict[str, str]:
    """The attributes of SVG itself. A browser follows `xlink:href` if there is no `href`."""
    plain = {name: value for name, value in attributes.items() if not name.startswith("{")}
    return {"href": attributes[_XLINK_HREF]} | plain if _XLINK_HREF in attributes else plain


def _local_name(name: str) -> str:
    """The name without its namespace, cut to fit in a message."""
    return name.rpartition("}")[2][:40]


def _explain_not_square(root: Mapping[str, str]) -> str | None:
    """Why the image is not square; None if it is. Width and height count, or else the viewBox."""
    width, height = (_pixels(root.get(key, "")) for key in ("width", "height"))
    if width is None or height is None:
        box = re.split(r"[\s,]+", root.get("viewBox", "").strip())
        if len(box) != 4 or (width := _pixels(box[2])) is None or (height := _pixels(box[3])) is None:
            return "it has neither a width and height nor a viewBox"
    if abs(width - height) <= _ROUNDING * max(width, height) and width > 0:
        return None
    return f"it is {width:g} by {height:g}"


def _pixels(length: str) -> float | None:
    """A length in pixels; None if it is a percentage or not a length."""
    match = _LENGTH.fullmatch(length[:40])
    return float(match[1]) * _PIXELS[match[2]] if match else None
