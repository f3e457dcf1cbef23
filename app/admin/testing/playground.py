"""Playground requests: one input to the draft and to the live version, wait, edit variables, mock responses."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from flask import Flask, abort, redirect, request, url_for
from werkzeug.wrappers import Response

from app.accounts.roles import Right
from app.admin.testing import playground_session, playground_view, record_test, tests
from app.admin.ui import responses
from app.admin.ui.pages import PageBlueprint, Target, TargetGroup
from app.admin.ui.permissions import get_safe_path, redirect_page, require_right
from app.admin.ui.responses import render_fragment, show
from app.admin.workbench import drafts
from app.admin.workbench.view_model import Workbench, render_workbench
from app.bot.simulator import invent_person
from app.brains import limits, playground
from app.brains.document.test_cases import parse_duration
from app.brains.playground import DRAFT, PlaygroundRefusal, State
from app.brains.versions.models import Brain
from app.channels.contract import Person
from app.services import services
from app.text import to_storable
from app.web import is_fragment_request, limiter

blueprint = PageBlueprint(
    "playground",
    __name__,
    url_prefix="/brains/<slug>/playground",
    section="brains",
    targets=(
        Target(
            "show_phones",
            "device-mobile",
            "Playground",
            ("try", "phone", "draft", "simulator"),
            group=TargetGroup.BRAIN_PAGE,
            order=90,
        ),
    ),
)

TEXT_CHARS: Final = 4_096
VALUE_CHARS: Final = 16_384
REPLAY_TIMEOUT_MS: Final = 15_000
MAX_SEEN_SENDS: Final = 40  # sends remembered, so that a double one is ignored
SCOPES: Final = frozenset({"contact", "chat", "brain"})
KINDS: Final = frozenset({"text", *(kind for kind, _, _ in playground_view.KINDS)})

Edit = Callable[[Brain, State], State]


def init_app(app: Flask) -> None:
    """Let every page of the workbench show the phones."""
    app.jinja_env.filters["lasting"] = playground_view.format_long_duration
    app.jinja_env.globals["phones_of"] = playground_session.build_context


@blueprint.get("/")
@require_right(Right.WRITE_BRAINS)
def show_phones(slug: str) -> Response:
    """Show the phones, with the brain's overview on a page of its own."""
    brain = drafts.get_brain_or_404(slug)
    if is_fragment_request():
        return _render_parts(brain)
    return render_workbench(Workbench(brain, "overview"))


@blueprint.post("/say")
@require_right(Right.WRITE_BRAINS)
@limiter.limit("240 per minute")
def send_message(slug: str) -> Response:
    """Give both arms what somebody wrote, sent, pressed or chose."""
    once = request.form.get("pg_once", "")[:40]

    def edit(brain: Brain, state: State) -> State:
        if once in state["seen"]:
            return state
        seen = {**state, "seen": [*state["seen"], once][-MAX_SEEN_SENDS:]} if once else state
        return _apply_input(brain, seen, _read_input(state))

    return _change(slug, edit)


@blueprint.post("/wait")
@require_right(Right.WRITE_BRAINS)
@limiter.limit("240 per minute")
def wait(slug: str) -> Response:
    """Put the clock ahead; what is scheduled comes due."""
    seconds = parse_duration(request.form.get("pg_skip") or request.form.get("pg_wait", ""))

    def edit(brain: Brain, state: State) -> State:
        if seconds is None:
            raise PlaygroundRefusal("Write how long to wait as in 90s, 30min, 25h or 2d, a year at most.")
        ahead = {**state, "ahead": state["ahead"] + seconds * 1000}
        return _apply_input(brain, ahead, {"kind": "wait", "ms": seconds * 1000})

    return _change(slug, edit)


@blueprint.post("/act")
@require_right(Right.WRITE_BRAINS)
@limiter.limit("240 per minute")
def apply_action(slug: str) -> Response:
    """Open another phone, put one down, begin again, or let the bot answer again in a chat it handed over."""
    wanted, _, name = request.form.get("act", "").partition(":")
    edits: dict[str, Edit] = {
        "open": lambda _brain, state: {**state, "open": playground.get_phone(state, name)["id"]},
        "person": lambda _brain, state: _add_person(state),
        "group": lambda _brain, state: playground.add_group(state),
        "reset": lambda _brain, state: playground.reset(state),
        "resume": lambda brain, state: _apply_input(brain, state, {"kind": "resume"}),
        "replay": _replay,
    }
    return _change(slug, edits.get(wanted) or abort(400))


