"""Finds the file that was probably meant by a listed name that is not in the drop, and says how their names differ."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from urllib.parse import unquote_plus

from schemas.manifest.nearest_words import nearest_word
from schemas.manifest.section import printable_text
from schemas.model.characters import find_hidden_character, plain_word
from schemas.model.filenames import explain_unsafe_name, normal_form, plain_path

#: How many unlisted names are compared by how they are written, and how many of these letter by letter.
_MAX_NAMES = 1000
_MAX_COMPARED = 50


@dataclass(frozen=True, slots=True)
class SimilarFile:
    """What to say about the file that was probably meant, and its name for the manifest if it can be listed as it is.

    `name` is None if several files could be meant.
    """

    name: str | None
    sentence: str
    suggestion: str | None = None


class SimilarFiles:
    """Finds files for missing names. A file is found only once, so that no two names become the same one."""

    def __init__(self, names: Iterable[str]) -> None:
        self._names = dict.fromkeys(sorted(names)[:_MAX_NAMES])
        self._by_fold: dict[str, dict[str, list[str]]] = {}

    def take(self, missing: str) -> SimilarFile | None:
        """The file that was probably meant by a missing name. It is not found again."""
        for difference, fold in _FOLDS.items():
            same = [name for name in self._index(difference, fold).get(fold(missing), ()) if name in self._names]
            if len(same) > 1:
                return SimilarFile(None, f"The drop has {len(same)} files that could be meant: {difference}.")
            if same:
                return self._found(same[0], difference)
        nearest = nearest_word(missing, [*self._names][:_MAX_COMPARED])
        return self._found(nearest, _SIMILAR) if nearest else None

    def _index(self, difference: str, fold: Callable[[str], str]) -> dict[str, list[str]]:
        if difference not in self._by_fold:
            index: dict[str, list[str]] = {}
            for name in self._names:
                index.setdefault(fold(name), []).append(name)
            self._by_fold[difference] = index
        return self._by_fold[difference]

    def _found(self, name: str, difference: str) -> SimilarFile:
        del self._names[name]
        if difference == _LOOK_ALIKES and (hidden := find_hidden_character(name)):
            difference = f"it has {hidden.description} at position {hidden.position}"
        unsafe = explain_unsafe_name(name)
        advice = f" Rename the file: its name {unsafe}." if unsafe else ""
        sentence = f'The drop has "{printable_text(name)}": {difference}.{advice}'
        return SimilarFile(name, sentence, None if unsafe else name)


def _without_outer_spaces(name: str) -> str:
    return "/".join(part.strip() for part in name.split("/"))


def _with_slashes(name: str) -> str:
    return plain_path(name.replace("\\", "/"))


def _file_alone(name: str) -> str:
    return _with_slashes(name).rpartition("/")[2]


def _with_one_ending(name: str) -> str:
    """The name without an ending that a program added: numbers.csv.csv and numbers.csv.txt are numbers.csv."""
    stem, _, _ = name.rpartition(".")
    return stem if stem.lower().endswith(".csv") else name


def _as_read(name: str) -> str:
    """What all of these ways to write a name have in common."""
    return _with_one_ending(plain_word(unquote_plus(_file_alone(name))).casefold())


_LOOK_ALIKES = "some characters look alike"
_SIMILAR = "the names are similar"
#: What can differ between two ways to write a name, and what is left of a name without it. The likeliest are first.
_FOLDS: dict[str, Callable[[str], str]] = {
    "the accents are written in another way": normal_form,
    "capital letters differ": lambda name: normal_form(name).lower(),
    "spaces at the start or end differ": _without_outer_spaces,
    "some characters are written as codes": unquote_plus,
    "slashes and backslashes differ": _with_slashes,
    _LOOK_ALIKES: plain_word,
    "it is in another folder": _file_alone,
    "it has another ending": _with_one_ending,
    _SIMILAR: _as_read,
}
