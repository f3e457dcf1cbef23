"""Connection pages: list, form from the channel's Config, test, paused sending, archive."""

import secrets
from dataclasses import fields, replace

from flask import abort, redirect, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from app.accounts.roles import Right
from app.admin.settings.webhook_address import build_public_url, is_public_address
from app.admin.ui import pages, responses, schema_form
from app.admin.ui.marks import render_step
from app.admin.ui.pages import MenuItem, PageBlueprint, Target, TargetGroup
from app.admin.ui.permissions import require_right
from app.admin.ui.responses import show
from app.bot import notices
from app.bot.connections import store as connection_store
from app.bot.connections.store import ConnectionInput, InvalidConnectionError, set_archived_at
from app.bot.failures import redrive
from app.bot.models import Connection
from app.bot.states import ReadMark
from app.brains.versions import store
from app.channels.contract import Channel, WebhookChannel
from app.channels.read_mark_contract import ReadMarkChannel
from app.request_input import read_page
from app.services import services
from app.text import parse_int64
from app.web import db, is_fragment_request

blueprint = PageBlueprint(
    "connections",
    __name__,
    url_prefix="/connections",
    targets=(
        Target(
            "show_list",
            "plug-connected",
            "Connections",
            ("numbers", "channels", "whatsapp"),
            order=90,
            menu=MenuItem("g n"),
        ),
        Target(
            "show_new",
            "plus",
            "New connection",
            ("add", "number", "whatsapp"),
            group=TargetGroup.ACTION,
            order=30,
        ),
    ),
)
blueprint.add_app_template_filter(render_step, "step_marks")

PAGE_SIZE = 20


@blueprint.get("/")
@require_right(Right.READ_BRAINS)
def show_list() -> Response:
    """List the connections."""
    session, search = db.session(), request.args.get("q", "")[:100]
    page = read_page()
    brains = {brain.id: brain for brain in store.list_brains(session, limit=500)}
    found = [each for each in connection_store.list_connections(session) if _matches(each, search)]
    return show(
        "settings/connections/list.html",
        "rows",
        connections=found[(page - 1) * PAGE_SIZE : page * PAGE_SIZE],
        total=len(found),
        search=search,
        page=page,
        per_page=PAGE_SIZE,
        brains=brains,
        alerts=notices.count_unseen_by_connection(session),
        webhook_channels={
            kind for kind, each in services().channels.items() if isinstance(each, WebhookChannel)
        },
        channels=services().channels,
        invitations=_sort_channels(),
        now=services().clock(),
    )


def _matches(connection: Connection, search: str) -> bool:
    """Tell whether a search finds a connection; an installation has few, so they are read whole."""
    words = search.strip().lower()
    return not words or words in f"{connection.name} {connection.account}".lower()


@blueprint.get("/new")
@require_right(Right.ADMINISTER)
def show_new() -> Response:
    """Choose a channel, then fill in its form."""
    kind = request.args.get("channel", "")
    if kind not in services().channels:
        return show("settings/connections/kinds.html", channels=services().channels)
    setup = services().channels[kind].setup
    account = "" if setup.account_field else f"{setup.account_prefix}{secrets.token_hex(4)}"
    # A proposed value saves inventing one; the form shows it, to be pasted in the provider's form.
    config = {setup.generated_field: secrets.token_urlsafe(24)} if setup.generated_field else {}
    wanted = store.find_brain(db.session(), request.args.get("brain", ""))
    brains = [wanted] if wanted else store.list_brains(db.session(), limit=2)
    brain_id = brains[0].id if len(brains) == 1 else None
    return _form(kind, ConnectionInput("", kind, account, config, brain_id=brain_id))


@blueprint.post("/new")
@require_right(Right.ADMINISTER)
def create() -> Response:
    """Make a connection."""
    values = _read_input(request.args.get("channel", ""))
    now, service = services().clock(), services().connections
    try:
        made = services().database.write(lambda session: service.create(session, values, now))
    except InvalidConnectionError as error:
        return _form(values.channel, values, problems=error.fields, status=422)
    _forget_connections()
    # A connection with an account of ours has no other side that remains to be set up.
    is_complete = services().channels[made.channel].setup.account_field is None
    responses.flash_notice(f"“{made.name}” is connected." if is_complete else f"“{made.name}” is saved.")
    return redirect(url_for("connections.edit", connection_id=made.id))


@blueprint.get("/<int:connection_id>")
@require_right(Right.WRITE_BRAINS)
def edit(connection_id: int) -> Response:
    """Show one connection."""
    row = _get_or_404(connection_id)
    return _form(row.channel, _build_input(row), row=row)


@blueprint.post("/<int:connection_id>")
@require_right(Right.WRITE_BRAINS)
def update(connection_id: int) -> Response:
    """Change a connection; a secret left empty keeps its value, and who may set none keeps the account too."""
    row, now, service = _get_or_404(connection_id), services().clock(), services().connections
    values, was_paused = _read_input(row.channel), row.parked_until > now
    if not current_user.has_right(Right.ADMINISTER):
        # The account goes with the secrets: those of one number must not be sent along with another.
        values = replace(values, account=row.account, config=row.config)
    try:
        services().database.write(lambda session: service.update(session, connection_id, values))
    except InvalidConnectionError as error:
        return _form(row.channel, values, problems=error.fields, status=422, row=row)
    if was_paused:
        services().database.write(lambda session: redrive.resume_connection(session, connection_id, now))
    _forget_connections()
    responses.flash_notice("Saved. What waited is sent now." if was_paused else "Saved.")
    return redirect(url_for("connections.edit", connection_id=connection_id))


