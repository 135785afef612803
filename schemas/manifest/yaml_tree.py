"""Parses YAML into a tree in which every scalar is the text that was written.

There are no dates, numbers or booleans: `no` is the text "no", and 12:30:00 is not a number in base sixty. A value that
YAML would read only in part, such as `&Co Acme Bank`, is marked in the tree; nothing of it is dropped in silence. Any
bytes give a tree or one finding, in linear time.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

import yaml

from schemas.manifest.yaml_faults import (
    UnquotedValue,
    UnreadableYaml,
    explain_error,
    find_odd_key_start,
    mark_index,
    mark_position,
    propose_quotes,
    quote_text,
)
from schemas.model.characters import describe_character
from schemas.model.file_kinds import HEAD_BYTES, detect_file_kind
from schemas.model.findings import Finding
from schemas.rules import make_finding

#: libyaml, if PyYAML was built with it: the same events, many times faster. (Only libyaml accepts a tab between words.)
FastLoader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

#: Mappings and lists inside each other. A manifest needs four levels.
MAX_DEPTH = 16
#: How many nodes aliases can add in all. A manifest needs no aliases.
MAX_ALIAS_NODES = 1000
#: How many values without quotes are read around, and in how long a text. Each takes another parse.
_MAX_REPAIRS = 8
_MAX_REPAIRED_LENGTH = 32_768

_LINE_BREAKS = re.compile("\r\n|[\r\n\x85\u2028\u2029]")
#: Characters that YAML does not allow, and byte order marks inside the text, as in concatenated files.
_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")
_SURROGATE = re.compile("[\ud800-\udfff]")
_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")
#: The start of UTF-16 without a byte order mark: every other byte is NUL.
_UTF16_START = re.compile(rb"(?:[^\0]\0){3}|(?:\0[^\0]){3}", re.DOTALL)
_NULLS = frozenset({"", "~", "null", "Null", "NULL"})
#: The rest of a line that has a comment where a value could be.
_COMMENT = re.compile("[ \t]*(#[^\n\r\x85\u2028\u2029]*)")
#: The rest of a line that has a comment after a value, with no space after the #.
_CLOSE_COMMENT = re.compile("[ \t]+(#[^ \t\n\r\x85\u2028\u2029#][^\n\r\x85\u2028\u2029]*)")
#: What can stand before a value: anchors and tags.
_PROPERTIES = re.compile(r"(?:[&!][^\s,\[\]{}]*[ \t]*)+")
#: Tags of YAML itself (`!!str`), which do not look like a part of the value.
_STANDARD_TAG = "tag:yaml.org,2002:"
#: A longer list in brackets is not a text without quotes.
_MAX_FLOW_LENGTH = 100
#: How much of a tag, anchor or alias a message shows.
_SHOWN_PROPERTIES = 60


@dataclass(frozen=True, slots=True)
class YamlScalar:
    """A single value, as text: quotes removed, lines folded, never converted.

    `comment` is a comment after it that has no space after the #, as in `Bank #1`. It may be a part of the value.
    """

    text: str
    line: int
    comment: str = ""


@dataclass(frozen=True, slots=True)
class YamlNull:
    """No value. `written` is what stands there instead: nothing, `null`, `~`, or a comment."""

    line: int
    written: str


@dataclass(frozen=True, slots=True)
class YamlList:
    """A list, with the line it starts on.

    `properties` are its tag, and its anchor if nothing uses it. `flow` is its text, if it is short and in brackets.
    """

    nodes: "tuple[YamlNode, ...]"
    line: int
    properties: str = ""
    flow: str = ""


@dataclass(frozen=True, slots=True)
class YamlEntry:
    """The value of a key, and the line of the key."""

    line: int
    node: "YamlNode"


@dataclass(frozen=True, slots=True)
class YamlMapping:
    """A mapping. If a key appears more than once, the first one counts; `repeated` has the later ones (key, line).

    `properties` and `flow` are as in `YamlList`.
    """

    entries: Mapping[str, YamlEntry]
    line: int
    repeated: tuple[tuple[str, int], ...] = ()
    properties: str = ""
    flow: str = ""


#: A node whose value can be used.
YamlValue = YamlScalar | YamlList | YamlMapping
YamlNode = YamlValue | YamlNull | UnquotedValue


def parse_yaml(data: bytes, *, max_bytes: int, loader: type = FastLoader) -> YamlMapping | Finding:
    """The YAML's mapping, or a finding: it cannot be read (MAN-001), or it is too large (MAN-011)."""
    if len(data) > max_bytes:
        return make_finding("MAN-011", f"The file is larger than the limit of {max_bytes:,} bytes.")
    try:
        return _read_tree(_decode(data), loader)
    except UnreadableYaml as error:
        kind = detect_file_kind(data[:HEAD_BYTES])
        return _unreadable(UnreadableYaml("MAN-001", f"this is {kind.name}, not YAML", 1, 1) if kind else error)


