"""Misspelt copies of examples: a model that has seen some takes the slips of a phone's keyboard for what they are."""

import random
from typing import Final

_SLIPS: Final = 0.08  # of the letters
_LETTERS: Final = "abcdefghijklmnopqrstuvwxyz"
_SHORTEST: Final = 4  # letters of a text in which one may be wrong


def misspell(text: str, chance: random.Random) -> str:
    """Return a copy of a text with some letters left out, doubled, swapped or replaced."""
    letters = list(text)
    if len(letters) < _SHORTEST:
        return text
    found: list[str] = []
    skip = False
    for at, letter in enumerate(letters):
        if skip:
            skip = False
        elif not letter.isalpha() or chance.random() >= _SLIPS:
            found.append(letter)
        else:
            kind = chance.randrange(4)
            follower = letters[at + 1] if at + 1 < len(letters) else ""
            if kind == 0 and follower.isalpha():
                found += [follower, letter]
                skip = True
            elif kind == 1:
                found += [letter, letter]
            elif kind == 2:
                found.append(chance.choice(_LETTERS) if letter.isascii() else letter)
    return "".join(found)
