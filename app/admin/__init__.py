"""The operator's pages: thin blueprints, one file per page family."""

from flask import Flask, redirect, url_for
from werkzeug.wrappers import Response

from app.accounts import Passwords
from app.admin import (
    ai,
    assets,
    auth,
    brains,
    chats,
    commands,
    comparing,
    connections,
    dashboard,
    errors,
    explaining,
    faults,
    gallery,
    guard,
    prompts,
    publishing,
    recording,
    rehearsing,
    setup,
    simulator,
    testing,
    times,
    trials,
    verdicts,
    words,
)
from app.web import partial

PAGES = (
    auth,
    setup,
    dashboard,
    brains,
    gallery,
    commands,
    trials,
    testing,
    faults,
    publishing,
    comparing,
    rehearsing,
    simulator,
    chats,
    recording,
    explaining,
    connections,
    ai,
    prompts,
)


def init_app(app: Flask) -> None:
    """Register the pages and what their templates use."""
    app.extensions.setdefault("passwords", Passwords())
    for part in (assets, guard, errors, times, verdicts):
        part.init_app(app)
    app.jinja_env.globals.update(look=words.look, kind_icon=words.kind_icon, kind_word=words.kind_word)
    app.jinja_env.globals.update(retriable=words.RETRIABLE, partial=partial)
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    # Pages and the fragments cut out of them share these macros without importing them each.
    app.jinja_env.globals["parts"] = app.jinja_env.get_template("parts.html").module
    for page in PAGES:
        app.register_blueprint(page.blueprint)
    app.add_url_rule("/", "home", home)


def home() -> Response:
    """Lead from the bare address to the dashboard."""
    return redirect(url_for("dashboard.board"))
