"""The cost of drawing an SVG image: what repeats, filters, styles and embedded pictures add."""

import base64
import struct
import time

import pytest

from schemas.manifest.logo import MAX_DRAWING_COST, check_logo, measure_logo

SVG = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 64 64">{}</svg>'
RECT = '<rect width="9" height="9"/>'
ENDLESS = "its parts refer to each other, are nested too deep, or are repeated almost without end"
BLUR = '<filter id="f"><feGaussianBlur stdDeviation="2"/></filter>'


def cost(inside):
    return measure_logo(SVG.format(inside).encode())


def fault(inside):
    content = SVG.format(inside).encode()
    (found,) = check_logo(len(content), content)
    assert found.rule == "IMG-002"
    return found.message


def repeated(inside, times, *, levels=1):
    """The drawing, `times` times in a group, which comes `times` times in the next, and so on."""
    groups = f'<g id="g0">{inside}</g>'
    for level in range(levels):
        groups += f'<g id="g{level + 1}">' + f'<use href="#g{level}"/>' * times + "</g>"
    return f'<defs>{groups}</defs><use href="#g{levels}"/>'


#: What drawing programs write.
COMMON = {
    "a shadow by Figma": (
        '<g filter="url(#f)"><circle cx="32" cy="28" r="20"/></g><defs><filter id="f" x="0" y="0" width="64">'
        '<feFlood flood-opacity="0" result="b"/><feColorMatrix in="SourceAlpha" values="0 0 0 0 0 0 0 0 127 0"/>'
        '<feOffset dy="4"/><feGaussianBlur stdDeviation="2"/><feComposite in2="h" operator="out"/><feColorMatrix/>'
        '<feBlend in2="b" result="e"/><feBlend in="SourceGraphic" in2="e"/></filter></defs>'
    ),
    "classes by Illustrator": (
        "<style>.st0{clip-path:url(#c);fill:url(#g);}\n.st1{font-family:'Myriad';}</style><defs><path id='p'/>"
        "</defs><clipPath id='c'><use href='#p' style='overflow:visible;'/></clipPath><linearGradient id='g'><stop/>"
        "<stop offset='1' style='stop-color:#00f'/></linearGradient>" + "<path class='st0' d='M1,2c3,4,5,6z'/>" * 300
    ),
    "a blur and a mask by Inkscape": (
        BLUR + '<mask id="m"><rect width="64" height="64"/></mask><g transform="matrix(1.25,0,0,-1.25,0,9)">'
        '<path style="fill:#0f0;filter:url(#f);stroke-dasharray:2,1" mask="url(#m)" d="m 1,2 c 3,4 5,6 7,8 z"/></g>'
    ),
    "a dark mode": "<style>path{fill:#000}@media (prefers-color-scheme: dark){path{fill:#fff}}</style><path/>",
    "petals": f'<symbol id="s">{RECT}</symbol>' + '<use href="#s" transform="rotate(9)" fill="url(#s2)"/>' * 36,
    "a shadow in a style": '<g style="filter: drop-shadow(1px 2px 3px rgba(0, 0, 0, .5)) saturate(150%)"><path/></g>',
}


@pytest.mark.parametrize("name", COMMON)
def test_common_drawings_are_cheap(name):
    found = cost(COMMON[name])
    assert found is not None
    assert found < MAX_DRAWING_COST / 5


def test_nested_repeats():
    assert fault(repeated(RECT, 10, levels=8)) == (
        "The logo takes too long to draw: as long as 680,246,904 plain shapes; 30,000 are allowed."
    )


def test_repeats_up_to_the_limit():
    assert cost(repeated(RECT, 60, levels=2)) == 22_028
    assert "too long to draw: as long as" in fault(repeated(RECT, 75, levels=2))


@pytest.mark.parametrize(
    "inside",
    [
        '<g id="a"><use href="#a"/></g>',
        '<g id="a"><use href="#b"/></g><g id="b"><use href="#a"/></g>',
        '<pattern id="p"><rect fill="url(#p)"/></pattern><rect fill="url(#p)"/>',
        '<g id="a"><use href="#%61"/></g>',
        repeated(RECT, 1, levels=60),
        "<g>" * 101 + "</g>" * 101,
        repeated(RECT, 100, levels=9),
        "<g/>" * 30_001,
        '<g filter="url(#f)"><g filter="inherit"/></g>',
        "<style>* { all: inherit }</style>",
        '<g stroke-dasharray="1"><use href="#a"/></g>',
    ],
)
def test_what_has_no_end(inside):
    assert fault(inside) == f"The logo takes too long to draw: {ENDLESS}."


