"""Redaction of names and phrases in texts and JSON: replacement text, least lengths."""

import re
from collections.abc import Iterable
from typing import Any, Final

REDACTED_TEXT: Final = "[erased]"
# Shorter words are everybody's: taking out each “hello” would spoil what others said.
MIN_PHRASE_LENGTH: Final = 16
# Shorter numbers stand for other things, such as years and prices.
MIN_NUMBER_LENGTH: Final = 6


class Redactor:
    """The names of a person (numbers, user ids) and the words that are theirs alone."""

    def __init__(self, names: Iterable[str], words: Iterable[str] = ()) -> None:
        self.names = sorted({name for name in names if len(name) >= MIN_NUMBER_LENGTH}, key=len, reverse=True)
        whole = "|".join(re.escape(name) for name in self.names)
        self._names = re.compile(rf"(?<![0-9A-Za-z])(?:{whole})(?![0-9A-Za-z])") if whole else None
        # By their beginnings, so that a long text is gone through once, however much was said.
        self._words: dict[str, list[str]] = {}
        for word in sorted({each.strip() for each in words}, key=len, reverse=True):
            if len(word) >= MIN_PHRASE_LENGTH:
                self._words.setdefault(word[:MIN_PHRASE_LENGTH], []).append(word)

    def redact(self, value: Any, *, words: bool = True) -> Any:
        """Return a text or JSON value without what names the person and, if asked, without their words."""
        if isinstance(value, str):
            return self._redact_text(value, words=words)
        if isinstance(value, list):
            return [self.redact(each, words=words) for each in value]
        if isinstance(value, dict):
            return {
                self.redact(key, words=words): self.redact(each, words=words) for key, each in value.items()
            }
        if isinstance(value, int) and not isinstance(value, bool):
            return REDACTED_TEXT if str(value) in self.names else value
        return value

    def has_match(self, value: Any, *, words: bool = True) -> bool:
        """Tell whether a text or JSON value holds any of it."""
        return self.redact(value, words=words) != value

    def _redact_text(self, text: str, *, words: bool) -> str:
        if self._names:
            text = self._names.sub(REDACTED_TEXT, text)
        return self._redact_words(text) if words and self._words else text

    def _redact_words(self, text: str) -> str:
        at = 0
        while at + MIN_PHRASE_LENGTH <= len(text):
            begun = self._words.get(text[at : at + MIN_PHRASE_LENGTH], ())
            word = next((each for each in begun if text.startswith(each, at)), None)
            if word is None:
                at += 1
            else:
                text = text[:at] + REDACTED_TEXT + text[at + len(word) :]
                at += len(REDACTED_TEXT)
        return text
