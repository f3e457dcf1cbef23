"""Connections: the list, forms drawn from the channel's Config, tests, and what stands still."""

import secrets
from typing import Any

from flask import Blueprint, abort, redirect, request, url_for
from werkzeug.wrappers import Response

from app.accounts import Role
from app.admin import answers, schema_form
from app.admin.answers import show
from app.admin.guard import needs
from app.bot import bot, redrive
from app.bot.connections import ConnectionRefused, Wish, list_connections
from app.bot.models import Connection
from app.brains import versions
from app.signals import changed, work_ready
from app.web import db, house, partial

blueprint = Blueprint("connections", __name__, url_prefix="/connections")

PAGE = 20
TOPICS = {"connections", "dashboard"}


@blueprint.get("/")
@needs(Role.VIEWER)
def overview() -> Response:
    """List the connections."""
    session, search = db.session(), request.args.get("q", "")[:100]
    page = max(request.args.get("page", 1, type=int), 1)
    brains = {brain.id: brain for brain in versions.list_brains(session, limit=500)}
    found = [each for each in list_connections(session) if _matches(each, search)]
    return show(
        "connections/list.html",
        "rows",
        connections=found[(page - 1) * PAGE : page * PAGE],
        total=len(found),
        search=search,
        page=page,
        per_page=PAGE,
        brains=brains,
        channels=bot().channels,
        now=house().clock(),
    )


def _matches(connection: Connection, search: str) -> bool:
    """Tell whether a search finds a connection; an installation has few, so they are read whole."""
    words = search.strip().lower()
    return not words or words in f"{connection.name} {connection.account}".lower()


@blueprint.get("/new")
@needs(Role.OWNER)
def new() -> Response:
    """Choose a channel, then fill in its form."""
    kind = request.args.get("channel", "")
    if kind not in bot().channels:
        return show("connections/kinds.html", channels=bot().channels)
    account = f"sim-{secrets.token_hex(4)}" if kind == "simulator" else ""
    return _form(kind, Wish("", kind, account, _prefilled(kind)))


@blueprint.post("/new")
@needs(Role.OWNER)
def create() -> Response:
    """Make a connection."""
    wish, now, service = _wish(request.args.get("channel", "")), house().clock(), bot().connections
    try:
        made = house().database.write(lambda session: service.create(session, wish, now))
    except ConnectionRefused as error:
        return _form(wish.channel, wish, problems=error.fields, status=422)
    _tell()
    answers.notice(
        f"“{made.name}” is connected." if made.channel == "simulator" else f"“{made.name}” is saved."
    )
    return redirect(url_for("connections.edit", connection_id=made.id))


@blueprint.get("/<int:connection_id>")
@needs(Role.OWNER)
def edit(connection_id: int) -> Response:
    """Show one connection."""
    row = _found(connection_id)
    return _form(row.channel, _wish_of(row), row=row)


@blueprint.post("/<int:connection_id>")
@needs(Role.OWNER)
def update(connection_id: int) -> Response:
    """Change a connection; a secret left empty keeps its value."""
    row = _found(connection_id)
    wish, service = _wish(row.channel), bot().connections
    try:
        house().database.write(lambda session: service.update(session, connection_id, wish))
    except ConnectionRefused as error:
        return _form(row.channel, wish, problems=error.fields, status=422, row=row)
    _tell()
    answers.notice("Saved.")
    return redirect(url_for("connections.edit", connection_id=connection_id))


@blueprint.post("/<int:connection_id>/check")
@needs(Role.OWNER)
def check(connection_id: int) -> Response:
    """Try the connection and say what the provider says."""
    row = _found(connection_id)
    checked = bot().check(row.id)
    if partial():
        return show("connections/checked.html", "checked", checked=checked)
    answers.notice(checked.message, "good" if checked.ok else "bad")
    return redirect(url_for("connections.edit", connection_id=connection_id))


