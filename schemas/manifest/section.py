"""Taking values out of a YAML mapping: each method gives the value, or None and notes what is wrong where it stands."""

import difflib
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TypedDict, TypeVar, Unpack

from schemas.manifest.finding_collector import FindingCollector
from schemas.manifest.yaml_tree import Fields, Items, MappingEntry, Node, Scalar
from schemas.model.findings import Severity

Choice = TypeVar("Choice", bound=str)

#: Characters that end a line, control a terminal or turn the direction of writing: none belongs into a short text.
_HIDDEN = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_FLAGS = {"true": True, "false": False}
_FLAGS_MEANT = {
    "yes": "true",
    "on": "true",
    "y": "true",
    "1": "true",
    "no": "false",
    "off": "false",
    "n": "false",
    "0": "false",
}
_INTEGER = re.compile(r"[0-9]{1,15}")
_DECIMAL = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})?")
_SHOWN = 60
#: From 0 to 1: how much alike two words must be, for one to be what was meant by the other.
_NEAR = 0.7


class At(TypedDict):
    """A place in a manifest."""

    path: str
    line: int


class More(TypedDict, total=False):
    """What else a finding at a place may say."""

    value: str | None
    suggestion: str | None
    severity: Severity | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SectionKeys:
    """Where the keys of one mapping are. A plain value: it outlives the tree that it was read from.

    `prefix` is the mapping's path ("" for the root) and `line` its first line. `lines` has the line of each key,
    `filled` the keys that say anything at all, even if it is wrong: a blank value or an empty list says nothing.
    """

    prefix: str
    line: int
    lines: Mapping[str, int]
    filled: frozenset[str]

    def path(self, key: str) -> str:
        """The path of a key of this mapping: `schedule.start`."""
        return f"{self.prefix}.{one_line(key)}" if self.prefix else one_line(key)

    def at(self, key: str) -> At:
        """The place of this key. A missing key has the line on which its mapping begins."""
        return {"path": self.path(key), "line": self.lines.get(key, self.line)}


class SectionReporter:
    """Reports findings about the keys of one mapping of a manifest."""

    def __init__(self, keys: SectionKeys, findings: FindingCollector) -> None:
        self.keys = keys
        self._findings = findings

    def __contains__(self, key: str) -> bool:
        return key in self.keys.lines

    def has(self, key: str) -> bool:
        """Whether this key says anything at all."""
        return key in self.keys.filled

    def path(self, key: str) -> str:
        """The path of a key of this mapping: `schedule.start`."""
        return self.keys.path(key)

    def at(self, key: str) -> At:
        """The place of this key."""
        return self.keys.at(key)

    def note(self, rule: str, key: str, message: str, *, line: int | None = None, **more: Unpack[More]) -> None:
        """Report that this rule is broken at this key, or at `line` inside it."""
        place = self.at(key)
        self._findings.add(rule, message, path=place["path"], line=line or place["line"], **more)


