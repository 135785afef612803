"""Parses a manifest into frozen values and reports all of its faults at once.

The rules here need nothing but the manifest: MAN-002 to MAN-004, MAN-007, MAN-012, MAN-016, and DSP-009, RSN-003 and
IMG-006 for values that the program's type does not use.
"""

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import get_args

from schemas.manifest import display_name, schedule
from schemas.manifest.finding_collector import FindingCollector
from schemas.manifest.nearest_words import nearest_key
from schemas.manifest.schedule import ParsedSchedule
from schemas.manifest.section import Section, SectionKeys, describe_hidden, join_choices
from schemas.manifest.yaml_tree import YamlMapping, YamlNull, YamlScalar, YamlValue, parse_yaml
from schemas.model.business import BUSINESS_PATTERN
from schemas.model.characters import plain_word
from schemas.model.filenames import MANIFEST_NAMES, explain_unsafe_name, normal_form, plain_path, suggest_safe_name
from schemas.model.manifest import (
    Manifest,
    NumbersFile,
    NumbersMode,
    OnRejectedRows,
    ProgramType,
    RequestedState,
    TypedNumber,
)
from schemas.model.purposes import PURPOSES, nearest_purpose, parse_purpose

MANIFEST_VERSION = "1"
REFERENCE_PATTERN = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
SHA256_PATTERN = re.compile(r"[0-9A-Fa-f]{64}")

MANIFEST_KEYS = (
    "manifest",
    "business",
    "business_unit",
    "reference",
    "program",
    "display_name",
    "logo",
    "call_reason",
    "schedule",
    "numbers",
    "numbers_mode",
    "on_rejected_rows",
    "max_rejected_percent",
    "state",
    "reassign",
    "hold_until_branded",
)
#: A cancellation needs only these keys, and all others are ignored.
CANCELLATION_KEYS = ("manifest", "business", "reference", "state")
BUSINESS_UNIT_KEYS = ("name", "create")
PROGRAM_KEYS = ("type", "name", "call_purpose", "description")
NUMBERS_FILE_KEYS = ("file", "sha256", "rows")
TYPED_NUMBER_KEYS = ("number", "call_purpose")
#: Where each key belongs, as the path of its section. A name can belong to several.
_HOMES: Mapping[str, str] = {
    **dict.fromkeys(MANIFEST_KEYS, ""),
    **dict.fromkeys((*NUMBERS_FILE_KEYS, *TYPED_NUMBER_KEYS), "numbers"),
    **dict.fromkeys(("type", "call_purpose", "description"), "program"),
    **dict.fromkeys(display_name.DISPLAY_NAME_KEYS, "display_name"),
    **dict.fromkeys(schedule.SCHEDULE_KEYS, "schedule"),
}
#: For the two kinds of items of `numbers`, by the key that tells which it is: its own keys, and those of the other.
_KEYS_BY_KIND: Mapping[str, tuple[Sequence[str], Sequence[str]]] = {
    "file": (NUMBERS_FILE_KEYS, TYPED_NUMBER_KEYS),
    "number": (TYPED_NUMBER_KEYS, NUMBERS_FILE_KEYS),
}

#: The program types that show no logo and no call reason.
TYPES_WITHOUT_LOGO: tuple[ProgramType, ...] = ("INFORM", "SENTRY")

#: Words that people write instead of a choice. None is for words that only look like one.
_TYPE_SYNONYMS: dict[str, ProgramType | None] = {
    "logo": "INFORM with Logo",
    "inform+logo": "INFORM with Logo",
    "inform logo": "INFORM with Logo",
    "informlogo": "INFORM with Logo",
    "sentry with logo": None,
    "inform without logo": "INFORM",
    "inform with no logo": "INFORM",
}
_MODE_SYNONYMS: dict[str, NumbersMode | None] = {
    "append": "add",
    "insert": "add",
    "merge": "add",
    "update": "add",
    "upsert": "add",
    "incremental": "add",
    "delta": "add",
    "overwrite": "replace",
    "full": "replace",
}
_REJECTED_SYNONYMS: dict[str, OnRejectedRows | None] = {
    "accept": "accept_valid",
    "continue": "accept_valid",
    "ignore": "accept_valid",
    "skip": "accept_valid",
    "accept_invalid": None,
    "accept_all": None,
    "review": "hold",
    "wait": "hold",
    "abort": "reject",
    "fail": "reject",
    "stop": "reject",
    "all_or_nothing": "reject",
}
_STATE_SYNONYMS: dict[str, RequestedState | None] = {
    "cancel": "cancelled",
    "enabled": "active",
    "live": "active",
    "on": "active",
    "inactive": None,
    "deactivated": None,
}