@blueprint.post("/memory")
@require_right(Right.WRITE_BRAINS)
@limiter.limit("240 per minute")
def edit_memory(slug: str) -> Response:
    """Set or delete a remembered value in both arms."""
    form = request.form
    gone, _, gone_key = form.get("pg_forget", "").partition(":")
    scope, key = (gone, gone_key) if gone else (form.get("pg_scope", ""), form.get("pg_key", ""))
    kind, writer = "forget" if gone else "set", form.get("pg_as", "")[:60]
    given = {"kind": kind, "scope": scope, "key": to_storable(key.strip())[:100], "as": writer}

    def edit(brain: Brain, state: State) -> State:
        if scope not in SCOPES or not given["key"]:
            raise PlaygroundRefusal("Write the key of the value first.")
        more = {} if gone else {"value": _parse_value(form.get("pg_value", ""))}
        return _apply_input(brain, state, {**given, **more})

    return _change(slug, edit)


@blueprint.post("/calls")
@require_right(Right.WRITE_BRAINS)
@limiter.limit("240 per minute")
def save_canned_answer(slug: str) -> Response:
    """Keep what a call is to answer on these phones."""
    form = request.form
    named = {"call": form.get("pg_call", "")[:40], "match": form.get("pg_match", "")[:2000]}
    text = to_storable(form.get("pg_answer", ""))
    fails = form.get("pg_fails") == "yes"
    answer = {"error": text.strip()[:300]} if fails else {"answer": _parse_answer(named["call"], text)}
    return _change(slug, lambda _brain, state: playground.set_canned_answer(state, {**named, **answer}))


@blueprint.post("/test")
@require_right(Right.WRITE_BRAINS)
@limiter.limit("60 per minute")
def save_test(slug: str) -> Response:
    """Save the conversation on the open phone as a test, and open it."""
    brain = drafts.get_brain_or_404(slug)
    state, _ = playground_session.load(brain)
    try:
        case = playground.build_case(
            state, request.form.get("pg_phone", ""), playground_session.get_zone(brain)
        )
    except PlaygroundRefusal as refused:
        responses.flash_notice(str(refused), "bad")
        return (
            _render_parts(brain)
            if is_fragment_request()
            else redirect(url_for("playground.show_phones", slug=slug))
        )
    name = f"Phone of {playground.get_phone(state, request.form.get('pg_phone', ''))['name']}"[:90]
    number = tests.add(slug, {"name": name, **record_test.simplify_test(brain, case)})
    responses.flash_notice("The conversation is saved as a test in the draft.")
    return redirect_page(url_for("tests.show_test", slug=slug, number=number))


@blueprint.get("/why/<place>")
@require_right(Right.WRITE_BRAINS)
def explain_answer(slug: str, place: str) -> Response:
    """Show how an answer came about: which commands were asked, what ran, and what it used."""
    brain = drafts.get_brain_or_404(slug)
    state, _ = playground_session.load(brain)
    traced = playground_session.build_trace_context(state, place) or abort(404)
    return show(
        "testing/playground/why.html", "why", brain=brain, here=request.args.get("command", ""), **traced
    )


def _change(slug: str, edit: Edit) -> Response:
    """Apply `edit` to the newest state of somebody's phones; what it refuses is told, and loses nothing typed."""
    brain, status = drafts.get_brain_or_404(slug), 200
    try:
        playground_session.change(brain, lambda state: edit(brain, state))
    except (PlaygroundRefusal, playground.StalePlayground) as refused:
        responses.flash_notice(str(refused), "bad")
        status = 422
    responses.refresh_session()
    if is_fragment_request():
        return _render_parts(drafts.get_brain_or_404(slug), status)
    return redirect(
        get_safe_path(request.form.get("pg_back")) or url_for("playground.show_phones", slug=slug)
    )


