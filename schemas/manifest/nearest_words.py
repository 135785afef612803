"""Guesses which known word was meant: the suggestions for misspelled keys and choices."""

import difflib
from collections.abc import Collection, Mapping, Sequence

from schemas.model.characters import plain_word

#: Comparisons look at no more characters of a text.
_COMPARED_LENGTH = 60
#: How similar two words must be (0 to 1) for one to be suggested for the other.
_CUTOFF = 0.7

#: Keys that people write instead of another one.
_KEY_SYNONYMS = {
    "begin": "start",
    "checksum": "sha256",
    "count": "rows",
    "csv": "file",
    "end_date": "end",
    "enddate": "end",
    "file_name": "file",
    "filename": "file",
    "from": "start",
    "hash": "sha256",
    "id": "reference",
    "long_name": "display",
    "name": "display",
    "path": "file",
    "phone": "number",
    "phone_number": "number",
    "phonenumber": "number",
    "purpose": "call_purpose",
    "reason": "call_reason",
    "ref": "reference",
    "sha_256": "sha256",
    "short": "shorthand",
    "short_name": "shorthand",
    "start_date": "start",
    "stop": "end",
    "tz": "timezone",
    "until": "end",
    "version": "manifest",
}


def intended_word(text: str) -> str:
    """The start of a text as a reader sees it, without quotes around it or punctuation after it."""
    return plain_word(text[:_COMPARED_LENGTH]).rstrip(",;").strip("'\"")


def nearest_word(word: str, known: Collection[str]) -> str | None:
    """The known word that was probably meant. It compares only the first characters, to limit the cost."""
    by_folded = {each.casefold(): each for each in known}
    close = difflib.get_close_matches(intended_word(word).casefold(), by_folded, n=1, cutoff=_CUTOFF)
    return by_folded[close[0]] if close else None


def nearest_key(key: str, known: Collection[str]) -> str | None:
    """The known key that was probably meant."""
    synonym = _KEY_SYNONYMS.get(intended_word(key).casefold().replace("-", "_").replace(" ", "_"))
    return synonym if synonym in known else nearest_word(key, known)


def nearest_choice(text: str, choices: Sequence[str], synonyms: Mapping[str, str | None]) -> str | None:
    """The choice that was probably meant. `synonyms` are in lower case; those that mean no choice have None."""
    folded = intended_word(text).casefold()
    return synonyms[folded] if folded in synonyms else nearest_word(folded, choices)