MAX_NAME_LENGTH = 200
MAX_DESCRIPTION_LENGTH = 2000
_MAX_CELL_LENGTH = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class ManifestContent:
    """What a manifest says, and where it says it.

    `listed_files` are all files that it lists, used or not. `manifest.schedule` comes from `parsed_schedule`, before it
    is checked against the ledger. The keys of a section are None if the section is missing or is not a mapping.
    """

    manifest: Manifest
    listed_files: frozenset[str] = frozenset()
    root_keys: SectionKeys
    program_keys: SectionKeys | None = None
    display_name_keys: SectionKeys | None = None
    schedule_keys: SectionKeys | None = None
    parsed_schedule: ParsedSchedule | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedManifest:
    """The result of parsing a manifest's bytes. A plain value: it can be cached, and sent to another process.

    `sha256` and `bytes` (a size) describe the input. `findings` are the faults found by parsing; do not add others.
    `content` is None if the bytes are not readable YAML, or too many.
    """

    sha256: str
    bytes: int
    findings: FindingCollector
    content: ManifestContent | None

    @property
    def manifest(self) -> Manifest | None:
        """What the manifest says, right or wrong."""
        return self.content.manifest if self.content else None


def parse_manifest(content: bytes, *, max_bytes: int, per_rule: int) -> ParsedManifest:
    """Parse a manifest, and report everything that is wrong with it.

    `content` can be cut at `max_bytes` + 1 bytes: a longer manifest is MAN-011 and is not parsed. `per_rule` is how
    many findings of each rule are kept.
    """
    findings = FindingCollector(per_rule)
    tree = parse_yaml(content, max_bytes=max_bytes)
    if not isinstance(tree, YamlMapping):
        findings.add(tree)
    return ParsedManifest(
        sha256=hashlib.sha256(content).hexdigest(),
        bytes=len(content),
        findings=findings,
        content=_parse_tree(tree, findings) if isinstance(tree, YamlMapping) else None,
    )


def _parse_tree(tree: YamlMapping, findings: FindingCollector) -> ManifestContent:
    if _is_cancellation(tree):
        return _parse_cancellation(tree, findings)
    root = Section(tree, "", findings, MANIFEST_KEYS, homes=_HOMES)
    _check_version(root)
    program = root.section("program", PROGRAM_KEYS, required=True)
    program_type = _parse_program_type(program) if program else None
    display = _open_display_name(root, program_type)
    schedule_section = root.section("schedule", schedule.SCHEDULE_KEYS, required=True)
    parsed_schedule = schedule.parse_schedule(schedule_section) if schedule_section else None
    logo = _parse_logo(root, program_type)
    files, typed = _parse_numbers(root)
    manifest = replace(
        _parse_program(root, program, program_type),
        display_name=display_name.parse_display_name(display) if display else None,
        logo=logo if program_type not in TYPES_WITHOUT_LOGO else None,
        call_reason=_parse_call_reason(root, program_type),
        schedule=parsed_schedule.to_schedule() if parsed_schedule else None,
        files=files,
        typed=typed,
    )
    return ManifestContent(
        manifest=_add_options(manifest, root),
        listed_files=frozenset(file.file for file in files) | ({logo} if logo else set()),
        root_keys=root.keys,
        program_keys=program.keys if program else None,
        display_name_keys=display.keys if display else None,
        schedule_keys=schedule_section.keys if schedule_section else None,
        parsed_schedule=parsed_schedule,
    )


def _is_cancellation(tree: YamlMapping) -> bool:
    state = tree.entries.get("state")
    return state is not None and isinstance(state.node, YamlScalar) and state.node.text.strip() == "cancelled"


def _parse_cancellation(tree: YamlMapping, findings: FindingCollector) -> ManifestContent:
    entries = {key: entry for key, entry in tree.entries.items() if key in CANCELLATION_KEYS}
    repeated = tuple((key, line) for key, line in tree.repeated if key in CANCELLATION_KEYS)
    root = Section(YamlMapping(entries, tree.line, repeated), "", findings, CANCELLATION_KEYS)
    _check_version(root)
    manifest = Manifest(business=_parse_business(root), reference=_parse_reference(root), state="cancelled")
    return ManifestContent(manifest=manifest, root_keys=root.keys)


def _check_version(root: Section) -> None:
    version = root.raw_text("manifest", required=True)
    if version is not None and version.strip() != MANIFEST_VERSION:
        message = f'Manifest version "{version[:20]}" is not supported; use {MANIFEST_VERSION}.'
        root.report("MAN-016", "manifest", message, value=version, suggestion=MANIFEST_VERSION)


