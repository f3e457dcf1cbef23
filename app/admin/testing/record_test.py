"""Pages that save a chat as a test of its brain."""

from typing import Any

from flask import abort, redirect, request, url_for
from werkzeug.wrappers import Response

from app.accounts.roles import Right
from app.admin.testing import tests
from app.admin.ui import responses
from app.admin.ui.pages import PageBlueprint
from app.admin.ui.permissions import require_right
from app.admin.ui.responses import show
from app.bot.chats import listing
from app.bot.release import record_test
from app.bot.release.record_test import NothingToRecordError
from app.brains.testing import GREEN, Suite, run_tests
from app.brains.versions.models import Brain
from app.services import services
from app.text import parse_int64
from app.web import db

blueprint = PageBlueprint("record_test", __name__, url_prefix="/chats/<int:chat_id>/test", section="chats")


@blueprint.get("/")
@require_right(Right.WRITE_BRAINS)
def show_messages(chat_id: int) -> Response:
    """Show the newest messages, to choose where the test begins."""
    session = db.session()
    line = listing.get_chat(session, chat_id) or abort(404)
    brain = record_test.find_brain(session, chat_id)
    lines = record_test.list_messages(session, chat_id, brain.id) if brain else []
    first = next((each.message.id for each in lines if each.can_start), None)
    return show("chats/record.html", line=line, brain=brain, lines=lines, first=first)


@blueprint.post("/")
@require_right(Right.WRITE_BRAINS)
def save(chat_id: int) -> Response:
    """Save the chat from a message on as a test, and open it."""
    session = db.session()
    brain = record_test.find_brain(session, chat_id) or abort(404)
    line = listing.get_chat(session, chat_id) or abort(404)
    name = request.form.get("name", "").strip()[:90] or f"Chat with {line.name}"[:90]
    try:
        case = record_test.record(session, chat_id, brain, request.form.get("first", 0, type=parse_int64))
    except NothingToRecordError as error:
        responses.flash_notice(str(error), "bad")
        return redirect(url_for("record_test.show_messages", chat_id=chat_id))
    slug = brain.slug
    number = tests.add(slug, {"name": name, **simplify_test(brain, case)})
    responses.flash_notice("The chat is saved as a test in the draft.")
    return redirect(url_for("tests.show_test", slug=slug, number=number))


def simplify_test(brain: Brain, case: dict[str, Any]) -> dict[str, Any]:
    """Return a test without pauses and chance when it is as green without them."""
    simple = record_test.simplify(case)
    suite = Suite({**brain.draft, "tests": [{"name": "simple", **simple}]}, brain.id)
    return simple if all(result.status == GREEN for result in run_tests(suite, services().sandbox)) else case
