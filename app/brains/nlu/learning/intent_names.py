"""Name for a new intent, suggested from the words its messages share."""

import re
from collections import Counter
from collections.abc import Collection, Sequence
from typing import Final

from app.brains.nlu.language import is_small_word
from app.brains.nlu.normalise import normalise

_WORDS: Final = 3  # of a name
_CHARS: Final = 40
_NOT_OF_A_NAME: Final = re.compile("[^a-z0-9]+")
_FALLBACK: Final = "intent"


def suggest_name(texts: Sequence[str], taken: Collection[str] = ()) -> str:
    """Return a name of up to three words that many of the texts have, in their order; one that is not taken."""
    read = [list(dict.fromkeys(normalise(text).words)) for text in texts]
    counts = Counter(word for words in read for word in words if not is_small_word(word))
    often = [
        word
        for word, count in counts.most_common(_WORDS)
        if 2 * count >= len(read) and (count > 1 or len(read) == 1)
    ]
    often = often or [word for word, _ in counts.most_common(1)]
    first = next((words for words in read if all(word in words for word in often)), often)
    ordered = sorted(often, key=first.index)
    stem = _NOT_OF_A_NAME.sub("_", "_".join(ordered)).strip("_")[:_CHARS].strip("_")
    stem = stem if stem[:1].isalpha() else _FALLBACK
    names = (stem if number == 1 else f"{stem}_{number}" for number in range(1, len(taken) + 2))
    return next(name for name in names if name not in taken)
