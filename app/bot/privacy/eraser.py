"""The eraser: erases people who were asked for and forgets what is old, beside the messages' own way."""

from typing import Final

import structlog

from app.bot.beside import Beside
from app.bot.privacy.erasing import Erasing
from app.bot.privacy.retaining import Retaining

log = structlog.get_logger(__name__)

# Looks for what is old are this many times rarer than looks for people, unless there is more.
RARER: Final = 600


class Eraser:
    """Looks for people and for what is old, in `beside`; what it does not end another worker takes up."""

    def __init__(self, erasing: Erasing, retaining: Retaining) -> None:
        self._erasing = erasing
        self._retaining = retaining
        self._looks = 0
        self.beside = Beside("eraser", self.look, _failed)

    def look(self) -> None:
        """Erase the next person, if anybody is to be erased, and now and then forget what is old."""
        erasure_id = self._erasing.take()
        if erasure_id is not None:
            self._erasing.work(erasure_id)
        self._looks += 1
        if self._looks >= RARER:
            self._looks = RARER if self._retaining.look() else 0


def _failed(error: Exception) -> None:
    # The type alone: the words of an error may be a person's.
    log.error("erasing broken off", reason=type(error).__name__)
