"""What the called phone shows: rules DSP-001 to DSP-008 and RSN-001, RSN-002."""

import re
import unicodedata
from collections.abc import Iterator

from schemas.manifest import terms
from schemas.manifest.section import Section, SectionReporter, one_line, printable_text
from schemas.model.business import Business, DisplayName
from schemas.model.findings import VALUE_SHOWN
from schemas.model.policy import Policy

KEYS = ("display", "shorthand")

_NOT_ALLOWED = re.compile(r"[^A-Za-z0-9 ,&_\-@*%\[\]:$!']")
#: Characters that word processors put in, and the allowed one that was meant.
_PLAIN = str.maketrans({"’": "'", "‘": "'", "´": "'", "`": "'", "–": "-", "—": "-", "‐": "-", "‑": "-", "\u00a0": " "})
_SPACES = re.compile(r"\s+")
_LETTER = re.compile(r"[^\W\d_]")
_DIGITS_OF_A_NUMBER = 7
#: Longer ones are no names, and MAN-004. Both names of a pair are in one key of the ledger, and PostgreSQL takes none
#: of more than 2,704 bytes.
NAME_MAX = 1000
REASON_MAX = 10_000

_TLD = r"(?:com|net|org|edu|gov|info|biz|io|co|us|me|app|ai)\b"
_LINK = re.compile(rf"https?:|\bwww\b|\b[\w-]+\.{_TLD}|\bdot\s?{_TLD}", re.IGNORECASE)
_EMAIL = re.compile(rf"[\w.-]+@[\w-]+(?:\.|\s|\s?dot\s?){_TLD}", re.IGNORECASE)
_NUMBER = re.compile(r"(?<!\d)(?:1[ -]?)?\d{3}[ -]?\d{3}[ -]?\d{4}(?!\d)")
_CALL_TO_ACTION = re.compile(
    r"\b(?:"
    r"(?:call|text|act|pay|buy|order|apply|answer|reply|respond|press|visit|dial|click|join|enroll|save)"
    r"\s+(?:now|us|today|back|here|me|yes|stop|immediately|\d+)"
    r"|(?:please|pls)\s+(?:answer|call|respond|pick\s?up|reply)"
    r"|(?:do not|don't|dont)\s+(?:miss|ignore|wait|hang\s?up)"
    r"|limited\s+time|act\s+fast|sign\s+up|urgent|hurry"
    r")\b",
    re.IGNORECASE,
)
_ASKS = (
    (_EMAIL, "an e-mail address"),
    (_LINK, "a link"),
    (_CALL_TO_ACTION, "a call to action"),
    (_NUMBER, "a phone number to call"),
)


def parse_display_name(section: Section) -> DisplayName | None:
    """Both names of the `display_name` section as written; what is wrong with them is left to `check_display_name`."""
    display, shorthand = (section.any_text(key, at_most=NAME_MAX, required=True, blank=True) for key in KEYS)
    if display is None or shorthand is None:
        return None
    return DisplayName(display=display, shorthand=shorthand)


def storable_name(name: DisplayName | None) -> DisplayName | None:
    """The name fit to be kept and shown, once `check_display_name` has seen it as written: PostgreSQL takes no NUL."""
    if name is None:
        return None
    return DisplayName(display=printable_text(name.display), shorthand=printable_text(name.shorthand))


def check_display_name(
    section: SectionReporter, name: DisplayName, *, business: Business | None, policy: Policy
) -> bool:
    """Note what is wrong with the name, and say whether it needs a review before it is shown (DSP-008).

    Without a business nobody can say, so that DSP-007 and DSP-008 are not checked.
    """
    is_approved = business is not None and name in business.display_names
    for key, text in (("display", name.display), ("shorthand", name.shorthand)):
        _check_text(section, key, text)
        if not is_approved and _LETTER.search(text):
            _check_branding(section, key, text, policy)
    _check_length(section, "DSP-001", "display", name.display, policy.display_max)
    _check_length(section, "DSP-002", "shorthand", name.shorthand, policy.shorthand_max)
    if business is None or is_approved:
        return False
    if not terms.resembles(name.display, business):
        message = f'"{one_line(name.display)}" shares no word with the names of the business on record.'
        section.note("DSP-007", "display", message, value=name.display, suggestion=business.dba or business.legal_name)
    message = (
        f'"{one_line(name.display)}", in short "{one_line(name.shorthand)}", is not approved for the business yet.'
    )
    section.note("DSP-008", "display", message, value=name.display)
    return True


def _check_length(section: SectionReporter, rule: str, key: str, text: str, most: int) -> None:
    if len(text) > most:
        message = f"{section.path(key)} has {len(text)} characters; phones show {most}."
        section.note(rule, key, message, value=text)


def _check_text(section: SectionReporter, key: str, text: str) -> None:
    check_characters(section, "DSP-003", key, text)
    if not text:
        section.note("DSP-004", key, f"{section.path(key)} is blank.", value=text)
    elif not _LETTER.search(text):
        digits = sum(character.isdigit() for character in text)
        what = "is a phone number" if digits >= _DIGITS_OF_A_NUMBER else "has no letter"
        section.note("DSP-004", key, f"{section.path(key)} {what}.", value=text)


def check_characters(section: SectionReporter, rule: str, key: str, text: str) -> None:
    """DSP-003 or RSN-002: name the first character that cannot be shown and its position, from 1."""
    found = list(_NOT_ALLOWED.finditer(text))
    if not found:
        return
    first, more = found[0], f", and {len(found) - 1} more cannot be shown" if len(found) > 1 else ""
    message = f"{section.path(key)} has {_named(first[0])} at position {first.start() + 1}{more}."
    section.note(rule, key, message, value=text, suggestion=_plain(text) if len(text) <= VALUE_SHOWN else None)


def _named(character: str) -> str:
    code = f"U+{ord(character):04X}"
    if printable_text(character) != character:
        return f"a control character ({code})"
    return f'"{character}" ({unicodedata.name(character, code)})'


def _plain(text: str) -> str | None:
    """The text in allowed characters, where that takes no guessing."""
    plain = unicodedata.normalize("NFKD", _SPACES.sub(" ", text).translate(_PLAIN))
    plain = "".join(character for character in plain if not unicodedata.combining(character))
    return plain if not _NOT_ALLOWED.search(plain) else None


def _check_branding(section: SectionReporter, key: str, text: str, policy: Policy) -> None:
    for pattern, what in _ASKS:
        if found := pattern.search(text):
            section.note("DSP-005", key, f'{section.path(key)} has {what}: "{one_line(found[0])}".', value=text)
            break
    for term in _prohibited(text, policy):
        section.note("DSP-006", key, f'{section.path(key)} has the prohibited term "{term}".', value=text)


def _prohibited(text: str, policy: Policy) -> Iterator[str]:
    prohibited = terms.PROHIBITED if policy.prohibited_terms is None else policy.prohibited_terms
    return (term for term in prohibited if terms.has_term(text, term))


def check_reason(section: SectionReporter, reason: str, *, policy: Policy) -> None:
    """RSN-001 and RSN-002."""
    if len(reason) > policy.call_reason_max:
        message = f"call_reason has {len(reason)} characters; at most {policy.call_reason_max} are shown."
        section.note("RSN-001", "call_reason", message, value=reason)
    check_characters(section, "RSN-002", "call_reason", reason)
