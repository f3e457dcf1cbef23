"""The operator's pages: thin blueprints, one file per page family."""

from flask import Flask, redirect, url_for
from werkzeug.wrappers import Response

from app.accounts import Passwords
from app.admin import (
    ai,
    analytics,
    assets,
    auth,
    brains,
    bulk,
    chat_files,
    chat_marks,
    chat_writing,
    chats,
    commands,
    comparing,
    completions,
    connections,
    dashboard,
    errors,
    explaining,
    failures,
    faults,
    gallery,
    grouping,
    guard,
    importing,
    palette,
    playground,
    pockets,
    privacy,
    prompts,
    publishing,
    recording,
    rehearsing,
    rollouts,
    setup,
    sheets,
    simulator,
    takeover,
    testing,
    times,
    traces,
    trials,
    undoing,
    verdicts,
    words,
)
from app.bot.causes import CAUSES
from app.web import partial

PAGES = (
    auth,
    setup,
    dashboard,
    brains,
    gallery,
    commands,
    bulk,
    grouping,
    undoing,
    importing,
    completions,
    trials,
    testing,
    faults,
    publishing,
    rollouts,
    comparing,
    rehearsing,
    simulator,
    playground,
    chats,
    chat_marks,
    chat_writing,
    chat_files,
    takeover,
    recording,
    explaining,
    failures,
    traces,
    analytics,
    sheets,
    connections,
    ai,
    privacy,
    prompts,
    palette,
)


def init_app(app: Flask) -> None:
    """Register the pages and what their templates use."""
    app.extensions.setdefault("passwords", Passwords())
    for part in (
        chat_writing,
        assets,
        analytics,
        guard,
        errors,
        times,
        verdicts,
        pockets,
        playground,
        failures,
    ):
        part.init_app(app)
    app.jinja_env.globals.update(look=words.look, kind_icon=words.kind_icon, kind_word=words.kind_word)
    app.jinja_env.globals.update(retriable=words.RETRIABLE, partial=partial, CAUSES=CAUSES)
    app.jinja_env.globals.update(rollout_look=words.rollout_look, course_word=words.course_word)
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    # Pages and the fragments cut out of them share these macros without importing them each.
    app.jinja_env.globals["parts"] = app.jinja_env.get_template("parts.html").module
    for page in PAGES:
        app.register_blueprint(page.blueprint)
    app.add_url_rule("/", "home", home)


def home() -> Response:
    """Lead from the bare address to the dashboard."""
    return redirect(url_for("dashboard.board"))
