"""YAML to a tree of text, or to one finding; any bytes, linear time."""

import time

import pytest
import yaml

from schemas.manifest.yaml_tree import Fields, Items, MappingEntry, Scalar, read_yaml
from schemas.model.findings import Finding
from tests.schemas.drop_cases import ROOT

MiB = 1 << 20
LOADERS = [pytest.param(yaml.CSafeLoader, id="libyaml"), pytest.param(yaml.SafeLoader, id="python")]


def texts(content: bytes | str, loader: type = yaml.CSafeLoader) -> dict[str, str]:
    """The scalars of a flat mapping."""
    tree = read_yaml(content.encode() if isinstance(content, str) else content, max_bytes=MiB, loader=loader)
    assert isinstance(tree, Fields), tree
    return {key: entry.node.text for key, entry in tree.entries.items()}


@pytest.mark.parametrize("loader", LOADERS)
@pytest.mark.parametrize(
    "written",
    [
        *("no", "yes", "on", "Off", "y", "null", "~", "true", "FALSE"),
        *("1_000", "0x1F", "0o17", "017", "12:30:00", "190:20:30", "1e3", ".inf", ".NaN", "+1", "9007199254740993"),
        *("2027-01-04", "2027-01-04T09:00", "2027-01-04 09:00:00 -6", "<<", "=", "5012149020", "+15012149020"),
    ],
)
def test_every_scalar_is_text(written, loader):
    assert texts(f"key: {written}\n{written}: value\n", loader) == {"key": written, written: "value"}


@pytest.mark.parametrize("loader", LOADERS)
@pytest.mark.parametrize(
    ("written", "text"),
    [
        ("!!int 5", "5"),
        ("!!bool no", "no"),
        ("!!python/object/apply:os.system ls", "ls"),
        ("!anything x", "x"),
        ("'it''s'", "it's"),
        ('"a\\tb\\u00e9"', "a\tbé"),
        ("|\n  two\n  lines\n", "two\nlines\n"),
        (">-\n  one\n  line\n", "one line"),
        ("plain\n  goes on", "plain goes on"),
        ("", ""),
        ("value # comment", "value"),
    ],
)
def test_tags_decide_nothing_and_styles_read_as_yaml_says(written, text, loader):
    assert texts(f"key: {written}\n", loader) == {"key": text}


@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_are_the_editors(mark, end):
    tree = read_yaml(end.join([f"{mark}a: 1", "# comment", "b:", "  - x", ""]).encode(), max_bytes=MiB)
    assert tree == Fields(
        {"a": MappingEntry(1, Scalar("1", 1)), "b": MappingEntry(3, Items((Scalar("x", 4),), 4))},
        1,
    )


def test_the_first_of_equal_keys_stands():
    tree = read_yaml(b"a: 1\nb: 2\na: 3\na: 4\n", max_bytes=MiB)
    assert tree == Fields(
        {"a": MappingEntry(1, Scalar("1", 1)), "b": MappingEntry(2, Scalar("2", 2))}, 1, (("a", 3), ("a", 4))
    )


def test_an_alias_is_what_it_names():
    tree = read_yaml(b"a: &x {k: v}\nb: *x\n", max_bytes=MiB)
    assert isinstance(tree, Fields)
    assert tree.entries["b"].node == tree.entries["a"].node