PAINTS = {
    "mask": '<mask id="x">{}</mask><rect mask="url(#x)"/>',
    "clip path": '<clipPath id="x">{}</clipPath><rect clip-path="url(#x)"/>',
    "pattern": '<pattern id="x">{}</pattern><rect fill="url(#x)"/>',
    "inherited pattern": '<pattern id="x">{}</pattern><g fill="URL( \'#x\' )"><rect/></g>',
    "class": '<style>/* a */ .a, b{{mask: url("#x")}}</style><mask id="x">{}</mask><g class="b a"/>',
    "long selector": '<style>@media all{{g > .a:link {{mask:url(#x)}}}}</style><mask id="x">{}</mask><g class="a"/>',
    "style attribute": '<mask id="x">{}</mask><g style="fill:red;mask:url(#x)"/>',
    "marker": '<marker id="x">{}</marker><g marker-mid="url(#x)"><path d="M0 0h1"/></g>',
    "marker of a use": '<marker id="x">{}</marker><path id="y"/><use href="#y" marker-start="url(#x)"/>',
    "text path": '<g id="x">{}</g><text><textPath href="#x">a</textPath></text>',
}


@pytest.mark.parametrize("name", PAINTS)
def test_what_is_painted_with_something_pays_for_it(name):
    bare, costly = cost(PAINTS[name].format("")), cost(PAINTS[name].format(RECT * 100))
    assert None not in (bare, costly)
    assert costly - bare > 100 + 90  # once where it is, and once where it is used


def test_own_paint_replaces_an_inherited_one():
    pattern = f'<pattern id="x">{RECT * 100}</pattern>'
    assert cost(f'{pattern}<g fill="url(#x)"><rect fill="red"/></g>') < 250


def test_a_marker_is_drawn_at_each_point():
    points = "0 0 " * 2_000
    assert "as long as" in fault(
        f'<marker id="x">{RECT * 10}</marker><polyline points="{points}" marker-mid="url(#x)"/>'
    )


def test_filters():
    circles = '<circle r="3" filter="url(#f)"/>'
    assert cost(BLUR + circles * 40) < MAX_DRAWING_COST
    assert "as long as" in fault(BLUR + circles * 100)
    assert "as long as" in fault('<g style="filter: blur(2px)"/>' * 100)
    assert "as long as" in fault('<filter id="f"><feConvolveMatrix order="99"/></filter>' + circles)


@pytest.mark.parametrize(
    "inside",
    [
        BLUR + '<g transform="scale(1000)"><path filter="url(#f)"/></g>',
        '<filter id="f"><feGaussianBlur stdDeviation="20"/></filter><path filter="url(#f)"/>',
        BLUR.replace("<filter", '<filter primitiveUnits="objectBoundingBox"') + '<path filter="url(#f)"/>',
        BLUR + '<svg viewBox="0 0 .1 .1"><path filter="url(#f)"/></svg>',
        BLUR + '<path filter="url(#f)" style="transform: scale(99)"/>',
        '<path filter="blur(9em)"/>',
        '<path filter="blur(9rem)"/>',
        '<path filter="blur(9vw)"/>',
        BLUR + '<g id="a" transform="scale(1.5)"><path filter="url(#f)"/></g>'
        + "".join(f'<g id="a{i}" transform="scale(1.5)"><use href="#a{i - 1 if i else ""}"/></g>' for i in range(9)),
    ],
)  # fmt: skip
def test_a_blur_that_is_magnified(inside):
    assert "too long to draw" in fault(inside)


def test_dashes_are_counted_from_a_bound_of_the_length():
    circle = '<circle r="30" fill="none" stroke="red" stroke-dasharray="{}"/>'
    assert cost(circle.format("4 2")) < 50
    assert "as long as" in fault(circle.format(".001"))
    assert "as long as" in fault(circle.format("1%"))
    path = '<path stroke-dasharray=".01" d="{}"/>'
    assert cost(path.format("M0 0L9 9L0 9Z")) < MAX_DRAWING_COST
    assert "as long as" in fault(path.format("M9999 0" + "H0z" * 50))
    assert "as long as" in fault(path.format("m0 0h9999" + "H0h9" * 50))


