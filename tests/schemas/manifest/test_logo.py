"""Logos: allowed content, size and shape."""

import time

import pytest

from schemas.manifest.logo import LOGO_SIZE_LIMIT, check_logo

SVG = '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" viewBox="0 0 9 9">{}</svg>'


def fault_texts(content: bytes | str) -> list[str]:
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
def test_allowed_content(inside):
    assert fault_texts(SVG.format(inside)) == []


@pytest.mark.parametrize(
    ("inside", "reason"),
    [
        ("<script>x()</script>", "it has a <script> element"),
        ("<a href='#x'/>", "it has a <a> element"),
        ("<foreignObject/>", "it has a <foreignObject> element"),
        ("<animate attributeName='href' to='javascript:x()'/>", "it has a <animate> element (and 1 more problem)"),
        ("<set attributeName='onclick' to='x()'/>", "it has a <set> element"),
        ("<iframe xmlns='http://www.w3.org/1999/xhtml'/>", "it has a <iframe> element"),
        ("<rect onclick='x()'/>", "it has the script attribute onclick"),
        ("<rect ONLOAD='x()'/>", "it has the script attribute ONLOAD"),
        ("<use href='other.svg#a'/>", "the href of <use> refers to something outside the file"),
        ("<use xlink:href='//evil.example/a#b'/>", "the href of <use> refers to something outside the file"),
        ("<image href='http://evil.example/a.png'/>", "the href of <image> refers to something outside the file"),
        ("<image href='data:image/svg+xml;base64,AA=='/>", "the href of <image> refers to something outside the file"),
        ("<use href='data:image/png;base64,AA=='/>", "the href of <use> refers to something outside the file"),
        ("<g xml:base='http://evil.example'/>", "it uses xml:base"),
        ("<rect fill='url(http://evil.example)'/>", "the attribute fill refers to something outside the file"),
        ("<rect fill='URL( &quot;x.svg#a&quot;)'/>", "the attribute fill refers to something outside the file"),
        ("<rect style='fill: url(x)'/>", "the attribute style refers to something outside the file"),
        (r"<rect style='fill: u\72l(x)'/>", "the attribute style contains \\"),
        ("<style>@import 'x.css';</style>", "its style sheet contains @import"),
        ("<style>@im<!-- -->port 'x.css';</style>", "its style sheet contains @import"),
        ("<style>@font-face { src: local(x) }</style>", "its style sheet contains @font-face"),
        ("<style>a { background: url(x) }</style>", "its style sheet refers to something outside the file"),
        ("<style>a { background: image-set('x' 1x) }</style>", "its style sheet contains image-set"),
        ("<?xml-stylesheet href='x.css'?>", "it has the processing instruction <?xml-stylesheet?>"),
    ],
)
def test_refused_content(inside, reason):
    assert fault_texts(SVG.format(inside)) == [f"IMG-002 The logo is not a plain SVG image: {reason}."]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "an SVG image: it cannot be read as XML (line 1, column 1)"),
        (b"GIF89a", "an SVG image: it cannot be read as XML (line 1, column 1)"),
        (b"\x1f\x8b\x08\x00", "an SVG image: it cannot be read as XML (line 1, column 1)"),
        (b"<svg>", "an SVG image: it cannot be read as XML (line 1, column 6)"),
        (b'<?xml version="1.0" encoding="klingon"?><svg/>', "an SVG image: it cannot be read as XML"),
        (b"<html/>", 'a plain SVG image: its root element is <html>, not <svg xmlns="http://www.w3.org/2000/svg">'),
        (b"<svg/>", 'a plain SVG image: its root element is <svg>, not <svg xmlns="http://www.w3.org/2000/svg">'),
        (b'<!DOCTYPE svg [<!ENTITY a "b">]><svg/>', "a plain SVG image: it declares entities"),
        (b'<!DOCTYPE svg [<!ENTITY % a SYSTEM "http://x">%a;]><svg/>', "a plain SVG image: it declares entities"),
        (
            b'<!DOCTYPE svg [<!ENTITY a SYSTEM "file:///etc/passwd">]><svg>&a;</svg>',
            "a plain SVG image: it declares entities",
        ),
    ],
)
def test_a_file_that_is_not_a_plain_svg(content, reason):
    assert fault_texts(content) == [f"IMG-002 The logo is not {reason}."]


@pytest.mark.parametrize(
    "doctype",
    [
        "<!DOCTYPE svg>",
        '<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "http://www.w3.org/Graphics/SVG/1.1/DTD/svg11.dtd">',
        "<!DOCTYPE svg PUBLIC '-//W3C//DTD SVG 20010904//EN' 'https://www.w3.org/TR/2001/REC-SVG-20010904/DTD/svg10.dtd'>",
    ],
)
def test_the_doctype_of_drawing_programs_is_allowed(doctype):
    assert fault_texts(doctype + SVG.format("")) == []


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
def test_a_doctype_that_refers_outside_the_file(external, encoding):
    reason = "its DOCTYPE refers to something outside the file"
    content = f"<!DOCTYPE svg {external}>{SVG.format('')}".encode(encoding)
    assert fault_texts(content) == [f"IMG-002 The logo is not a plain SVG image: {reason}."]


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
def test_a_square_logo(size):
    assert fault_texts(f'<svg xmlns="http://www.w3.org/2000/svg" {size}/>') == []


@pytest.mark.parametrize(
    ("size", "reason"),
    [
        ("", "it has neither a width and height nor a viewBox"),
        ('width="64"', "it has neither a width and height nor a viewBox"),
        ('viewBox="64 64"', "it has neither a width and height nor a viewBox"),
        ('viewBox="0 0 wide high"', "it has neither a width and height nor a viewBox"),
        ('width="-64" height="-64"', "it has neither a width and height nor a viewBox"),
        ('viewBox="0 0 128 64"', "it is 128 by 64"),
        ('width="64" height="63"', "it is 64 by 63"),
        ('width="64px" height="64pt"', "it is 64 by 85.3333"),
        ('width="0" height="0"', "it is 0 by 0"),
        ('width="1e999" height="1e999"', "it is inf by inf"),
        ('width="64" height="32" viewBox="0 0 64 64"', "it is 64 by 32"),
    ],
)
def test_a_logo_that_is_not_square(size, reason):
    assert fault_texts(f'<svg xmlns="http://www.w3.org/2000/svg" {size}/>') == [
        f"IMG-004 The logo is not square: {reason}."
    ]


def test_the_size_limit():
    assert check_logo(LOGO_SIZE_LIMIT - 1, SVG.format("").encode()) == ()
    (fault,) = check_logo(LOGO_SIZE_LIMIT, SVG.format("").encode())
    assert (fault.rule, fault.message) == ("IMG-003", "The logo has 204,800 bytes; it must have fewer than 204,800.")


def test_a_huge_image_is_not_parsed():
    assert [fault.rule for fault in check_logo(1 << 40, b"")] == ["IMG-003"]


@pytest.mark.parametrize(
    "inside", ["<g>" * 200_000, "<!--" + "-" * 0 + "x" * 900_000 + "-->", "<style>" + "url(" * 200_000]
)
def test_a_hostile_image_takes_seconds_at_most(inside):
    began = time.process_time()
    fault_texts(SVG.format(inside))
    assert time.process_time() - began < 5
