"""The ten call purposes, and how a received one is matched to them."""

import difflib
import re

from schemas.model.characters import plain_word

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

#: Words that people often write instead, letters only. Only words that can mean no other purpose are here: a campaign
#: may sell or ask for votes, and a list of people who do not want calls is not a list of numbers that make none. Words
#: that only look like a purpose have None.
_SYNONYMS: dict[str, str | None] = {
    "marketing": "Telemarketing",
    "sales": "Telemarketing",
    "collections": "Debt Collection",
    "collection": "Debt Collection",
    "notification": "Informational/Notification",
    "notifications": "Informational/Notification",
    "notificationinformational": "Informational/Notification",
    "informational": "Informational/Notification",
    "information": "Informational/Notification",
    "info": "Informational/Notification",
    "alerts": "Informational/Notification",
    "reminder": "Informational/Notification",
    "support": "Customer Service",
    "customersupport": "Customer Service",
    "care": "Customer Service",
    "customercare": "Customer Service",
    "service": "Customer Service",
    "multiuse": "Multi-Use Line",
    "multipurpose": "Multi-Use Line",
    "fundraising": "Charity",
    "donation": "Charity",
    "nonprofit": "Charity",
    "charities": "Charity",
    "charitable": "Charity",
    "polling": "Survey",
    "poll": "Survey",
    "inmate": "Prison",
    "correctional": "Prison",
    "dno": "Do Not Originate",
    "clarity": None,
    "parity": None,
    "person": None,
    "personal": None,
    "poison": None,
    "survive": None,
}

_WORD = re.compile(r"[^\W\d_]+")
_LETTERS = {"".join(_WORD.findall(purpose.casefold())): purpose for purpose in PURPOSES}
#: A text that begins with one of these says what the purpose is not.
_NEGATIONS = frozenset({"no", "non", "not", "never", "anti", "do", "don", "dont"})
#: How similar each word must be to the right one, and all letters together if the words are divided otherwise.
_MIN_SIMILARITY = 0.75
_MIN_JOINED_SIMILARITY = 0.88

#: A phone number in the same cell would be lost.
_PHONE_NUMBER = re.compile(r"(?:\d[-\s().]*){7}")

#: A longer text is not a misspelled purpose, and comparing it would take long.
_MAX_COMPARED_LENGTH = 64


def parse_purpose(text: str) -> int | None:
    """The purpose's index in `PURPOSES`; None if it is not one of the ten. Case and outer spaces do not matter."""
    return _BY_FOLDED.get(text.strip().casefold())


def nearest_purpose(text: str) -> str | None:
    """The purpose that was probably meant; None if that is not certain.

    Similar letters are no similar meaning. A misspelled purpose has as many words as the right one, all of them similar
    ("Custmer Servise"), or nearly the same letters in all ("CustomerServices"). "Customer Survey" has neither.
    """
    if len(text) > _MAX_COMPARED_LENGTH or _PHONE_NUMBER.search(text):
        return None
    words = _WORD.findall(plain_word(text).casefold())
    letters = "".join(words)
    if letters in _SYNONYMS:
        return _SYNONYMS[letters]
    if not words or (words[0] in _NEGATIONS and words[:2] != ["do", "not"]):
        return None
    alike = (_LETTERS[each] for each in difflib.get_close_matches(letters, _LETTERS, n=2, cutoff=_MIN_SIMILARITY))
    return next((purpose for purpose in alike if _is_misspelled(words, purpose)), None)


def _is_misspelled(words: list[str], purpose: str) -> bool:
    """Whether the words, which have about the letters of the purpose, are its words."""
    known = _WORD.findall(purpose.casefold())
    if len(words) != len(known):
        return _ratio("".join(words), "".join(known)) >= _MIN_JOINED_SIMILARITY
    return all(_ratio(word, right) >= _MIN_SIMILARITY for word, right in zip(words, known, strict=True))


def _ratio(first: str, second: str) -> float:
    return difflib.SequenceMatcher(None, first, second).ratio()
