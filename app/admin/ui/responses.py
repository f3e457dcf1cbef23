"""HTTP responses: full page or fragment, notices with undo, downloads of YAML."""

import secrets
import threading
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any, Final

from flask import Flask, current_app, flash, make_response, render_template
from werkzeug.wrappers import Response

from app.brains.document import yaml_format
from app.services import services
from app.web import db, is_fragment_request


def show(template: str, part: str | None = None, *, status: int = 200, **context: Any) -> Response:
    """Render a page, or only its block `part` (and new notices) when htmx asks for a fragment."""
    if not (part and is_fragment_request()):
        return make_response(render_template(template, **context), status)
    return make_response(
        render_fragment(template, part, **context) + render_fragment("ui/notices.html", "fresh"), status
    )


def render_fragment(template: str, block: str, **context: Any) -> str:
    """Render one block of a template."""
    current_app.update_template_context(context)
    found = current_app.jinja_env.get_template(template)
    return "".join(found.blocks[block](found.new_context(context)))


def send_yaml(document: Mapping[str, Any], name: str) -> Response:
    """Answer with a brain, right or wrong, as a YAML file to keep."""
    headers = {"Content-Disposition": f'attachment; filename="{name}.yaml"'}
    return Response(yaml_format.dump_yaml(document), mimetype="application/yaml", headers=headers)


def refresh_session() -> None:
    """End this request's view of the database, so that it sees what was just written.

    A read transaction keeps showing the moment it began at (SQLite's WAL, PostgreSQL's repeatable read).
    """
    db.session.rollback()


def flash_notice(message: str, tone: str = "good", while_shown: str = "") -> None:
    """Tell the operator something in passing, now or on the next page; `tone`: good | bad.

    `while_shown`: a CSS selector; the notice leaves as soon as the page shows nothing of it.
    """
    payload = {"message": message, "while_shown": while_shown}
    flash(payload, tone)  # type: ignore[arg-type]  any JSON


def flash_undo(message: str, address: str, value: str = "", while_shown: str = "") -> None:
    """Tell of something done that the operator can take back by a POST of `value` to `address`."""
    held = store_undo_value(value) if len(value) > COOKIE_CHARS else ""
    payload = {
        "message": message, "address": address, "value": "" if held else value, "held": held,
        "while_shown": while_shown,
    }  # fmt: skip
    flash(payload, "undo")  # type: ignore[arg-type]  any JSON


# A browser drops a cookie of more than 4,096 bytes without a word, and with it whatever else is in there.
COOKIE_CHARS: Final = 1_000
_MAX_STORED_TEXTS: Final = 50


class FlashStore:
    """Keeps the last texts under names nobody guesses; threads may share it."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, str] = OrderedDict()
        self._lock = threading.Lock()

    def put(self, value: str) -> str:
        """Keep a text and return its name."""
        name = secrets.token_urlsafe(12)
        with self._lock:
            self._kept[name] = value
            while len(self._kept) > _MAX_STORED_TEXTS:
                self._kept.popitem(last=False)
        return name

    def pop(self, name: str) -> str | None:
        """Return a text once; None when it is gone."""
        with self._lock:
            return self._kept.pop(name, None)


def init_app(app: Flask) -> None:
    """Let notices look up the values of undos."""
    app.jinja_env.globals["undo_value"] = pop_undo_value


def store_undo_value(value: str) -> str:
    """Keep a text for the next page and return its name."""
    return _get_flash_store().put(value)


def pop_undo_value(payload: dict[str, Any]) -> str | None:
    """Return what a notice's undo posts; None when it is gone, and so is the undo."""
    held = payload.get("held")
    return _get_flash_store().pop(str(held)) if held else str(payload["value"])


def _get_flash_store() -> FlashStore:
    return services().get(FlashStore)
