"""Pages of log sinks: where events are forwarded to, what is waiting, a test, and what is wrong."""

import secrets
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from flask import abort, redirect, request, url_for
from werkzeug.wrappers import Response

from app.accounts.roles import Right
from app.admin.ui import responses, schema_form
from app.admin.ui.pages import PageBlueprint, Target
from app.admin.ui.permissions import require_right
from app.admin.ui.responses import show
from app.immutable import immutable
from app.logs.event import LogEvent
from app.logs.forwarding import sink_store
from app.logs.forwarding.sink_store import InvalidSinkError, SinkCheck, SinkInput, SinkNotFoundError
from app.logs.models import LogSink
from app.logs.severity import CHOICES, INFO
from app.logs.sinks.contract import SinkKind
from app.logs.sinks.registry import load_kinds
from app.logs.store import cursors
from app.logs.store.cursors import Backlog, EventFilter, SinkCursor
from app.logs.store.event_search import list_sources
from app.services import services
from app.text import parse_index
from app.vault import VaultError
from app.web import db, is_fragment_request, limiter

T = TypeVar("T")

blueprint = PageBlueprint(
    "log_sinks",
    __name__,
    url_prefix="/logs/sinks",
    section="logs",
    targets=(
        Target(
            "show_list", "send", "Log sinks", ("forward", "datadog", "syslog", "logstash", "otlp"), order=78
        ),
    ),
)


@immutable
class SinkLine:
    """A sink in the list, where it is, and what it has still to send."""

    row: LogSink
    kind: type[SinkKind] | None
    cursor: SinkCursor | None
    backlog: Backlog | None


@blueprint.get("/")
@require_right(Right.ADMINISTER)
def show_list() -> Response:
    """List the sinks with what waits for each."""
    logs = services().logs
    rows = sink_store.list_sinks(db.session())
    places = cursors.load_cursors(logs.store) if rows and logs.is_on else {}
    lines = [_build_line(row, places.get(row.id)) for row in rows]
    return show(
        "logs/sinks.html",
        "rows",
        lines=lines,
        kinds=list(load_kinds().values()),
        now=services().clock(),
        is_on=logs.is_on,
    )


@blueprint.get("/new/<kind>")
@require_right(Right.ADMINISTER)
def show_new(kind: str) -> Response:
    """Show the form of a new sink of a kind."""
    if kind not in load_kinds():
        abort(404)
    return _form(SinkInput(load_kinds()[kind].title, kind, {}))


@blueprint.post("/new/<kind>")
@require_right(Right.ADMINISTER)
def create(kind: str) -> Response:
    """Make a sink."""
    if kind not in load_kinds():
        abort(404)
    data, now, sinks = _read_input(kind), services().clock(), services().logs.sinks
    try:
        made = services().database.write(lambda session: sinks.create(session, data, now))
    except InvalidSinkError as error:
        return _form(data, problems=error.fields, status=422)
    services().logs.forwarder.refresh()
    responses.flash_notice(f"“{made.name}” is saved and gets the events from now on. Test it now.")
    return redirect(url_for("log_sinks.edit", sink_id=made.id))


@blueprint.get("/<int:sink_id>")
@require_right(Right.ADMINISTER)
def edit(sink_id: int) -> Response:
    """Show one sink; its secrets are never shown."""
    row = _get_or_404(sink_id)
    return _form(_build_input(row), row=row)


@blueprint.post("/<int:sink_id>")
@require_right(Right.ADMINISTER)
def update(sink_id: int) -> Response:
    """Change a sink; an empty secret keeps the stored one."""
    row = _get_or_404(sink_id)
    data, now, sinks = _read_input(row.kind), services().clock(), services().logs.sinks
    try:
        services().database.write(lambda session: sinks.update(session, sink_id, data, now))
    except InvalidSinkError as error:
        return _form(data, problems=error.fields, status=422, row=row)
    _look_again(sink_id)
    responses.flash_notice("Saved.")
    return redirect(url_for("log_sinks.edit", sink_id=sink_id))


