"""Texts as the understanding reads them: bounded, folded, addresses and repeated letters made plain, words cut."""

import re
import unicodedata
from typing import Final

from app.immutable import immutable
from app.unicode import INDEX_OPTIONS, cut_words, fold

# Trained models hold this number: what was trained on other words is not asked.
VERSION: Final = 1
MAX_CHARS: Final = 500  # of a message that is read; WhatsApp's longest has 4,096
_READ_CHARS: Final = 2 * MAX_CHARS  # before what is invisible is left out
_REFUSED: Final = re.compile("[\x00\ud800-\udfff]+")
_ADDRESS: Final = re.compile(r"(?:https?://|www\.)\S{1,400}", re.IGNORECASE)
_MAIL: Final = re.compile(r"[^\s@]{1,64}@[^\s@]{1,190}\.[a-z]{2,24}", re.IGNORECASE)
_DIGITS: Final = re.compile(r"\d+")
_REPEATED: Final = re.compile(r"([^\W\d_])\1{2,}")


@immutable
class NormalText:
    """A message as its two readers want it: `words` folded without accents, `sentence` for an encoder."""

    words: tuple[str, ...]
    sentence: str


def clean(text: str) -> str:
    """Return the first 500 characters of a text in compatibility form, without NULs and lone surrogates.

    Cut before and after: one character of the original may stand for eighteen (U+FDFA).
    """
    return unicodedata.normalize("NFKC", _REFUSED.sub(" ", text[:_READ_CHARS]))[:MAX_CHARS]


def normalise(text: str) -> NormalText:
    """Return what a model reads of a message; the same for equal texts on every machine."""
    bounded = _MAIL.sub(" mail ", _ADDRESS.sub(" url ", clean(text)))
    sentence = " ".join(_REPEATED.sub(r"\1\1", fold(bounded)).split())[:MAX_CHARS]
    plain = _DIGITS.sub("0", fold(sentence, INDEX_OPTIONS))
    return NormalText(tuple(word.text for word in cut_words(plain)), sentence)


def build_key(text: str) -> str:
    """Return what two texts have in common that say the same in the same words; empty for one without words."""
    return " ".join(word.text for word in cut_words(fold(clean(text), INDEX_OPTIONS)))
