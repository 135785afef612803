"""YAML bytes to a tree in which every scalar is the text that was written.

Tags, and what YAML makes of dates, numbers and booleans, decide nothing: `no` is the text "no" and 12:30:00 is no
number in base sixty. Any bytes give a tree or one finding, in time that grows with their number.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol

import yaml

from schemas.model.findings import Finding
from schemas.rules import finding

#: libyaml where PyYAML was built with it: the same events, many times faster. (It alone lets a tab part two words.)
FastLoader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

#: Mappings and lists inside each other; a manifest needs four.
MAX_DEPTH = 16
#: Nodes that aliases may add in all; a manifest needs none.
MAX_EXPANDED = 1000

_BREAKS = re.compile("\r\n|[\r\n\x85\u2028\u2029]")
#: What YAML does not allow, and a byte order mark that is not at the start, as files put together have it.
_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")
_SURROGATE = re.compile("[\ud800-\udfff]")
_TAB = re.compile(" *\t")
_UTF16 = (b"\xff\xfe", b"\xfe\xff")


@dataclass(frozen=True, slots=True)
class Scalar:
    """A value as written: without its quotes, folded as YAML says, and never converted."""

    text: str
    line: int


@dataclass(frozen=True, slots=True)
class Items:
    """A list."""

    nodes: "tuple[Node, ...]"
    line: int


@dataclass(frozen=True, slots=True)
class MappingEntry:
    """A key's line and its value."""

    line: int
    node: "Node"


@dataclass(frozen=True, slots=True)
class Fields:
    """A mapping. The first of equal keys stands; `repeated` has the key and line of each later one."""

    entries: Mapping[str, MappingEntry]
    line: int
    repeated: tuple[tuple[str, int], ...] = ()


Node = Scalar | Items | Fields


class _Mark(Protocol):
    """A place as both loaders give it, counted from 0."""

    @property
    def line(self) -> int: ...
    @property
    def column(self) -> int: ...


class _Broken(Exception):
    """Reading cannot go on: a rule, why, and where (line and column from 1)."""

    def __init__(self, rule: str, why: str, line: int, column: int) -> None:
        super().__init__(why)
        self.rule, self.why, self.line, self.column = rule, why, line, column


def read_yaml(data: bytes, *, max_bytes: int, loader: type = FastLoader) -> Fields | Finding:
    """The mapping that the YAML is, or why it cannot be read (MAN-001) or is too large (MAN-011)."""
    if len(data) > max_bytes:
        return finding("MAN-011", f"The file has more than {max_bytes:,} bytes, which is all that is read.")
    try:
        return _tree(_decode(data), loader)
    except _Broken as broken:
        message = f"Line {broken.line}, column {broken.column}: {broken.why}{'' if broken.why.endswith('?') else '.'}"
        return finding(broken.rule, message, line=broken.line)


def _decode(data: bytes) -> str:
    if data.startswith(_UTF16):
        raise _Broken("MAN-001", "this is UTF-16; save the file as UTF-8", 1, 1)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = data[: error.start].decode("utf-8-sig", errors="replace")
        raise _Broken("MAN-001", f"the byte 0x{data[error.start]:02X} is not UTF-8", *_end_of(before)) from None
    if bad := _UNPRINTABLE.search(text):
        why = f"the control character U+{ord(bad[0]):04X} is not allowed"
        raise _Broken("MAN-001", why, *_end_of(text[: bad.start()]))
    return text


def _end_of(text: str) -> tuple[int, int]:
    """Line and column (from 1) of what follows this text."""
    breaks = list(_BREAKS.finditer(text))
    return len(breaks) + 1, len(text) - (breaks[-1].end() if breaks else 0) + 1


def _tree(text: str, loader: type) -> Fields:
    builder = _Builder()
    for event in _events(text, loader):
        builder.take(event)
    if builder.root is None:
        raise _Broken("MAN-001", "the file is empty", 1, 1)
    if not isinstance(builder.root, Fields):
        raise _Broken("MAN-001", "the file must be keys with values, not a list or a single text", 1, 1)
    return builder.root


def _events(text: str, loader: type) -> Iterator[yaml.Event]:
    reader = loader(text)
    try:
        while reader.check_event():
            yield reader.get_event()
    except yaml.MarkedYAMLError as error:
        raise _Broken("MAN-001", _explain(error, text), *_place(error.problem_mark or error.context_mark)) from None
    except (yaml.YAMLError, ValueError, OverflowError):
        # The pure Python scanner turns an impossible escape ("\UFFFFFFFF") into one of these, without a place.
        raise _Broken("MAN-001", "a quoted text has an escape that stands for no character", 1, 1) from None
    finally:
        reader.dispose()


#: What the scanners say (their wordings differ), in words that help whoever wrote the file.
_EXPLANATIONS = (
    (r"mapping values are not allowed", "a colon here would begin another key; put the whole value in quotes"),
    (r"could not find expected ':'", "a key without its colon; add it, or indent the line if it goes on from above"),
    (r"unexpected end of stream", "a quotation mark that is never closed"),
    (r"escape|hexdecimal", "a backslash in double quotes begins an unknown escape"),
    (r"document start", "something follows the end of the mapping"),
    (
        r"block end|expected key|'-' indicator",
        "the indentation does not fit the lines above, or a quotation mark above is not closed",
    ),
    (r"',' or '[]}]'|node content", "a bracket or brace that is never closed, or a comma missing inside it"),
    (r"duplicate anchor|anchor|alias", "an anchor or alias without a proper name"),
)


