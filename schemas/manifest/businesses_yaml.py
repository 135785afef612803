"""businesses.yaml: what the operator knows of each tenant."""

import re

from schemas.manifest import yaml_tree
from schemas.manifest.finding_collector import FindingCollector
from schemas.manifest.parse import BUSINESS
from schemas.manifest.section import Section
from schemas.manifest.yaml_tree import Fields, Scalar
from schemas.model.business import CONTACT, CONTACT_EXPECTED, Business, DisplayName
from schemas.model.filenames import unsafe
from schemas.model.findings import Finding
from schemas.model.policy import REGION, REGION_EXPECTED

KEYS = ("legal_name", "dba", "brands", "business_units", "display_names", "logos", "regions", "contacts")

#: Several thousand businesses; more is no such file.
_MAX_BYTES = 16 << 20
_NAME_MAX = 200


class BusinessesError(Exception):
    """The file cannot be read; the message is one line that says where and what was expected."""


def read_businesses(content: bytes) -> tuple[Business, ...]:
    """Every business in the file, in its order. Raises BusinessesError for the first fault, whatever the bytes are."""
    notes = FindingCollector(per_rule=1)
    tree = yaml_tree.read_yaml(content, max_bytes=_MAX_BYTES)
    if not isinstance(tree, Fields):
        raise BusinessesError(tree.message)
    root = Section(tree, "", notes, ("businesses",))
    businesses = _businesses(root)
    if notes.kept:
        first = min(notes.kept, key=lambda found: found.line or 0)
        more = notes.totals.total() - 1
        raise BusinessesError(_say(first) + (f" ({more:,} more)" if more else ""))
    return businesses


def _say(found: Finding) -> str:
    meant = f" Is {found.suggestion} meant?" if found.suggestion else ""
    return f"line {found.line}: {found.message}{meant}"


def _businesses(root: Section) -> tuple[Business, ...]:
    node = root.node("businesses")
    if not isinstance(node, Fields):
        if root.has("businesses"):
            root.wrong("businesses", "a mapping of businesses by their folders' names")
        elif "businesses" not in root:
            root.missing("businesses")
        return ()
    entries = root.within(node, "businesses", node.entries.keys())
    return tuple(filter(None, (_business(entries, name) for name in node.entries)))


def _business(entries: Section, name: str) -> Business | None:
    if not BUSINESS.fullmatch(name):
        entries.note("MAN-004", name, f"{name[:80]} is no folder's name: up to 63 of a-z, 0-9 and -.")
    section = entries.section(name, KEYS, required=True)
    if section is None:
        return None
    return Business(
        id=name,
        legal_name=section.text("legal_name", at_most=_NAME_MAX, required=True) or "",
        dba=section.text("dba", at_most=_NAME_MAX),
        brands=_texts(section, "brands"),
        business_units=_texts(section, "business_units"),
        display_names=_display_names(section),
        logos=_logos(section),
        regions=_matching(section, "regions", REGION, REGION_EXPECTED) if "regions" in section else None,
        contacts=_matching(section, "contacts", CONTACT, CONTACT_EXPECTED),
    )


def _texts(section: Section, key: str) -> tuple[str, ...]:
    """A list of short texts; what else is in it is noted."""
    texts = []
    for node in section.items(key):
        text = node.text.strip() if isinstance(node, Scalar) else ""
        if text and len(text) <= _NAME_MAX:
            texts.append(text)
        else:
            section.note(
                "MAN-004", key, f"{section.path(key)} must be a list of texts of up to {_NAME_MAX} characters."
            )
    return tuple(texts)


def _matching(section: Section, key: str, pattern: re.Pattern[str], expected: str) -> tuple[str, ...]:
    texts = _texts(section, key)
    for text in texts:
        if not pattern.fullmatch(text):
            section.note("MAN-004", key, f'Each of {section.path(key)} must be {expected}, not "{text}".')
    return texts


def _logos(section: Section) -> tuple[str, ...]:
    names = _texts(section, "logos")
    for name in names:
        if "/" in name or unsafe(name):
            section.note("MAN-007", "logos", f'"{name}" in {section.path("logos")} must be the plain name of a file.')
    return names


def _display_names(section: Section) -> tuple[DisplayName, ...]:
    names = []
    for index, node in enumerate(section.items("display_names")):
        if not isinstance(node, Fields):
            section.note(
                "MAN-004", "display_names", f"{section.path('display_names')} must list display with shorthand."
            )
            continue
        entry = section.within(node, f"display_names[{index}]", ("display", "shorthand"))
        display, shorthand = (entry.text(key, at_most=_NAME_MAX, required=True) for key in ("display", "shorthand"))
        names.append(DisplayName(display=display or "", shorthand=shorthand or ""))
    return tuple(names)
