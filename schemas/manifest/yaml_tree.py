"""Parses YAML into a tree in which every scalar is the text that was written.

Tags do nothing, and there are no dates, numbers or booleans: `no` is the text "no", and 12:30:00 is not a number in
base sixty. Any bytes give a tree or one finding, in linear time.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol

import yaml

from schemas.model.findings import Finding
from schemas.rules import make_finding

#: libyaml, if PyYAML was built with it: the same events, many times faster. (Only libyaml accepts a tab between words.)
FastLoader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

#: Mappings and lists inside each other. A manifest needs four levels.
MAX_DEPTH = 16
#: How many nodes aliases can add in all. A manifest needs no aliases.
MAX_ALIAS_NODES = 1000

_LINE_BREAKS = re.compile("\r\n|[\r\n\x85\u2028\u2029]")
#: Characters that YAML does not allow, and byte order marks inside the text, as in concatenated files.
_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")
_SURROGATE = re.compile("[\ud800-\udfff]")
_TAB_INDENT = re.compile(" *\t")
_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")


@dataclass(frozen=True, slots=True)
class YamlScalar:
    """A single value, as text: quotes removed, lines folded, never converted."""

    text: str
    line: int


@dataclass(frozen=True, slots=True)
class YamlList:
    """A list, with the line it starts on."""

    nodes: "tuple[YamlNode, ...]"
    line: int


@dataclass(frozen=True, slots=True)
class YamlEntry:
    """The value of a key, and the line of the key."""

    line: int
    node: "YamlNode"


@dataclass(frozen=True, slots=True)
class YamlMapping:
    """A mapping. If a key appears more than once, the first one counts; `repeated` has the later ones (key, line)."""

    entries: Mapping[str, YamlEntry]
    line: int
    repeated: tuple[tuple[str, int], ...] = ()


YamlNode = YamlScalar | YamlList | YamlMapping


class _Mark(Protocol):
    """A position as both loaders report it, counted from 0."""

    @property
    def line(self) -> int: ...
    @property
    def column(self) -> int: ...


class _UnreadableYaml(Exception):
    """The file cannot be parsed: the rule it breaks, the reason, and where (line and column from 1)."""

    def __init__(self, rule: str, reason: str, line: int, column: int) -> None:
        super().__init__(reason)
        self.rule, self.reason, self.line, self.column = rule, reason, line, column


def parse_yaml(data: bytes, *, max_bytes: int, loader: type = FastLoader) -> YamlMapping | Finding:
    """The YAML's mapping, or a finding: it cannot be read (MAN-001), or it is too large (MAN-011)."""
    if len(data) > max_bytes:
        return make_finding("MAN-011", f"The file is larger than the limit of {max_bytes:,} bytes.")
    try:
        return _build_tree(_decode(data), loader)
    except _UnreadableYaml as error:
        end = "" if error.reason.endswith("?") else "."
        message = f"Line {error.line}, column {error.column}: {error.reason}{end}"
        return make_finding(error.rule, message, line=error.line)


def _decode(data: bytes) -> str:
    if data.startswith(_UTF16_MARKS):
        raise _UnreadableYaml("MAN-001", "this is UTF-16; save the file as UTF-8", 1, 1)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = data[: error.start].decode("utf-8-sig", errors="replace")
        raise _UnreadableYaml(
            "MAN-001", f"the byte 0x{data[error.start]:02X} is not UTF-8", *_position_after(before)
        ) from None
    if bad := _UNPRINTABLE.search(text):
        reason = f"the control character U+{ord(bad[0]):04X} is not allowed"
        raise _UnreadableYaml("MAN-001", reason, *_position_after(text[: bad.start()]))
    return text


def _position_after(text: str) -> tuple[int, int]:
    """The line and column (from 1) right after this text."""
    breaks = list(_LINE_BREAKS.finditer(text))
    return len(breaks) + 1, len(text) - (breaks[-1].end() if breaks else 0) + 1


def _build_tree(text: str, loader: type) -> YamlMapping:
    builder = _TreeBuilder()
    for event in _parse_events(text, loader):
        builder.handle(event)
    if builder.root is None:
        raise _UnreadableYaml("MAN-001", "the file is empty", 1, 1)
    if not isinstance(builder.root, YamlMapping):
        raise _UnreadableYaml("MAN-001", "the file must contain keys and values, not a list or plain text", 1, 1)
    return builder.root


def _parse_events(text: str, loader: type) -> Iterator[yaml.Event]:
    parser = loader(text)
    try:
        while parser.check_event():
            yield parser.get_event()
    except yaml.MarkedYAMLError as error:
        position = _position(error.problem_mark or error.context_mark)
        raise _UnreadableYaml("MAN-001", _explain(error, text), *position) from None
    except (yaml.YAMLError, ValueError, OverflowError):
        # The pure Python scanner raises one of these for an impossible escape ("\UFFFFFFFF"), without a position.
        raise _UnreadableYaml("MAN-001", "an escape in a quoted text is not a valid character", 1, 1) from None
    finally:
        parser.dispose()


#: A pattern for what the scanners report (the two word it differently), and an explanation that helps the author.
_EXPLANATIONS = (
    (r"mapping values are not allowed", "a colon here would start a new key; put the whole value in quotes"),
    (r"could not find expected ':'", "a key has no colon; add it, or indent the line if it continues the one above"),
    (r"unexpected end of stream", "a quotation mark is never closed"),
    (r"escape|hexdecimal", "a backslash in double quotes starts an unknown escape"),
    (r"document start", "there is more text after the end of the mapping"),
    (
        r"block end|expected key|'-' indicator",
        "the indentation does not match the lines above, or a quotation mark above is not closed",
    ),
    (r"',' or '[]}]'|node content", "a bracket or brace is never closed, or a comma is missing inside it"),
    (r"duplicate anchor|anchor|alias", "an anchor or alias has no valid name"),
)


