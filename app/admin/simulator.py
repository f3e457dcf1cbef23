"""The simulator: a phone on the page, whose messages take the same way as WhatsApp's."""

import secrets
from typing import Any

from flask import Blueprint, abort, redirect, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from app.accounts import Role
from app.admin.answers import look_again, show
from app.admin.guard import needs
from app.bot import bot, chats, connections, simulator
from app.bot.channels.contract import Person
from app.bot.chats import Thread
from app.bot.models import Connection
from app.bot.simulator import Act
from app.brains import versions
from app.web import db, house, partial

blueprint = Blueprint("simulator", __name__, url_prefix="/simulator")

KINDS = {"text", "button", "list", "image", "audio", "location"}


@blueprint.get("/")
@needs(Role.VIEWER)
def phone() -> Response:
    """Show the phone, or how to get one."""
    phones = connections.list_connections(db.session(), "simulator")
    if not phones:
        return show("simulator/none.html", brains=versions.list_brains(db.session()))
    wanted = request.args.get("connection", type=int)
    chosen = next((each for each in phones if each.id == wanted), phones[0])
    return show("simulator/phone.html", "screen", phones=phones, **_seen_by(chosen, _person(chosen.id)))


@blueprint.post("/<int:connection_id>/say")
@needs(Role.EDITOR)
def say(connection_id: int) -> Response:
    """Do what the person did with the phone: write, press, choose or send a file."""
    chosen, form = _phone(connection_id), request.form
    kind = form.get("kind", "text")
    act = Act(
        kind if kind in KINDS else "text",
        form.get("text", ""),
        form.get("choice", ""),
        form.get("quoted") or None,
    )
    person = _person(connection_id)
    item = simulator.item_of(act, person, f"sim.in.{secrets.token_hex(12)}", house().clock())
    bot().accept_local(connection_id, [item])
    look_again()
    if not partial():
        return redirect(url_for("simulator.phone", connection=connection_id, person=person.phone))
    return show("simulator/phone.html", "screen", **_seen_by(chosen, person))


@blueprint.post("/<int:connection_id>/seen")
@needs(Role.EDITOR)
def seen(connection_id: int) -> tuple[str, int]:
    """Report what lies open on the phone as delivered and read."""
    chosen = _phone(connection_id)
    thread = _seen_by(chosen, _person(connection_id))["thread"]
    found = simulator.receipts(simulator.unread(thread.bubbles), house().clock())
    if found:
        bot().accept_local(connection_id, found)
    return "", 204


def _phone(connection_id: int) -> Connection:
    phones = connections.list_connections(db.session(), "simulator")
    return next((each for each in phones if each.id == connection_id), None) or abort(404)


def _person(connection_id: int) -> Person:
    """Return who holds the phone: the one asked for, the last one, or somebody new."""
    known = simulator.people(db.session(), connection_id)
    number = request.values.get("person", "")
    if number.isdecimal() and len(number) <= 15:
        name = request.values.get("name", "")[:60]
        return next((p for p in known if p.phone == number), Person(phone=number, name=name))
    return known[0] if known else simulator.invented(known)


def _seen_by(chosen: Connection, person: Person) -> dict[str, Any]:
    session = db.session()
    line = chats.chat_of(session, chosen.id, person.phone or "")
    thread = chats.thread(session, line.chat.id) if line else Thread()
    known = simulator.people(session, chosen.id)
    return {
        "chosen": chosen,
        "person": person,
        "people": known if any(p.phone == person.phone for p in known) else [person, *known],
        "next_person": simulator.invented([*known, person]),
        "chat": line.chat if line else None,
        "thread": thread,
        "unread": simulator.unread(thread.bubbles) if current_user.may(Role.EDITOR) else [],
        "runs": simulator.last_runs(session, line.chat.id) if line else [],
        "suggestions": simulator.suggestions(simulator.live_document(session, chosen.brain_id)),
        "brain": versions.get_brain(session, chosen.brain_id) if chosen.brain_id else None,
        "said": chats.said,
    }