@pytest.mark.parametrize("loader", LOADERS)
@pytest.mark.parametrize(
    ("content", "rule", "message"),
    [
        (b"", "MAN-001", "Line 1, column 1: the file is empty."),
        (b"# nothing\n", "MAN-001", "Line 1, column 1: the file is empty."),
        (b"text", "MAN-001", "Line 1, column 1: the file must be keys with values, not a list or a single text."),
        (b"\xff\xfea\x00", "MAN-001", "Line 1, column 1: this is UTF-16; save the file as UTF-8."),
        (b"a: 1\nb: \xe9\n", "MAN-001", "Line 2, column 4: the byte 0xE9 is not UTF-8."),
        ("a: é\r\nb: \x1b[0m".encode(), "MAN-001", "Line 2, column 4: the control character U+001B is not allowed."),
        (b"a: 1\n\tb: 2\n", "MAN-001", "Line 2, column 1: a tab; indent with spaces only."),
        ("a: 1\n\ufeffb: 2\n".encode(), "MAN-001", "Line 2, column 1: the control character U+FEFF is not allowed."),
        (b"a: @x\n", "MAN-001", "Line 1, column 4: a value cannot begin with @; put it in quotes."),
        (b"a: %x\n", "MAN-001", "Line 1, column 4: a value cannot begin with %; put it in quotes."),
        (
            b"a: b: c\n",
            "MAN-001",
            "Line 1, column 5: a colon here would begin another key; put the whole value in quotes.",
        ),
        (
            b"a: [1, 2\n",
            "MAN-001",
            "Line 2, column 1: a bracket or brace that is never closed, or a comma missing inside it.",
        ),
        (b"a: 'x\n", "MAN-001", "Line 2, column 1: a quotation mark that is never closed."),
        (b"a: *x\n", "MAN-001", "Line 1, column 4: the alias *x names nothing before it."),
        (b"a: &x [*x]\n", "MAN-001", "Line 1, column 8: the alias *x names nothing before it."),
        (
            b"a: {{ x }}\n",
            "MAN-001",
            "Line 1, column 5: a key must be plain text; is there a {{ gap }} that was not filled in?",
        ),
        (b"a: 1\n---\nb: 2\n", "MAN-001", "Line 2, column 1: a second document begins; a file holds one."),
        (b"a: " + b"[" * 20, "MAN-011", "Line 1, column 19: nested more than 16 deep."),
    ],
)
def test_what_cannot_be_read_is_one_plain_line(content, rule, message, loader):
    found = read_yaml(content, max_bytes=MiB, loader=loader)
    assert isinstance(found, Finding)
    assert (found.rule, found.message) == (rule, message)


@pytest.mark.parametrize("loader", LOADERS)
@pytest.mark.parametrize("content", [b'a: "\\ud800"', b'a: "\\UFFFFFFFF"', b'a: "\\q"', b'a: "\\xg"'])
def test_an_impossible_escape(content, loader):
    found = read_yaml(content, max_bytes=MiB, loader=loader)
    assert isinstance(found, Finding)
    assert found.rule == "MAN-001"
    assert "escape" in found.message


def test_more_bytes_than_allowed_are_not_parsed():
    found = read_yaml(b"a: 1\n" * 3, max_bytes=14)
    assert isinstance(found, Finding)
    assert (found.rule, found.message) == ("MAN-011", "The file has more than 14 bytes, which is all that is read.")


def test_an_alias_bomb_is_put_out():
    bomb = "a: &a [x, x, x, x, x, x, x, x, x]\n"
    bomb += "".join(f"{c}: &{c} [{', '.join(['*' + p] * 9)}]\n" for p, c in zip("abcdefgh", "bcdefghi", strict=True))
    found = read_yaml(bomb.encode(), max_bytes=MiB)
    assert isinstance(found, Finding)
    assert (found.rule, found.message) == ("MAN-011", "Line 4, column 8: aliases add more than 1,000 values.")


@pytest.mark.parametrize(
    "content",
    [
        b"x:\n" * 340_000,
        b"[" * MiB,
        b"? " * (MiB // 2),
        b"{a," * (MiB // 3),
        b"a: '" + b"\n" * (MiB - 5) + b"'",
        b"a: |\n" + b" x\n" * (MiB // 3 - 5),
        b"k" * (MiB - 3) + b": a",
        b"&a " * (MiB // 3),
        b"# x\n" * (MiB // 4),
    ],
    ids=lambda content: content[:8].decode(),
)
def test_a_hostile_mebibyte_takes_seconds_at_most(content):
    began = time.process_time()
    read_yaml(content, max_bytes=MiB)
    assert time.process_time() - began < 10


@pytest.mark.parametrize(
    "path", sorted(ROOT.glob("*/*/drop/program.y*ml")), ids=lambda path: f"{path.parts[-4]}/{path.parts[-3]}"
)
def test_both_loaders_agree(path):
    content = path.read_bytes()
    fast, plain = (read_yaml(content, max_bytes=MiB, loader=loader) for loader in (yaml.CSafeLoader, yaml.SafeLoader))
    if isinstance(fast, Fields):
        assert fast == plain
    else:
        assert isinstance(plain, Finding)
        assert fast.rule == plain.rule
