"""Audit pages: list of entries with filters, one entry with what it changed, export, check of the whole chain."""

from typing import Any

from flask import abort, redirect, request, url_for
from werkzeug.wrappers import Response

from app.accounts.roles import Right
from app.admin.audit import audit_filters, subject_links
from app.admin.audit.audit_export import FORMATS
from app.admin.audit.entry_view import EntryView
from app.admin.ui.pages import PageBlueprint, Target
from app.admin.ui.permissions import require_right
from app.admin.ui.responses import show
from app.admin.ui.time_format import to_local
from app.logs.audit import chain_check, reading
from app.services import services
from app.web import db, is_fragment_request, limiter

blueprint = PageBlueprint(
    "audit",
    __name__,
    url_prefix="/settings/audit",
    section="settings",
    targets=(
        Target(
            "show_entries",
            "history",
            "Audit",
            ("history", "changes", "who did what", "settings", "log", "compliance", "tampering"),
            order=101,
        ),
    ),
)


@blueprint.get("/")
@require_right(Right.ADMINISTER)
def show_entries() -> Response:
    """List the newest entries that match, or those before a place."""
    session, filters = db.session(), audit_filters.read(request.args)
    page = reading.list_entries(session, filters.query)
    links = subject_links.find_links(page.entries)
    return show(
        "audit/page.html",
        "entries",
        filters=filters,
        page=page,
        entries=[
            EntryView(entry, links.get((entry.subject_kind, entry.subject_id), "")) for entry in page.entries
        ],
        actors=[
            (audit_filters.format_actor(actor), _name_choice(actor)) for actor in reading.list_actors(session)
        ],
        actions=reading.list_actions(session),
        kinds=reading.list_subject_kinds(session),
        **_build_chain_context(),
    )


@blueprint.get("/<int:number>")
@require_right(Right.ADMINISTER)
def show_entry(number: int) -> Response:
    """Show one entry with all it holds."""
    entry = reading.get_entry(db.session(), number) or abort(404)
    links = subject_links.find_links([entry])
    view = EntryView(entry, links.get((entry.subject_kind, entry.subject_id), ""))
    return show("audit/entry.html", "entry", view=view)


@blueprint.get("/export.<form>")
@require_right(Right.ADMINISTER)
@limiter.limit("30 per minute")
def export(form: str) -> Response:
    """Send what is filtered as a file; the lines are read while it is sent."""
    mimetype, write = FORMATS.get(form) or abort(404)
    filters, shared = audit_filters.read(request.args), services()
    answer = Response(write(shared.database, filters.query), mimetype=mimetype)
    name = f"audit-{to_local(shared.clock()):%Y-%m-%d}.{form}"
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer


@blueprint.post("/check")
@require_right(Right.ADMINISTER)
@limiter.limit("20 per minute")
def start_check() -> Response:
    """Begin to check the whole chain in the background."""
    services().audit_checks.start()
    if is_fragment_request():
        return show("audit/chain.html", "chain", **_build_chain_context())
    return redirect(url_for("audit.show_entries"))


@blueprint.get("/check")
@require_right(Right.ADMINISTER)
def show_check() -> Response:
    """Return the state of the chain, for a check that runs."""
    if not is_fragment_request():
        return redirect(url_for("audit.show_entries"))
    return show("audit/chain.html", "chain", **_build_chain_context())


def _build_chain_context() -> dict[str, Any]:
    session = db.session()
    told = reading.get_last(session, chain_check.CHECKED)
    first, last = reading.get_first(session), reading.get_last(session)
    return {
        "check": services().audit_checks.latest,
        "told": told,
        "told_at": EntryView(told).at if told else None,
        "told_result": chain_check.read_result(told) if told else None,
        "first": first,
        "first_at": EntryView(first).at if first else None,
        # Numbers have no gaps; where there are some, the check says so.
        "count": last.number - first.number + 1 if first and last else 0,
    }


def _name_choice(actor: reading.AuditActor) -> str:
    """Return an actor's words in the filter; the command line and the system are one choice each."""
    return audit_filters.name_actor(actor.kind, actor.name if actor.id is not None else "")
