"""A manifest's tree to its frozen value, with every fault at once: MAN-002 to MAN-004, MAN-007, MAN-012, MAN-016,
and what is given for a program that has no use for it: DSP-009, RSN-003, IMG-006.
"""

import hashlib
import re
from dataclasses import dataclass, replace
from typing import get_args

from schemas.manifest import display_name, schedule
from schemas.manifest.finding_collector import FindingCollector
from schemas.manifest.schedule import Times
from schemas.manifest.section import Section, SectionKeys, one_of
from schemas.manifest.yaml_tree import Fields, Node, Scalar, read_yaml
from schemas.model.filenames import unsafe
from schemas.model.manifest import Manifest, NumbersFile, NumbersMode, OnRejectedRows, ProgramType, State, TypedNumber
from schemas.model.purposes import PURPOSES, nearest_purpose, parse_purpose

MANIFEST_NAMES = ("program.yaml", "program.yml")
VERSION = "1"
BUSINESS = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
REFERENCE = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
SHA256 = re.compile(r"[0-9A-Fa-f]{64}")

KEYS = (
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
#: All that a cancelling manifest needs, and all that is looked at in one.
CANCELLING_KEYS = ("manifest", "business", "reference", "state")
UNIT_KEYS = ("name", "create")
PROGRAM_KEYS = ("type", "name", "call_purpose", "description")
FILE_KEYS = ("file", "sha256", "rows")
TYPED_KEYS = ("number", "call_purpose")

#: Types of program that show neither a logo nor a call reason.
WITHOUT_LOGO: tuple[ProgramType, ...] = ("INFORM", "SENTRY")

NAME_MAX = 200
DESCRIPTION_MAX = 2000
_CELL_MAX = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class ManifestContent:
    """What a manifest says, and where it says it.

    `named` are all files that it names, used or not. `manifest.schedule` is what `times` says so far. The sections are
    None where they are missing or cannot be read.
    """

    manifest: Manifest
    named: frozenset[str] = frozenset()
    root: SectionKeys
    program: SectionKeys | None = None
    display: SectionKeys | None = None
    schedule: SectionKeys | None = None
    times: Times | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedManifest:
    """The result of parsing a manifest's bytes. A plain value: it can be kept, and sent to another process.

    `sha256` and `bytes` are those of what was parsed. `findings` are those of the parsing, and nobody adds to them later. `content` is
    None where the bytes cannot be read as YAML, or are too many.
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
    """Parse a manifest: everything that it says, and everything that is wrong with it at once.

    `content` may end after `max_bytes` + 1 bytes: longer ones are MAN-011 and not read. Of each rule, the first
    `per_rule` findings are kept.
    """
    findings = FindingCollector(per_rule)
    tree = read_yaml(content, max_bytes=max_bytes)
    if not isinstance(tree, Fields):
        findings.note(tree)
    return ParsedManifest(
        sha256=hashlib.sha256(content).hexdigest(),
        bytes=len(content),
        findings=findings,
        content=_parse_tree(tree, findings) if isinstance(tree, Fields) else None,
    )


def _parse_tree(tree: Fields, findings: FindingCollector) -> ManifestContent:
    if _is_cancelling(tree):
        return _parse_cancelling(tree, findings)
    root = Section(tree, "", findings, KEYS)
    _check_version(root)
    program = root.section("program", PROGRAM_KEYS, required=True)
    kind = program.choice("type", get_args(ProgramType), required=True) if program else None
    display = _display_section(root, kind)
    timing = root.section("schedule", schedule.KEYS, required=True)
    times = schedule.parse_schedule(timing) if timing else None
    logo = _logo(root, kind)
    files, typed = _numbers(root)
    manifest = replace(
        _program_facts(root, program, kind),
        display_name=display_name.parse_display_name(display) if display else None,
        logo=logo if kind not in WITHOUT_LOGO else None,
        call_reason=_call_reason(root, kind),
        schedule=times.schedule() if times else None,
        files=files,
        typed=typed,
    )
    return ManifestContent(
        manifest=_with_options(root, manifest),
        named=frozenset(file.file for file in files) | ({logo} if logo else set()),
        root=root.keys,
        program=program and program.keys,
        display=display and display.keys,
        schedule=timing and timing.keys,
        times=times,
    )


def _program_facts(root: Section, program: Section | None, kind: ProgramType | None) -> Manifest:
    """A manifest with whose program it is, and the texts of its section `program`."""
    unit, create = _business_unit(root)
    return Manifest(
        business=_business(root),
        reference=_reference(root),
        business_unit=unit,
        create_business_unit=create,
        program_type=kind,
        name=program.text("name", at_most=NAME_MAX, required=True) if program else None,
        call_purpose=_purpose(program) if program else None,
        description=program.text("description", at_most=DESCRIPTION_MAX, required=True, lines=True)
        if program
        else None,
    )


def _with_options(root: Section, manifest: Manifest) -> Manifest:
    """The manifest with what it asks for beyond the program itself."""
    return replace(
        manifest,
        numbers_mode=root.choice("numbers_mode", get_args(NumbersMode)) or "add",
        on_rejected_rows=root.choice("on_rejected_rows", get_args(OnRejectedRows)) or "accept_valid",
        max_rejected_percent=root.percent("max_rejected_percent"),
        state=root.choice("state", get_args(State)) or "active",
        reassign=root.flag("reassign"),
        hold_until_branded=root.flag("hold_until_branded"),
    )


def _is_cancelling(tree: Fields) -> bool:
    state = tree.entries.get("state")
    return state is not None and isinstance(state.node, Scalar) and state.node.text.strip() == "cancelled"


def _parse_cancelling(tree: Fields, findings: FindingCollector) -> ManifestContent:
    looked_at = {key: entry for key, entry in tree.entries.items() if key in CANCELLING_KEYS}
    repeated = tuple((key, line) for key, line in tree.repeated if key in CANCELLING_KEYS)
    root = Section(Fields(looked_at, tree.line, repeated), "", findings, CANCELLING_KEYS)
    _check_version(root)
    manifest = Manifest(business=_business(root), reference=_reference(root), state="cancelled")
    return ManifestContent(manifest=manifest, root=root.keys)


def _check_version(root: Section) -> None:
    version = root.raw("manifest", required=True)
    if version is not None and version.strip() != VERSION:
        message = f'Version "{version[:20]}" of the manifest is not supported; {VERSION} is.'
        root.note("MAN-016", "manifest", message, value=version, suggestion=VERSION)


def _business(root: Section) -> str | None:
    expected = "up to 63 of a-z, 0-9 and -, beginning with a letter or digit"
    return root.matching("business", BUSINESS, expected, required=True)


def _reference(root: Section) -> str | None:
    expected = "up to 64 of a-z, 0-9, dot, _ and -, beginning with a letter or digit"
    return root.matching("reference", REFERENCE, expected, required=True)


def _purpose(program: Section) -> str | None:
    text = program.raw("call_purpose", required=True)
    if text is None:
        return None
    index = parse_purpose(text)
    if index is None:
        program.wrong("call_purpose", one_of(PURPOSES), suggestion=nearest_purpose(text))
        return None
    return PURPOSES[index]


def _business_unit(root: Section) -> tuple[str | None, bool]:
    """Its name, and whether it may be created."""
    if not isinstance(root.node("business_unit"), Fields):
        return root.text("business_unit", at_most=NAME_MAX, required=True), False
    unit = root.section("business_unit", UNIT_KEYS)
    assert unit is not None
    return unit.text("name", at_most=NAME_MAX, required=True), unit.flag("create")


def _display_section(root: Section, kind: ProgramType | None) -> Section | None:
    """The display name's section, for a program that shows one; DSP-009 where it does not."""
    if kind == "SENTRY":
        if "display_name" in root:
            root.note("DSP-009", "display_name", "A SENTRY program shows no name; display_name is not used.")
        return None
    return root.section("display_name", display_name.KEYS, required=kind is not None)


def _logo(root: Section, kind: ProgramType | None) -> str | None:
    """The image's name; IMG-006 where the program does not show it."""
    name = root.raw("logo")
    if name is None or not _is_safe(root, "logo", name):
        return None
    if kind in WITHOUT_LOGO:
        root.note("IMG-006", "logo", f"A program of type {kind} shows no logo; logo is not used.", value=name)
    return name


def _call_reason(root: Section, kind: ProgramType | None) -> str | None:
    """The call reason; None, and RSN-003, where the program does not show it."""
    reason = root.any_text("call_reason", at_most=display_name.REASON_MAX)
    if reason is None or kind not in WITHOUT_LOGO:
        return reason
    message = f"A program of type {kind} shows no call reason; call_reason is not used."
    root.note("RSN-003", "call_reason", message, value=reason)
    return None


def _is_safe(section: Section, key: str, name: str) -> bool:
    why = unsafe(name)
    if why:
        section.note("MAN-007", key, f"The name in {section.path(key)} {why}.", value=name)
    return why is None


def _numbers(root: Section) -> tuple[tuple[NumbersFile, ...], tuple[TypedNumber, ...]]:
    files: dict[str, NumbersFile] = {}
    typed: list[TypedNumber] = []
    for index, node in enumerate(root.items("numbers")):
        entry = _numbers_entry(root, index, node)
        if entry is None:
            continue
        if "number" in entry:
            typed.append(_typed(entry))
        else:
            _add_file(files, entry)
    return tuple(files.values()), tuple(typed)


def _numbers_entry(root: Section, index: int, node: Node) -> Section | None:
    """One item of the list as a section; None, and a finding, where it is neither a file nor a number."""
    has = {"file", "number"} & node.entries.keys() if isinstance(node, Fields) else set()
    if isinstance(node, Fields) and len(has) == 1:
        return root.within(node, f"numbers[{index}]", FILE_KEYS if "file" in has else TYPED_KEYS)
    if isinstance(node, Fields):
        root.within(node, f"numbers[{index}]", (*FILE_KEYS, *TYPED_KEYS))  # a misspelt key is told as such
    path, value = f"numbers[{index}]", node.text if isinstance(node, Scalar) else None
    message = f"{path} must have either file or number{', not both' if has else ''}."
    suggestion = f"file: {value}" if value and value.strip().lower().endswith(".csv") else None
    root.note("MAN-004", path, message, line=node.line, value=value, suggestion=suggestion)
    return None


def _typed(entry: Section) -> TypedNumber:
    """Both cells as written: what is in them is for the rules about rows."""
    number, purpose = (_cell(entry, key) for key in TYPED_KEYS)
    return TypedNumber(number=number, call_purpose=purpose, line=entry.at("number")["line"])


def _cell(entry: Section, key: str) -> str:
    text = entry.raw(key, blank=True) or ""
    if len(text) > _CELL_MAX:
        entry.wrong(key, f"at most {_CELL_MAX:,} characters")
    return text[:_CELL_MAX]


def _add_file(files: dict[str, NumbersFile], entry: Section) -> None:
    name = entry.raw("file", required=True)
    sha256 = entry.matching("sha256", SHA256, "64 hexadecimal digits")
    rows = entry.integer("rows")
    if name is None or not _is_safe(entry, "file", name):
        return
    if name in MANIFEST_NAMES:
        entry.wrong("file", "a CSV file with numbers")
    elif name in files:
        entry.note("MAN-004", "file", f"{name} is named already, on line {files[name].line}.", value=name)
    else:
        files[name] = NumbersFile(file=name, sha256=sha256 and sha256.lower(), rows=rows, **entry.at("file"))
