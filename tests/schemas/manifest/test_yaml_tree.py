"""Parsing YAML to a tree of text, or to one finding, in linear time for any bytes."""

import time

import pytest
import yaml

from schemas.manifest.yaml_faults import UnquotedValue, quote_text
from schemas.manifest.yaml_tree import YamlEntry, YamlList, YamlMapping, YamlNull, YamlScalar, parse_yaml
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
        *("no", "yes", "on", "Off", "y", "nUll", "none", "true", "FALSE"),
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
        ("'it''s'", "it's"),
        ('"a\\tb\\u00e9"', "a\tbé"),
        ("|\n  two\n  lines\n", "two\nlines\n"),
        (">-\n  one\n  line\n", "one line"),
        ("plain\n  goes on", "plain goes on"),
        ("''", ""),
        ("'null'", "null"),
        ('"~"', "~"),
        ("|-\n  null", "null"),
        ("value # comment", "value"),
    ],
)
def test_styles_follow_yaml(written, text, loader):
    assert texts(f"key: {written}\n", loader) == {"key": text}


@pytest.mark.parametrize("loader", LOADERS)
@pytest.mark.parametrize("written", ["", "~", "null", "Null", "NULL", "#1", "# é #"])
def test_a_null_or_a_comment_is_no_value(written, loader):
    for content in (f"é: é\r\nkey: {written}\r\nb: c", f"a: b\nkey:    {written}"):
        assert value(content, loader) == YamlNull(2, written)


@pytest.mark.parametrize("loader", LOADERS)
def test_a_null_in_a_list_is_no_value_and_as_a_key_it_is_a_text(loader):
    tree = parse_yaml(b"a: [null, '', 'null']\nnull: b\n~: c\n", max_bytes=MiB, loader=loader)
    assert isinstance(tree, YamlMapping)
    assert list(tree.entries) == ["a", "null", "~"]
    nodes = tree.entries["a"].node.nodes
    assert nodes == (YamlNull(1, "null"), YamlScalar("", 1), YamlScalar("null", 1))


def value(content: str, loader: type = yaml.CSafeLoader):
    """The value of the key `key`."""
    tree = parse_yaml(content.encode(), max_bytes=MiB, loader=loader)
    assert isinstance(tree, YamlMapping), tree
    return tree.entries["key"].node


@pytest.mark.parametrize("loader", LOADERS)
@pytest.mark.parametrize(
    ("written", "suggested"),
    [
        *(("&Co Acme", '"&Co Acme"'), ("&Co", '"&Co"'), ("& Sons", '"& Sons"'), ("&a &b c", '"&a &b c"')),
        *(("*Acme", '"*Acme"'), ("*Acme Bank", '"*Acme Bank"'), ("* Acme", '"* Acme"'), ("**", '"**"')),
        *(("!Acme", '"!Acme"'), ("!Acme Bank", '"!Acme Bank"'), ("!", '"!"'), ("! Acme", '"! Acme"')),
        *(("!a!b x", '"!a!b x"'), ("!<x> y", '"!<x> y"'), ("!Acme 'Bank'", "\"!Acme 'Bank'\"")),
        *(("!!int 5", '"5"'), ("!!bool no", '"no"'), ("!!str", '""'), ("!!python/object:os.system ls", '"ls"')),
        *(("@Acme", '"@Acme"'), ("`Acme`", '"`Acme`"'), ("%Acme", '"%Acme"'), (", x", '", x"'), ("] x", '"] x"')),
        *(("- Acme", '"- Acme"'), ("? x", '"? x"'), ("| x", '"| x"'), ("> x", '"> x"'), ("-", '"-"')),
        *(("[Acme] Bank", '"[Acme] Bank"'), ("{Acme} Bank", '"{Acme} Bank"')),
        *(("Acme: Bank", '"Acme: Bank"'), ("Acme:", '"Acme:"'), ("Acme: Bank  # our name", '"Acme: Bank"')),
        *(("'Acme's Bank'", '"Acme\'s Bank"'), ('"Acme" Bank', "'\"Acme\" Bank'"), ('"a "b" c"', "'a \"b\" c'")),
        *(('"Acme', '"Acme"'), ("'Acme", '"Acme"'), ("“a: b”", '"a: b"'), (r'"C:\data\x"', r"'C:\data\x'")),
        *(("&é: x", '"&é: x"'), ("🏦: 🏦", '"🏦: 🏦"')),
    ],
)
def test_a_value_that_must_be_in_quotes_hides_nothing_else(written, suggested, loader):
    for content in ("ü: é\nkey: {}\nb: c\n", "ü: é\nkey: {}", "ü:\n  key: {}\nkey: {}\n"):
        found = value(content.replace("{}", written), loader)
        assert isinstance(found, UnquotedValue)
        assert (found.written, found.quoted) == (written.removesuffix("  # our name"), suggested)
    assert texts(f"key: {found.quoted}") == {"key": value(f"key: {found.quoted}").text}


@pytest.mark.parametrize("text", ["&Co", "a'b", 'a"b', "a'b\"c", "a\\b", "a\\'b", "#1", "é: 🏦", " "])
def test_a_text_in_quotes_is_read_as_that_text(text):
    assert texts(f"key: {quote_text(text)}") == {"key": text}


