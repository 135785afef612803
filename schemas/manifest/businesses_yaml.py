"""Parses businesses.yaml, the operator's list of businesses."""

import re

from schemas.manifest.finding_collector import FindingCollector
from schemas.manifest.section import Section
from schemas.manifest.yaml_tree import YamlMapping, YamlScalar, parse_yaml
from schemas.model.business import BUSINESS_PATTERN, CONTACT_EXPECTED, CONTACT_PATTERN, Business, DisplayName
from schemas.model.filenames import explain_unsafe_name
from schemas.model.findings import Finding
from schemas.model.policy import REGION_EXPECTED, REGION_PATTERN

#: Its name in the inbox.
BUSINESSES_FILE = "businesses.yaml"
BUSINESS_KEYS = ("legal_name", "dba", "brands", "business_units", "display_names", "logos", "regions", "contacts")

#: Enough for several thousand businesses.
_MAX_BYTES = 16 << 20
_MAX_TEXT_LENGTH = 200


class BusinessesError(Exception):
    """The file cannot be read. The message is one line: where, and what was expected."""


def parse_businesses(content: bytes) -> tuple[Business, ...]:
    """All businesses, in the file's order. Raises BusinessesError for the first fault, whatever the bytes are."""
    findings = FindingCollector(per_rule=1)
    tree = parse_yaml(content, max_bytes=_MAX_BYTES)
    if not isinstance(tree, YamlMapping):
        raise BusinessesError(tree.message)
    root = Section(tree, "", findings, ("businesses",))
    businesses = _parse_entries(root)
    if findings.kept_findings:
        first = min(findings.kept_findings, key=lambda finding: finding.line or 0)
        more = findings.totals.total() - 1
        raise BusinessesError(_describe(first) + (f" ({more:,} more)" if more else ""))
    return businesses


def _describe(finding: Finding) -> str:
    suggestion = f" Did you mean {finding.suggestion}?" if finding.suggestion else ""
    return f"line {finding.line}: {finding.message}{suggestion}"


def _parse_entries(root: Section) -> tuple[Business, ...]:
    node = root.node("businesses")
    if not isinstance(node, YamlMapping):
        if node is not None and root.is_filled("businesses"):
            root.report_wrong("businesses", "keys and values, with one key for each business: its folder name")
        elif "businesses" not in root.keys.lines:
            root.report_missing("businesses")
        return ()
    entries = root.subsection(node, "businesses", node.entries.keys())
    return tuple(filter(None, (_parse_entry(entries, name) for name in node.entries)))


def _parse_entry(entries: Section, name: str) -> Business | None:
    if not BUSINESS_PATTERN.fullmatch(name):
        message = f'"{name[:80]}" must be a folder name of 1 to 63 characters (a-z, 0-9, -).'
        entries.report("MAN-004", name, message)
    section = entries.section(name, BUSINESS_KEYS, required=True)
    if section is None:
        return None
    return Business(
        id=name,
        legal_name=section.plain_text("legal_name", max_length=_MAX_TEXT_LENGTH, required=True) or "",
        dba=section.plain_text("dba", max_length=_MAX_TEXT_LENGTH),
        brands=_parse_texts(section, "brands"),
        business_units=_parse_texts(section, "business_units"),
        display_names=_parse_display_names(section),
        logos=_parse_logos(section),
        regions=_parse_matching_texts(section, "regions", REGION_PATTERN, REGION_EXPECTED)
        if "regions" in section
        else None,
        contacts=_parse_matching_texts(section, "contacts", CONTACT_PATTERN, CONTACT_EXPECTED),
    )


def _parse_texts(section: Section, key: str) -> tuple[str, ...]:
    """A list of short texts. Any other item is reported."""
    texts = []
    for _, node in section.list_items(key):
        text = node.text.strip() if isinstance(node, YamlScalar) else ""
        if text and len(text) <= _MAX_TEXT_LENGTH:
            texts.append(text)
        else:
            message = f"{section.path(key)} must be a list of texts of up to {_MAX_TEXT_LENGTH} characters."
            section.report("MAN-004", key, message)
    return tuple(texts)


def _parse_matching_texts(section: Section, key: str, pattern: re.Pattern[str], expected: str) -> tuple[str, ...]:
    texts = _parse_texts(section, key)
    for text in texts:
        if not pattern.fullmatch(text):
            section.report("MAN-004", key, f'Each item of {section.path(key)} must be {expected}, not "{text}".')
    return texts


def _parse_logos(section: Section) -> tuple[str, ...]:
    names = _parse_texts(section, "logos")
    for name in names:
        if "/" in name or explain_unsafe_name(name):
            section.report("MAN-007", "logos", f'"{name}" in {section.path("logos")} must be a plain file name.')
    return names


def _parse_display_names(section: Section) -> tuple[DisplayName, ...]:
    names = []
    for path, node in section.list_items("display_names", "- {display: …, shorthand: …}"):
        if not isinstance(node, YamlMapping):
            message = f"Each item of {section.path('display_names')} must have display and shorthand."
            section.report("MAN-004", "display_names", message)
            continue
        entry = section.subsection(node, path, ("display", "shorthand"))
        display, shorthand = (
            entry.plain_text(key, max_length=_MAX_TEXT_LENGTH, required=True) for key in ("display", "shorthand")
        )
        names.append(DisplayName(display=display or "", shorthand=shorthand or ""))
    return tuple(names)