def _explain(error: yaml.MarkedYAMLError, text: str) -> str:
    problem, mark = str(error.problem), error.problem_mark
    if mark is not None:
        found = text[mark.index : mark.index + 1]
        if found == "\t" or _TAB.match(text, mark.index - mark.column):
            return "a tab; indent with spaces only"
        if "cannot start any token" in problem:
            return f"a value cannot begin with {found}; put it in quotes"
    for pattern, explanation in _EXPLANATIONS:
        if re.search(pattern, problem):
            return explanation
    return "this is not valid YAML"


@dataclass(slots=True)
class _Open:
    """A mapping or list whose end has not come; `before` is the count of nodes when it began."""

    line: int
    anchor: str | None
    before: int
    nodes: list[Node] | None = None
    entries: dict[str, MappingEntry] = field(default_factory=dict)
    repeated: list[tuple[str, int]] = field(default_factory=list)
    key: Scalar | None = None

    def put(self, node: Node) -> None:
        if self.nodes is not None:
            self.nodes.append(node)
        elif self.key is None:
            assert isinstance(node, Scalar)  # _Builder refuses anything else
            self.key = node
        else:
            self._put_entry(self.key, node)
            self.key = None

    def _put_entry(self, key: Scalar, node: Node) -> None:
        if key.text in self.entries:
            self.repeated.append((key.text, key.line))
        else:
            self.entries[key.text] = MappingEntry(key.line, node)

    @property
    def awaits_key(self) -> bool:
        return self.nodes is None and self.key is None

    def close(self) -> Node:
        if self.nodes is not None:
            return Items(tuple(self.nodes), self.line)
        return Fields(self.entries, self.line, tuple(self.repeated))


class _Builder:
    """Builds the tree from events, without recursion. Aliases are expanded up to a bound; they share what they name."""

    def __init__(self) -> None:
        self.root: Node | None = None
        self._open: list[_Open] = []
        self._anchors: dict[str, tuple[Node, int]] = {}
        self._count = 0
        self._expanded = 0
        self._documents = 0

    def take(self, event: yaml.Event) -> None:
        match event:
            case yaml.ScalarEvent():
                self._scalar(event)
            case yaml.AliasEvent():
                self._alias(event)
            case yaml.MappingStartEvent():
                self._begin(event, nodes=None)
            case yaml.SequenceStartEvent():
                self._begin(event, nodes=[])
            case yaml.MappingEndEvent() | yaml.SequenceEndEvent():
                self._end()
            case yaml.DocumentStartEvent():
                self._document(event)

    def _document(self, event: yaml.Event) -> None:
        self._documents += 1
        if self._documents > 1:
            raise _Broken("MAN-001", "a second document begins; a file holds one", *_place(event.start_mark))

    def _scalar(self, event: yaml.ScalarEvent) -> None:
        if _SURROGATE.search(event.value):
            raise _Broken("MAN-001", "a backslash in double quotes begins an unknown escape", *_place(event.start_mark))
        self._add(Scalar(event.value, _place(event.start_mark)[0]), event.anchor, size=1)

    def _begin(self, event: yaml.NodeEvent, nodes: list[Node] | None) -> None:
        line, column = _place(event.start_mark)
        if len(self._open) >= MAX_DEPTH:
            raise _Broken("MAN-011", f"nested more than {MAX_DEPTH} deep", line, column)
        self._refuse_as_key(line, column)
        self._open.append(_Open(line, event.anchor, self._count, nodes))

    def _end(self) -> None:
        closed = self._open.pop()
        self._add(closed.close(), closed.anchor, size=self._count - closed.before + 1)

    def _alias(self, event: yaml.AliasEvent) -> None:
        line, column = _place(event.start_mark)
        anchor = event.anchor or ""
        if anchor not in self._anchors:
            raise _Broken("MAN-001", f"the alias *{anchor[:40]} names nothing before it", line, column)
        node, size = self._anchors[anchor]
        if not isinstance(node, Scalar):
            self._refuse_as_key(line, column)
        self._expanded += size
        self._count += size - 1
        if self._expanded > MAX_EXPANDED:
            raise _Broken("MAN-011", f"aliases add more than {MAX_EXPANDED:,} values", line, column)
        self._add(node, None, size=size)

    def _refuse_as_key(self, line: int, column: int) -> None:
        """A list or a mapping cannot be a key; `x: {{ y }}` from an unfilled template is the usual cause."""
        if self._open and self._open[-1].awaits_key:
            raise _Broken(
                "MAN-001", "a key must be plain text; is there a {{ gap }} that was not filled in?", line, column
            )

    def _add(self, node: Node, anchor: str | None, *, size: int) -> None:
        self._count += 1
        if anchor is not None:
            self._anchors[anchor] = (node, size)
        if self._open:
            self._open[-1].put(node)
        else:
            self.root = node


def _place(mark: _Mark | None) -> tuple[int, int]:
    """Line and column, from 1."""
    return (mark.line + 1, mark.column + 1) if mark else (1, 1)
