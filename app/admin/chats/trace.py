"""Trace page of a message: its timeline, and a repeated run with nothing sent."""

from collections.abc import Mapping
from typing import Any, Final

from flask import abort, redirect, url_for
from werkzeug.wrappers import Response

from app.accounts.roles import Right
from app.admin.chats import trace_steps
from app.admin.ui import effects, usage_card
from app.admin.ui.marks import parse_code_lines
from app.admin.ui.pages import PageBlueprint
from app.admin.ui.permissions import require_right
from app.admin.ui.responses import show
from app.admin.workbench.view_model import find_command
from app.bot.display import format_message_text
from app.bot.explain import timeline
from app.bot.explain.timeline import NotRepeatableError, Timeline
from app.bot.models import Message
from app.brains.document import diff
from app.brains.runtime.outcome import Outcome
from app.immutable import immutable
from app.services import services
from app.web import db, is_fragment_request, limiter

blueprint = PageBlueprint(
    "trace", __name__, url_prefix="/chats/<int:chat_id>/messages/<int:message_id>", section="chats"
)

_NOT_COMPARABLE: Final = (
    "It ended over a limit of the machine, or what it decided was not taken: there is no digest to compare."
)


@immutable
class RerunResult:
    """A run done once more: whether it came out the same, its digest, and the words then and now compared."""

    same: bool
    title: str
    words: str
    digest: str = ""
    pieces: tuple[diff.Segment, ...] = ()


@blueprint.post("/again")
@require_right(Right.WRITE_BRAINS)
@limiter.limit("60 per minute")
def show_rerun(chat_id: int, message_id: int) -> Response:
    """Run a message again as it was; nothing is sent and nothing is kept."""
    session = db.session()
    message = session.get(Message, message_id)
    found = timeline.build_timeline(session, message_id)
    if message is None or message.chat_id != chat_id or found is None:
        abort(404)
    if not is_fragment_request():
        return redirect(url_for("why.show_why", chat_id=chat_id, message_id=message_id, again="yes"))
    return show("chats/trace/replay.html", "again", repeated=rerun(found))


def build_context(found: Timeline) -> dict[str, Any]:
    """Return what the trace's template shows."""
    facts = found.run_trace
    error: Mapping[str, Any] = facts.error or {}
    known = found.brain and found.run and found.run.command_id
    return {
        "trace": found,
        "steps": trace_steps.build_steps(found),
        "whole": trace_steps.format_micros(found.micros),
        "card": usage_card.build_lines(facts.usage) if facts.usage else [],
        "lines": parse_code_lines(error.get("excerpt", ()), error.get("line"), error.get("column")),
        "in_draft": bool(known and found.brain and find_command(found.brain, str(known))),
    }


def rerun(found: Timeline) -> RerunResult:
    """Do the run of a trace once more and compare."""
    try:
        outcome = timeline.replay_run(db.session(), found, services().sandbox)
    except NotRepeatableError as error:
        return RerunResult(same=False, title="Not run again", words=str(error))
    recorded = found.run.digest if found.run else None
    if recorded == outcome.digest:
        return RerunResult(
            same=True, title="Same result", words=_words(outcome, found), digest=outcome.digest
        )
    if not outcome.is_repeatable or recorded is None:
        return RerunResult(same=False, title="Cannot be compared", words=_NOT_COMPARABLE)
    then = "\n".join(format_message_text(send.message) for send in found.sends)
    return RerunResult(
        same=False,
        title="Another result",
        words="The same version came to something else this time. Please report this: it should not happen.",
        digest=outcome.digest,
        pieces=tuple(diff.compare_texts(then, _words(outcome, found))),
    )


def _words(outcome: Outcome, found: Timeline) -> str:
    commands = found.version.document.get("commands", []) if found.version else []
    names = {str(each.get("id")): str(each.get("name") or "") for each in commands}
    now = int(((found.run and found.run.journal) or {}).get("now", 0))
    return effects.format_effects(outcome.effects, names, now) or outcome.error or "Nothing was said or kept."