def _unreadable(error: UnreadableYaml) -> Finding:
    end = "" if error.reason.endswith("?") else "."
    message = f"Line {error.line}, column {error.column}: {error.reason}{end}"
    return make_finding(error.rule, message, line=error.line)


def _decode(data: bytes) -> str:
    if data.startswith(_UTF16_MARKS) or _UTF16_START.match(data):
        raise UnreadableYaml("MAN-001", "this is UTF-16; save the file as UTF-8", 1, 1)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = data[: error.start].decode("utf-8-sig", errors="replace")
        raise UnreadableYaml(
            "MAN-001", f"the byte 0x{data[error.start]:02X} is not UTF-8", *_position_after(before)
        ) from None
    if bad := _UNPRINTABLE.search(text):
        named = describe_character(bad[0]) if bad[0] == "\ufeff" else f"the control character U+{ord(bad[0]):04X}"
        reason = f"{named} is not allowed"
        raise UnreadableYaml("MAN-001", reason, *_position_after(text[: bad.start()]))
    return text


def _position_after(text: str) -> tuple[int, int]:
    """The line and column (from 1) right after this text."""
    breaks = list(_LINE_BREAKS.finditer(text))
    return len(breaks) + 1, len(text) - (breaks[-1].end() if breaks else 0) + 1


def _read_tree(text: str, loader: type) -> YamlMapping:
    """The tree. Values that must be in quotes are read around, so that one of them does not hide all other faults."""
    unquoted: dict[int, UnquotedValue] = {}
    first_error: UnreadableYaml | None = None
    while True:
        try:
            return _build_tree(text, loader, unquoted)
        except UnreadableYaml as error:
            first_error = first_error or error
            repair = _find_repair(text, error, loader) if len(unquoted) < _MAX_REPAIRS else None
            if repair is None:
                raise first_error from None
            value, text = repair
            unquoted[value.line] = value


def _find_repair(text: str, error: UnreadableYaml, loader: type) -> tuple[UnquotedValue, str] | None:
    """The value that caused the error, and the text with that value in quotes. None if it has another cause."""
    if error.rule != "MAN-001" or len(text) > _MAX_REPAIRED_LENGTH:
        return None
    for value, repaired in propose_quotes(text, error):
        try:
            _build_tree(repaired, loader, {})
        except UnreadableYaml as next_error:
            if next_error.place <= error.place:
                continue
        return value, repaired
    return None


def _build_tree(text: str, loader: type, unquoted: Mapping[int, UnquotedValue]) -> YamlMapping:
    """The tree of a text in which some lines (numbers from 1) have a value that was put in quotes."""
    used = _used_anchors(_parse_events(text, loader)) if "&" in text else frozenset()
    builder = _TreeBuilder(text, used, unquoted)
    for event in _parse_events(text, loader):
        builder.handle(event)
    if builder.root is None:
        raise UnreadableYaml("MAN-001", "the file is empty", 1, 1)
    if not isinstance(builder.root, YamlMapping):
        raise UnreadableYaml("MAN-001", "the file must contain keys and values, not a list or plain text", 1, 1)
    return builder.root


