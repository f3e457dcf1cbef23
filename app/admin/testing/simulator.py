"""Simulator page: the phone in the browser, its messages and receipts."""

import secrets
from typing import Any

from flask import abort, redirect, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from app.accounts.roles import Right
from app.admin.ui.pages import MenuItem, PageBlueprint, Target, TargetGroup
from app.admin.ui.permissions import require_right
from app.admin.ui.responses import flash_notice, refresh_session, show
from app.bot import handoff, simulator
from app.bot.chats import listing
from app.bot.chats import thread as chats_thread
from app.bot.chats.thread import Thread
from app.bot.connections import store
from app.bot.models import Connection
from app.bot.simulator import PhoneAction
from app.brains.document.test_cases import parse_duration
from app.brains.example_messages import MIMES
from app.brains.examples import suggest_messages
from app.brains.versions import store as versions_store
from app.channels.contract import Person
from app.channels.simulator.channel import SimulatorChannel
from app.services import services
from app.text import parse_int64
from app.web import db, is_fragment_request

blueprint = PageBlueprint(
    "simulator",
    __name__,
    url_prefix="/simulator",
    targets=(
        Target("show_phone", "device-mobile", "Simulator", ("phone", "try"), order=40, menu=MenuItem("g s")),
        Target(
            "show_phone",
            "device-mobile",
            "Open the phone",
            group=TargetGroup.CONNECTION,
            channel_kind=SimulatorChannel.kind,
        ),
    ),
)

KINDS = {"text", "button", "list", "location", "contacts", "order", "flow", *MIMES}


@blueprint.get("/")
@require_right(Right.READ_BRAINS)
def show_phone() -> Response:
    """Show the phone, with `brain` (short name) one that it answers, or how to get one."""
    phones = _list_phones()
    brain = versions_store.find_brain(db.session(), request.args.get("brain", ""))
    fitting = [each for each in phones if each.brain_id == brain.id] if brain else phones
    if not fitting:
        return show(
            "testing/simulator/empty.html",
            brain=brain,
            has_phones=bool(phones),
            channel_kind=SimulatorChannel.kind,
        )
    wanted = request.args.get("connection", type=parse_int64)
    chosen = next((each for each in fitting if each.id == wanted), fitting[0])
    return show(
        "testing/simulator/phone.html", "screen", phones=phones, **_build_context(chosen, _person(chosen.id))
    )


@blueprint.post("/<int:connection_id>/say")
@require_right(Right.WRITE_BRAINS)
def send_message(connection_id: int) -> Response:
    """Do what the person did with the phone: write, press, choose or send a file."""
    chosen, form = _phone(connection_id), request.form
    kind = form.get("kind", "text")
    act = PhoneAction(
        kind if kind in KINDS else "text",
        form.get("text", ""),
        form.get("choice", ""),
        form.get("quoted") or None,
    )
    person = _person(connection_id)
    item = simulator.build_item(act, person, f"sim.in.{secrets.token_hex(12)}", services().clock())
    services().receive_local(connection_id, [item])
    refresh_session()
    if not is_fragment_request():
        return redirect(url_for("simulator.show_phone", connection=connection_id, person=person.phone))
    return show("testing/simulator/phone.html", "screen", **_build_context(chosen, person))


@blueprint.post("/<int:connection_id>/resume")
@require_right(Right.WRITE_BRAINS)
def resume_bot(connection_id: int) -> Response:
    """Let the bot answer again in the person's chat."""
    chosen, person = _phone(connection_id), _person(connection_id)
    line = listing.find_chat_by_phone(db.session(), connection_id, person.phone or "")
    if line:
        handoff.resume(services().database, line.chat.id)
    refresh_session()
    if not is_fragment_request():
        return redirect(url_for("simulator.show_phone", connection=connection_id, person=person.phone))
    return show("testing/simulator/phone.html", "screen", **_build_context(chosen, person))


@blueprint.post("/<int:connection_id>/wait")
@require_right(Right.WRITE_BRAINS)
def advance_time(connection_id: int) -> Response:
    """Let time pass in the chat of the phone: what is scheduled comes due, and the 24-hour window closes."""
    chosen, person = _phone(connection_id), _person(connection_id)
    seconds = parse_duration(request.form.get("span", ""))
    line = listing.find_chat_by_phone(db.session(), chosen.id, person.phone or "")
    if seconds is None or line is None:
        flash_notice("Write something first, then choose how much time passes.", "bad")
    else:
        services().database.write(lambda session: simulator.advance(session, line.chat, seconds * 1000))
        flash_notice(f"{request.form['span']} passed in this chat.")
    return redirect(url_for("simulator.show_phone", connection=connection_id, person=person.phone))


@blueprint.post("/<int:connection_id>/seen")
@require_right(Right.WRITE_BRAINS)
def send_receipts(connection_id: int) -> tuple[str, int]:
    """Report what lies open on the phone as delivered and read."""
    chosen = _phone(connection_id)
    thread = _build_context(chosen, _person(connection_id))["thread"]
    found = simulator.build_receipts(simulator.list_unread_ids(thread.bubbles), services().clock())
    if found:
        services().receive_local(connection_id, found)
    return "", 204


def _list_phones() -> list[Connection]:
    return store.list_connections(db.session(), SimulatorChannel.kind)


def _phone(connection_id: int) -> Connection:
    phones = _list_phones()
    return next((each for each in phones if each.id == connection_id), None) or abort(404)


def _person(connection_id: int) -> Person:
    """Return who holds the phone: the one asked for, the last one, or somebody new."""
    known = simulator.list_people(db.session(), connection_id)
    number = request.values.get("person", "")
    if number.isdecimal() and len(number) <= 15:
        name = request.values.get("name", "")[:60]
        return next((p for p in known if p.phone == number), Person(phone=number, name=name))
    return known[0] if known else simulator.invent_person(known)


def _build_context(chosen: Connection, person: Person) -> dict[str, Any]:
    session = db.session()
    line = listing.find_chat_by_phone(session, chosen.id, person.phone or "")
    thread = chats_thread.load_thread(session, line.chat.id) if line else Thread()
    known = simulator.list_people(session, chosen.id)
    return {
        "chosen": chosen,
        "person": person,
        "people": known if any(p.phone == person.phone for p in known) else [person, *known],
        "next_person": simulator.invent_person([*known, person]),
        "chat": line.chat if line else None,
        "thread": thread,
        "unread": simulator.list_unread_ids(thread.bubbles)
        if current_user.has_right(Right.WRITE_BRAINS)
        else [],
        "runs": simulator.list_last_runs(session, line.chat.id) if line else [],
        "suggestions": suggest_messages(simulator.get_live_document(session, chosen.brain_id)),
        "brain": versions_store.get_brain(session, chosen.brain_id) if chosen.brain_id else None,
    }
