"""The failure desk: what failed, by cause, with the one thing that helps; sent again, settled or set aside in bulk."""

from typing import Any, Final

import structlog
from flask import Blueprint, Flask, abort, redirect, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from app.accounts import Role
from app.admin import answers, times
from app.admin.answers import show
from app.admin.guard import needs
from app.bot import connections, errands, failures
from app.bot.causes import CAUSES
from app.bot.errands import Asked
from app.bot.failures import Group, Line, Wish
from app.bot.models import Errand
from app.bot.sayings import said
from app.brains import versions
from app.signals import changed, work_ready
from app.web import db, house, limiter, partial

log = structlog.get_logger(__name__)
blueprint = Blueprint("failures", __name__, url_prefix="/failures")

AGES: Final = {"hour": times.HOUR, "day": times.DAY, "week": 7 * times.DAY}
# What was done, in words, to one message and to several.
DONE: Final = {
    "again": "queued to be sent again",
    "aside": "set aside",
    "back": "brought back",
    "as_sent": "settled as arrived",
    "as_failed": "settled as not arrived",
}
TICK_FIRST: Final = "Tick the messages first, or all of this cause."


def init_app(app: Flask) -> None:
    """Give templates the number that stands in the menu."""
    app.jinja_env.globals["failures_waiting"] = lambda: failures.waiting(db.session())


@blueprint.get("/")
@needs(Role.VIEWER)
def desk() -> Response:
    """List the causes of failures."""
    return _desk(None)


@blueprint.get("/count")
@needs(Role.VIEWER)
def count() -> Response:
    """Return the number in the menu, for live updates."""
    return show("failures/count.html", "count") if partial() else redirect(url_for("failures.desk"))


@blueprint.get("/<cause_id>")
@needs(Role.VIEWER)
def cause(cause_id: str) -> Response:
    """Show the failures of one cause."""
    if cause_id not in CAUSES:
        abort(404)
    return _desk(cause_id)


@blueprint.post("/<cause_id>/<act>")
@needs(Role.EDITOR)
@limiter.limit("120 per minute")
def do(cause_id: str, act: str) -> Response:
    """Do something with ticked failures, or with all of a cause."""
    if cause_id not in CAUSES or act not in errands.ACTS:
        abort(404)
    every = request.form.get("all") == "yes"
    ids = None if every else [int(each) for each in request.form.getlist("id") if _is_id(each)]
    if ids is None or ids:
        _begin(Asked(act, cause_id, _wish(), ids, current_user.id))
    else:
        answers.notice(TICK_FIRST, "bad")
    return _again(cause_id)


@blueprint.post("/errands/<int:errand_id>/cancel")
@needs(Role.EDITOR)
def cancel(errand_id: int) -> Response:
    """End a bulk action after its present batch."""
    now = house().clock()
    if house().database.write(lambda session: errands.cancel(session, errand_id, now)):
        log.info("audit", what="failures: cancelled", user=current_user.id, errand=errand_id)
        answers.notice("It has ended. What was done stays done.")
    return _again(request.form.get("cause") or None)


@blueprint.post("/errands/<int:errand_id>/undo")
@needs(Role.EDITOR)
def undo(errand_id: int) -> Response:
    """Bring back what was set aside together."""
    now, user_id = house().clock(), current_user.id

    def back(session: Any) -> Errand | None:
        errand = errands.undo(session, errand_id, user_id, now)
        if errand:
            errands.work(session, errand, now)
        return errand

    errand = house().database.write(back)
    if errand:
        log.info("audit", what="failures: brought back", user=user_id, errand=errand_id)
        answers.notice("They are on the desk again.")
        _tell(set())
    return _again(errand.cause if errand else None)


def _begin(asked: Asked) -> None:
    """Store what is to be done and do its first batch at once; the workers do the rest."""
    now = house().clock()

    def begin(session: Any) -> tuple[Errand, set[int]]:
        errand = errands.begin(session, asked, now)
        return errand, errands.work(session, errand, now)

    errand, chats = house().database.write(begin)
    log.info(
        "audit",
        what=f"failures: {DONE[asked.act]}",
        user=asked.user_id,
        errand=errand.id,
        cause=asked.cause_id,
        messages=errand.total,
    )
    _tell(chats)
    _say(errand)