def _parse_program_type(program: Section) -> ProgramType | None:
    return program.choice("type", get_args(ProgramType), synonyms=_TYPE_SYNONYMS, required=True)


def _parse_program(root: Section, program: Section | None, program_type: ProgramType | None) -> Manifest:
    """A manifest with the keys that identify the program, and the texts of its section `program`."""
    business_unit, create_business_unit = _parse_business_unit(root)
    manifest = Manifest(
        business=_parse_business(root),
        reference=_parse_reference(root),
        business_unit=business_unit,
        create_business_unit=create_business_unit,
        program_type=program_type,
    )
    if program is None:
        return manifest
    return replace(
        manifest,
        name=program.plain_text("name", max_length=MAX_NAME_LENGTH, required=True),
        call_purpose=_parse_call_purpose(program),
        description=program.plain_text("description", max_length=MAX_DESCRIPTION_LENGTH, required=True, multiline=True),
    )


def _parse_business(root: Section) -> str | None:
    expected = "1 to 63 characters (a-z, 0-9, -), starting with a letter or digit"
    return root.matching_text("business", BUSINESS_PATTERN, expected, required=True)


def _parse_reference(root: Section) -> str | None:
    expected = "1 to 64 characters (a-z, 0-9, dot, _, -), starting with a letter or digit"
    return root.matching_text("reference", REFERENCE_PATTERN, expected, required=True)


def _parse_business_unit(root: Section) -> tuple[str | None, bool]:
    """The business unit's name, and whether to create it."""
    if not isinstance(root.node("business_unit"), YamlMapping):
        return root.plain_text("business_unit", max_length=MAX_NAME_LENGTH, required=True), False
    unit = root.section("business_unit", BUSINESS_UNIT_KEYS)
    assert unit is not None
    return unit.plain_text("name", max_length=MAX_NAME_LENGTH, required=True), unit.boolean("create")


def _parse_call_purpose(program: Section) -> str | None:
    text = program.raw_text("call_purpose", required=True)
    if text is None:
        return None
    index = parse_purpose(text)
    if index is None:
        program.report_wrong("call_purpose", join_choices(PURPOSES), suggestion=nearest_purpose(text))
        return None
    return PURPOSES[index]


def _open_display_name(root: Section, program_type: ProgramType | None) -> Section | None:
    """The section `display_name`. For a SENTRY program, which shows no name, it is None, and DSP-009 if given."""
    if program_type == "SENTRY":
        if "display_name" in root:
            root.report("DSP-009", "display_name", "SENTRY programs show no display name; display_name is ignored.")
        return None
    return root.section("display_name", display_name.DISPLAY_NAME_KEYS, required=program_type is not None)


def _parse_logo(root: Section, program_type: ProgramType | None) -> str | None:
    """The logo's file name. IMG-006 if the program's type shows no logo."""
    name = _parse_file_name(root, "logo")
    if name is None:
        return None
    if program_type in TYPES_WITHOUT_LOGO:
        root.report("IMG-006", "logo", f"{program_type} programs show no logo; logo is ignored.", value=name)
    return name


def _parse_call_reason(root: Section, program_type: ProgramType | None) -> str | None:
    """The call reason. None and RSN-003 if the program's type shows no call reason."""
    reason = root.trimmed_text("call_reason", max_length=display_name.MAX_REASON_LENGTH)
    if reason is None or program_type not in TYPES_WITHOUT_LOGO:
        return reason
    message = f"{program_type} programs show no call reason; call_reason is ignored."
    root.report("RSN-003", "call_reason", message, value=reason)
    return None


def _add_options(manifest: Manifest, root: Section) -> Manifest:
    """The manifest with its options: how to apply it, beyond the program itself."""
    return replace(
        manifest,
        numbers_mode=root.choice("numbers_mode", get_args(NumbersMode), synonyms=_MODE_SYNONYMS) or "add",
        on_rejected_rows=root.choice("on_rejected_rows", get_args(OnRejectedRows), synonyms=_REJECTED_SYNONYMS)
        or "accept_valid",
        max_rejected_percent=root.percent("max_rejected_percent"),
        state=root.choice("state", get_args(RequestedState), synonyms=_STATE_SYNONYMS) or "active",
        reassign=root.boolean("reassign"),
        hold_until_branded=root.boolean("hold_until_branded"),
    )


def _parse_numbers(root: Section) -> tuple[tuple[NumbersFile, ...], tuple[TypedNumber, ...]]:
    files: dict[str, NumbersFile] = {}
    typed: list[TypedNumber] = []
    for path, node in root.list_items("numbers", "- file: numbers.csv"):
        entry = _open_numbers_entry(root, path, node)
        if entry is None:
            continue
        if "number" in entry or "file" not in entry.keys.lines:
            typed += _parse_typed_number(entry)
        else:
            _add_numbers_file(files, entry)
    return tuple(files.values()), tuple(typed)


