"""Characters that a reader does not see, or takes for another one: where they are, their names, and what was meant.

They come from word processors, web pages and other keyboards, and make a word differ from the one it looks like.
"""

import re
import unicodedata
from dataclasses import dataclass
from functools import cache

#: Letters and punctuation, each with the ASCII character it looks like: the common part of Unicode's confusables.txt
#: (UTS #39). Characters whose compatibility form (NFKC) is ASCII, such as full-width letters, are not listed.
_PAIRS = (
    "АA ВB ЕE ЅS ІI ЈJ КK МM НH ОO РP СC ТT УY ХX ҮY ԌG ԚQ ԜW "  # Cyrillic
    "аa еe ѕs іi јj кk оo рp сc уy хx үy һh ԁd ԍg ԛq ԝw ӏl ѵv "
    "ΑA ΒB ΕE ΖZ ΗH ΙI ΚK ΜM ΝN ΟO ΡP ΤT ΥY ΧX ϹC ͿJ αa γy ιi κk νv οo ρp υu ϲc ϳj "  # Greek
    "ՍU ՕO հh ոn սu ցg օo "  # Armenian
    "ıi ɑa ɡg "  # Latin
    "‘' ’' ‚' ‛' ′' ʹ' ʼ' ´' "  # punctuation
    '“" ”" „" ‟" ″" '
    "‐- ‑- ‒- –- —- ―- −- ⁃- ⁄/ ∕/ ∶: ꞉: ꓽ:"
)
_LOOK_ALIKES = {pair[0]: pair[1] for pair in _PAIRS.split()}
#: They leave no mark, although Unicode does not count them as format characters.
_NO_MARK = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)
_CANDIDATE = re.compile("[^ -~]|(?<= ) ")
_ASCII = re.compile("[ -~]+")
_SCRIPTS = re.compile(r"\b(?:armenian|cyrillic|greek|latin|roman)\b")
_NAMES = {
    "\t": "a tab",
    "\n": "a line break",
    "\r": "a line break",
    " ": "a second space in a row",
    '"': "a straight quotation mark",
    "\ufeff": "a byte order mark (U+FEFF)",
    "\x0b": "a vertical tab (U+000B)",
    "\x0c": "a form feed (U+000C)",
    "\x1a": "a Ctrl-Z (U+001A)",
    "\x85": "a next line character (U+0085)",
}


@dataclass(frozen=True, slots=True)
class HiddenCharacter:
    """A character that is not seen, or looks like another one. `position` counts from 1.

    `description` fits after "has": 'a no-break space (U+00A0)', 'a Cyrillic small letter a (U+0430) instead of "a"'.
    """

    position: int
    description: str


def find_hidden_character(text: str) -> HiddenCharacter | None:
    """The first such character of the text; None if it has none. Letters that look like no other are not hidden."""
    for found in _CANDIDATE.finditer(text):
        if found[0] == " " or _plain(found[0]) is not None:
            return HiddenCharacter(found.start() + 1, describe_character(found[0]))
    return None


def plain_word(text: str) -> str:
    """The text that a reader sees: without what is not visible, in plain letters, and with single spaces."""
    plain = _CANDIDATE.sub(lambda found: found[0] if (plain := _plain(found[0])) is None else plain, text)
    return " ".join(plain.split())


@cache
def describe_character(character: str) -> str:
    """The name of one character, after "has" or "contains"."""
    if character in _NAMES:
        return _NAMES[character]
    code = f"U+{ord(character):04X}"
    name = unicodedata.name(character, "").lower()
    if not name:
        return f"the character {code}" if character.isprintable() else f"the invisible character {code}"
    name = _SCRIPTS.sub(lambda script: script[0].capitalize(), name)
    article = "an" if name[0] in "aeio" else "a"
    plain = _plain(character)
    described = f"{article} {name} ({code})"
    if not plain or plain == " ":
        return described
    instead = _NAMES.get(plain, f'"{plain}"')
    return f"{described} instead of {instead}"


@cache
def _plain(character: str) -> str | None:
    """What a reader takes the character for: "" if nothing is seen, a space, or ASCII. None if it is itself."""
    category = unicodedata.category(character)
    if category in ("Zs", "Zl", "Zp") or character in "\t\n\r\x85":
        return " "
    if category in ("Cc", "Cf") or _NO_MARK.match(character):
        return ""
    meant = _LOOK_ALIKES.get(character) or unicodedata.normalize("NFKC", character)
    return meant if meant != character and _ASCII.fullmatch(meant) else None
