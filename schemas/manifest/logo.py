"""The logo: a plain, square SVG of less than 200 KB: IMG-002, IMG-003, IMG-004.

It is read as XML and never drawn. What may be in it is a list of what drawings are made of; everything else is refused,
since a logo is shown to people who did not choose it.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from xml.etree.ElementTree import ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import XMLParser

#: A logo must be smaller than this: 200 KB of 1,024 bytes.
TOO_LARGE = 200 * 1024
#: A file larger than this is not even looked into.
MAX_READ = 1 << 20

_SVG = "{http://www.w3.org/2000/svg}"
_XHTML = "{http://www.w3.org/1999/xhtml}"
_XML_BASE = "{http://www.w3.org/XML/1998/namespace}base"
#: The declaration that drawing programs write: its ids are known, and nobody has to fetch it.
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
#: What style can fetch or run; a backslash could spell any of it another way.
_STYLE = re.compile(
    r"@import|@font-face|@namespace|\bsrc\s*\(|image\s*\(|image-set|expression\s*\(|-moz-binding|behavior\s*:|script:|\\",
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
#: Width and height may differ by this share, which is what rounding in drawing programs leaves.
_SLACK = 0.001


@dataclass(frozen=True, slots=True, kw_only=True)
class LogoFault:
    """A logo rule that the image breaks, and a sentence that says how."""

    rule: str
    message: str


def check_logo(size: int, content: bytes) -> tuple[LogoFault, ...]:
    """What is wrong with the image of `size` bytes; `content` may be cut at `MAX_READ`."""
    faults = []
    if size >= TOO_LARGE:
        faults.append(
            LogoFault(rule="IMG-003", message=f"The logo has {size:,} bytes; it must have less than {TOO_LARGE:,}.")
        )
    if size <= MAX_READ:
        faults += _check_drawing(content)
    return tuple(faults)


def _check_drawing(content: bytes) -> Iterator[LogoFault]:
    drawing = _Drawing()
    try:
        parser = XMLParser(target=drawing)
        # Asked of expat itself: the parser's own guess at a declaration goes wrong where that comes in pieces.
        parser.parser.StartDoctypeDeclHandler = drawing.declaration
        parser.feed(content)
        parser.close()
    except DefusedXmlException:
        drawing.refuse("it declares entities")
    except (ParseError, ValueError, LookupError) as error:
        place = getattr(error, "position", None)
        where = f" (line {place[0]}, column {place[1] + 1})" if place else ""
        yield LogoFault(rule="IMG-002", message=f"The logo is not an SVG image: it cannot be read as XML{where}.")
        return
    if drawing.refused:
        more = f", and {len(drawing.refused) - 1} more" if len(drawing.refused) > 1 else ""
        yield LogoFault(rule="IMG-002", message=f"The logo is not a plain SVG image: {drawing.refused[0]}{more}.")
    if drawing.root is not None and (why := _not_square(drawing.root)):
        yield LogoFault(rule="IMG-004", message=f"The logo is not square: {why}.")


class _Drawing:
    """Takes what the XML parser meets, keeps the root's attributes and, once each, the things that are refused."""

    def __init__(self) -> None:
        self.root: dict[str, str] | None = None
        self._reasons: dict[str, None] = {}
        self._inside: list[str] = []
        self._style: list[str] = []

    @property
    def refused(self) -> list[str]:
        return list(self._reasons)

    def refuse(self, why: str) -> None:
        self._reasons[why] = None

    def declaration(self, _name: str, system_id: str | None, public_id: str | None, _has_subset: int) -> None:
        is_known = (public_id or "").startswith(_PUBLIC_ID) and (system_id or "").startswith(_SYSTEM_IDS)
        if system_id and not is_known:
            self.refuse("its DOCTYPE refers to something outside the file")

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        if not self._inside and tag != f"{_SVG}svg":
            self.refuse(f'its root is <{_local(tag)}>, not <svg xmlns="{_SVG[1:-1]}">')
        elif not self._inside:
            self.root = attributes
        self._inside.append(tag)
        if tag.startswith(_XHTML) or (tag.startswith(_SVG) and _local(tag) not in _ELEMENTS):
            self.refuse(f"it has the element <{_local(tag)}>")
        for name, value in attributes.items():
            self._check_attribute(tag, name, value)

    def _check_attribute(self, tag: str, name: str, value: str) -> None:
        local = _local(name)
        if local.lower().startswith("on"):
            self.refuse(f"it has the script attribute {local}")
        elif name == _XML_BASE:
            self.refuse("it has xml:base")
        elif local in ("href", "src"):
            self._check_reference(tag, local, value)
        else:
            self._check_style(value if local == "style" else "", f"the attribute {local}")
            self._check_urls(value, f"the attribute {local}")

    def _check_reference(self, tag: str, name: str, value: str) -> None:
        is_inside = value.strip().startswith("#") or not value.strip()
        is_picture = tag == f"{_SVG}image" and _RASTER.fullmatch(value.strip())
        if not (is_inside or is_picture):
            self.refuse(f"<{_local(tag)}> refers with {name} to something outside the file")

    def _check_style(self, css: str, where: str) -> None:
        if found := _STYLE.search(css):
            self.refuse(f"{where} has {found[0]}")

    def _check_urls(self, text: str, where: str) -> None:
        if any(target != "#" for target in _URL.findall(text)) or "javascript:" in text.lower():
            self.refuse(f"{where} refers to something outside the file")

    def data(self, text: str) -> None:
        if self._inside and _local(self._inside[-1]) == "style":
            self._style.append(text)

    def end(self, tag: str) -> None:
        self._inside.pop()
        if _local(tag) == "style":
            css = "".join(self._style)
            self._style.clear()
            self._check_style(css, "its style sheet")
            self._check_urls(css, "its style sheet")

    def pi(self, target: str, _data: str | None = None) -> None:
        self.refuse(f"it has the processing instruction <?{target[:40]}?>")

    def close(self) -> None:
        """The parser asks for it."""


def _local(name: str) -> str:
    """The name without its namespace, short enough for a message."""
    return name.rpartition("}")[2][:40]


def _not_square(root: dict[str, str]) -> str | None:
    """Why the image is not square; None where it is. Width and height say, or else the viewBox."""
    width, height = (_pixels(root.get(key, "")) for key in ("width", "height"))
    if width is None or height is None:
        box = re.split(r"[\s,]+", root.get("viewBox", "").strip())
        if len(box) != 4 or (width := _pixels(box[2])) is None or (height := _pixels(box[3])) is None:
            return "it states neither width and height nor a viewBox"
    if abs(width - height) <= _SLACK * max(width, height) and width > 0:
        return None
    return f"it is {width:g} by {height:g}"


def _pixels(length: str) -> float | None:
    """A length in pixels; None for a percentage or what is no length."""
    match = _LENGTH.fullmatch(length[:40])
    return float(match[1]) * _PIXELS[match[2]] if match else None
