"""What an image may be made of, and its shape."""

import time

import pytest

from schemas.manifest.logo import TOO_LARGE, check_logo

SVG = '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" viewBox="0 0 9 9">{}</svg>'


def faults(content: bytes | str) -> list[str]:
    data = content.encode() if isinstance(content, str) else content
    return [f"{fault.rule} {fault.message}" for fault in check_logo(len(data), data)]


@pytest.mark.parametrize(
    "inside",
    [
        "",
        '<path d="M0 0h9v9z"/>',
        '<linearGradient id="a"/><rect fill="url(#a)"/>',
        "<rect style=\"fill: url( '#a' )\"/>",
        '<use xlink:href="#a"/><use href="#b"/>',
        "<style>rect { fill: red }</style>",
        '<image href="data:image/png;base64,iVBORw0KGgo="/>',
        '<text>Say "url(" or http://acme.example as you like</text>',
        '<metadata><x xmlns="urn:x" resource="http://acme.example"/></metadata>',
        "<!-- a comment -->",
    ],
)
def test_what_a_drawing_is_made_of(inside):
    assert faults(SVG.format(inside)) == []


@pytest.mark.parametrize(
    ("inside", "why"),
    [
        ("<script>x()</script>", "it has the element <script>"),
        ("<a href='#x'/>", "it has the element <a>"),
        ("<foreignObject/>", "it has the element <foreignObject>"),
        ("<animate attributeName='href' to='javascript:x()'/>", "it has the element <animate>, and 1 more"),
        ("<set attributeName='onclick' to='x()'/>", "it has the element <set>"),
        ("<iframe xmlns='http://www.w3.org/1999/xhtml'/>", "it has the element <iframe>"),
        ("<rect onclick='x()'/>", "it has the script attribute onclick"),
        ("<rect ONLOAD='x()'/>", "it has the script attribute ONLOAD"),
        ("<use href='other.svg#a'/>", "<use> refers with href to something outside the file"),
        ("<use xlink:href='//evil.example/a#b'/>", "<use> refers with href to something outside the file"),
        ("<image href='http://evil.example/a.png'/>", "<image> refers with href to something outside the file"),
        ("<image href='data:image/svg+xml;base64,AA=='/>", "<image> refers with href to something outside the file"),
        ("<use href='data:image/png;base64,AA=='/>", "<use> refers with href to something outside the file"),
        ("<g xml:base='http://evil.example'/>", "it has xml:base"),
        ("<rect fill='url(http://evil.example)'/>", "the attribute fill refers to something outside the file"),
        ("<rect fill='URL( &quot;x.svg#a&quot;)'/>", "the attribute fill refers to something outside the file"),
        ("<rect style='fill: url(x)'/>", "the attribute style refers to something outside the file"),
        (r"<rect style='fill: u\72l(x)'/>", "the attribute style has \\"),
        ("<style>@import 'x.css';</style>", "its style sheet has @import"),
        ("<style>@im<!-- -->port 'x.css';</style>", "its style sheet has @import"),
        ("<style>@font-face { src: local(x) }</style>", "its style sheet has @font-face"),
        ("<style>a { background: url(x) }</style>", "its style sheet refers to something outside the file"),
        ("<style>a { background: image-set('x' 1x) }</style>", "its style sheet has image-set"),
        ("<?xml-stylesheet href='x.css'?>", "it has the processing instruction <?xml-stylesheet?>"),
    ],
)
def test_what_is_refused(inside, why):
    assert faults(SVG.format(inside)) == [f"IMG-002 The logo is not a plain SVG image: {why}."]


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "an SVG image: it cannot be read as XML (line 1, column 1)"),
        (b"GIF89a", "an SVG image: it cannot be read as XML (line 1, column 1)"),
        (b"\x1f\x8b\x08\x00", "an SVG image: it cannot be read as XML (line 1, column 1)"),
        (b"<svg>", "an SVG image: it cannot be read as XML (line 1, column 6)"),
        (b'<?xml version="1.0" encoding="klingon"?><svg/>', "an SVG image: it cannot be read as XML"),
        (b"<html/>", 'a plain SVG image: its root is <html>, not <svg xmlns="http://www.w3.org/2000/svg">'),
        (b"<svg/>", 'a plain SVG image: its root is <svg>, not <svg xmlns="http://www.w3.org/2000/svg">'),
        (b'<!DOCTYPE svg [<!ENTITY a "b">]><svg/>', "a plain SVG image: it declares entities"),
        (b'<!DOCTYPE svg [<!ENTITY % a SYSTEM "http://x">%a;]><svg/>', "a plain SVG image: it declares entities"),
        (
            b'<!DOCTYPE svg [<!ENTITY a SYSTEM "file:///etc/passwd">]><svg>&a;</svg>',
            "a plain SVG image: it declares entities",
        ),
    ],
)
def test_what_is_no_plain_svg(content, why):
    assert faults(content) == [f"IMG-002 The logo is not {why}."]


