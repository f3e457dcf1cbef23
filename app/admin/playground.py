"""The phones beside the editor: one input to the draft and to the live version, and nothing leaves."""

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

from flask import Blueprint, Flask, abort, redirect, request, url_for
from werkzeug.wrappers import Response

from app.accounts import Role
from app.admin import answers, bench, drafts, phone_bench, phone_view, recording, testing
from app.admin.answers import fragment, show
from app.admin.guard import leave_to, needs, own_path
from app.bot import bot
from app.bot.channels.contract import Person
from app.bot.simulator import invented
from app.brains import playground
from app.brains.cases import seconds_of
from app.brains.models import Brain
from app.brains.playground import DRAFT, Refused, State
from app.db import storable
from app.web import house, limiter, partial

blueprint = Blueprint("playground", __name__, url_prefix="/brains/<slug>/playground")

TEXT_CHARS: Final = 4_096
VALUE_CHARS: Final = 16_384
REPLAY_MILLIS: Final = 15_000
SEEN: Final = 40  # sends remembered, so that a double one is ignored
SCOPES: Final = frozenset({"contact", "chat", "brain"})
KINDS: Final = frozenset({"text", "image", "audio", "location", "document", "sticker"})

Edit = Callable[[Brain, State], State]


def init_app(app: Flask) -> None:
    """Let every page of the workbench show the phones."""
    app.jinja_env.filters["lasting"] = phone_view.lasting
    app.jinja_env.globals["phones_of"] = phone_bench.seen


@blueprint.get("/")
@needs(Role.EDITOR)
def phones(slug: str) -> Response:
    """Show the phones, with the brain's overview on a page of its own."""
    brain = drafts.opened(slug)
    if partial():
        return _drawn(brain)
    return show(bench.TEMPLATE, **bench.scene(brain, "overview"))


@blueprint.post("/say")
@needs(Role.EDITOR)
@limiter.limit("240 per minute")
def say(slug: str) -> Response:
    """Give both arms what somebody wrote, sent, pressed or chose."""
    once = request.form.get("pg_once", "")[:40]

    def edit(brain: Brain, state: State) -> State:
        if once in state["seen"]:
            return state
        seen = {**state, "seen": [*state["seen"], once][-SEEN:]} if once else state
        return _acted(brain, seen, _said(state))

    return _change(slug, edit)


@blueprint.post("/wait")
@needs(Role.EDITOR)
@limiter.limit("240 per minute")
def wait(slug: str) -> Response:
    """Put the clock ahead; what is scheduled comes due."""
    seconds = seconds_of(request.form.get("pg_skip") or request.form.get("pg_wait", ""))

    def edit(brain: Brain, state: State) -> State:
        if seconds is None:
            raise Refused("Write how long to wait as in 90s, 30min, 25h or 2d, a year at most.")
        ahead = {**state, "ahead": state["ahead"] + seconds * 1000}
        return _acted(brain, ahead, {"kind": "wait", "ms": seconds * 1000})

    return _change(slug, edit)


@blueprint.post("/act")
@needs(Role.EDITOR)
@limiter.limit("240 per minute")
def act(slug: str) -> Response:
    """Open another phone, put one down, begin again, or let the bot answer again in a chat it handed over."""
    wanted, _, name = request.form.get("act", "").partition(":")
    edits: dict[str, Edit] = {
        "open": lambda _brain, state: {**state, "open": playground.phone_of(state, name)["id"]},
        "person": lambda _brain, state: _with_person(state),
        "group": lambda _brain, state: playground.add_group(state),
        "reset": lambda _brain, state: playground.rested(state),
        "resume": lambda brain, state: _acted(brain, state, {"kind": "resume"}),
        "replay": _replayed,
    }
    return _change(slug, edits.get(wanted) or abort(400))


@blueprint.post("/memory")
@needs(Role.EDITOR)
@limiter.limit("240 per minute")
def memory(slug: str) -> Response:
    """Set or delete a remembered value in both arms."""
    form = request.form
    gone, _, gone_key = form.get("pg_forget", "").partition(":")
    scope, key = (gone, gone_key) if gone else (form.get("pg_scope", ""), form.get("pg_key", ""))
    given = {"kind": "forget" if gone else "set", "scope": scope, "key": storable(key.strip())[:100]}

    def edit(brain: Brain, state: State) -> State:
        if scope not in SCOPES or not given["key"]:
            raise Refused("Write the key of the value first.")
        more = {} if gone else {"value": _value(form.get("pg_value", ""))}
        return _acted(brain, state, {**given, **more})

    return _change(slug, edit)


@blueprint.post("/calls")
@needs(Role.EDITOR)
@limiter.limit("240 per minute")
def calls(slug: str) -> Response:
    """Keep what a call is to answer on these phones."""
    form = request.form
    named = {"call": form.get("pg_call", "")[:40], "match": form.get("pg_match", "")[:2000]}
    text = storable(form.get("pg_answer", ""))
    fails = form.get("pg_fails") == "yes"
    answer = {"error": text.strip()[:300]} if fails else {"answer": _answer(named["call"], text)}
    return _change(slug, lambda _brain, state: playground.can(state, {**named, **answer}))


