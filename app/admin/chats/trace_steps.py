"""A trace in an operator's words: its steps in the order they happened, each with its moment and how long it took."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from app.admin import effect_words, times
from app.admin.words import look
from app.bot.models import Attempt, Message
from app.bot.tracing import Send, Span, Trace
from app.brains import effects

CLOUD: Final = "cloud"
# Icon, tone and words of a try or of what an operator did.
TRIES: Final[Mapping[str, tuple[str, str, str]]] = {
    "sent": ("check", "good", "Taken by WhatsApp at try {number}"),
    "refused": ("alert-circle", "bad", "Try {number} was refused"),
    "uncertain": ("help-circle", "warn", "The answer to try {number} was lost"),
    "lost": ("help-circle", "warn", "The worker stopped during try {number}"),
    "closed": ("clock", "bad", "Not sent: the 24-hour window had closed"),
    "held": ("hand-stop", "warn", "Held for an operator to decide"),
    "again": ("refresh", "info", "Sent again by {who}"),
    "aside": ("archive", "quiet", "Set aside by {who}"),
    "back": ("history", "quiet", "Brought back by {who}"),
    "as_sent": ("check", "info", "Settled as arrived by {who}"),
    "as_failed": ("x", "info", "Settled as not arrived by {who}"),
}


@dataclass(frozen=True, slots=True)
class Step:
    """One line: `at` in ms, `took` in words, `bar` where its stretch begins and how wide it is (percent of it all).

    `part` names what belongs under it: triggers | run | answer, empty for nothing.
    """

    icon: str
    tone: str
    title: str
    at: int | None = None
    took: str = ""
    bar: tuple[float, float] | None = None
    notes: Sequence[str] = ()
    part: str = ""
    send: Message | None = None


def steps(found: Trace) -> list[Step]:
    """Tell a trace from its beginning."""
    before = [*_came(found), *_decided(found)] if found.inbound else []
    return [*before, *(step for send in found.sends for step in _answer(found, send))]


def took(micros: int) -> str:
    """Return a duration in words."""
    return f"{micros / 1000:.1f} ms" if micros < 100_000 else times.span(micros // 1000)


def _came(found: Trace) -> Iterator[Step]:
    message = found.message
    if found.scheduled:
        yield Step("clock", "quiet", "Its schedule came due", message.created_at)
        return
    if message.provider_at:
        yield Step("pencil", "quiet", "Written on the phone", message.provider_at)
    proven = "Webhook received, signature verified, stored"
    title = proven if found.connection.channel == CLOUD else "Taken from the simulated phone, stored"
    late = message.created_at - (message.provider_at or message.created_at)
    notes = [f"{times.span(late)} after it was written"] if late > 1000 else []
    if message.repeats:
        again = "once" if message.repeats == 1 else f"{message.repeats} times"
        notes.append(f"Delivered {again} more by WhatsApp, and ignored")
    yield Step("inbox", "good", title, message.created_at, notes=notes)
    yield from _tried(found, found.tries)
    if found.run is None:
        seen = look(message.state)
        yield Step(seen.icon, seen.tone, seen.word, notes=[message.error or seen.hint])


def _decided(found: Trace) -> Iterator[Step]:
    run = found.run
    if run is None:
        return
    spans = {span.name: span for span in found.spans if span.send is None}
    zero = found.message.created_at
    yield _stretch(found, spans["waited"], Step("player-play", "quiet", "Taken up by a worker", zero))
    chosen = next((each for each in found.asked if each.verdict != "lost"), None)
    number = found.facts.get("considered_count", len(found.asked))
    if found.version is None:
        title = str(found.facts.get("reason") or "No brain was asked")
    elif chosen is None:
        title = f"Asked {number} triggers: none fits"
    else:
        title = f"Asked {number} {'trigger' if number == 1 else 'triggers'}: “{chosen.name}” {chosen.why}"
    yield _stretch(found, spans["chose"], Step("list", "quiet", title, part="triggers"))
    if "ran" in spans:
        failed = run.outcome == "failed"
        step = Step("bolt", "bad" if failed else "good", _ran(found), part="run")
        yield _stretch(found, spans["ran"], step)
    else:
        yield from _unrun(found)
    end = (run.journal or {}).get("now") or run.created_at
    yield Step("archive", "good", _kept(found), end + run.micros // 1000, notes=_lasting(found, end))


def _unrun(found: Trace) -> Iterator[Step]:
    """Tell the end of a run that needed no code: an error or a reason, if it left one."""
    error = found.facts.get("error")
    if error:
        yield Step("alert-circle", "bad", str(error.get("message")), part="run")


def _ran(found: Trace) -> str:
    commands = found.version.document.get("commands", []) if found.version else []
    command = next((c for c in commands if found.run and c.get("id") == found.run.command_id), {})
    kind = str((command.get("action") or {}).get("kind", ""))
    done = {"script": "Its script ran", "reply": "Its text was written", "prompt": "Its prompt was asked"}
    return done.get(kind, "It ran") + (" and failed" if found.run and found.run.outcome == "failed" else "")


def _kept(found: Trace) -> str:
    number = len(found.sends)
    if not number:
        return "Stored, with nothing to say"
    return f"Stored with {number} {'answer' if number == 1 else 'answers'}, in one transaction"


def _lasting(found: Trace, now: int) -> list[str]:
    """Say what the run changed for good."""
    if found.run is None or found.run.outcome == "failed":
        return []
    commands = found.version.document.get("commands", []) if found.version else []
    names = {str(each.get("id")): str(each.get("name") or "") for each in commands}
    decided = [_effect(row) for row in found.facts.get("lasting", ())]
    return [shown.words for shown in effect_words.shown(decided, names, now)]


def _effect(row: Sequence[Any]) -> effects.Effect:
    name, *values = row
    return getattr(effects, name)(*values)


def _answer(found: Trace, send: Send) -> Iterator[Step]:
    message = send.message
    # An answer was stored with the turn, which tells when.
    yield Step(
        "send", "quiet", "", None if found.inbound else message.created_at, part="answer", send=message
    )
    yield from _tried(found, send.tries)
    span = next((each for each in found.spans if each.send is message), None)
    if span:
        at = message.accepted_at or message.sent_at
        title = "Taken by WhatsApp" if found.connection.channel == CLOUD else "Taken by the simulated phone"
        yield _stretch(found, span, Step("check", "good", title, at))
    for at, state in (
        (message.delivered_at, "delivered"),
        (message.read_at, "played" if message.state == "played" else "read"),
    ):
        if at:
            seen = look(state)
            yield Step(seen.icon, "good", seen.word, at, notes=[seen.hint])
    if message.repeats:
        again = "One receipt" if message.repeats == 1 else f"{message.repeats} receipts"
        yield Step("copy", "quiet", f"{again} came again or too late, and changed nothing")
    if message.state not in {"sent", "delivered", "read", "played"}:
        seen = look(message.state)
        notes = [message.error or seen.hint]
        if message.next_at and message.state in {"retry", "unknown"}:
            notes.append(f"Looked at again at {times.exact(message.next_at)}")
        yield Step(seen.icon, seen.tone, seen.word, message.failed_at, notes=notes)


def _tried(found: Trace, tries: Sequence[Attempt]) -> Iterator[Step]:
    for each in tries:
        mark, tone, words = TRIES.get(each.outcome, ("info-circle", "quiet", each.outcome))
        who = found.people.get(each.user_id or 0, "an operator")
        title = words.format(number=each.number, who=who)
        yield Step(mark, tone, title, each.at, notes=[each.error] if each.error else [])


def _stretch(found: Trace, span: Span, step: Step) -> Step:
    """Give a step the stretch of the time line it took."""
    whole = max(found.micros, 1)
    begin = 100 * span.began / whole
    # Something that took time is seen, however short it was.
    width = min(max(100 * span.micros / whole, 0.8), 100 - min(begin, 99.2))
    bar = (round(min(begin, 99.2), 2), round(width, 2)) if span.micros else None
    at = step.at if span.name == "sent" else found.message.created_at + span.began // 1000
    return Step(
        step.icon, step.tone, step.title, at, took(span.micros), bar, step.notes, step.part, span.send
    )