@pytest.mark.parametrize(
    "declared",
    [
        "<!DOCTYPE svg>",
        '<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "http://www.w3.org/Graphics/SVG/1.1/DTD/svg11.dtd">',
        "<!DOCTYPE svg PUBLIC '-//W3C//DTD SVG 20010904//EN' 'https://www.w3.org/TR/2001/REC-SVG-20010904/DTD/svg10.dtd'>",
    ],
)
def test_the_declarations_that_drawing_programs_write(declared):
    assert faults(declared + SVG.format("")) == []


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
@pytest.mark.parametrize(
    "external",
    [
        'SYSTEM "http://evil.example/x.dtd"',
        'SYSTEM "file:///etc/passwd"',
        'SYSTEM "x.dtd" [ <!ATTLIST g x CDATA "y"> ]',
        'SYSTEM "http://www.w3.org/Graphics/SVG/1.1/DTD/svg11.dtd"',
        'PUBLIC "-//W3C//DTD SVG 1.1//EN" "http://evil.example/x.dtd"',
        'PUBLIC "-//W3C//DTD SVG 1.1//EN" "http://www.w3.org.evil.example/x.dtd"',
        'PUBLIC "-//W3C//DTD XHTML 1.0//EN" "http://www.w3.org/TR/xhtml1/DTD/xhtml1.dtd"',
        f'PUBLIC "-//W3C//DTD SVG {"x" * 1100}http://www.w3.org/x" "http://evil.example/x.dtd"',
    ],
)
def test_a_declaration_that_is_kept_elsewhere(external, encoding):
    why = "its DOCTYPE refers to something outside the file"
    content = f"<!DOCTYPE svg {external}>{SVG.format('')}".encode(encoding)
    assert faults(content) == [f"IMG-002 The logo is not a plain SVG image: {why}."]


@pytest.mark.parametrize(
    "size",
    [
        'viewBox="0 0 64 64"',
        'viewBox="0,0,64,64"',
        'viewBox=" -5  3.5 64.0 6.4e1 "',
        'width="64" height="64"',
        'width="1in" height="96px"',
        'width="2.54cm" height="25.4mm"',
        'width="6pc" height="72pt"',
        'width="100%" height="100%" viewBox="0 0 64 64"',
        'width="64" height="64" viewBox="0 0 128 64"',
        'width="64" viewBox="0 0 64 64"',
        'width="63.999" height="64"',
    ],
)
def test_square(size):
    assert faults(f'<svg xmlns="http://www.w3.org/2000/svg" {size}/>') == []


@pytest.mark.parametrize(
    ("size", "why"),
    [
        ("", "it states neither width and height nor a viewBox"),
        ('width="64"', "it states neither width and height nor a viewBox"),
        ('viewBox="64 64"', "it states neither width and height nor a viewBox"),
        ('viewBox="0 0 wide high"', "it states neither width and height nor a viewBox"),
        ('width="-64" height="-64"', "it states neither width and height nor a viewBox"),
        ('viewBox="0 0 128 64"', "it is 128 by 64"),
        ('width="64" height="63"', "it is 64 by 63"),
        ('width="64px" height="64pt"', "it is 64 by 85.3333"),
        ('width="0" height="0"', "it is 0 by 0"),
        ('width="1e999" height="1e999"', "it is inf by inf"),
        ('width="64" height="32" viewBox="0 0 64 64"', "it is 64 by 32"),
    ],
)
def test_not_square(size, why):
    assert faults(f'<svg xmlns="http://www.w3.org/2000/svg" {size}/>') == [f"IMG-004 The logo is not square: {why}."]


def test_size():
    assert check_logo(TOO_LARGE - 1, SVG.format("").encode()) == ()
    (fault,) = check_logo(TOO_LARGE, SVG.format("").encode())
    assert (fault.rule, fault.message) == ("IMG-003", "The logo has 204,800 bytes; it must have less than 204,800.")


def test_a_huge_image_is_not_looked_into():
    assert [fault.rule for fault in check_logo(1 << 40, b"")] == ["IMG-003"]


@pytest.mark.parametrize(
    "inside", ["<g>" * 200_000, "<!--" + "-" * 0 + "x" * 900_000 + "-->", "<style>" + "url(" * 200_000]
)
def test_a_hostile_image_takes_seconds_at_most(inside):
    began = time.process_time()
    faults(SVG.format(inside))
    assert time.process_time() - began < 5
