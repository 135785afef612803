"""The texts that the called phone shows: display name (DSP-001 to DSP-008) and call reason (RSN-001, RSN-002)."""

import re
import unicodedata
from collections.abc import Iterator

from schemas.manifest import name_words
from schemas.manifest.section import Section, SectionReporter, excerpt, printable_text
from schemas.model.business import Business, DisplayName
from schemas.model.characters import plain_word
from schemas.model.findings import MAX_VALUE_LENGTH
from schemas.model.policy import Policy

DISPLAY_NAME_KEYS = ("display", "shorthand")

_NOT_ALLOWED = re.compile(r"[^A-Za-z0-9 ,&_\-@*%\[\]:$!']")
_LETTER = re.compile(r"[^\W\d_]")
#: A name without letters and with at least this many digits is called a phone number.
_PHONE_NUMBER_DIGITS = 7
#: A longer name is MAN-004. The ledger has both names in one index key, which PostgreSQL limits to 2,704 bytes.
MAX_DISPLAY_NAME_LENGTH = 1000
MAX_REASON_LENGTH = 10_000

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
_REQUESTS = (
    (_EMAIL, "an email address"),
    (_LINK, "a link"),
    (_CALL_TO_ACTION, "a call to action"),
    (_NUMBER, "a phone number to call"),
)


def parse_display_name(section: Section) -> DisplayName | None:
    """Both names of the section `display_name`, as written. `check_display_name` finds their faults."""
    display, shorthand = (
        section.trimmed_text(key, max_length=MAX_DISPLAY_NAME_LENGTH, required=True, allow_blank=True)
        for key in DISPLAY_NAME_KEYS
    )
    if display is None or shorthand is None:
        return None
    return DisplayName(display=display, shorthand=shorthand)


def storable_name(name: DisplayName | None) -> DisplayName | None:
    """The name without control characters, to store after `check_display_name`. (PostgreSQL accepts no NUL.)"""
    if name is None:
        return None
    return DisplayName(display=printable_text(name.display), shorthand=printable_text(name.shorthand))


def check_display_name(
    section: SectionReporter, name: DisplayName, *, business: Business | None, policy: Policy
) -> bool:
    """Report the name's faults, and return whether it needs a review before it is shown (DSP-008).

    Without a business, DSP-007 and DSP-008 are not checked.
    """
    is_approved = business is not None and name in business.display_names
    for key, text in (("display", name.display), ("shorthand", name.shorthand)):
        _check_text(section, key, text)
        if not is_approved and _LETTER.search(text):
            _check_content(section, key, text, policy)
    _check_length(section, "DSP-001", "display", name.display, policy.display_max)
    _check_length(section, "DSP-002", "shorthand", name.shorthand, policy.shorthand_max)
    if business is None or is_approved:
        return False
    if not name_words.resembles_business(name.display, business):
        message = f'"{excerpt(name.display)}" has no word in common with the names of the business.'
        suggestion = business.dba or business.legal_name
        section.report("DSP-007", "display", message, value=name.display, suggestion=suggestion)
    message = (
        f'"{excerpt(name.display)}" (shorthand "{excerpt(name.shorthand)}") is not approved for this business yet.'
    )
    section.report("DSP-008", "display", message, value=name.display)
    return True


def _check_length(section: SectionReporter, rule: str, key: str, text: str, max_length: int) -> None:
    if len(text) > max_length:
        message = f"{section.path(key)} has {len(text)} characters; phones show up to {max_length}."
        section.report(rule, key, message, value=text)


def _check_text(section: SectionReporter, key: str, text: str) -> None:
    check_characters(section, "DSP-003", key, text)
    if not text:
        section.report("DSP-004", key, f"{section.path(key)} is blank.", value=text)
    elif not _LETTER.search(text):
        digits = sum(character.isdigit() for character in text)
        fault = "is a phone number" if digits >= _PHONE_NUMBER_DIGITS else "has no letters"
        section.report("DSP-004", key, f"{section.path(key)} {fault}.", value=text)


def check_characters(section: SectionReporter, rule: str, key: str, text: str) -> None:
    """DSP-003 or RSN-002: report the first character that is not allowed, with its position from 1."""
    found = list(_NOT_ALLOWED.finditer(text))
    if not found:
        return
    first = found[0]
    more = f", and {len(found) - 1} more that phones cannot show" if len(found) > 1 else ""
    message = f"{section.path(key)} has {_describe(first[0])} at position {first.start() + 1}{more}."
    suggestion = _replace_characters(text) if len(text) <= MAX_VALUE_LENGTH else None
    section.report(rule, key, message, value=text, suggestion=suggestion)


def _describe(character: str) -> str:
    code = f"U+{ord(character):04X}"
    if printable_text(character) != character:
        return f"a control character ({code})"
    return f'"{character}" ({unicodedata.name(character, code)})'


def _replace_characters(text: str) -> str | None:
    """The text in allowed characters; None if that takes guessing."""
    plain = unicodedata.normalize("NFKD", plain_word(text.replace("`", "'")).strip('"'))
    plain = "".join(character for character in plain if not unicodedata.combining(character))
    return plain if not _NOT_ALLOWED.search(plain) else None


def _check_content(section: SectionReporter, key: str, text: str, policy: Policy) -> None:
    """DSP-005 and DSP-006."""
    for pattern, request in _REQUESTS:
        if found := pattern.search(text):
            message = f'{section.path(key)} contains {request}: "{excerpt(found[0])}".'
            section.report("DSP-005", key, message, value=text)
            break
    for term in _find_prohibited_terms(text, policy):
        section.report("DSP-006", key, f'{section.path(key)} contains the prohibited term "{term}".', value=text)


def _find_prohibited_terms(text: str, policy: Policy) -> Iterator[str]:
    prohibited = name_words.PROHIBITED_TERMS if policy.prohibited_terms is None else policy.prohibited_terms
    return (term for term in prohibited if name_words.contains_term(text, term))


def check_call_reason(section: SectionReporter, reason: str, *, policy: Policy) -> None:
    """RSN-001 and RSN-002."""
    if len(reason) > policy.call_reason_max:
        message = f"call_reason has {len(reason)} characters; the limit is {policy.call_reason_max}."
        section.report("RSN-001", "call_reason", message, value=reason)
    check_characters(section, "RSN-002", "call_reason", reason)