@pytest.mark.parametrize(
    ("css", "reason"),
    [
        ('a{content:"}"}', "its style has a brace or semicolon in quotes"),
        ("a{fill:'x}", "its style has a comment or quote that never ends"),
        ("a{fill:red /* }", "its style has a comment or quote that never ends"),
        ("a{fill:url(#x};b{)}", "its style has a brace or semicolon in parentheses"),
        ("a{--\u2603: var(--y)}", "its style has a custom property with a function"),
        ("a{--x: var(--y)}", "its style has a custom property with a function"),
        ("a:has(b){fill:red}", "its style sheet has a selector that is not plain"),
        ("a b c d e{fill:red}", "its style sheet has a selector that is not plain"),
        ("a{fill:red}" * 12_000, "its style sheet has too many selectors"),
        ("@keyframes x{}", "its style sheet contains @keyframes"),
        ("@starting-style{}", "its style sheet contains @starting-style"),
    ],
)
def test_styles_that_are_not_plain(css, reason):
    assert fault(f"<style>{css}</style>" + "<g/>" * 200) == f"The logo is not a plain SVG image: {reason}."


def picture(content):
    return f'<image href="data:image/png;base64,{base64.b64encode(content).decode()}"/>'


def png(width, height):
    return b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + struct.pack(">II", width, height) + b"\x08\x06\0\0\0"


def jpeg(width, height, scans):
    start = (
        b"\xff\xd8\xff\xe0\0\x10" + bytes(14) + b"\xff\xc2\0\x11\x08" + struct.pack(">HH", height, width) + bytes(10)
    )
    return start + b"\xff\xda\0\x02" * scans


def gif(*frames):
    blocks = b"".join(b"\x2c" + struct.pack("<HHHHB", 0, 0, *size, 0) + b"\x02\x01\0\0" for size in frames)
    return b"GIF89a" + struct.pack("<HHBBB", 1, 1, 0, 0, 0) + b"\x21\xf9\x04\0\0\0\0\0" + blocks + b"\x3b"


@pytest.mark.parametrize(
    ("content", "pixels"),
    [
        (png(1000, 1000), 1_000_000),
        (jpeg(1000, 500, 2), 1_000_000),
        (gif((1000, 500), (500, 1000)), 1_000_000),
        (b"RIFF\0\0\0\0WEBPVP8X" + bytes(8) + (999).to_bytes(3, "little") * 2, 1_000_000),
        (b"RIFF\0\0\0\0WEBPVP8L\0\0\0\0\x2f" + (999 | 999 << 14).to_bytes(4, "little"), 1_000_000),
        (b"RIFF\0\0\0\0WEBPVP8 " + bytes(10) + struct.pack("<HH", 1000, 1000), 1_000_000),
        (b"\x89PNG\r\n\x1a\n", 0),  # cut short: nothing is drawn
    ],
)
def test_an_embedded_picture_costs_its_pixels(content, pixels):
    assert cost(picture(content)) == pytest.approx(2 + pixels / 1_000)


@pytest.mark.parametrize(
    "content", [png(60_000, 60_000), jpeg(9000, 9000, 900), b"BM" + bytes(60), png(9, 9) + b"acTL", gif((9, 9))[:-1]]
)
def test_an_embedded_picture_that_is_huge_or_unknown(content):
    assert "too long to draw" in fault(picture(content))


@pytest.mark.parametrize(
    "inside",
    [
        "<g/>" * 29_000,
        "<style>" + ".a{fill:red}" * 15_000 + "</style>",
        "<use href='#a'/>" * 10_000 + '<g id="a"/>',
        '<path stroke-dasharray="1" d="M0' + " 0" * 90_000 + '"/>',
        "<style>" + "{" * 190_000 + "</style>",
        f"<style>{'(' * 190_000}</style>",
        f"<style>{'[' * 190_000}{{fill:red}}</style>",
        f"<style>{'-' * 190_000}</style>",
        f"<style>{'--a:' * 47_000}</style>",
        f"<style>{'a,' * 40_000}b{{{'x:1;' * 25_000}}}</style>",
        f'<filter id="f"><feGaussianBlur stdDeviation="{"a" * 190_000}("/></filter><path filter="url(#f)"/>',
        f'<path filter="{"a" * 190_000}"/>',
        f'<path filter="url({" " * 190_000}"/>',
        f'<path stroke-dasharray="{"1" * 190_000}x"/>',
    ],
)
def test_working_out_the_cost_takes_seconds_at_most(inside):
    began = time.process_time()
    content = SVG.format(inside).encode()
    check_logo(len(content), content)
    assert time.process_time() - began < 10