@blueprint.post("/<int:connection_id>/resume")
@needs(Role.OWNER)
def resume(connection_id: int) -> Response:
    """Let a parked connection send again."""
    _found(connection_id)
    now = house().clock()
    house().database.write(lambda session: redrive.resume_connection(session, connection_id, now))
    work_ready.send(chats=1)
    _tell()
    answers.notice("Sending goes on.")
    return redirect(url_for("connections.overview"))


@blueprint.post("/<int:connection_id>/archive")
@needs(Role.OWNER)
def archive(connection_id: int) -> Response:
    """Put a connection away: its messages stay, nothing new is taken or sent."""
    row, now = _found(connection_id), house().clock()
    _set_archived(connection_id, now)
    answers.undoable(
        f"“{row.name}” is put away.", url_for("connections.restore", connection_id=connection_id)
    )
    return redirect(url_for("connections.overview"))


@blueprint.post("/<int:connection_id>/restore")
@needs(Role.OWNER)
def restore(connection_id: int) -> Response:
    """Bring a connection back."""
    if db.session.get(Connection, connection_id) is None:
        abort(404)
    _set_archived(connection_id, None)
    return redirect(url_for("connections.overview"))


def _form(
    kind: str,
    wish: Wish,
    *,
    problems: dict[str, str] | None = None,
    status: int = 200,
    row: Connection | None = None,
) -> Response:
    channel = bot().channels.get(kind) or abort(404)
    config = bot().connections.config(row) if row and schema_form.MADE_UP in channel.secrets else None
    return show(
        "connections/form.html",
        status=status,
        channel=channel,
        wish=wish,
        row=row,
        problems=problems or {},
        entries=schema_form.entries(
            channel.Config, channel.secrets, wish.config, stored=row is not None, problems=problems
        ),
        brains=versions.list_brains(db.session(), limit=500),
        webhook=_webhook() if kind == "cloud" else "",
        verify_token=getattr(config, schema_form.MADE_UP, ""),
        now=house().clock(),
    )


def _wish(kind: str) -> Wish:
    channel, form = bot().channels.get(kind) or abort(404), request.form
    return Wish(
        name=form.get("name", ""),
        channel=kind,
        account=form.get("account", ""),
        config=schema_form.given(channel.Config, form),
        brain_id=form.get("brain_id", type=int),
        messages_per_second=form.get("messages_per_second", 80, type=int),
        pair_burst=form.get("pair_burst", 45, type=int),
        on_unknown=form.get("on_unknown", "resend"),
        enabled="enabled" in form,
        replies_per_minute=form.get("replies_per_minute", 0, type=int),
        takeover_minutes=form.get("takeover_minutes", 60, type=int),
        loop_guard="loop_guard" in form,
    )


def _wish_of(row: Connection) -> Wish:
    return Wish(
        name=row.name,
        channel=row.channel,
        account=row.account,
        config=row.config,
        brain_id=row.brain_id,
        messages_per_second=row.messages_per_second,
        pair_burst=row.pair_burst,
        on_unknown=row.on_unknown,
        enabled=row.enabled,
        replies_per_minute=row.replies_per_minute,
        takeover_minutes=row.takeover_minutes,
        loop_guard=row.loop_guard,
    )


def _prefilled(kind: str) -> dict[str, Any]:
    # A fresh verify token saves inventing one; the form shows it once, to be pasted at Meta.
    fields = bot().channels[kind].Config.model_fields
    return {schema_form.MADE_UP: secrets.token_urlsafe(24)} if schema_form.MADE_UP in fields else {}


def _webhook() -> str:
    base = house().settings.public_url or request.url_root.rstrip("/")
    return f"{base}/webhooks/whatsapp"


def _found(connection_id: int) -> Connection:
    row = db.session.get(Connection, connection_id)
    return row if row and row.archived_at is None else abort(404)


def _set_archived(connection_id: int, moment: int | None) -> None:
    house().database.write(
        lambda session: setattr(session.get_one(Connection, connection_id), "archived_at", moment)
    )
    _tell()


def _tell() -> None:
    bot().accounts.forget()
    answers.look_again()
    changed.send(topics=TOPICS)