@blueprint.post("/<int:sink_id>/check")
@require_right(Right.ADMINISTER)
@limiter.limit("20 per minute")
def check(sink_id: int) -> Response:
    """Send one event of a test to the sink as it is saved."""
    row, logs = _get_or_404(sink_id), services().logs
    now = services().clock()
    event = LogEvent(
        f"test-{secrets.token_hex(6)}", now, now, INFO, "web", "Test from Brainbox", "app.admin.logs"
    )
    try:
        checked = sink_store.check_sink(
            load_kinds()[row.kind], logs.sinks.load_config(row), logs.sink_context, event
        )
    except VaultError as error:
        checked = SinkCheck(ok=False, message=str(error))
    if checked.ok:
        _look_again(sink_id)
    if is_fragment_request():
        return show("logs/check_result.html", "checked", checked=checked)
    return _form(_build_input(row), row=row, checked=checked)


@blueprint.post("/<int:sink_id>/switch")
@require_right(Right.ADMINISTER)
def switch(sink_id: int) -> Response:
    """Send to a sink, or let its events wait."""
    enabled = request.form.get("enabled") == "yes"
    row = _change(lambda session: sink_store.set_enabled(session, sink_id, enabled=enabled))
    _look_again(sink_id)
    words = "gets the events that waited, and new ones" if enabled else "is off; events wait for it"
    responses.flash_notice(f"“{row.name}” {words}.")
    return redirect(url_for("log_sinks.show_list"))


@blueprint.post("/<int:sink_id>/retry")
@require_right(Right.ADMINISTER)
def retry(sink_id: int) -> Response:
    """Try a sink that waits after a failure at once."""
    _get_or_404(sink_id)
    _look_again(sink_id)
    responses.flash_notice("It is tried now.")
    return redirect(url_for("log_sinks.show_list"))


@blueprint.post("/<int:sink_id>/delete")
@require_right(Right.ADMINISTER)
def delete(sink_id: int) -> Response:
    """Delete a sink; what waited for it is not sent."""
    name = _change(lambda session: sink_store.delete_sink(session, sink_id))
    services().logs.forwarder.refresh()
    responses.flash_notice(f"“{name}” is deleted.")
    return redirect(url_for("log_sinks.show_list"))


def _look_again(sink_id: int) -> None:
    logs = services().logs
    if logs.is_on:
        cursors.retry_now(logs.store, sink_id)
    logs.forwarder.refresh()


def _change(job: Callable[[Any], T]) -> T:
    try:
        changed = services().database.write(job)
    except SinkNotFoundError:
        abort(404)
    responses.refresh_session()
    return changed


def _get_or_404(sink_id: int) -> LogSink:
    try:
        return sink_store.get_sink(db.session(), sink_id)
    except SinkNotFoundError:
        abort(404)


def _build_line(row: LogSink, cursor: SinkCursor | None) -> SinkLine:
    wanted = EventFilter(row.level, tuple(row.sources))
    backlog = cursors.count_backlog(services().logs.store, cursor.position, wanted) if cursor else None
    return SinkLine(row, load_kinds().get(row.kind), cursor, backlog)


def _read_input(kind: str) -> SinkInput:
    form = request.form
    config = schema_form.parse_form(load_kinds()[kind].Config, form)
    level = parse_index(form.get("level", "")) or 0
    names = tuple(sorted({name[:60] for name in form.getlist("sources") if name}))
    return SinkInput(form.get("sink_name", "")[:100], kind, config, level, names, "enabled" in form)


def _build_input(row: LogSink) -> SinkInput:
    return SinkInput(row.name, row.kind, row.config, row.level, tuple(row.sources), row.enabled)


def _form(
    values: SinkInput,
    *,
    problems: Mapping[str, str] | None = None,
    status: int = 200,
    row: LogSink | None = None,
    checked: SinkCheck | None = None,
) -> Response:
    logs, kind = services().logs, load_kinds()[values.kind]
    fields = schema_form.build_fields(
        kind.Config, kind.secrets, values.config, stored=row is not None, problems=problems
    )
    known = set(list_sources(logs.store)) if logs.is_on else set()
    return show(
        "logs/sink.html",
        status=status,
        values=values,
        row=row,
        kind=kind,
        fields=fields,
        levels=CHOICES,
        sources=sorted(known | set(values.sources)),
        problems=problems or {},
        is_readable=row is None or logs.sinks.has_readable_secrets(row),
        checked=checked,
    )
