"""Pages of log sources: which other services may send events, their tokens, shown once."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from flask import abort, redirect, request, url_for
from werkzeug.wrappers import Response

from app.accounts.roles import Right
from app.admin.ui import responses
from app.admin.ui.pages import PageBlueprint, Target
from app.admin.ui.permissions import require_right
from app.admin.ui.responses import show
from app.logs import ingest, sources
from app.logs.sources import DEFAULT_RATE, InvalidSourceError, NewToken, SourceInput, SourceNotFoundError
from app.services import services
from app.text import parse_index
from app.web import db, limiter

T = TypeVar("T")

blueprint = PageBlueprint(
    "log_sources",
    __name__,
    url_prefix="/logs/sources",
    section="logs",
    targets=(Target("show_list", "key", "Log sources", ("tokens", "api", "services", "ingest"), order=77),),
)


@blueprint.get("/")
@require_right(Right.ADMINISTER)
def show_list() -> Response:
    """List the sources, with the form of a new one."""
    return _list()


@blueprint.post("/")
@require_right(Right.ADMINISTER)
@limiter.limit("30 per minute")
def create() -> Response:
    """Make a source and show its token, this once."""
    form, now = request.form, services().clock()
    data = SourceInput(
        form.get("name", "")[:100],
        _read_number(form.get("days", ""), 0),
        _read_number(form.get("events_per_second", ""), DEFAULT_RATE),
    )
    try:
        made = services().database.write(lambda session: sources.create_source(session, data, now))
    except InvalidSourceError as error:
        return _list(form, error.fields, 422)
    return _show_token(made)


@blueprint.post("/<int:source_id>/token")
@require_right(Right.ADMINISTER)
@limiter.limit("30 per minute")
def replace_token(source_id: int) -> Response:
    """Give a source a new token and show it, this once."""
    now = services().clock()
    made = _change(lambda session: sources.replace_token(session, source_id, now))
    return _show_token(made)


@blueprint.post("/<int:source_id>/switch")
@require_right(Right.ADMINISTER)
def switch(source_id: int) -> Response:
    """Let a source send, or not."""
    enabled = request.form.get("enabled") == "yes"
    source = _change(lambda session: sources.set_enabled(session, source_id, enabled=enabled))
    responses.flash_notice(f"“{source.name}” may {'send again' if enabled else 'not send any more'}.")
    return redirect(url_for("log_sources.show_list"))


@blueprint.post("/<int:source_id>/delete")
@require_right(Right.ADMINISTER)
def delete(source_id: int) -> Response:
    """Delete a source with its token; what it sent stays."""
    name = _change(lambda session: sources.delete_source(session, source_id))
    responses.flash_notice(f"“{name}” and its token are deleted. Its lines stay.")
    return redirect(url_for("log_sources.show_list"))


def _change(job: Callable[[Any], T]) -> T:
    try:
        changed = services().database.write(job)
    except SourceNotFoundError:
        abort(404)
    services().logs.sources.invalidate()
    responses.refresh_session()
    return changed


def _show_token(made: NewToken) -> Response:
    services().logs.sources.invalidate()
    responses.refresh_session()
    address = services().settings.public_url or request.host_url.rstrip("/")
    return _list(made=made, address=address + ingest.PATH)


def _list(
    values: Mapping[str, str] | None = None,
    problems: Mapping[str, str] | None = None,
    status: int = 200,
    **more: Any,
) -> Response:
    return show(
        "logs/sources.html",
        status=status,
        rows=sources.list_sources(db.session()),
        now=services().clock(),
        values=values or {},
        problems=problems or {},
        default_rate=DEFAULT_RATE,
        is_on=services().logs.is_on,
        **more,
    )


def _read_number(text: str, default: int) -> int:
    """Return the number of a field, `default` for an empty one; -1 for what is none, which no field takes."""
    if not text.strip():
        return default
    number = parse_index(text.strip())
    return -1 if number is None else number