def _explain(error: yaml.MarkedYAMLError, text: str) -> str:
    problem, mark = str(error.problem), error.problem_mark
    if mark is not None:
        found = text[mark.index : mark.index + 1]
        if found == "\t" or _TAB_INDENT.match(text, mark.index - mark.column):
            return "tabs are not allowed here; indent with spaces"
        if "cannot start any token" in problem:
            return f"a value cannot start with {found}; put it in quotes"
    for pattern, explanation in _EXPLANATIONS:
        if re.search(pattern, problem):
            return explanation
    return "this is not valid YAML"


@dataclass(slots=True)
class _OpenNode:
    """A mapping or list that has not ended yet. `nodes_before` is how many nodes came before it."""

    line: int
    anchor: str | None
    nodes_before: int
    nodes: list[YamlNode] | None = None
    entries: dict[str, YamlEntry] = field(default_factory=dict)
    repeated: list[tuple[str, int]] = field(default_factory=list)
    key: YamlScalar | None = None

    def put(self, node: YamlNode) -> None:
        if self.nodes is not None:
            self.nodes.append(node)
        elif self.key is None:
            assert isinstance(node, YamlScalar)  # _TreeBuilder refuses anything else
            self.key = node
        else:
            self._put_entry(self.key, node)
            self.key = None

    def _put_entry(self, key: YamlScalar, node: YamlNode) -> None:
        if key.text in self.entries:
            self.repeated.append((key.text, key.line))
        else:
            self.entries[key.text] = YamlEntry(key.line, node)

    @property
    def awaits_key(self) -> bool:
        return self.nodes is None and self.key is None

    def close(self) -> YamlNode:
        if self.nodes is not None:
            return YamlList(tuple(self.nodes), self.line)
        return YamlMapping(self.entries, self.line, tuple(self.repeated))


class _TreeBuilder:
    """Builds the tree from events, without recursion. An alias shares the node of its anchor, up to a limit."""

    def __init__(self) -> None:
        self.root: YamlNode | None = None
        self._open: list[_OpenNode] = []
        self._anchors: dict[str, tuple[YamlNode, int]] = {}
        self._node_count = 0
        self._alias_node_count = 0
        self._document_count = 0

    def handle(self, event: yaml.Event) -> None:
        match event:
            case yaml.ScalarEvent():
                self._add_scalar(event)
            case yaml.AliasEvent():
                self._add_alias(event)
            case yaml.MappingStartEvent():
                self._open_node(event, nodes=None)
            case yaml.SequenceStartEvent():
                self._open_node(event, nodes=[])
            case yaml.MappingEndEvent() | yaml.SequenceEndEvent():
                self._close_node()
            case yaml.DocumentStartEvent():
                self._start_document(event)

    def _start_document(self, event: yaml.Event) -> None:
        self._document_count += 1
        if self._document_count > 1:
            raise _UnreadableYaml(
                "MAN-001",
                "a second YAML document starts here; the file can have only one",
                *_position(event.start_mark),
            )

    def _add_scalar(self, event: yaml.ScalarEvent) -> None:
        if _SURROGATE.search(event.value):
            raise _UnreadableYaml(
                "MAN-001", "a backslash in double quotes starts an unknown escape", *_position(event.start_mark)
            )
        self._add_node(YamlScalar(event.value, _position(event.start_mark)[0]), event.anchor, size=1)

    def _open_node(self, event: yaml.NodeEvent, nodes: list[YamlNode] | None) -> None:
        line, column = _position(event.start_mark)
        if len(self._open) >= MAX_DEPTH:
            raise _UnreadableYaml("MAN-011", f"nested more than {MAX_DEPTH} levels deep", line, column)
        self._check_not_a_key(line, column)
        self._open.append(_OpenNode(line, event.anchor, self._node_count, nodes))

    def _close_node(self) -> None:
        closed = self._open.pop()
        self._add_node(closed.close(), closed.anchor, size=self._node_count - closed.nodes_before + 1)

    def _add_alias(self, event: yaml.AliasEvent) -> None:
        line, column = _position(event.start_mark)
        anchor = event.anchor or ""
        if anchor not in self._anchors:
            raise _UnreadableYaml("MAN-001", f"no anchor comes before the alias *{anchor[:40]}", line, column)
        node, size = self._anchors[anchor]
        if not isinstance(node, YamlScalar):
            self._check_not_a_key(line, column)
        self._alias_node_count += size
        self._node_count += size - 1
        if self._alias_node_count > MAX_ALIAS_NODES:
            raise _UnreadableYaml("MAN-011", f"the aliases add more than {MAX_ALIAS_NODES:,} values", line, column)
        self._add_node(node, None, size=size)

    def _check_not_a_key(self, line: int, column: int) -> None:
        """A list or a mapping cannot be a key. The usual cause is `x: {{ y }}`, a placeholder in a template."""
        if self._open and self._open[-1].awaits_key:
            reason = "a key must be plain text; was a {{ placeholder }} not filled in?"
            raise _UnreadableYaml("MAN-001", reason, line, column)

    def _add_node(self, node: YamlNode, anchor: str | None, *, size: int) -> None:
        self._node_count += 1
        if anchor is not None:
            self._anchors[anchor] = (node, size)
        if self._open:
            self._open[-1].put(node)
        else:
            self.root = node


def _position(mark: _Mark | None) -> tuple[int, int]:
    """The line and column, from 1. Without a mark, the start of the file."""
    return (mark.line + 1, mark.column + 1) if mark else (1, 1)
