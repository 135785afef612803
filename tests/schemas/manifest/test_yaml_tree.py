"""Parsing YAML to a tree of text, or to one finding, in linear time for any bytes."""

import time

import pytest
import yaml

from schemas.manifest.yaml_tree import YamlEntry, YamlList, YamlMapping, YamlScalar, parse_yaml
from schemas.model.findings import Finding
from tests.schemas.drop_cases import CASES_FOLDER

MiB = 1 << 20
LOADERS = [pytest.param(yaml.CSafeLoader, id="libyaml"), pytest.param(yaml.SafeLoader, id="python")]


def texts(content: bytes | str, loader: type = yaml.CSafeLoader) -> dict[str, str]:
    """The values of a flat mapping."""
    tree = parse_yaml(content.encode() if isinstance(content, str) else content, max_bytes=MiB, loader=loader)
    assert isinstance(tree, YamlMapping), tree
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
def test_tags_do_nothing_and_styles_follow_yaml(written, text, loader):
    assert texts(f"key: {written}\n", loader) == {"key": text}


@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_are_those_of_an_editor(mark, end):
    tree = parse_yaml(end.join([f"{mark}a: 1", "# comment", "b:", "  - x", ""]).encode(), max_bytes=MiB)
    assert tree == YamlMapping(
        {"a": YamlEntry(1, YamlScalar("1", 1)), "b": YamlEntry(3, YamlList((YamlScalar("x", 4),), 4))},
        1,
    )


def test_the_first_of_equal_keys_counts():
    tree = parse_yaml(b"a: 1\nb: 2\na: 3\na: 4\n", max_bytes=MiB)
    assert tree == YamlMapping(
        {"a": YamlEntry(1, YamlScalar("1", 1)), "b": YamlEntry(2, YamlScalar("2", 2))}, 1, (("a", 3), ("a", 4))
    )


def test_an_alias_is_the_node_of_its_anchor():
    tree = parse_yaml(b"a: &x {k: v}\nb: *x\n", max_bytes=MiB)
    assert isinstance(tree, YamlMapping)
    assert tree.entries["b"].node == tree.entries["a"].node


@pytest.mark.parametrize("loader", LOADERS)
@pytest.mark.parametrize(
    ("content", "rule", "message"),
    [
        (b"", "MAN-001", "Line 1, column 1: the file is empty."),
        (b"# nothing\n", "MAN-001", "Line 1, column 1: the file is empty."),
        (b"text", "MAN-001", "Line 1, column 1: the file must contain keys and values, not a list or plain text."),
        (b"\xff\xfea\x00", "MAN-001", "Line 1, column 1: this is UTF-16; save the file as UTF-8."),
        (b"a: 1\nb: \xe9\n", "MAN-001", "Line 2, column 4: the byte 0xE9 is not UTF-8."),
        ("a: é\r\nb: \x1b[0m".encode(), "MAN-001", "Line 2, column 4: the control character U+001B is not allowed."),
        (b"a: 1\n\tb: 2\n", "MAN-001", "Line 2, column 1: tabs are not allowed here; indent with spaces."),
        ("a: 1\n\ufeffb: 2\n".encode(), "MAN-001", "Line 2, column 1: the control character U+FEFF is not allowed."),
        (b"a: @x\n", "MAN-001", "Line 1, column 4: a value cannot start with @; put it in quotes."),
        (b"a: %x\n", "MAN-001", "Line 1, column 4: a value cannot start with %; put it in quotes."),
        (
            b"a: b: c\n",
            "MAN-001",
            "Line 1, column 5: a colon here would start a new key; put the whole value in quotes.",
        ),
        (
            b"a: [1, 2\n",
            "MAN-001",
            "Line 2, column 1: a bracket or brace is never closed, or a comma is missing inside it.",
        ),
        (b"a: 'x\n", "MAN-001", "Line 2, column 1: a quotation mark is never closed."),
        (b"a: *x\n", "MAN-001", "Line 1, column 4: no anchor comes before the alias *x."),
        (b"a: &x [*x]\n", "MAN-001", "Line 1, column 8: no anchor comes before the alias *x."),
        (
            b"a: {{ x }}\n",
            "MAN-001",
            "Line 1, column 5: a key must be plain text; was a {{ placeholder }} not filled in?",
        ),
        (
            b"a: 1\n---\nb: 2\n",
            "MAN-001",
            "Line 2, column 1: a second YAML document starts here; the file can have only one.",
        ),
        (b"a: " + b"[" * 20, "MAN-011", "Line 1, column 19: nested more than 16 levels deep."),
    ],
)
def test_unreadable_yaml_is_one_finding(content, rule, message, loader):
    found = parse_yaml(content, max_bytes=MiB, loader=loader)
    assert isinstance(found, Finding)
    assert (found.rule, found.message) == (rule, message)


@pytest.mark.parametrize("loader", LOADERS)
@pytest.mark.parametrize("content", [b'a: "\\ud800"', b'a: "\\UFFFFFFFF"', b'a: "\\q"', b'a: "\\xg"'])
def test_an_impossible_escape(content, loader):
    found = parse_yaml(content, max_bytes=MiB, loader=loader)
    assert isinstance(found, Finding)
    assert found.rule == "MAN-001"
    assert "escape" in found.message


def test_a_file_over_the_limit_is_not_parsed():
    found = parse_yaml(b"a: 1\n" * 3, max_bytes=14)
    assert isinstance(found, Finding)
    assert (found.rule, found.message) == ("MAN-011", "The file is larger than the limit of 14 bytes.")


def test_an_alias_bomb_is_refused():
    bomb = "a: &a [x, x, x, x, x, x, x, x, x]\n"
    bomb += "".join(f"{c}: &{c} [{', '.join(['*' + p] * 9)}]\n" for p, c in zip("abcdefgh", "bcdefghi", strict=True))
    found = parse_yaml(bomb.encode(), max_bytes=MiB)
    assert isinstance(found, Finding)
    assert (found.rule, found.message) == ("MAN-011", "Line 4, column 8: the aliases add more than 1,000 values.")


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
    parse_yaml(content, max_bytes=MiB)
    assert time.process_time() - began < 10


@pytest.mark.parametrize(
    "path", sorted(CASES_FOLDER.glob("*/*/drop/program.y*ml")), ids=lambda path: f"{path.parts[-4]}/{path.parts[-3]}"
)
def test_both_loaders_give_the_same_result(path):
    content = path.read_bytes()
    fast, slow = (parse_yaml(content, max_bytes=MiB, loader=loader) for loader in (yaml.CSafeLoader, yaml.SafeLoader))
    if isinstance(fast, YamlMapping):
        assert fast == slow
    else:
        assert isinstance(slow, Finding)
        assert fast.rule == slow.rule
