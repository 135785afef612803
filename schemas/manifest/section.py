"""Reads values from one mapping of a manifest. Each method returns the value, or None and reports what is wrong."""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TypedDict, TypeVar, Unpack

from schemas.manifest.finding_collector import FindingCollector
from schemas.manifest.nearest_words import intended_word, nearest_choice, nearest_key
from schemas.manifest.yaml_faults import UnquotedValue, quote_text
from schemas.manifest.yaml_tree import YamlEntry, YamlList, YamlMapping, YamlNode, YamlNull, YamlScalar, YamlValue
from schemas.model.characters import find_hidden_character
from schemas.model.findings import MAX_VALUE_LENGTH, Severity

Choice = TypeVar("Choice", bound=str)

#: Characters that end a line, control a terminal or change the writing direction. Short texts must not have them.
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
#: For choices that people call by no other name.
NO_SYNONYMS: Mapping[str, None] = MappingProxyType({})
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
#: Messages quote this many characters of a text.
_EXCERPT_LENGTH = 60


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
    `filled` has the keys with a value, right or wrong: null, a blank text or an empty list is no value.
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
    """One mapping of a manifest, at `path` ("" for the root).

    Creating it reports repeated and unknown keys, and values that must be in quotes. Those are read as nothing. `homes`
    has the section (a path) where a key belongs that is unknown here. `explained` collects, for all sections, the paths
    of keys that are not missing as well, because a misspelled or misplaced key was reported instead.
    """

    def __init__(
        self,
        mapping: YamlMapping,
        path: str,
        findings: FindingCollector,
        known: Collection[str],
        *,
        homes: Mapping[str, str] = MappingProxyType({}),
        explained: set[str] | None = None,
    ) -> None:
        entries = mapping.entries
        keys = SectionKeys(
            prefix=path,
            line=mapping.line,
            lines={key: entry.line for key, entry in entries.items()},
            filled=frozenset(key for key, entry in entries.items() if _has_value(entry.node)),
        )
        super().__init__(keys, findings)
        self._entries: Mapping[str, YamlEntry] = entries
        self._homes = homes
        self._explained: set[str] = set() if explained is None else explained
        self._report_keys(mapping, known)
        if mapping.properties:
            self._report_properties(path, mapping)
        for key, entry in entries.items():
            if isinstance(entry.node, UnquotedValue):
                self._report_unquoted(key, entry.node)

    def _report_keys(self, mapping: YamlMapping, known: Collection[str]) -> None:
        for key, line in mapping.repeated:
            first = mapping.entries[key].line
            message = f'"{excerpt(key)}" appears twice; line {first} was used.'
            self._findings.report("MAN-012", message, path=self.path(key), line=line)
        for key, entry in mapping.entries.items():
            if key not in known:
                self._report_unknown_key(key, entry.line, known)

    def _report_unknown_key(self, key: str, line: int, known: Collection[str]) -> None:
        meant = None if self._findings.is_full("MAN-002") else nearest_key(key, known)
        home = self._homes.get(key)
        if home is None or home == self.keys.prefix:
            explanation = describe_hidden(key)
            self._explained.add(self.path(meant or key))
        else:
            meant, explanation = None, f"; it belongs {f'under {home}' if home else 'at the top level'}"
            self._explained.add(f"{home}.{key}".lstrip("."))
        where = f" in {self.keys.prefix}" if self.keys.prefix else ""
        message = f'"{excerpt(key)}" is not a known key{where}{explanation}.'
        self._findings.report("MAN-002", message, path=self.path(key), line=line, value=key, suggestion=meant)

    def _report_properties(self, path: str, node: YamlList | YamlMapping) -> None:
        where = f"{path}: " if path else ""
        message = f"{where}YAML ignores {excerpt(node.properties)}; delete it, or put it in quotes if it is a value."
        self._findings.report("MAN-020", message, path=path or None, line=node.line, value=node.properties)

    def _report_unquoted(self, key: str, value: UnquotedValue) -> None:
        message = f"{self.path(key)}: {printable_text(value.reason)}."
        self.report("MAN-020", key, message, line=value.line, value=value.written, suggestion=_short(value.quoted))

    def __contains__(self, key: str) -> bool:
        return self.node(key) is not None or self.is_unquoted(key)

    def node(self, key: str) -> YamlValue | None:
        """The value of this key; None if it is missing or null, or reported because it must be in quotes."""
        entry = self._entries.get(key)
        return entry.node if entry and not isinstance(entry.node, YamlNull | UnquotedValue) else None

    def is_unquoted(self, key: str) -> bool:
        """Whether the value of this key was reported because it must be in quotes."""
        return key in self._entries and isinstance(self._entries[key].node, UnquotedValue)

    def report_missing(self, key: str) -> None:
        """Report that this required key is missing or has no value, but not if it was found misspelled or elsewhere."""
        entry = self._entries.get(key)
        if entry and isinstance(entry.node, YamlNull):
            self._report_null(key, entry.node.written)
        elif entry is None and self.path(key) not in self._explained:
            self.report("MAN-003", key, f"{self.path(key)} is missing.")

    def _report_null(self, key: str, written: str, *, line: int | None = None) -> None:
        suggestion = None
        if written.startswith("#") and not written[1:2].isspace():
            why = "is blank: what follows # is a comment; put the value in quotes"
            suggestion = _short(quote_text(written))
        elif written.startswith("#"):
            why = "is blank; what follows # is a comment"
        else:
            why = f"is {written}, which means no value" if written else "is blank"
        self.report("MAN-003", key, f"{self.path(key)} {why}.", line=line, suggestion=suggestion)

    def report_wrong(self, key: str, expected: str, *, suggestion: str | None = None, name_hidden: bool = True) -> None:
        """Report that the value of this key is not what was `expected`. A hidden character in it is named."""
        node = self.node(key)
        value = node.text if isinstance(node, YamlScalar) else None
        got = f'not "{excerpt(value)}"' if value is not None else f"not {_kind(node)}"
        hidden = describe_hidden(value) if value is not None and name_hidden else ""
        message = f"{self.path(key)} must be {expected}, {got}{hidden}."
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
            self._report_collection(key, node)
        elif required:
            self.report_missing(key)
        return None

    def _report_collection(self, key: str, node: YamlList | YamlMapping) -> None:
        """Report a list or a mapping where a text was expected. In brackets, it may be a text without quotes."""
        advice = "; put a text in brackets or braces in quotes" if node.flow else ""
        message = f"{self.path(key)} must be a single value, not {_kind(node)}{advice}."
        self.report("MAN-004", key, message, suggestion=quote_text(node.flow) if node.flow else None)

    def trimmed_text(
        self, key: str, *, max_length: int, required: bool = False, allow_blank: bool = False
    ) -> str | None:
        """The text without outer white space. Control characters are left in, for texts that have a rule for them."""
        text = self.raw_text(key, required=required, allow_blank=allow_blank)
        if text is None:
            return None
        text = text.strip()
        self._check_comment(key)
        if len(text) > max_length:
            message = f"{self.path(key)} has {len(text):,} characters; the limit is {max_length:,}."
            self.report("MAN-004", key, message, value=text)
            return None
        return text

    def _check_comment(self, key: str) -> None:
        """MAN-021: a comment that looks like the end of the text before it."""
        node = self.node(key)
        if isinstance(node, YamlScalar) and node.comment:
            message = (
                f'{self.path(key)}: YAML drops "{excerpt(node.comment)}", which it takes for a comment; put the whole '
                "value in quotes if that is a part of it, or a space after # if not."
            )
            self.report("MAN-021", key, message, value=node.text)

    def plain_text(self, key: str, *, max_length: int, required: bool = False, multiline: bool = False) -> str | None:
        """The text without outer white space. Control characters are an error; line breaks too, unless `multiline`."""
        text = self.trimmed_text(key, max_length=max_length, required=required)
        if text is None:
            return None
        if control := _CONTROL.search(text.replace("\n", " ") if multiline else text):
            where = f"U+{ord(control[0]):04X} at position {control.start() + 1}"
            self.report_wrong(key, f"plain text without the control character {where}", name_hidden=False)
            return None
        return text

    def matching_text(self, key: str, pattern: re.Pattern[str], expected: str, *, required: bool = False) -> str | None:
        """The text, if all of it matches the pattern."""
        text = self.raw_text(key, required=required)
        if text is None:
            return None
        if pattern.fullmatch(text):
            return text
        meant = intended_word(text).lower().replace(" ", "-").replace("/", "-")
        is_whole = len(text) <= _EXCERPT_LENGTH
        self.report_wrong(key, expected, suggestion=meant if is_whole and pattern.fullmatch(meant) else None)
        return None

    def choice(
        self,
        key: str,
        choices: Sequence[Choice],
        *,
        synonyms: Mapping[str, Choice | None] = NO_SYNONYMS,
        required: bool = False,
    ) -> Choice | None:
        """One of the choices. Case matters; outer white space does not.

        `synonyms` are words in lower case that people write instead, with the choice to suggest. None suggests nothing,
        for a word that only looks like a choice.
        """
        node = self.node(key)
        if isinstance(node, YamlList) and len(node.nodes) == 1 and isinstance(node.nodes[0], YamlScalar):
            meant = nearest_choice(node.nodes[0].text, choices, synonyms)
            self.report_wrong(key, join_choices(choices), suggestion=meant)
            return None
        text = self.raw_text(key, required=required)
        if text is None:
            return None
        for choice in choices:
            if text.strip() == choice:
                return choice
        self.report_wrong(key, join_choices(choices), suggestion=nearest_choice(text, choices, synonyms))
        return None

    def boolean(self, key: str) -> bool:
        """True or false; false if the key is missing. YAML's other spellings, such as yes and no, are errors."""
        text = self.raw_text(key)
        if text is None or text in _BOOLEANS:
            return _BOOLEANS.get(text or "", False)
        meant = intended_word(text).lower()
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
        meant = re.sub(r"[_,. ](?=[0-9]{3}(?![0-9]))", "", intended_word(text)).removesuffix(".0")
        self.report_wrong(key, "a whole number such as 1200", suggestion=meant if _INTEGER.fullmatch(meant) else None)
        return None

    def percent(self, key: str) -> float | None:
        """A number from 0 to 100."""
        text = self.raw_text(key)
        if text is None:
            return None
        if _DECIMAL.fullmatch(text.strip()) and float(text) <= 100:
            return float(text)
        meant = re.sub(r",(?![0-9]{3}(?![0-9]))", ".", intended_word(text).removesuffix("%").rstrip())
        is_valid = _DECIMAL.fullmatch(meant) and float(meant) <= 100
        self.report_wrong(key, "a number from 0 to 100", suggestion=meant if is_valid else None)
        return None

    def section(self, key: str, known: Collection[str], *, required: bool = False) -> "Section | None":
        """The mapping under this key."""
        node = self.node(key)
        if isinstance(node, YamlMapping):
            return self.subsection(node, key, known)
        if node is None or not self.is_filled(key):
            if required:
                self.report_missing(key)
            return None
        dashes = "; delete the dashes" if isinstance(node, YamlList) and isinstance(node.nodes[0], YamlMapping) else ""
        self._report_wrong_kind(key, f"keys and values ({_join_words(known)})", dashes)
        return None

    def subsection(self, mapping: YamlMapping, key: str, known: Collection[str]) -> "Section":
        """A mapping at this key, or in the list at this key (`numbers[2]`), as a section."""
        path = self.path(key)
        return Section(mapping, path, self._findings, known, homes=self._homes, explained=self._explained)

    def list_items(self, key: str, form: str = "- …") -> Iterator[tuple[str, YamlValue]]:
        """The items of the list under this key, each with its path (`numbers[2]`).

        An item that is null, or must be in quotes, is reported and left out. `form` is how an item is written.
        """
        node = self.node(key)
        if not isinstance(node, YamlList):
            if node is not None and self.is_filled(key):
                is_dash = isinstance(node, YamlMapping) and any(name.startswith("-") for name in node.entries)
                advice = "put a space after the dash" if is_dash else f"write {form} on a line of its own for each item"
                self._report_wrong_kind(key, "a list", f"; {advice}")
            return
        if node.properties:
            self._report_properties(self.path(key), node)
        for index, item in enumerate(node.nodes):
            path = f"{key}[{index}]"
            if isinstance(item, UnquotedValue):
                self._report_unquoted(path, item)
            elif isinstance(item, YamlNull):
                self._report_null(path, item.written, line=item.line)
            else:
                yield path, item

    def _report_wrong_kind(self, key: str, expected: str, advice: str) -> None:
        """Report a list, mapping or text where another kind of value was `expected`."""
        node = self.node(key)
        got = f'"{excerpt(node.text)}"{describe_hidden(node.text)}' if isinstance(node, YamlScalar) else _kind(node)
        value = node.text if isinstance(node, YamlScalar) else None
        self.report("MAN-004", key, f"{self.path(key)} must be {expected}, not {got}{advice}.", value=value)