def _used_anchors(events: Iterable[yaml.Event]) -> frozenset[int]:
    """Where the nodes start whose anchors are used by an alias."""
    latest: dict[str | None, int] = {}
    used = set()
    for event in events:
        if isinstance(event, yaml.AliasEvent):
            used.add(latest.get(event.anchor, -1))
        elif isinstance(event, yaml.NodeEvent) and event.anchor is not None:
            latest[event.anchor] = mark_index(event.start_mark)
    return frozenset(used)


def _parse_events(text: str, loader: type) -> Iterator[yaml.Event]:
    parser = loader(text)
    try:
        while parser.check_event():
            yield parser.get_event()
    except yaml.MarkedYAMLError as error:
        raise explain_error(error, text) from None
    except (yaml.YAMLError, ValueError, OverflowError):
        # The pure Python scanner raises one of these for an impossible escape ("\UFFFFFFFF"), without a position.
        raise UnreadableYaml("MAN-001", "an escape in a quoted text is not a valid character", 1, 1) from None
    finally:
        parser.dispose()


@dataclass(slots=True)
class _OpenNode:
    """A mapping or list that has not ended yet. `nodes_before` is how many nodes came before it.

    `flow_start` is the index of its bracket, if it has one.
    """

    line: int
    anchor: str | None
    properties: str
    flow_start: int | None
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

    def close(self, flow: str) -> YamlNode:
        if self.nodes is not None:
            return YamlList(tuple(self.nodes), self.line, self.properties, flow)
        return YamlMapping(self.entries, self.line, tuple(self.repeated), self.properties, flow)