@blueprint.post("/test")
@needs(Role.EDITOR)
@limiter.limit("60 per minute")
def save_test(slug: str) -> Response:
    """Save the conversation on the open phone as a test, and open it."""
    brain = drafts.opened(slug)
    state, _ = phone_bench.load(brain)
    try:
        case = playground.case_of(state, request.form.get("pg_phone", ""), phone_bench.zone(brain))
    except Refused as refused:
        answers.notice(str(refused), "bad")
        return _drawn(brain) if partial() else redirect(url_for("playground.phones", slug=slug))
    name = f"Phone of {playground.phone_of(state, request.form.get('pg_phone', ''))['name']}"[:90]
    number = testing.add(slug, {"name": name, **recording.readable(brain, case)})
    answers.notice("The conversation is saved as a test in the draft.")
    return leave_to(url_for("tests.case", slug=slug, number=number))


@blueprint.get("/why/<place>")
@needs(Role.EDITOR)
def why(slug: str, place: str) -> Response:
    """Show how an answer came about: which commands were asked, what ran, and what it used."""
    brain = drafts.opened(slug)
    state, _ = phone_bench.load(brain)
    traced = phone_bench.traced(state, place) or abort(404)
    return show("playground/why.html", "why", brain=brain, here=request.args.get("command", ""), **traced)


def _change(slug: str, edit: Edit) -> Response:
    """Apply `edit` to the newest state of somebody's phones; what it refuses is told, and loses nothing typed."""
    brain, status = drafts.opened(slug), 200
    try:
        phone_bench.change(brain, lambda state: edit(brain, state))
    except (Refused, playground.Stale) as refused:
        answers.notice(str(refused), "bad")
        status = 422
    answers.look_again()
    if partial():
        return _drawn(drafts.opened(slug), status)
    return redirect(own_path(request.form.get("pg_back")) or url_for("playground.phones", slug=slug))


def _drawn(brain: Brain, status: int = 200) -> Response:
    context = {"brain": brain, "pg": phone_bench.seen(brain, request.values.get("pg_command", "")[:40])}
    parts = [fragment("playground/parts.html", "parts", **context), fragment("notices.html", "fresh")]
    return Response("".join(parts), status, mimetype="text/html")


def _acted(brain: Brain, state: State, given: Mapping[str, Any]) -> State:
    """Let an input happen on the phone that lies open, now."""
    phone = playground.phone_of(state, request.form.get("pg_phone", ""))
    document = phone_bench.typed(brain)
    programs = phone_bench.programs(brain, document)
    at = max(house().clock() + state["ahead"], *(each["at"] for each in state["inputs"][-1:]), 0)
    done = playground.act(state, {**given, "phone": phone["id"], "at": at}, programs, bot().sandbox)
    return {**done, "open": phone["id"], "played": {DRAFT: phone_bench.print_of(document)}}


def _said(state: State) -> dict[str, Any]:
    """Read what somebody did with the phone; raises Refused for what says nothing."""
    form = request.form
    pressed = form.get("pg_press", "")
    if pressed:
        chosen = playground.choice_of(state, pressed)
        if chosen is None:
            raise Refused("This button is no longer there. Send the message before it again.")
        return {**chosen, "as": form.get("pg_as", "")[:60]}
    kind = form.get("pg_kind", "text")
    text = storable(form.get("pg_text", "").strip())[:TEXT_CHARS]
    if kind not in KINDS or (kind == "text" and not text):
        raise Refused("Write something first.")
    return {"kind": kind, "text": text, "as": form.get("pg_as", "")[:60]}


def _with_person(state: State) -> State:
    known = [Person(phone=each["number"], name=each["name"]) for each in state["phones"] if not each["group"]]
    new = invented(known)
    return playground.add_person(state, request.form.get("pg_name", "") or new.name, new.phone or "")


def _replayed(brain: Brain, state: State) -> State:
    document = phone_bench.typed(brain)
    program = phone_bench.programs(brain, document)[DRAFT]
    if isinstance(program, playground.Broken):
        raise Refused(program.why)
    end = house().clock() + REPLAY_MILLIS
    done, changed = playground.replay(state, program, bot().sandbox, lambda: house().clock() > end)
    said = f"{changed} answer{'s' if changed != 1 else ''} changed." if changed else "No answer changed."
    answers.notice(f"The conversation was replayed on the draft. {said}")
    return {**done, "played": {DRAFT: phone_bench.print_of(document)}}


def _value(text: str) -> Any:
    """Read a value as JSON; what is none is a text."""
    text = storable(text)[:VALUE_CHARS]
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return text
    return text if value is None else value


def _answer(call: str, text: str) -> Any:
    """Read a canned answer: what an AI says is a text, what a web service says may be JSON; empty = none."""
    if not text.strip():
        return None
    return text if call == "ai" else _value(text)
