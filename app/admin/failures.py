"""Failures page: failed messages by cause with the remedy; sent again, resolved or dismissed in bulk."""

from typing import Any, Final

from flask import Flask, abort, redirect, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from app.accounts.roles import Right
from app.admin.ui import responses
from app.admin.ui.pages import MenuItem, PageBlueprint, Target, is_allowed
from app.admin.ui.permissions import require_right
from app.admin.ui.responses import show
from app.bot.connections import store
from app.bot.failures import bulk_actions, queries
from app.bot.failures.bulk_actions import BulkActionRequest
from app.bot.failures.catalog import CAUSES
from app.bot.failures.queries import FailureFilter, FailureGroup, FailureListItem
from app.bot.models import BulkAction
from app.brains.versions import store as versions_store
from app.clock import DAY_MS, HOUR_MS
from app.services import services
from app.text import parse_ids, parse_int64
from app.web import db, is_fragment_request, limiter

blueprint = PageBlueprint(
    "failures",
    __name__,
    url_prefix="/failures",
    targets=(
        Target(
            "list_causes",
            "alert-triangle",
            "Failures",
            ("dead", "unknown", "unconfirmed", "held", "not sent", "errors"),
            order=60,
            menu=MenuItem("g f", badge_template="failures/count.html"),
        ),
    ),
)

AGE_FILTERS_MS: Final = {
    "hour": HOUR_MS,
    "day": DAY_MS,
    "week": 7 * DAY_MS,
}
NOTHING_SELECTED: Final = "Select messages first, or all of this cause."


def init_app(app: Flask) -> None:
    """Give templates the number that stands in the menu."""
    app.jinja_env.globals["failures_waiting"] = lambda: queries.count_open(db.session())


@blueprint.get("/")
@require_right(Right.READ_CHATS)
def list_causes() -> Response:
    """List the causes of failures."""
    return _render_causes(None)


@blueprint.get("/count")
@require_right(Right.READ_CHATS)
def show_count() -> Response:
    """Return the number in the menu, for live updates."""
    return (
        show("failures/count.html", "count")
        if is_fragment_request()
        else redirect(url_for("failures.list_causes"))
    )


@blueprint.get("/<cause_id>")
@require_right(Right.READ_CHATS)
def show_cause(cause_id: str) -> Response:
    """Show the failures of one cause."""
    if cause_id not in CAUSES:
        abort(404)
    return _render_causes(cause_id)


@blueprint.post("/<cause_id>/<act>")
@require_right(Right.WRITE_BRAINS)
@limiter.limit("120 per minute")
def apply_action(cause_id: str, act: str) -> Response:
    """Do something with ticked failures, or with all of a cause."""
    if cause_id not in CAUSES or act not in bulk_actions.ACTIONS:
        abort(404)
    every = request.form.get("all") == "yes"
    ids = None if every else parse_ids(request.form.getlist("id"))
    if ids is None or ids:
        _start_action(BulkActionRequest(act, cause_id, _read_filter(), ids, current_user.id))
    else:
        responses.flash_notice(NOTHING_SELECTED, "bad")
    return _refresh_page(cause_id)


@blueprint.post("/errands/<int:bulk_action_id>/cancel")
@require_right(Right.WRITE_BRAINS)
def cancel(bulk_action_id: int) -> Response:
    """End a bulk action after its present batch."""
    now = services().clock()
    if services().database.write(lambda session: bulk_actions.cancel(session, bulk_action_id, now)):
        responses.flash_notice("It has ended. What was done stays done.")
    return _refresh_page(request.form.get("cause") or None)


@blueprint.post("/errands/<int:bulk_action_id>/undo")
@require_right(Right.WRITE_BRAINS)
def undo(bulk_action_id: int) -> Response:
    """Reopen what was dismissed together."""
    now, user_id = services().clock(), current_user.id

    def back(session: Any) -> BulkAction | None:
        bulk_action = bulk_actions.undo(session, bulk_action_id, user_id, now)
        if bulk_action:
            bulk_actions.run_batch(session, bulk_action, now)
        return bulk_action

    bulk_action = services().database.write(back)
    if bulk_action:
        responses.flash_notice("They are open again.")
    return _refresh_page(bulk_action.cause if bulk_action else None)


def _start_action(asked: BulkActionRequest) -> None:
    """Store what is to be done and do its first batch at once; the workers do the rest."""
    now = services().clock()

    def begin(session: Any) -> BulkAction:
        action = bulk_actions.create(session, asked, now)
        bulk_actions.run_batch(session, action, now)
        return action

    bulk_action = services().database.write(begin)
    _flash_result(bulk_action)