def _open_numbers_entry(root: Section, path: str, node: YamlValue) -> Section | None:
    """One item of the list `numbers`, as a section. None and MAN-004 if it is neither a file nor a number."""
    if isinstance(node, YamlMapping):
        return _open_numbers_mapping(root, path, node)
    value = node.text if isinstance(node, YamlScalar) else None
    message = f"{path} must have either file or number{describe_hidden(value or '')}."
    root.report("MAN-004", path, message, line=node.line, value=value, suggestion=_suggest_entry(value or ""))
    return None


def _suggest_entry(text: str) -> str | None:
    """The key and value that were meant by a text: `file:numbers.csv` has no space, `numbers.csv` has no key."""
    text = plain_word(text[:_MAX_CELL_LENGTH])
    key, colon, value = text.partition(":")
    if colon and key in _KEYS_BY_KIND and value:
        return f"{key}: {value.strip()}"
    return f"file: {text}" if text.lower().endswith(".csv") and not colon else None


def _open_numbers_mapping(root: Section, path: str, node: YamlMapping) -> Section | None:
    """The item as a section. A key without a value does not count: generators write all keys of both kinds."""
    given = [key for key in ("file", "number") if key in node.entries]
    filled = [key for key in given if not isinstance(node.entries[key].node, YamlNull)]
    kinds = filled or given
    if len(kinds) == 1:
        own, other = _KEYS_BY_KIND[kinds[0]]
        empty = [key for key in other if key in node.entries and isinstance(node.entries[key].node, YamlNull)]
        return root.subsection(node, path, (*own, *empty))
    root.subsection(node, path, (*NUMBERS_FILE_KEYS, *TYPED_NUMBER_KEYS))  # reports misspelled keys
    if kinds or not any(nearest_key(key, _KEYS_BY_KIND) for key in node.entries):
        message = f"{path} must have either file or number{', not both' if kinds else ''}."
        root.report("MAN-004", path, message, line=node.line)
    return None


def _parse_typed_number(entry: Section) -> Iterator[TypedNumber]:
    """Both cells as written: the rules about rows check them later. Nothing if one of them must be in quotes."""
    if any(entry.is_unquoted(key) for key in TYPED_NUMBER_KEYS):
        return
    number, purpose = (_parse_cell(entry, key) for key in TYPED_NUMBER_KEYS)
    yield TypedNumber(number=number, call_purpose=purpose, line=entry.at("number")["line"])


def _parse_cell(entry: Section, key: str) -> str:
    text = entry.raw_text(key, allow_blank=True) or ""
    if len(text) > _MAX_CELL_LENGTH:
        entry.report_wrong(key, f"at most {_MAX_CELL_LENGTH:,} characters")
    return text[:_MAX_CELL_LENGTH]


def _add_numbers_file(files: dict[str, NumbersFile], entry: Section) -> None:
    """Add a file to `files`, which has them by the normal form of their names."""
    name = _parse_file_name(entry, "file", required=True)
    sha256 = _parse_sha256(entry)
    rows = entry.integer("rows")
    if name is None:
        return
    if name in MANIFEST_NAMES:
        entry.report_wrong("file", "a CSV file with numbers")
    elif first := files.get(normal_form(name)):
        entry.report("MAN-004", "file", f"{name} is already listed on line {first.line}.", value=name)
    else:
        file = NumbersFile(file=name, sha256=sha256 and sha256.lower(), rows=rows, **entry.at("file"))
        files[normal_form(name)] = file


def _parse_sha256(entry: Section) -> str | None:
    """The checksum. Where tools print more around it, such as the file's name, it is suggested alone."""
    text = entry.raw_text("sha256")
    if text is None or SHA256_PATTERN.fullmatch(text):
        return text
    found = re.findall(rf"(?<![0-9A-Za-z]){SHA256_PATTERN.pattern}(?![0-9A-Za-z])", text)
    suggestion = found[0] if len(found) == 1 else None
    entry.report_wrong("sha256", "64 hexadecimal digits", suggestion=suggestion, name_hidden=suggestion is None)
    return None


def _parse_file_name(section: Section, key: str, *, required: bool = False) -> str | None:
    """The plain path of a file that the manifest may list. None and MAN-007 if it may not list it."""
    name = section.raw_text(key, required=required)
    if name is None:
        return None
    reason = explain_unsafe_name(name)
    if reason is None:
        return plain_path(name)
    message = f"The name in {section.path(key)} {reason}."
    section.report("MAN-007", key, message, value=name, suggestion=suggest_safe_name(name))
    return None
