"""What is too long for the cookie between two pages: kept here until the next page shows it."""

import secrets
import threading
from collections import OrderedDict
from typing import Any, Final

from flask import Flask, current_app

# A browser drops a cookie of more than 4,096 bytes without a word, and with it whatever else is in there.
COOKIE_CHARS: Final = 1_000
_KEPT: Final = 50


class Pockets:
    """Keeps the last texts under names nobody guesses; threads may share it."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, str] = OrderedDict()
        self._lock = threading.Lock()

    def put(self, value: str) -> str:
        """Keep a text and return its name."""
        name = secrets.token_urlsafe(12)
        with self._lock:
            self._kept[name] = value
            while len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        return name

    def take(self, name: str) -> str | None:
        """Return a text once; None when it is gone."""
        with self._lock:
            return self._kept.pop(name, None)


def init_app(app: Flask) -> None:
    """Keep pockets for this app, and let notices look into them."""
    app.extensions["pockets"] = Pockets()
    app.jinja_env.globals["undo_value"] = undo_value


def keep(value: str) -> str:
    """Keep a text for the next page and return its name."""
    return _pockets().put(value)


def undo_value(told: dict[str, Any]) -> str | None:
    """Return what a notice's undo posts; None when it is gone, and so is the undo."""
    held = told.get("held")
    return _pockets().take(str(held)) if held else str(told["value"])


def _pockets() -> Pockets:
    return current_app.extensions["pockets"]