def _flash_result(bulk_action: BulkAction) -> None:
    if bulk_action.ended_at is None:
        responses.flash_notice(
            f"{bulk_action.total:,} messages are being processed; the progress is shown above."
        )
        return
    if not bulk_action.done:
        responses.flash_notice("Their state has changed meanwhile: there is nothing left to do.", "bad")
        return
    noun = "message is" if bulk_action.done == 1 else "messages are"
    summary = f"{bulk_action.done:,} {noun} {bulk_actions.ACTION_WORDS[bulk_action.action]}."
    if bulk_action.action == "aside":
        responses.flash_undo(summary, url_for("failures.undo", bulk_action_id=bulk_action.id))
    else:
        responses.flash_notice(summary)


def _refresh_page(cause_id: str | None) -> Response:
    responses.refresh_session()
    known = cause_id if cause_id in CAUSES else None
    if is_fragment_request():
        return _render_causes(known)
    query = _query()
    return redirect(
        url_for("failures.show_cause", cause_id=known, **query)
        if known
        else url_for("failures.list_causes", **query)
    )


def _render_causes(cause_id: str | None) -> Response:
    session, filters, now = db.session(), _read_filter(), services().clock()
    found = queries.list_groups(session, filters)
    group = next((each for each in found if each.cause.id == cause_id), None)
    shown = min(
        max(request.values.get("shown", queries.PAGE_SIZE, type=parse_int64), 1), 10 * queries.PAGE_SIZE
    )
    page = _page(filters, group, shown)
    return show(
        "failures/page.html",
        "failures",
        filters=filters,
        query=_query(),
        age=_age(),
        groups=found,
        total=queries.sum_failures(found),
        group=group,
        chosen=CAUSES.get(cause_id or ""),
        page=page,
        shown=shown,
        progress=bulk_actions.list_recent(session, now),
        connections=store.list_connections(session),
        brains=versions_store.list_brains(session),
        quiet=None if found or _query() else queries.get_quiet_since(session),
        remedy_url=_find_remedy_url(group, page.items),
        build_row_url=_build_row_url,
        done_words=bulk_actions.ACTION_WORDS,
    )


def _page(filters: FailureFilter, group: FailureGroup | None, shown: int) -> queries.FailurePage:
    if group is None:
        return queries.FailurePage()
    return queries.load_page(
        db.session(), filters, group, request.values.get("after", type=parse_int64), shown
    )


def _find_remedy_url(group: FailureGroup | None, lines: Any) -> str:
    """Return the address where the cause is mended; empty when it is done right here, or not by this person."""
    if group is None or not lines:
        return ""
    return _build_remedy_url(group.cause.remedy_target, lines[0])


def _build_remedy_url(target: str, line: FailureListItem) -> str:
    if target.startswith("https://"):
        return target
    if target == "connection":
        return _build_allowed_url("connections.edit", connection_id=line.message.connection_id)
    if target == "command":
        return _build_row_url(line)
    if target == "chat":
        return url_for("chats.show_chat", chat_id=line.message.chat_id)
    return _build_allowed_url("dashboard.show_board") if target == "dashboard" else ""


def _build_row_url(line: FailureListItem) -> str:
    """Return the address of the command whose words a message is, or of its brain."""
    if line.command_id:
        return _build_allowed_url("commands.show_command", slug=line.slug, command_id=line.command_id)
    return _build_allowed_url("brains.show_workbench", slug=line.slug) if line.slug else ""


def _build_allowed_url(endpoint: str, **values: Any) -> str:
    """Return the address of a page; empty when it does not open for this person."""
    return url_for(endpoint, **values) if is_allowed(endpoint) else ""


def _read_filter() -> FailureFilter:
    asked = request.values
    age = AGE_FILTERS_MS.get(asked.get("age", ""))
    return FailureFilter(
        connection_id=asked.get("connection", type=parse_int64),
        brain_id=asked.get("brain", type=parse_int64),
        since=services().clock() - age if age else None,
        aside=asked.get("view") == "aside",
    )


def _age() -> str:
    age = request.values.get("age", "")
    return age if age in AGE_FILTERS_MS else ""


def _query() -> dict[str, Any]:
    """Return the filters as they stand in addresses."""
    filters = _read_filter()
    found = {"connection": filters.connection_id, "brain": filters.brain_id, "age": _age()}
    return {name: value for name, value in found.items() if value} | (
        {"view": "aside"} if filters.aside else {}
    )