def _say(errand: Errand) -> None:
    if errand.ended_at is None:
        answers.notice(f"{errand.total:,} messages are being worked off; see how far it is above.")
        return
    if not errand.done:
        answers.notice("They have moved on meanwhile: there is nothing to do any more.", "bad")
        return
    told = f"{errand.done:,} {'message is' if errand.done == 1 else 'messages are'} {DONE[errand.act]}."
    if errand.act == "aside":
        answers.undoable(told, url_for("failures.undo", errand_id=errand.id))
    else:
        answers.notice(told)


def _tell(chats: set[int]) -> None:
    changed.send(topics={"failures", "chats", "dashboard", *(f"chat:{each}" for each in chats)})
    if chats:
        work_ready.send(chats=len(chats))


def _again(cause_id: str | None) -> Response:
    answers.look_again()
    known = cause_id if cause_id in CAUSES else None
    if partial():
        return _desk(known)
    query = _query()
    return redirect(
        url_for("failures.cause", cause_id=known, **query) if known else url_for("failures.desk", **query)
    )


def _desk(cause_id: str | None) -> Response:
    session, wish, now = db.session(), _wish(), house().clock()
    found = failures.groups(session, wish)
    group = next((each for each in found if each.cause.id == cause_id), None)
    shown = min(max(request.values.get("shown", failures.PAGE, type=int), 1), 10 * failures.PAGE)
    page = _page(wish, group, shown)
    return show(
        "failures/desk.html",
        "desk",
        wish=wish,
        query=_query(),
        age=_age(),
        groups=found,
        group=group,
        chosen=CAUSES.get(cause_id or ""),
        page=page,
        shown=shown,
        progress=errands.recent(session, now),
        connections=connections.list_connections(session),
        brains=versions.list_brains(session),
        quiet=None if found or _query() else failures.quiet_since(session),
        door=_door(group, page.lines),
        door_of=_row_door,
        said=said,
        done_words=DONE,
    )


def _page(wish: Wish, group: Group | None, shown: int) -> failures.Page:
    if group is None:
        return failures.Page()
    return failures.page(db.session(), wish, group, request.values.get("after", type=int), shown)


def _door(group: Group | None, lines: Any) -> str:
    """Return the address where the cause is mended; empty when it is done right here, or not by this person."""
    if group is None or not lines:
        return ""
    return _way(group.cause.door, lines[0])


def _way(door: str, line: Line) -> str:
    if door.startswith("https://"):
        return door
    if door == "connection":
        may = current_user.may(Role.OWNER)
        return url_for("connections.edit", connection_id=line.message.connection_id) if may else ""
    if door == "command":
        return _row_door(line)
    if door == "chat":
        return url_for("chats.chat", chat_id=line.message.chat_id)
    return url_for("dashboard.board") if door == "dashboard" else ""


def _row_door(line: Line) -> str:
    """Return the address of the command whose words a message is, or of its brain."""
    if line.command_id:
        return url_for("commands.command", slug=line.slug, command_id=line.command_id)
    return url_for("brains.workbench", slug=line.slug) if line.slug else ""


def _wish() -> Wish:
    asked = request.values
    age = AGES.get(asked.get("age", ""))
    return Wish(
        connection_id=asked.get("connection", type=int),
        brain_id=asked.get("brain", type=int),
        since=house().clock() - age if age else None,
        aside=asked.get("view") == "aside",
    )


def _age() -> str:
    age = request.values.get("age", "")
    return age if age in AGES else ""


def _query() -> dict[str, Any]:
    """Return the filters as they stand in addresses."""
    wish = _wish()
    found = {"connection": wish.connection_id, "brain": wish.brain_id, "age": _age()}
    return {name: value for name, value in found.items() if value} | ({"view": "aside"} if wish.aside else {})


def _is_id(text: str) -> bool:
    return text.isdecimal() and len(text) < 19
