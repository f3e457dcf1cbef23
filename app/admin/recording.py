"""A chat saved as a test of its brain."""

from typing import Any

from flask import Blueprint, abort, redirect, request, url_for
from werkzeug.wrappers import Response

from app.accounts import Role
from app.admin import answers, testing
from app.admin.answers import show
from app.admin.guard import needs
from app.bot import bot, chats, recording
from app.bot.recording import NothingToRecord
from app.brains.models import Brain
from app.brains.testing import GREEN, Suite, run_tests
from app.web import db

blueprint = Blueprint("recording", __name__, url_prefix="/chats/<int:chat_id>/test")


@blueprint.get("/")
@needs(Role.EDITOR)
def choose(chat_id: int) -> Response:
    """Show the newest messages, to choose where the test begins."""
    session = db.session()
    line = chats.get_chat(session, chat_id) or abort(404)
    brain = recording.brain_of(session, chat_id)
    lines = recording.lines(session, chat_id, brain.id) if brain else []
    first = next((each.message.id for each in lines if each.starts), None)
    return show("chats/record.html", line=line, brain=brain, lines=lines, first=first)


@blueprint.post("/")
@needs(Role.EDITOR)
def save(chat_id: int) -> Response:
    """Save the chat from a message on as a test, and open it."""
    session = db.session()
    brain = recording.brain_of(session, chat_id) or abort(404)
    line = chats.get_chat(session, chat_id) or abort(404)
    name = request.form.get("name", "").strip()[:90] or f"Chat with {line.name}"[:90]
    try:
        case = recording.record(session, chat_id, brain, request.form.get("first", 0, type=int))
    except NothingToRecord as error:
        answers.notice(str(error), "bad")
        return redirect(url_for("recording.choose", chat_id=chat_id))
    slug = brain.slug
    number = testing.add(slug, {"name": name, **readable(brain, case)})
    answers.notice("The chat is saved as a test in the draft.")
    return redirect(url_for("tests.case", slug=slug, number=number))


def readable(brain: Brain, case: dict[str, Any]) -> dict[str, Any]:
    """Return a test without pauses and chance when it is as green without them."""
    simple = recording.simplified(case)
    suite = Suite({**brain.draft, "tests": [{"name": "simple", **simple}]}, brain.id)
    return simple if all(result.status == GREEN for result in run_tests(suite, bot().sandbox)) else case
