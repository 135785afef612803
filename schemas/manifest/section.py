"""Reads values from one mapping of a manifest. Each method returns the value, or None and reports what is wrong."""

import difflib
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TypedDict, TypeVar, Unpack

from schemas.manifest.finding_collector import FindingCollector
from schemas.manifest.yaml_tree import YamlEntry, YamlList, YamlMapping, YamlNode, YamlScalar
from schemas.model.findings import Severity

Choice = TypeVar("Choice", bound=str)

#: Characters that end a line, control a terminal or change the writing direction. Short texts must not have them.
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_BOOLEANS = {"true": True, "false": False}
#: Other spellings of a boolean, and the one to suggest.
_BOOLEAN_SUGGESTIONS = {
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
#: Messages quote this many characters of a text, and comparisons look at no more.
_EXCERPT_LENGTH = 60
#: How similar two words must be (0 to 1) for one to be suggested for the other.
_SUGGESTION_CUTOFF = 0.7


class ManifestPlace(TypedDict):
    """A place in a manifest."""

    path: str
    line: int


class FindingDetails(TypedDict, total=False):
    """What a finding can have in addition to its rule, message and place."""

    value: str | None
    suggestion: str | None
    severity: Severity | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SectionKeys:
    """The keys of one mapping, and where they are. A plain value that outlives the tree it was read from.

    `prefix` is the mapping's path ("" for the root) and `line` is its first line. `lines` has the line of each key.
    `filled` has the keys with a value, right or wrong: a blank text or an empty list is no value.
    """

    prefix: str
    line: int
    lines: Mapping[str, int]
    filled: frozenset[str]

    def path(self, key: str) -> str:
        """The path of a key: `schedule.start`."""
        return f"{self.prefix}.{excerpt(key)}" if self.prefix else excerpt(key)

    def at(self, key: str) -> ManifestPlace:
        """The place of a key. If the key is missing, the line is the first line of the mapping."""
        return {"path": self.path(key), "line": self.lines.get(key, self.line)}


class SectionReporter:
    """Reports findings about the keys of one mapping."""

    def __init__(self, keys: SectionKeys, findings: FindingCollector) -> None:
        self.keys = keys
        self._findings = findings

    def __contains__(self, key: str) -> bool:
        return key in self.keys.lines

    def is_filled(self, key: str) -> bool:
        """Whether this key has a value, right or wrong."""
        return key in self.keys.filled

    def path(self, key: str) -> str:
        """The path of a key: `schedule.start`."""
        return self.keys.path(key)

    def at(self, key: str) -> ManifestPlace:
        """The place of a key."""
        return self.keys.at(key)

    def report(
        self, rule: str, key: str, message: str, *, line: int | None = None, **details: Unpack[FindingDetails]
    ) -> None:
        """Report that this key breaks a rule. `line` is for a finding on a later line of the key's value."""
        place = self.at(key)
        self._findings.report(rule, message, path=place["path"], line=line or place["line"], **details)


class Section(SectionReporter):
    """One mapping of a manifest, at `path` ("" for the root). Creating it reports repeated and unknown keys."""

    def __init__(self, mapping: YamlMapping, path: str, findings: FindingCollector, known: Collection[str]) -> None:
        entries = mapping.entries
        keys = SectionKeys(
            prefix=path,
            line=mapping.line,
            lines={key: entry.line for key, entry in entries.items()},
            filled=frozenset(key for key, entry in entries.items() if _has_value(entry.node)),
        )
        super().__init__(keys, findings)
        self._entries: Mapping[str, YamlEntry] = entries
        self._report_keys(mapping, known)

    def _report_keys(self, mapping: YamlMapping, known: Collection[str]) -> None:
        for key, line in mapping.repeated:
            first = mapping.entries[key].line
            message = f'"{excerpt(key)}" appears twice; line {first} was used.'
            self._findings.report("MAN-012", message, path=self.path(key), line=line)
        for key, entry in mapping.entries.items():
            if key not in known:
                self._report_unknown_key(key, entry.line, known)

    def _report_unknown_key(self, key: str, line: int, known: Collection[str]) -> None:
        meant = None if self._findings.is_full("MAN-002") else nearest_word(key, known)
        where = f" in {self.keys.prefix}" if self.keys.prefix else ""
        message = f'"{excerpt(key)}" is not a known key{where}.'
        self._findings.report("MAN-002", message, path=self.path(key), line=line, value=key, suggestion=meant)

    def node(self, key: str) -> YamlNode | None:
        entry = self._entries.get(key)
        return entry.node if entry else None

    def report_missing(self, key: str) -> None:
        """Report that this required key is missing."""
        self.report("MAN-003", key, f"{self.path(key)} is missing.")

    def report_wrong(self, key: str, expected: str, *, suggestion: str | None = None) -> None:
        """Report that the value of this key is not what was `expected`."""
        node = self.node(key)
        value = node.text if isinstance(node, YamlScalar) else None
        got = f'not "{excerpt(value)}"' if value is not None else f"not {_kind(node)}"
        message = f"{self.path(key)} must be {expected}, {got}."
        self.report("MAN-004", key, message, value=value, suggestion=suggestion)

    def raw_text(self, key: str, *, required: bool = False, allow_blank: bool = False) -> str | None:
        """The text exactly as written. A blank text counts as missing, unless `allow_blank`."""
        node = self.node(key)
        if isinstance(node, YamlScalar):
            if allow_blank or node.text.strip():
                return node.text
            if required:
                self.report("MAN-003", key, f"{self.path(key)} is blank.")
        elif node is not None:
            self.report_wrong(key, "a single value")
        elif required:
            self.report_missing(key)
        return None

    def trimmed_text(
        self, key: str, *, max_length: int, required: bool = False, allow_blank: bool = False
    ) -> str | None:
        """The text without outer white space. Control characters are left in, for texts that have a rule for them."""
        text = self.raw_text(key, required=required, allow_blank=allow_blank)
        if text is None:
            return None
        text = text.strip()
        if len(text) > max_length:
            message = f"{self.path(key)} has {len(text):,} characters; the limit is {max_length:,}."
            self.report("MAN-004", key, message, value=text)
            return None
        return text

    def plain_text(self, key: str, *, max_length: int, required: bool = False, multiline: bool = False) -> str | None:
        """The text without outer white space. Control characters are an error; line breaks too, unless `multiline`."""
        text = self.trimmed_text(key, max_length=max_length, required=required)
        if text is None:
            return None
        if control := _CONTROL.search(text.replace("\n", " ") if multiline else text):
            where = f"U+{ord(control[0]):04X} at position {control.start() + 1}"
            self.report_wrong(key, f"plain text without the control character {where}")
            return None
        return text

    def matching_text(self, key: str, pattern: re.Pattern[str], expected: str, *, required: bool = False) -> str | None:
        """The text, if all of it matches the pattern."""
        text = self.raw_text(key, required=required)
        if text is None:
            return None
        if pattern.fullmatch(text):
            return text
        meant = text.strip().lower().replace(" ", "-")
        is_short = len(meant) <= _EXCERPT_LENGTH
        self.report_wrong(key, expected, suggestion=meant if is_short and pattern.fullmatch(meant) else None)
        return None

    def choice(self, key: str, choices: Sequence[Choice], *, required: bool = False) -> Choice | None:
        """One of the choices. Case matters; outer white space does not."""
        text = self.raw_text(key, required=required)
        if text is None:
            return None
        for choice in choices:
            if text.strip() == choice:
                return choice
        self.report_wrong(key, join_choices(choices), suggestion=nearest_word(text, choices))
        return None

    def boolean(self, key: str) -> bool:
        """True or false; false if the key is missing. YAML's other spellings, such as yes and no, are errors."""
        text = self.raw_text(key)
        if text is None or text in _BOOLEANS:
            return _BOOLEANS.get(text or "", False)
        meant = text.strip().lower()
        suggestion = _BOOLEAN_SUGGESTIONS.get(meant, meant if meant in _BOOLEANS else None)
        self.report_wrong(key, "true or false", suggestion=suggestion)
        return False

    def integer(self, key: str) -> int | None:
        """A whole number, 0 or more. Only the digits 0 to 9 are allowed."""
        text = self.raw_text(key)
        if text is None:
            return None
        if _INTEGER.fullmatch(text.strip()):
            return int(text)
        meant = re.sub(r"[_,. ](?=[0-9]{3}(?![0-9]))", "", text[:_EXCERPT_LENGTH]).strip()
        self.report_wrong(key, "a whole number such as 1200", suggestion=meant if _INTEGER.fullmatch(meant) else None)
        return None

    def percent(self, key: str) -> float | None:
        """A number from 0 to 100."""
        text = self.raw_text(key)
        if text is None:
            return None
        if _DECIMAL.fullmatch(text.strip()) and float(text) <= 100:
            return float(text)
        meant = text[:_EXCERPT_LENGTH].strip().removesuffix("%").rstrip()
        is_valid = _DECIMAL.fullmatch(meant) and float(meant) <= 100
        self.report_wrong(key, "a number from 0 to 100", suggestion=meant if is_valid else None)
        return None

    def section(self, key: str, known: Collection[str], *, required: bool = False) -> "Section | None":
        """The mapping under this key."""
        node = self.node(key)
        if isinstance(node, YamlMapping):
            return self.subsection(node, key, known)
        if not self.is_filled(key):
            if required:
                self.report_missing(key)
            return None
        self.report_wrong(key, f"a mapping with {' and '.join(known)}")
        return None

    def subsection(self, mapping: YamlMapping, key: str, known: Collection[str]) -> "Section":
        """A mapping at this key, or in the list at this key (`numbers[2]`), as a section."""
        return Section(mapping, self.path(key), self._findings, known)

    def list_items(self, key: str) -> tuple[YamlNode, ...]:
        """The list under this key. It is empty if the key is missing or blank."""
        node = self.node(key)
        if isinstance(node, YamlList):
            return node.nodes
        if self.is_filled(key):
            self.report_wrong(key, "a list")
        return ()


def join_choices(choices: Sequence[str]) -> str:
    """The choices as part of a sentence: "A, B or C"."""
    return f"{', '.join(choices[:-1])} or {choices[-1]}" if len(choices) > 1 else choices[0]


def nearest_word(word: str, known: Collection[str]) -> str | None:
    """The known word that was probably meant. It compares only the first characters, to limit the cost."""
    by_folded = {each.casefold(): each for each in known}
    folded = word[:_EXCERPT_LENGTH].strip().casefold()
    close = difflib.get_close_matches(folded, by_folded, n=1, cutoff=_SUGGESTION_CUTOFF)
    return by_folded[close[0]] if close else None


def printable_text(text: str) -> str:
    """The text on one line, without characters that break a terminal or UTF-8."""
    return _CONTROL.sub(" ", text)


def excerpt(text: str) -> str:
    """The start of the text for a message, on one line."""
    start = printable_text(text[:_EXCERPT_LENGTH])
    return start if len(text) <= _EXCERPT_LENGTH else f"{start}…"


def _has_value(node: YamlNode) -> bool:
    match node:
        case YamlScalar(text):
            return bool(text.strip())
        case YamlList(nodes):
            return bool(nodes)
    return True


def _kind(node: YamlNode | None) -> str:
    return {YamlMapping: "a mapping", YamlList: "a list"}.get(type(node), "nothing")
