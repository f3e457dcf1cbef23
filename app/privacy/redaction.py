"""What names a person, or repeats what they said: found in texts and JSON, and taken out."""

import re
from collections.abc import Iterable
from typing import Any, Final

GONE: Final = "[erased]"
# Shorter words are everybody's: taking out each “hello” would spoil what others said.
DISTINCT: Final = 16
# Shorter numbers stand for other things, such as years and prices.
MIN_NUMBER: Final = 6


class Marks:
    """The names of a person (numbers, user ids) and the words that are theirs alone."""

    def __init__(self, names: Iterable[str], words: Iterable[str] = ()) -> None:
        self.names = sorted({name for name in names if len(name) >= MIN_NUMBER}, key=len, reverse=True)
        whole = "|".join(re.escape(name) for name in self.names)
        self._names = re.compile(rf"(?<![0-9A-Za-z])(?:{whole})(?![0-9A-Za-z])") if whole else None
        # By their beginnings, so that a long text is gone through once, however much was said.
        self._words: dict[str, list[str]] = {}
        for said in sorted({word.strip() for word in words}, key=len, reverse=True):
            if len(said) >= DISTINCT:
                self._words.setdefault(said[:DISTINCT], []).append(said)

    def clean(self, value: Any, *, words: bool = True) -> Any:
        """Return a text or JSON value without what names the person and, if asked, without their words."""
        if isinstance(value, str):
            return self._clean(value, words=words)
        if isinstance(value, list):
            return [self.clean(each, words=words) for each in value]
        if isinstance(value, dict):
            return {
                self.clean(key, words=words): self.clean(each, words=words) for key, each in value.items()
            }
        if isinstance(value, int) and not isinstance(value, bool):
            return GONE if str(value) in self.names else value
        return value

    def among(self, value: Any, *, words: bool = True) -> bool:
        """Tell whether a text or JSON value holds any of it."""
        return self.clean(value, words=words) != value

    def _clean(self, text: str, *, words: bool) -> str:
        if self._names:
            text = self._names.sub(GONE, text)
        return self._without_words(text) if words and self._words else text

    def _without_words(self, text: str) -> str:
        at = 0
        while at + DISTINCT <= len(text):
            begun = self._words.get(text[at : at + DISTINCT], ())
            said = next((each for each in begun if text.startswith(each, at)), None)
            if said is None:
                at += 1
            else:
                text = text[:at] + GONE + text[at + len(said) :]
                at += len(GONE)
        return text