class _TreeBuilder:
    """Builds the tree from events, without recursion. An alias shares the node of its anchor, up to a limit."""

    def __init__(self, text: str, used_anchors: frozenset[int], unquoted: Mapping[int, UnquotedValue]) -> None:
        self.root: YamlNode | None = None
        self._text = text
        self._used_anchors = used_anchors
        self._unquoted = unquoted
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
                self._close_node(event)
            case yaml.DocumentStartEvent():
                self._start_document(event)

    def _start_document(self, event: yaml.Event) -> None:
        self._document_count += 1
        if self._document_count > 1:
            raise UnreadableYaml(
                "MAN-001",
                "a second YAML document starts here; the file can have only one",
                *mark_position(event.start_mark),
            )

    def _add_scalar(self, event: yaml.ScalarEvent) -> None:
        if _SURROGATE.search(event.value):
            raise UnreadableYaml(
                "MAN-001", "a backslash in double quotes starts an unknown escape", *mark_position(event.start_mark)
            )
        read = self._read_key if self._open and self._open[-1].awaits_key else self._read_value
        self._add_node(read(event), event.anchor, size=1)

    def _read_key(self, event: yaml.ScalarEvent) -> YamlScalar:
        line, column = mark_position(event.start_mark)
        if not event.style and (fault := find_odd_key_start(event.value, line, column)):
            raise fault
        return YamlScalar(self._source(event) if self._properties(event) else event.value, line)

    def _read_value(self, event: yaml.ScalarEvent) -> YamlScalar | YamlNull | UnquotedValue:
        line = mark_position(event.start_mark)[0]
        if event.style and line in self._unquoted:
            return self._unquoted[line]
        if properties := self._properties(event):
            return self._misread_value(event, properties)
        if not event.style and event.value in _NULLS:
            comment = None if event.value else _COMMENT.match(self._text, mark_index(event.start_mark))
            return YamlNull(line, comment[1] if comment else event.value)
        comment = None if event.style else _CLOSE_COMMENT.match(self._text, mark_index(event.end_mark))
        return YamlScalar(event.value, line, comment[1].rstrip() if comment else "")

    def _misread_value(self, event: yaml.ScalarEvent, properties: str) -> UnquotedValue:
        """A value with a tag or an anchor before it, which are most likely the start of its text."""
        written = self._source(event)
        meant = event.value if (event.tag or "").startswith(_STANDARD_TAG) else written
        line, is_one_line = mark_position(event.start_mark)[0], "\n" not in written
        what = "a tag" if event.tag else "an anchor that nothing uses"
        reason = f"YAML drops {properties}, which it takes for {what}; put the whole value in quotes"
        return UnquotedValue(line, written, reason, quote_text(meant) if is_one_line else None)

    def _source(self, event: yaml.Event) -> str:
        return self._text[mark_index(event.start_mark) : mark_index(event.end_mark)].strip()

    def _properties(self, event: yaml.NodeEvent) -> str:
        """The tag and anchor before a node, as written; "" if it has none, or only an anchor that an alias uses."""
        start = mark_index(event.start_mark)
        tag = getattr(event, "tag", None)
        if not tag and (event.anchor is None or start in self._used_anchors):
            return ""
        written = _PROPERTIES.match(self._text, start, start + _SHOWN_PROPERTIES)
        return written[0].strip() if written else ""

    def _open_node(self, event: yaml.CollectionStartEvent, nodes: list[YamlNode] | None) -> None:
        line, column = mark_position(event.start_mark)
        if len(self._open) >= MAX_DEPTH:
            raise UnreadableYaml("MAN-011", f"nested more than {MAX_DEPTH} levels deep", line, column)
        self._check_not_a_key(line, column)
        flow_start = mark_index(event.start_mark) if event.flow_style else None
        self._open.append(_OpenNode(line, event.anchor, self._properties(event), flow_start, self._node_count, nodes))

    def _close_node(self, event: yaml.Event) -> None:
        closed = self._open.pop()
        flow = "" if closed.flow_start is None else self._text[closed.flow_start : mark_index(event.end_mark)]
        node = closed.close(flow if len(flow) <= _MAX_FLOW_LENGTH and flow.isprintable() else "")
        self._add_node(node, closed.anchor, size=self._node_count - closed.nodes_before + 1)

    def _add_alias(self, event: yaml.AliasEvent) -> None:
        line, column = mark_position(event.start_mark)
        anchor = event.anchor or ""
        if anchor not in self._anchors:
            self._add_unknown_alias(event)
            return
        node, size = self._anchors[anchor]
        if not isinstance(node, YamlScalar):
            self._check_not_a_key(line, column)
        self._alias_node_count += size
        self._node_count += size - 1
        if self._alias_node_count > MAX_ALIAS_NODES:
            raise UnreadableYaml("MAN-011", f"the aliases add more than {MAX_ALIAS_NODES:,} values", line, column)
        self._add_node(node, None, size=size)

    def _add_unknown_alias(self, event: yaml.AliasEvent) -> None:
        """An alias without an anchor is most likely a text that starts with an asterisk."""
        written = self._source(event)
        line = mark_position(event.start_mark)[0]
        if self._open and self._open[-1].awaits_key:
            self._add_node(YamlScalar(written, line), None, size=1)
            return
        reason = f"YAML takes {written[:_SHOWN_PROPERTIES]} for an alias; put the value in quotes"
        self._add_node(UnquotedValue(line, written, reason, quote_text(written)), None, size=1)

    def _check_not_a_key(self, line: int, column: int) -> None:
        """A list or a mapping cannot be a key. The usual cause is `x: {{ y }}`, a placeholder in a template."""
        if self._open and self._open[-1].awaits_key:
            reason = "a key must be plain text; was a {{ placeholder }} not filled in?"
            raise UnreadableYaml("MAN-001", reason, line, column)

    def _add_node(self, node: YamlNode, anchor: str | None, *, size: int) -> None:
        self._node_count += 1
        if anchor is not None:
            self._anchors[anchor] = (node, size)
        if self._open:
            self._open[-1].put(node)
        else:
            self.root = node
