"""The trace of a message: what happened when, on one time line; and its run done once more, with nothing sent."""

from dataclasses import dataclass
from typing import Any, Final

from flask import Blueprint, abort, redirect, url_for
from werkzeug.wrappers import Response

from app.accounts import Role
from app.admin import budget, effect_lines, trace_steps
from app.admin.answers import show
from app.admin.bench import stored_command
from app.admin.excerpts import code_lines
from app.admin.guard import needs
from app.bot import bot, tracing
from app.bot.models import Message
from app.bot.sayings import said
from app.bot.tracing import NotRepeatable, Trace
from app.brains import diff
from app.brains.outcome import Outcome
from app.web import db, limiter, partial

blueprint = Blueprint("traces", __name__, url_prefix="/chats/<int:chat_id>/messages/<int:message_id>")

_UNFIT: Final = (
    "It ended over a limit of the machine, or what it decided was not taken: there is no digest to compare."
)


@dataclass(frozen=True, slots=True)
class Repeated:
    """A run done once more: whether it came out the same, its digest, and the words then and now compared."""

    same: bool
    title: str
    words: str
    digest: str = ""
    pieces: tuple[diff.Piece, ...] = ()


@blueprint.post("/again")
@needs(Role.EDITOR)
@limiter.limit("60 per minute")
def again(chat_id: int, message_id: int) -> Response:
    """Run a message again as it was; nothing is sent and nothing is kept."""
    session = db.session()
    message = session.get(Message, message_id)
    found = tracing.trace(session, message_id)
    if message is None or message.chat_id != chat_id or found is None:
        abort(404)
    if not partial():
        return redirect(url_for("explaining.why", chat_id=chat_id, message_id=message_id, again="yes"))
    return show("traces/again.html", "again", repeated=repeat(found))


def told(found: Trace) -> dict[str, Any]:
    """Return what the trace's template shows."""
    facts, error = found.facts, found.facts.get("error") or {}
    known = found.brain and found.run and found.run.command_id
    return {
        "trace": found,
        "steps": trace_steps.steps(found),
        "whole": trace_steps.took(found.micros),
        "card": budget.card(facts["usage"]) if facts.get("usage") else [],
        "lines": code_lines(error.get("excerpt", ()), error.get("line"), error.get("column")),
        "in_draft": bool(known and found.brain and stored_command(found.brain, str(known))),
        "said": said,
    }


def repeat(found: Trace) -> Repeated:
    """Do the run of a trace once more and compare."""
    try:
        outcome = tracing.again(db.session(), found, bot().sandbox)
    except NotRepeatable as error:
        return Repeated(same=False, title="Not run again", words=str(error))
    recorded = found.run.digest if found.run else None
    if recorded == outcome.digest:
        return Repeated(same=True, title="Same result", words=_words(outcome, found), digest=outcome.digest)
    if not outcome.repeatable or recorded is None:
        return Repeated(same=False, title="Cannot be compared", words=_UNFIT)
    then = "\n".join(said(send.message) for send in found.sends)
    return Repeated(
        same=False,
        title="Another result",
        words="The same version came to something else this time. Please report this: it should not happen.",
        digest=outcome.digest,
        pieces=tuple(diff.words(then, _words(outcome, found))),
    )


def _words(outcome: Outcome, found: Trace) -> str:
    commands = found.version.document.get("commands", []) if found.version else []
    names = {str(each.get("id")): str(each.get("name") or "") for each in commands}
    now = int(((found.run and found.run.journal) or {}).get("now", 0))
    return effect_lines.written(outcome.effects, names, now) or outcome.error or "Nothing was said or kept."
