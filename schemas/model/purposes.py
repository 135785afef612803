"""The ten call purposes: the contract's list, and how a received one is read."""

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

#: Where "Do Not Originate" stands in `PURPOSES`.
DO_NOT_ORIGINATE = 9

_BY_FOLDED = {purpose.casefold(): index for index, purpose in enumerate(PURPOSES)}
_FOLDED = tuple(_BY_FOLDED)

#: What people write instead of the contract's words, letters only; the nearest by spelling would often be another.
_USUAL = {
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

#: A longer text is no misspelt purpose, and comparing it would cost its length.
_LONGEST_COMPARED = 64


def parse_purpose(text: str) -> int | None:
    """The purpose's place in `PURPOSES`, or None if it is none of the ten. Case and outer space do not matter."""
    return _BY_FOLDED.get(text.strip().casefold())


def nearest_purpose(text: str) -> str | None:
    """The purpose that was probably meant, or None where nothing is near."""
    if len(text) > _LONGEST_COMPARED:
        return None
    folded = " ".join(unicodedata.normalize("NFKC", text).casefold().split())
    words = "".join(letter for letter in folded if letter.isalpha())
    if words in _USUAL:
        return _USUAL[words]
    close = difflib.get_close_matches(folded, _FOLDED, n=1, cutoff=0.6)
    return PURPOSES[_BY_FOLDED[close[0]]] if close else None
