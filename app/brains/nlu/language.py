"""Language of a message: by its script, and for Latin letters by its most frequent small words."""

from collections import Counter
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Final

from app.brains.nlu.normalise import clean
from app.unicode import INDEX_OPTIONS, cut_words, fold

# First and last character of a script that one language is mostly written in.
_SCRIPTS: Final = (
    ("\u0370", "\u03ff", "el"),
    ("\u0400", "\u052f", "ru"),
    ("\u0530", "\u058f", "hy"),
    ("\u0590", "\u05ff", "he"),
    ("\u0600", "\u06ff", "ar"),
    ("\u0900", "\u097f", "hi"),
    ("\u0980", "\u09ff", "bn"),
    ("\u0a00", "\u0a7f", "pa"),
    ("\u0a80", "\u0aff", "gu"),
    ("\u0b80", "\u0bff", "ta"),
    ("\u0c00", "\u0c7f", "te"),
    ("\u0c80", "\u0cff", "kn"),
    ("\u0d00", "\u0d7f", "ml"),
    ("\u0e00", "\u0e7f", "th"),
    ("\u10a0", "\u10ff", "ka"),
    ("\u1200", "\u137f", "am"),
    ("\u3040", "\u30ff", "ja"),
    ("\u4e00", "\u9fff", "zh"),
    ("\uac00", "\ud7af", "ko"),
)
# Letters that tell another language of the same script.
_LETTERS: Final = (("ru", "їєіґ", "uk"), ("ar", "پچژگ", "fa"), ("ar", "ٹڈڑے", "ur"))
_FILE: Final = Path(__file__).with_name("small_words.txt")


def detect_language(text: str) -> str:
    """Return the language of a message as a code, such as en or pt; hi-Latn is Hindi in Latin letters.

    Empty where nothing tells it, as in a number, a name or one word that several languages have.
    """
    folded = fold(clean(text))
    found = Counter(code for letter in folded if (code := _find_script(letter)))
    if found and found.most_common(1)[0][1] * 2 >= sum(map(str.isalpha, folded)):
        return _tell_apart(found, folded)
    return _find_by_words([word.text for word in cut_words(fold(folded, INDEX_OPTIONS))])


def is_small_word(word: str) -> bool:
    """Tell whether a word, folded and without accents, is one of the most frequent of some language."""
    return word in _load_words()


def _find_script(letter: str) -> str:
    if letter < "\u0370" or not letter.isalpha():
        return ""
    return next((code for first, last, code in _SCRIPTS if first <= letter <= last), "")


def _tell_apart(found: Counter[str], text: str) -> str:
    if found["ja"]:
        return "ja"  # Chinese signs stand in Japanese, not the other way round
    best = found.most_common(1)[0][0]
    return next(
        (code for script, signs, code in _LETTERS if script == best and any(s in text for s in signs)), best
    )


def _find_by_words(words: list[str]) -> str:
    """Return the language that most of the words belong to, a word of fewer languages counting more."""
    scores: Counter[str] = Counter()
    known = _load_words()
    for word in words:
        listed = known.get(word, ())
        for code in listed:
            scores[code] += 12 // len(listed)
    ranked = scores.most_common(2)
    if not ranked or (len(ranked) == 2 and ranked[0][1] == ranked[1][1]):
        return ""
    return ranked[0][0]


@cache
def _load_words() -> Mapping[str, list[str]]:
    """Return the languages of each small word."""
    found: dict[str, list[str]] = {}
    language = ""
    for line in _FILE.read_text(encoding="utf-8").splitlines():
        if line.startswith("["):
            language = line.strip("[]")
        elif not line.startswith("#"):
            for word in line.split():
                found.setdefault(word, []).append(language)
    return found
