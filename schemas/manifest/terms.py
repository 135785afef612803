"""Names as words: which terms a display name may not have, and whether it resembles its business."""

import re

from schemas.model.business import Business

#: Government bodies and emergency services of the +1 countries served; a policy may give a list of its own.
PROHIBITED: tuple[str, ...] = (
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

#: Words so common in names that sharing one says nothing.
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
    """The words of a text in lower case; initials are one word ("I.R.S." and "I R S" are "irs")."""
    plain = text.casefold().replace("'s", "")
    joined = _INITIALS.sub(lambda found: re.sub(r"[. -]", "", found[0]), plain)
    return _WORD.findall(joined)


def has_term(text: str, term: str) -> bool:
    """Whether the term's words stand in the text, next to each other and whole: "IRS" is not in "First"."""
    found, wanted = split_words(text), split_words(term)
    width = len(wanted)
    return width > 0 and any(found[at : at + width] == wanted for at in range(len(found) - width + 1))


def resembles(display: str, business: Business) -> bool:
    """Whether the name shares a telling word with the legal name, the DBA or a brand, or is one run together."""
    shown = split_words(display)
    for name in filter(None, (business.legal_name, business.dba, *business.brands)):
        own = split_words(name)
        telling = set(own) - _COMMON or set(own)
        if telling & set(shown) or "".join(own) == "".join(shown):
            return True
    return False