def join_choices(choices: Sequence[str]) -> str:
    """The choices as part of a sentence: "A, B or C"."""
    return f"{', '.join(choices[:-1])} or {choices[-1]}" if len(choices) > 1 else choices[0]


def _join_words(words: Collection[str]) -> str:
    *most, last = words
    return f"{', '.join(most)} and {last}" if most else last


def describe_hidden(text: str) -> str:
    """The first character of a word that is not seen or looks like another one, to end a sentence about that word."""
    hidden = find_hidden_character(text.rstrip("\n"))
    return f": it has {hidden.description} at position {hidden.position}" if hidden else ""


def printable_text(text: str) -> str:
    """The text on one line, without characters that break a terminal or UTF-8."""
    return _CONTROL.sub(" ", text)


def excerpt(text: str) -> str:
    """The start of the text for a message, on one line."""
    start = printable_text(text[:_EXCERPT_LENGTH])
    return start if len(text) <= _EXCERPT_LENGTH else f"{start}…"


def _short(suggestion: str | None) -> str | None:
    """The suggestion, unless it is so long that the report would cut the value it is for."""
    return suggestion if suggestion and len(suggestion) <= MAX_VALUE_LENGTH else None


def _has_value(node: YamlNode) -> bool:
    match node:
        case YamlNull():
            return False
        case YamlScalar(text):
            return bool(text.strip())
        case YamlList(nodes):
            return bool(nodes)
    return True


def _kind(node: YamlNode | None) -> str:
    return {YamlMapping: "keys and values", YamlList: "a list"}.get(type(node), "nothing")
