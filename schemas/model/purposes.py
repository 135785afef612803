"""The ten call purposes, and how a received one is matched to them."""

import difflib
import unicodedata

PURPOSES: tuple[str, ...] = (
    "Charity",
    "Customer Service",
    "Debt Collection",
    "Informational/Notification",
    "Multi-Use Line",
    "Political",
    "Prison",
    "Survey",
    "Telemarketing",
    "Do Not Originate",
)

#: The index of "Do Not Originate" in `PURPOSES`.
DO_NOT_ORIGINATE_INDEX = 9

_BY_FOLDED = {purpose.casefold(): index for index, purpose in enumerate(PURPOSES)}
_FOLDED = tuple(_BY_FOLDED)

#: Words that people often write instead, letters only. The nearest spelling would often be a different purpose.
_SYNONYMS = {
    "marketing": "Telemarketing",
    "sales": "Telemarketing",
    "collections": "Debt Collection",
    "collection": "Debt Collection",
    "notification": "Informational/Notification",
    "notifications": "Informational/Notification",
    "informational": "Informational/Notification",
    "information": "Informational/Notification",
    "info": "Informational/Notification",
    "alerts": "Informational/Notification",
    "reminder": "Informational/Notification",
    "support": "Customer Service",
    "care": "Customer Service",
    "service": "Customer Service",
    "multiuse": "Multi-Use Line",
    "multipurpose": "Multi-Use Line",
    "fundraising": "Charity",
    "donation": "Charity",
    "nonprofit": "Charity",
    "campaign": "Political",
    "polling": "Survey",
    "poll": "Survey",
    "inmate": "Prison",
    "correctional": "Prison",
    "dno": "Do Not Originate",
    "donotcall": "Do Not Originate",
}

#: A longer text is not a misspelled purpose, and comparing it would take long.
_MAX_COMPARED_LENGTH = 64


def parse_purpose(text: str) -> int | None:
    """The purpose's index in `PURPOSES`; None if it is not one of the ten. Case and outer spaces do not matter."""
    return _BY_FOLDED.get(text.strip().casefold())


def nearest_purpose(text: str) -> str | None:
    """The purpose that was probably meant; None if no purpose is similar."""
    if len(text) > _MAX_COMPARED_LENGTH:
        return None
    folded = " ".join(unicodedata.normalize("NFKC", text).casefold().split())
    letters = "".join(letter for letter in folded if letter.isalpha())
    if letters in _SYNONYMS:
        return _SYNONYMS[letters]
    close = difflib.get_close_matches(folded, _FOLDED, n=1, cutoff=0.6)
    return PURPOSES[_BY_FOLDED[close[0]]] if close else None
