"""Finds out why YAML cannot be read, and says so in words that help its author.

Most authors do not know that characters such as & * ! @ # have a meaning in YAML. A value that has one without quotes
is found here, so that it can be read around and reported together with everything else that is wrong.
"""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import yaml

from schemas.model.characters import describe_character


class YamlMark(Protocol):
    """A position as both loaders report it, counted from 0."""

    @property
    def line(self) -> int: ...
    @property
    def column(self) -> int: ...
    @property
    def index(self) -> int: ...


class UnreadableYaml(Exception):
    """The file cannot be parsed: the rule it breaks, the reason, and where (line and column from 1)."""

    def __init__(self, rule: str, reason: str, line: int, column: int) -> None:
        super().__init__(reason)
        self.rule, self.reason, self.line, self.column = rule, reason, line, column

    @property
    def place(self) -> tuple[int, int]:
        """Line and column, to compare with another place in the same file."""
        return self.line, self.column


@dataclass(frozen=True, slots=True)
class UnquotedValue:
    """A value that YAML reads as something else than what is written, because it is not in quotes, or in wrong ones.

    `written` is the value in the file, and `quoted` what to write instead (None if that is not certain).
    """

    line: int
    written: str
    reason: str
    quoted: str | None


def mark_position(mark: YamlMark | None) -> tuple[int, int]:
    """The line and column, from 1. Without a mark, the start of the file."""
    return (mark.line + 1, mark.column + 1) if mark else (1, 1)


def mark_index(mark: YamlMark | None) -> int:
    """How many characters come before the mark."""
    return mark.index if mark else 0


def quote_text(text: str) -> str:
    """The text as a YAML value in quotes, on one line."""
    if ('"' in text or "\\" in text) and "'" not in text:
        return f"'{text}'"
    return json.dumps(text, ensure_ascii=False)


#: The start of a line that ends with a value: list dashes and a key. Each part begins with another character, so that a
#: long line takes no longer than its length.
_BEFORE_VALUE = re.compile(
    r""" *(?:- +)*(?:[\w.-]+(?: [\w.-]+)*|"[^"]*"|'[^']*') *:[ \t]+(?=\S)""" r"|" r""" *(?:- +)+(?=\S)"""
)
_QUOTES = {"'": "'", '"': '"', "“": "”", "‘": "’"}
#: A value cannot start with these.
_SPECIAL = frozenset("@`%&*!|>-?[]{},#")


def propose_quotes(text: str, error: UnreadableYaml) -> Iterator[tuple[UnquotedValue, str]]:
    """Values that may be the cause of the error, each with the text in which that value is in quotes.

    It is the cause if the error is gone or further down in that text.
    """
    lines = text.splitlines(keepends=True)
    for number in _suspects(lines, error.line):
        line = lines[number - 1]
        if found := _BEFORE_VALUE.match(line):
            value = _without_comment(line[found.end() :])
            if value.startswith("{{") or (value[0] in "{[" and value[-1] in "]}"):
                continue  # a placeholder that was not filled in, or a value in brackets with a fault inside
            unquoted = UnquotedValue(number, value, _why_quotes(value), quote_text(_intended_text(value)))
            changed = f"{found[0]}{unquoted.quoted}\n"
            yield unquoted, "".join((*lines[: number - 1], changed, *lines[number:]))


def _suspects(lines: Sequence[str], last: int) -> Iterator[int]:
    """The last line above the error with a quotation mark that it does not close, and the line of the error."""
    for number in range(min(last - 1, len(lines)), 0, -1):
        found = _BEFORE_VALUE.match(lines[number - 1])
        if found and _is_unclosed(_without_comment(lines[number - 1][found.end() :])):
            yield number
            break
    if last <= len(lines):
        yield last


def _without_comment(value: str) -> str:
    return value.partition(" # ")[0].strip()


def _is_unclosed(value: str) -> bool:
    return value[0] in "'\"" and value.count(value[0]) == 1


def _intended_text(value: str) -> str:
    """The value without the quotes around it."""
    if len(value) > 1 and value.endswith(_QUOTES.get(value[0], "\n")):
        return value[1:-1]
    return value[1:] if _is_unclosed(value) else value


def _why_quotes(value: str) -> str:
    first = value[0]
    if _is_unclosed(value):
        return "a quotation mark is never closed"
    if first == '"' and "\\" in value:
        return "a backslash in double quotes starts an unknown escape; use single quotes"
    if first in "'\"":
        return "a quotation mark inside the value ends it; put the whole value in quotes of the other kind"
    if first in _SPECIAL:
        return f"a value cannot start with {first}; put it in quotes"
    if ": " in value or value.endswith(":"):
        return "a colon here would start a new key; put the whole value in quotes"
    return "YAML takes a part of the value for something else; put the whole value in quotes"


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
#: Lines that do not belong into the file.
_STRAY_LINES = (
    (re.compile(r"<{7}|={7}|>{7}"), "a merge conflict was left in the file"),
    (re.compile(r"```"), "this line is not YAML; delete it"),
    (re.compile(r">+ "), "the lines start with >, as in a quoted email; delete it"),
    (re.compile(r" *\* "), "an item of a list starts with a hyphen and a space, not with *"),
)
_TAB_INDENT = re.compile(" *\t")
#: A space that is not one, or nothing visible at all, where YAML expects normal spaces.
_ODD_SPACE = r"(?P<odd>[^\S\t\n\r -~]|[\u00ad\u200b-\u200f\u2060])"
_ODD_PLACES = (
    (re.compile(rf" *(?:- +)*{_ODD_SPACE}"), "in the indentation; type normal spaces"),
    (re.compile(rf" *(?:- *)*-{_ODD_SPACE}"), "after the dash; type a normal space"),
    (re.compile(rf" *(?:- +)*[\w.\"'-]+ *:{_ODD_SPACE}"), "after the colon; type a normal space"),
    (re.compile(r" *(?:- +)*[\w.\"'-]+ *(?P<odd>[\uff1a\u2236\ua789\ufe55])"), "after the key"),
)
_NO_SPACE_AFTER_COLON = re.compile(r" *(?:- +)*[A-Za-z_]+:(?=[^\s/])")
_FIRST_KEY = re.compile(r" *(?:- +)*(?:[\w.-]+(?: [\w.-]+)*|\"[^\"]*\"|'[^']*') *:(?=\s|$)")


