"""Answers to the browser: a page or the named part of it, and short notices."""

from collections.abc import Mapping
from typing import Any

from flask import current_app, flash, make_response, render_template
from werkzeug.wrappers import Response

from app.admin import pockets
from app.brains import exchange
from app.web import db, partial


def show(template: str, part: str | None = None, *, status: int = 200, **context: Any) -> Response:
    """Render a page, or only its block `part` (and new notices) when htmx asks for a fragment."""
    if not (part and partial()):
        return make_response(render_template(template, **context), status)
    return make_response(fragment(template, part, **context) + fragment("notices.html", "fresh"), status)


def fragment(template: str, block: str, **context: Any) -> str:
    """Render one block of a template."""
    current_app.update_template_context(context)
    found = current_app.jinja_env.get_template(template)
    return "".join(found.blocks[block](found.new_context(context)))


def yaml_file(document: Mapping[str, Any], name: str) -> Response:
    """Answer with a brain, right or wrong, as a YAML file to keep."""
    headers = {"Content-Disposition": f'attachment; filename="{name}.yaml"'}
    return Response(exchange.dump(document), mimetype="application/yaml", headers=headers)


def look_again() -> None:
    """End this request's view of the database, so that it sees what was just written.

    A read transaction keeps showing the moment it began at (SQLite's WAL, PostgreSQL's repeatable read).
    """
    db.session.rollback()


def notice(message: str, tone: str = "good") -> None:
    """Tell the operator something in passing, now or on the next page; `tone`: good | bad."""
    flash(message, tone)


def undoable(message: str, address: str, value: str = "") -> None:
    """Tell of something done that the operator can take back by a POST of `value` to `address`."""
    held = pockets.keep(value) if len(value) > pockets.COOKIE_CHARS else ""
    told = {"message": message, "address": address, "value": "" if held else value, "held": held}
    flash(told, "undo")  # type: ignore[arg-type]  any JSON