@pytest.mark.parametrize("loader", LOADERS)
def test_a_tag_or_an_unused_anchor_before_a_list_or_a_mapping_is_kept(loader):
    tree = parse_yaml(b"--- !a\nk: &b [x]\nl: &c\n  m: n\no: &d [y]\np: *d\n", max_bytes=MiB, loader=loader)
    assert isinstance(tree, YamlMapping)
    assert tree.properties == "!a"
    assert [entry.node.properties for entry in tree.entries.values()] == ["&b", "&c", "", ""]


@pytest.mark.parametrize("loader", LOADERS)
def test_only_the_anchor_that_is_used_counts_not_another_one_of_its_name(loader):
    tree = parse_yaml(b"a: &x 1\nb: &x 2\nc: *x\n", max_bytes=MiB, loader=loader)
    assert isinstance(tree, YamlMapping)
    assert [type(entry.node) for entry in tree.entries.values()] == [UnquotedValue, YamlScalar, YamlScalar]


@pytest.mark.parametrize("loader", LOADERS)
def test_properties_of_a_key_are_a_part_of_it(loader):
    assert texts("&a k: v\n!b l: w\n*m : x\n", loader) == {"&a k": "v", "!b l": "w", "*m": "x"}


def test_values_are_not_read_around_without_limit():
    many = parse_yaml("".join(f"k{n}: @x\n" for n in range(20)).encode(), max_bytes=MiB)
    assert isinstance(many, Finding)
    assert many.message == "Line 1, column 5: a value cannot start with @; put it in quotes."


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


AFTER_COLON = "after the colon; type a normal space"


def misplaced(line: int, column: int, this: str, above: str) -> tuple[str, str]:
    reason = f"the indentation of this line ({this}) does not fit the line above ({above})"
    return "MAN-001", f"Line {line}, column {column}: {reason}."


def odd_space(line: int, column: int, reason: str) -> tuple[str, str]:
    return "MAN-001", f"Line {line}, column {column}: {reason}."


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
        ("a: 1\n\ufeffb: 2\n".encode(), "MAN-001", "Line 2, column 1: a byte order mark (U+FEFF) is not allowed."),
        (b"[@x]: 1\n", "MAN-001", "Line 1, column 2: a value cannot start with @; put it in quotes."),
        (
            b"a: [1, 2\n",
            "MAN-001",
            "Line 2, column 1: a bracket or brace is never closed, or a comma is missing inside it.",
        ),
        (b"a: [{b: 'x}]\n", "MAN-001", "Line 2, column 1: a quotation mark is never closed."),
        (b"a:\n  b: 1\n   c: 2\n", *misplaced(3, 4, "3 spaces", "2 spaces")),
        (b"a:\n  b: 1\n c: 2\n", *misplaced(3, 2, "1 space", "2 spaces")),
        (b" a: 1\n\n# c\nb: 2\n", *misplaced(4, 1, "0 spaces", "1 space")),
        (b"a: 1\n  b: 2\n", *misplaced(2, 3, "2 spaces", "0 spaces")),
        (b"a:\n  - b: 1\n     c: 2\n", *misplaced(3, 6, "5 spaces", "2 spaces")),
        (b"a:\n  - b: 1\n - b: 2\n", *misplaced(3, 2, "1 space", "2 spaces")),
        (b"a: 1\nb:2\nc: 3\n", "MAN-001", "Line 2, column 3: there must be a space after the colon."),
        (b"a:\n  b:2\n  c: 3\n", "MAN-001", "Line 2, column 5: there must be a space after the colon."),
        (
            b"a: 1\nb 2\nc: 3\n",
            "MAN-001",
            "Line 2, column 1: a key has no colon; add it, or indent the line if it continues the one above.",
        ),
        (b"a: 1\n<<<<<<< HEAD\nb: 1\n", "MAN-001", "Line 2, column 1: a merge conflict was left in the file."),
        (b"```yaml\na: 1\n```\n", "MAN-001", "Line 1, column 1: this line is not YAML; delete it."),
        (
            "a: 1\n\u2003b: 2\n".encode(),
            *odd_space(2, 1, "an em space (U+2003) in the indentation; type normal spaces"),
        ),
        ("a:\n  b:\u200b 1\n  c: 2\n".encode(), *odd_space(2, 5, f"a zero width space (U+200B) {AFTER_COLON}")),
        ("a:\n  b:\u00a01\n# c\n  c: 2\n".encode(), *odd_space(2, 5, f"a no-break space (U+00A0) {AFTER_COLON}")),
        (
            "a:\n  -\u00a0b: 1\n".encode(),
            *odd_space(2, 4, "a no-break space (U+00A0) after the dash; type a normal space"),
        ),
        ("a\uff1a 1\nb: 2\n".encode(), *odd_space(1, 2, 'a fullwidth colon (U+FF1A) instead of ":" after the key')),
        (
            "a:\n  \u2013 b: 1\n".encode(),
            *odd_space(2, 3, 'an en dash (U+2013) instead of "-" starts this line; type a hyphen and a space'),
        ),
        (b"a\0:\0 \0001\0", "MAN-001", "Line 1, column 1: this is UTF-16; save the file as UTF-8."),
        (b"%PDF-1.4\n", "MAN-001", "Line 1, column 1: this is a PDF document, not YAML."),
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
@pytest.mark.parametrize("content", [b'[a: "\\ud800"]', b'[a: "\\UFFFFFFFF"]', b'[a: "\\q"]', b'[a: "\\xg"]'])
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
