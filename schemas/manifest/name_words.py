"""The words of display names: prohibited terms, and whether a name resembles its business."""

import re

from schemas.model.business import Business

#: Government bodies and emergency services of the served +1 countries. A policy can replace this list.
PROHIBITED_TERMS: tuple[str, ...] = (
    "911",
    "988",
    "Ambulance",
    "Amber Alert",
    "Border Patrol",
    "CDC",
    "Census Bureau",
    "CIA",
    "Coast Guard",
    "Congress",
    "Customs and Border",
    "DEA",
    "Department of",
    "DHS",
    "DMV",
    "Emergency",
    "FBI",
    "FCC",
    "FDA",
    "Federal Bureau",
    "Federal Government",
    "Federal Reserve",
    "FEMA",
    "Fire Department",
    "Fire Dept",
    "FTC",
    "Government",
    "Govt",
    "Highway Patrol",
    "Homeland Security",
    "Immigration",
    "Internal Revenue",
    "IRS",
    "Law Enforcement",
    "Medicaid",
    "Medicare",
    "National Guard",
    "NSA",
    "Police",
    "Secret Service",
    "Senate",
    "Sheriff",
    "Social Security",
    "SSA",
    "State Trooper",
    "Supreme Court",
    "Treasury",
    "TSA",
    "US Army",
    "US Marshal",
    "US Marshals",
    "US Navy",
    "USCIS",
    "Veterans Affairs",
    "White House",
)

#: Words that are so common in business names that a match on them means nothing.
_COMMON = frozenset(
    [
        *("a", "an", "and", "at", "by", "for", "in", "of", "on", "or", "the", "to"),
        *("co", "company", "corp", "corporation", "group", "holdings", "inc", "incorporated", "limited", "llc", "llp"),
        *("lp", "ltd", "na", "national", "plc", "services"),
    ]
)
_WORD = re.compile(r"[^\W_]+")
_INITIALS = re.compile(r"\b(?:[a-z][. -]){1,}[a-z]\b\.?")


def split_words(text: str) -> list[str]:
    """The words of a text, in lower case. Initials are one word: "I.R.S." and "I R S" are "irs"."""
    plain = text.casefold().replace("'s", "")
    joined = _INITIALS.sub(lambda found: re.sub(r"[. -]", "", found[0]), plain)
    return _WORD.findall(joined)


def contains_term(text: str, term: str) -> bool:
    """Whether the text has the words of the term, whole and in a row. "First" does not contain "IRS"."""
    words, wanted = split_words(text), split_words(term)
    width = len(wanted)
    return width > 0 and any(words[at : at + width] == wanted for at in range(len(words) - width + 1))


def resembles_business(display: str, business: Business) -> bool:
    """Whether the display name resembles the business's legal name, DBA or a brand.

    It does if they have a word in common that is not too common, or if they are equal without spaces.
    """
    display_words = split_words(display)
    for name in filter(None, (business.legal_name, business.dba, *business.brands)):
        words = split_words(name)
        distinctive = set(words) - _COMMON or set(words)
        if distinctive & set(display_words) or "".join(words) == "".join(display_words):
            return True
    return False