def explain_error(error: yaml.MarkedYAMLError, text: str) -> UnreadableYaml:
    """Why the text cannot be parsed, and the line and column where its author has to change it."""
    mark = error.problem_mark or error.context_mark
    if "could not find expected ':'" in str(error.problem) and error.context_mark:
        mark = error.context_mark
    line, column = mark_position(mark)
    lines = text.splitlines()
    fault = _find_odd_space(lines, line) or _find_line_fault(lines, line, column)
    if fault is None and "flow" not in str(error.context) and "':'" not in str(error.problem):
        fault = _find_wrong_indent(lines, line, column)
    if fault:
        return fault
    if mark is not None and "cannot start any token" in str(error.problem):
        reason = f"a value cannot start with {text[mark.index : mark.index + 1]}; put it in quotes"
    else:
        found = (explanation for pattern, explanation in _EXPLANATIONS if re.search(pattern, str(error.problem)))
        reason = next(found, "this is not valid YAML")
    return UnreadableYaml("MAN-001", reason, line, column)


def find_odd_key_start(key: str, line: int, column: int) -> UnreadableYaml | None:
    """The fault of a key that starts with an odd space, with a dash that is not one, or with an odd space after one."""
    if found := re.match(f"-{_ODD_SPACE}", key):
        return _odd_space_fault(found["odd"], "after the dash; type a normal space", line, column + 1)
    if key[:1].isascii():
        return None
    if re.match("[‐‑‒–—―−•·] ", key):
        reason = f"{describe_character(key[0])} starts this line; type a hyphen and a space"
        return UnreadableYaml("MAN-001", reason, line, column)
    if re.match(_ODD_SPACE, key):
        return _odd_space_fault(key[0], "in the indentation; type normal spaces", line, column)
    return None


def _find_odd_space(lines: Sequence[str], line: int) -> UnreadableYaml | None:
    for number in filter(None, (line, _line_above(lines, line))):
        for pattern, where in _ODD_PLACES:
            found = pattern.match(lines[number - 1]) if number <= len(lines) else None
            if found:
                return _odd_space_fault(found["odd"], where, number, found.start("odd") + 1)
    return None


def _odd_space_fault(character: str, where: str, line: int, column: int) -> UnreadableYaml:
    return UnreadableYaml("MAN-001", f"{describe_character(character)} {where}", line, column)


def _find_line_fault(lines: Sequence[str], line: int, column: int) -> UnreadableYaml | None:
    """A fault of the whole line: it does not belong here, has a tab or a wrong indentation, or a space is missing."""
    if line > len(lines):
        return None
    this, above = lines[line - 1], _line_above(lines, line)
    for number in filter(None, (line, above)):
        for pattern, reason in _STRAY_LINES:
            if pattern.match(lines[number - 1]):
                return UnreadableYaml("MAN-001", reason, number, 1)
    if _TAB_INDENT.match(this) or this[column - 1 : column] == "\t":
        return UnreadableYaml("MAN-001", "tabs are not allowed here; indent with spaces", line, column)
    for number in filter(None, (line, above)):
        if found := _NO_SPACE_AFTER_COLON.match(lines[number - 1]):
            reason = "there must be a space after the colon"
            return UnreadableYaml("MAN-001", reason, number, found.end() + 1)
    return None


def _find_wrong_indent(lines: Sequence[str], line: int, column: int) -> UnreadableYaml | None:
    """The fault of a line that is indented unlike the one above, if the error is at its first word or its key's end."""
    above = _line_above(lines, line)
    if above is None or line > len(lines):
        return None
    this, before = lines[line - 1], lines[above - 1]
    own, expected = (len(each) - len(each.lstrip(" ")) for each in (this, before))
    key = _FIRST_KEY.match(this)
    if column != own + 1 and not (key and key.end() == column):
        return None
    if own != expected:
        reason = f"the indentation of this line ({_spaces(own)}) does not fit the line above ({_spaces(expected)})"
    elif key and before.startswith("- ", expected):
        reason = f"this key must start below the word after the dash ({_spaces(expected + 2)})"
    else:
        return None
    return UnreadableYaml("MAN-001", reason, line, own + 1)


def _spaces(count: int) -> str:
    return f"{count} space{'s' * (count != 1)}"


def _line_above(lines: Sequence[str], line: int) -> int | None:
    """The number of the last line above that is neither blank nor a comment."""
    return next((n for n in range(line - 1, 0, -1) if (text := lines[n - 1].strip()) and text[0] != "#"), None)