def _render_parts(brain: Brain, status: int = 200) -> Response:
    context = {
        "brain": brain,
        "pg": playground_session.build_context(brain, request.values.get("pg_command", "")[:40]),
    }
    parts = [
        render_fragment("testing/playground/parts.html", "parts", **context),
        render_fragment("ui/notices.html", "fresh"),
    ]
    return Response("".join(parts), status, mimetype="text/html")


def _apply_input(brain: Brain, state: State, given: Mapping[str, Any]) -> State:
    """Let an input happen on the phone that lies open, now."""
    phone = playground.get_phone(state, request.form.get("pg_phone", ""))
    document = playground_session.read_draft(brain)
    programs = playground_session.compile_programs(brain, document, [given])
    at = max(services().clock() + state["ahead"], *(each["at"] for each in state["inputs"][-1:]), 0)
    done = playground.act(state, {**given, "phone": phone["id"], "at": at}, programs, services().sandbox)
    return {**done, "open": phone["id"], "played": {DRAFT: playground_session.compute_fingerprint(document)}}


def _read_input(state: State) -> dict[str, Any]:
    """Read what somebody did with the phone; raises PlaygroundRefusal for what says nothing."""
    form = request.form
    pressed = form.get("pg_press", "")
    if pressed:
        chosen = playground.find_choice(state, pressed)
        if chosen is None:
            raise PlaygroundRefusal("This button is no longer there. Send the message before it again.")
        return {**chosen, "as": form.get("pg_as", "")[:60]}
    kind = form.get("pg_kind", "text")
    text = to_storable(form.get("pg_text", "").strip())[:TEXT_CHARS]
    given: dict[str, Any] = {"kind": kind, "text": text, "as": form.get("pg_as", "")[:60]}
    if "pg_more" in form:
        given |= _read_burst(kind, [*form.getlist("pg_more"), text])
    if kind not in KINDS or (kind == "text" and not given["text"]):
        raise PlaygroundRefusal("Write something first.")
    if place := form.get("pg_quote", ""):
        phone = playground.get_phone(state, form.get("pg_phone", ""))
        given["quoted"] = playground.find_words(state, phone["id"], place)
        if not given["quoted"]:
            raise PlaygroundRefusal("The quoted message is no longer on this phone. Quote another one.")
    return given


def _read_burst(kind: str, texts: Sequence[str]) -> dict[str, Any]:
    """Read texts that are sent at once; raises PlaygroundRefusal beside something that is no text."""
    if kind != "text":
        raise PlaygroundRefusal("Send the texts above first, then this.")
    said = [cut for each in texts if (cut := to_storable(each.strip())[:TEXT_CHARS])]
    if len(said) > limits.TEST_BURST:
        raise PlaygroundRefusal(f"At most {limits.TEST_BURST} texts can be sent at once.")
    more = {"texts": said} if len(said) > 1 else {}
    return {"text": "\n".join(said), **more}


def _add_person(state: State) -> State:
    known = [Person(phone=each["number"], name=each["name"]) for each in state["phones"] if not each["group"]]
    new = invent_person(known)
    return playground.add_person(state, request.form.get("pg_name", "") or new.name, new.phone or "")


def _replay(brain: Brain, state: State) -> State:
    document = playground_session.read_draft(brain)
    program = playground_session.compile_programs(brain, document, state["inputs"])[DRAFT]
    if isinstance(program, playground.BrokenVariant):
        raise PlaygroundRefusal(program.why)
    end = services().clock() + REPLAY_TIMEOUT_MS
    done, changed = playground.replay(state, program, services().sandbox, lambda: services().clock() > end)
    summary = f"{changed} answer{'s' if changed != 1 else ''} changed." if changed else "No answer changed."
    responses.flash_notice(f"The conversation was replayed on the draft. {summary}")
    return {**done, "played": {DRAFT: playground_session.compute_fingerprint(document)}}


def _parse_value(text: str) -> Any:
    """Read a value as JSON; what is none is a text."""
    text = to_storable(text)[:VALUE_CHARS]
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return text
    return text if value is None else value


def _parse_answer(call: str, text: str) -> Any:
    """Read a canned answer: what an AI says is a text, what a web service says may be JSON; empty = none."""
    if not text.strip():
        return None
    return text if call == "ai" else _parse_value(text)