@blueprint.post("/<int:connection_id>/check")
@require_right(Right.WRITE_BRAINS)
def check(connection_id: int) -> Response:
    """Try the connection and say what the provider says."""
    row = _get_or_404(connection_id)
    checked = services().check_connection(row.id)
    if is_fragment_request():
        return show("settings/connections/check_result.html", "checked", checked=checked)
    responses.flash_notice(checked.message, "good" if checked.ok else "bad")
    return redirect(url_for("connections.edit", connection_id=connection_id))


@blueprint.post("/<int:connection_id>/resume")
@require_right(Right.WRITE_BRAINS)
def resume(connection_id: int) -> Response:
    """Resume the sending of a paused connection."""
    _get_or_404(connection_id)
    now = services().clock()
    services().database.write(lambda session: redrive.resume_connection(session, connection_id, now))
    _forget_connections()
    responses.flash_notice("Sending is resumed.")
    return redirect(url_for("connections.show_list"))


@blueprint.post("/<int:connection_id>/archive")
@require_right(Right.WRITE_BRAINS)
def archive(connection_id: int) -> Response:
    """Put a connection away: its messages stay, nothing new is taken or sent."""
    row, now = _get_or_404(connection_id), services().clock()
    _set_archived(connection_id, now)
    responses.flash_undo(
        f"“{row.name}” is archived.", url_for("connections.restore", connection_id=connection_id)
    )
    return redirect(url_for("connections.show_list"))


@blueprint.post("/<int:connection_id>/restore")
@require_right(Right.WRITE_BRAINS)
def restore(connection_id: int) -> Response:
    """Bring a connection back."""
    if db.session.get(Connection, connection_id) is None:
        abort(404)
    _set_archived(connection_id, None)
    return redirect(url_for("connections.show_list"))


def _form(
    kind: str,
    values: ConnectionInput,
    *,
    problems: dict[str, str] | None = None,
    status: int = 200,
    row: Connection | None = None,
) -> Response:
    channel = services().channels.get(kind) or abort(404)
    webhook = build_public_url(channel.path) if isinstance(channel, WebhookChannel) else ""
    is_readable = row is None or services().connections.has_readable_secrets(row)
    return show(
        "settings/connections/form.html",
        status=status,
        channel=channel,
        setup=channel.setup,
        values=values,
        row=row,
        is_readable=is_readable,
        may_set_secrets=current_user.has_right(Right.ADMINISTER),
        has_read_marks=isinstance(channel, ReadMarkChannel),
        problems=problems or {},
        entries=schema_form.build_fields(
            channel.Config,
            # The proposed value of a new connection is shown.
            channel.secrets if row else channel.secrets - {channel.setup.generated_field},
            values.config,
            stored=row is not None and is_readable,
            problems=problems,
        ),
        brains=store.list_brains(db.session(), limit=500),
        webhook=webhook,
        is_webhook_public=is_public_address(webhook),
        generated=_build_generated_value(channel, row if is_readable else None),
        connection_pages=pages.list_connection_pages(channel.kind) if row else [],
        now=services().clock(),
    )


def _read_input(kind: str) -> ConnectionInput:
    channel, form = services().channels.get(kind) or abort(404), request.form
    return ConnectionInput(
        name=form.get("name", ""),
        channel=kind,
        account=form.get("account", ""),
        config=schema_form.parse_form(channel.Config, form),
        brain_id=form.get("brain_id", type=parse_int64),
        messages_per_second=_read_number("messages_per_second", 80),
        pair_burst=_read_number("pair_burst", 45),
        on_unknown=form.get("on_unknown", "resend"),
        enabled="enabled" in form,
        replies_per_minute=_read_number("replies_per_minute", 0),
        takeover_minutes=_read_number("takeover_minutes", 60),
        loop_guard="loop_guard" in form,
        mark_read=form.get("mark_read", ReadMark.OFF.value),
        show_typing="show_typing" in form,
    )


def _read_number(name: str, default: int) -> int:
    """Return a number of the form; -1, which every field refuses, for what is none."""
    return request.form.get(name, -1, type=parse_int64) if name in request.form else default


def _build_input(row: Connection) -> ConnectionInput:
    # The fields of a request are named like the columns.
    return ConnectionInput(**{field.name: getattr(row, field.name) for field in fields(ConnectionInput)})


def _build_generated_value(channel: Channel, row: Connection | None) -> dict[str, str] | None:
    """Return label and stored value of what is entered at the provider; None for a channel without it."""
    name = channel.setup.generated_field
    if not name:
        return None
    config = services().connections.load_config(row) if row else None
    return {"label": channel.Config.model_fields[name].title or name, "value": getattr(config, name, "")}


def _sort_channels() -> list[Channel]:
    """List the channels, those that need no account of a provider first."""
    return sorted(services().channels.values(), key=lambda channel: channel.setup.account_field is not None)


def _get_or_404(connection_id: int) -> Connection:
    row = db.session.get(Connection, connection_id)
    return row if row and row.archived_at is None else abort(404)


def _set_archived(connection_id: int, moment: int | None) -> None:
    services().database.write(lambda session: set_archived_at(session, connection_id, moment))
    _forget_connections()


def _forget_connections() -> None:
    services().registry.invalidate()
    responses.refresh_session()