class Section(SectionReporter):
    """One mapping of a manifest, at `path` ("" for the root): its values, read and checked."""

    def __init__(self, fields: Fields, path: str, findings: FindingCollector, known: Collection[str]) -> None:
        entries = fields.entries
        keys = SectionKeys(
            prefix=path,
            line=fields.line,
            lines={key: entry.line for key, entry in entries.items()},
            filled=frozenset(key for key, entry in entries.items() if _says_something(entry.node)),
        )
        super().__init__(keys, findings)
        self._entries: Mapping[str, MappingEntry] = entries
        self._report_keys(fields, known)

    def _report_keys(self, fields: Fields, known: Collection[str]) -> None:
        for key, line in fields.repeated:
            first = fields.entries[key].line
            message = f"{one_line(key)} stands here again; the one on line {first} was taken."
            self._findings.add("MAN-012", message, path=self.path(key), line=line)
        for key, entry in fields.entries.items():
            if key not in known:
                self._report_unknown(key, entry.line, known)

    def _report_unknown(self, key: str, line: int, known: Collection[str]) -> None:
        meant = None if self._findings.is_full("MAN-002") else nearest_word(key, known)
        message = f"{one_line(key)} is not a key {f'of {self.keys.prefix}' if self.keys.prefix else 'here'}."
        self._findings.add("MAN-002", message, path=self.path(key), line=line, value=key, suggestion=meant)

    def node(self, key: str) -> Node | None:
        entry = self._entries.get(key)
        return entry.node if entry else None

    def missing(self, key: str) -> None:
        """Note that this required key is not there."""
        self.note("MAN-003", key, f"{self.path(key)} is missing.")

    def wrong(self, key: str, expected: str, *, suggestion: str | None = None) -> None:
        """Note that this key's value is not what is `expected`."""
        node = self.node(key)
        value = node.text if isinstance(node, Scalar) else None
        got = f'not "{one_line(value)}"' if value is not None else f"not {_kind(node)}"
        message = f"{self.path(key)} must be {expected}, {got}."
        self.note("MAN-004", key, message, value=value, suggestion=suggestion)

    def raw(self, key: str, *, required: bool = False, blank: bool = False) -> str | None:
        """The text exactly as written. A blank one counts as none, unless `blank` lets it through."""
        node = self.node(key)
        if isinstance(node, Scalar):
            if blank or node.text.strip():
                return node.text
            if required:
                self.note("MAN-003", key, f"{self.path(key)} is blank.")
        elif node is not None:
            self.wrong(key, "a single text")
        elif required:
            self.missing(key)
        return None

    def text(
        self, key: str, *, at_most: int, required: bool = False, lines: bool = False, blank: bool = False
    ) -> str | None:
        """The text without outer white space, of at most `at_most` characters, on one line unless `lines`."""
        text = self.any_text(key, at_most=at_most, required=required, blank=blank)
        if text is None:
            return None
        hidden = _HIDDEN.search(text.replace("\n", " ") if lines else text)
        if hidden:
            self.wrong(
                key, f"plain text without the control character U+{ord(hidden[0]):04X} at position {hidden.start() + 1}"
            )
            return None
        return text

    def any_text(self, key: str, *, at_most: int, required: bool = False, blank: bool = False) -> str | None:
        """As `text`, with whatever control characters it has: for what has a rule of its own about them."""
        text = self.raw(key, required=required, blank=blank)
        if text is None:
            return None
        text = text.strip()
        if len(text) > at_most:
            message = f"{self.path(key)} has {len(text):,} characters; at most {at_most:,} are taken."
            self.note("MAN-004", key, message, value=text)
            return None
        return text

    def matching(self, key: str, pattern: re.Pattern[str], expected: str, *, required: bool = False) -> str | None:
        """The text where the whole of it matches the pattern."""
        text = self.raw(key, required=required)
        if text is None:
            return None
        if pattern.fullmatch(text):
            return text
        meant = text.strip().lower().replace(" ", "-")
        self.wrong(key, expected, suggestion=meant if len(meant) <= _SHOWN and pattern.fullmatch(meant) else None)
        return None

    def choice(self, key: str, choices: Sequence[Choice], *, required: bool = False) -> Choice | None:
        """One of the choices. Capitals matter; outer white space does not."""
        text = self.raw(key, required=required)
        if text is None:
            return None
        for choice in choices:
            if text.strip() == choice:
                return choice
        self.wrong(key, one_of(choices), suggestion=nearest_word(text, choices))
        return None

    def flag(self, key: str) -> bool:
        """True or false; false where the key is missing. YAML's other spellings are refused, since they mislead."""
        text = self.raw(key)
        if text is None or text in _FLAGS:
            return _FLAGS.get(text or "", False)
        meant = text.strip().lower()
        self.wrong(key, "true or false", suggestion=_FLAGS_MEANT.get(meant, meant if meant in _FLAGS else None))
        return False

    def integer(self, key: str) -> int | None:
        """A whole number of 0 or more, in the digits 0 to 9 alone."""
        text = self.raw(key)
        if text is None:
            return None
        if _INTEGER.fullmatch(text.strip()):
            return int(text)
        meant = re.sub(r"[_,. ](?=[0-9]{3}(?![0-9]))", "", text[:_SHOWN]).strip()
        self.wrong(key, "a whole number such as 1200", suggestion=meant if _INTEGER.fullmatch(meant) else None)
        return None

    def percent(self, key: str) -> float | None:
        """A number from 0 to 100."""
        text = self.raw(key)
        if text is None:
            return None
        if _DECIMAL.fullmatch(text.strip()) and float(text) <= 100:
            return float(text)
        meant = text[:_SHOWN].strip().removesuffix("%").rstrip()
        fits = _DECIMAL.fullmatch(meant) and float(meant) <= 100
        self.wrong(key, "a number from 0 to 100", suggestion=meant if fits else None)
        return None

    def section(self, key: str, known: Collection[str], *, required: bool = False) -> "Section | None":
        """The mapping below this key."""
        node = self.node(key)
        if isinstance(node, Fields):
            return self.within(node, key, known)
        if not self.has(key):
            if required:
                self.missing(key)
            return None
        self.wrong(key, f"a mapping with {' and '.join(known)}")
        return None

    def within(self, fields: Fields, key: str, known: Collection[str]) -> "Section":
        """A mapping that stands at this key, or in its list: `numbers[2]`."""
        return Section(fields, self.path(key), self._findings, known)

    def items(self, key: str) -> tuple[Node, ...]:
        """The list below this key; empty where it is missing or blank."""
        node = self.node(key)
        if isinstance(node, Items):
            return node.nodes
        if self.has(key):
            self.wrong(key, "a list")
        return ()


def one_of(choices: Sequence[str]) -> str:
    """The choices as they stand in a sentence: "A, B or C"."""
    return f"{', '.join(choices[:-1])} or {choices[-1]}" if len(choices) > 1 else choices[0]


def nearest_word(word: str, known: Collection[str]) -> str | None:
    """The known word that was probably meant. Looks at the first characters only, so that its cost is bounded."""
    lowered = {each.casefold(): each for each in known}
    close = difflib.get_close_matches(word[:_SHOWN].strip().casefold(), lowered, n=1, cutoff=_NEAR)
    return lowered[close[0]] if close else None


def printable_text(text: str) -> str:
    """The text on one line, without what a terminal or UTF-8 would choke on."""
    return _HIDDEN.sub(" ", text)


def one_line(text: str) -> str:
    """The text for a message: printable, and not long."""
    shown = printable_text(text[:_SHOWN])
    return shown if len(text) <= _SHOWN else f"{shown}…"


def _says_something(node: Node) -> bool:
    match node:
        case Scalar(text):
            return bool(text.strip())
        case Items(nodes):
            return bool(nodes)
    return True


def _kind(node: Node | None) -> str:
    return {Fields: "a mapping", Items: "a list"}.get(type(node), "nothing")
