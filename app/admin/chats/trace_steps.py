"""Steps of the trace timeline: their wording, icons, times and durations."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from app.admin.ui import effects, time_format
from app.admin.ui.states import get_state_display
from app.bot.explain.timeline import SendHistory, Span, Timeline
from app.bot.models import Attempt, Message
from app.bot.states import ACCEPTED_STATES, MessageState
from app.brains.effects import model
from app.channels.contract import WebhookChannel
from app.immutable import immutable
from app.services import services

# Icon, tone and words of a try or of what an operator did.
ATTEMPT_WORDS: Final[Mapping[str, tuple[str, str, str]]] = {
    "sent": ("check", "good", "Accepted by {provider}, attempt {number}"),
    "refused": ("alert-circle", "bad", "Attempt {number} was refused"),
    "uncertain": ("help-circle", "warn", "The response to attempt {number} was lost"),
    "lost": ("help-circle", "warn", "The worker stopped during attempt {number}"),
    "closed": ("clock", "bad", "Not sent: the 24-hour window had closed"),
    "held": ("hand-stop", "warn", "Held for an operator to decide"),
    "again": ("refresh", "info", "Sent again by {who}"),
    "aside": ("archive", "quiet", "Dismissed by {who}"),
    "back": ("history", "quiet", "Reopened by {who}"),
    "as_sent": ("check", "info", "Resolved as arrived by {who}"),
    "as_failed": ("x", "info", "Resolved as not arrived by {who}"),
}


@immutable
class Step:
    """One line: `at` in ms, `duration` in words, `bar` where its stretch begins and how wide it is (percent of it all).

    `part` names what belongs under it: triggers | run | answer, empty for nothing.
    """

    icon: str
    tone: str
    title: str
    at: int | None = None
    duration: str = ""
    bar: tuple[float, float] | None = None
    notes: Sequence[str] = ()
    part: str = ""
    send: Message | None = None


def build_steps(found: Timeline) -> list[Step]:
    """Tell a trace from its beginning."""
    before = [*_build_inbound_steps(found), *_build_run_steps(found)] if found.is_inbound else []
    return [*before, *(step for send in found.sends for step in _build_send_steps(found, send))]


def format_micros(micros: int) -> str:
    """Return a duration in words."""
    return f"{micros / 1000:.1f} ms" if micros < 100_000 else time_format.format_duration(micros // 1000)


def _get_provider(found: Timeline) -> str:
    channel = services().channels.get(found.connection.channel)
    return channel.setup.provider if channel else "the provider"


def _build_inbound_steps(found: Timeline) -> Iterator[Step]:
    message = found.message
    if found.is_scheduled:
        yield Step("clock", "quiet", "Its schedule came due", message.created_at)
        return
    if message.provider_at:
        yield Step("pencil", "quiet", "Written on the phone", message.provider_at)
    channel = services().channels.get(found.connection.channel)
    title = (
        "Webhook received, signature verified, stored"
        if isinstance(channel, WebhookChannel)
        else f"Received from {_get_provider(found)}, stored"
    )
    late = message.created_at - (message.provider_at or message.created_at)
    notes = [f"{time_format.format_duration(late)} after it was written"] if late > 1000 else []
    if message.repeats:
        again = "once" if message.repeats == 1 else f"{message.repeats} times"
        notes.append(f"Delivered {again} more by {_get_provider(found)}, and ignored")
    yield Step("inbox", "good", title, message.created_at, notes=notes)
    yield from _build_attempt_steps(found, found.attempts)
    if found.run is None:
        seen = get_state_display(message.state)
        yield Step(seen.icon, seen.tone, seen.word, notes=[message.error or seen.hint])


def _build_run_steps(found: Timeline) -> Iterator[Step]:
    run = found.run
    if run is None:
        return
    spans = {span.name: span for span in found.spans if span.send is None}
    zero = found.message.created_at
    yield _add_bar(found, spans["waited"], Step("player-play", "quiet", "Started by a worker", zero))
    chosen = next((each for each in found.considered if each.verdict != "lost"), None)
    number = _count_considered(found)
    if found.version is None:
        title = found.run_trace.reason or "No brain ran"
    elif chosen is None:
        title = f"Checked {number} triggers: no match"
    else:
        title = f"Checked {number} {'trigger' if number == 1 else 'triggers'}: “{chosen.name}” {chosen.why}"
    yield _add_bar(found, spans["chose"], Step("list", "quiet", title, part="triggers"))
    if "ran" in spans:
        failed = run.outcome == "failed"
        step = Step("bolt", "bad" if failed else "good", _describe_run(found), part="run")
        yield _add_bar(found, spans["ran"], step)
    else:
        yield from _build_filled_steps(found)
        yield from _build_error_steps(found)
    end = (run.journal or {}).get("now") or run.created_at
    yield Step(
        "archive",
        "good",
        _describe_commit(found),
        end + run.micros // 1000,
        notes=_describe_state_changes(found, end),
    )


def _build_filled_steps(found: Timeline) -> Iterator[Step]:
    """Tell that the text needed no sandbox process."""
    if found.run_trace.is_filled:
        note = "The template only puts known texts in their places, which needs no sandbox process."
        yield Step("bolt", "good", "Filled in the text", notes=[note])


def _build_error_steps(found: Timeline) -> Iterator[Step]:
    """Tell the end of a run that needed no code: an error or a reason, if it left one."""
    error = found.run_trace.error
    if error:
        yield Step("alert-circle", "bad", str(error.get("message")), part="run")


def _count_considered(found: Timeline) -> int:
    count = found.run_trace.considered_count
    return len(found.considered) if count is None else count


def _describe_run(found: Timeline) -> str:
    commands = found.version.document.get("commands", []) if found.version else []
    command = next((c for c in commands if found.run and c.get("id") == found.run.command_id), {})
    kind = str((command.get("action") or {}).get("kind", ""))
    done = {"script": "Its script ran", "reply": "Its text was written", "prompt": "Its prompt was sent"}
    return done.get(kind, "It ran") + (" and failed" if found.run and found.run.outcome == "failed" else "")


def _describe_commit(found: Timeline) -> str:
    number = len(found.sends)
    if not number:
        return "Stored, no reply"
    return f"Stored with {number} {'answer' if number == 1 else 'answers'}, in one transaction"


def _describe_state_changes(found: Timeline, now: int) -> list[str]:
    """Say what the run changed for good."""
    if found.run is None or found.run.outcome == "failed":
        return []
    commands = found.version.document.get("commands", []) if found.version else []
    names = {str(each.get("id")): str(each.get("name") or "") for each in commands}
    decided = [_load_effect(row) for row in found.run_trace.state_effects]
    return [shown.words for shown in effects.describe_effects(decided, names, now)]


def _load_effect(row: Sequence[Any]) -> model.Effect:
    name, *values = row
    return getattr(model, name)(*values)


def _build_send_steps(found: Timeline, send: SendHistory) -> Iterator[Step]:
    message = send.message
    # An answer was stored with the turn, which tells when.
    yield Step(
        "send", "quiet", "", None if found.is_inbound else message.created_at, part="answer", send=message
    )
    yield from _build_attempt_steps(found, send.attempts)
    span = next((each for each in found.spans if each.send is message), None)
    if span:
        at = message.accepted_at or message.sent_at
        yield _add_bar(found, span, Step("check", "good", f"Accepted by {_get_provider(found)}", at))
    for at, state in (
        (message.delivered_at, MessageState.DELIVERED),
        (message.read_at, MessageState.PLAYED if message.state == MessageState.PLAYED else MessageState.READ),
    ):
        if at:
            seen = get_state_display(state)
            yield Step(seen.icon, "good", seen.word, at, notes=[seen.hint])
    if message.repeats:
        again = "One receipt" if message.repeats == 1 else f"{message.repeats} receipts"
        yield Step("copy", "quiet", f"{again} came again or too late, and changed nothing")
    if message.state not in ACCEPTED_STATES:
        seen = get_state_display(message.state)
        notes = [message.error or seen.hint]
        if message.next_at and message.state in {MessageState.RETRY, MessageState.UNKNOWN}:
            notes.append(f"Checked again at {time_format.format_exact(message.next_at)}")
        yield Step(seen.icon, seen.tone, seen.word, message.failed_at, notes=notes)


def _build_attempt_steps(found: Timeline, tries: Sequence[Attempt]) -> Iterator[Step]:
    provider = _get_provider(found)
    for each in tries:
        mark, tone, words = ATTEMPT_WORDS.get(each.outcome, ("info-circle", "quiet", each.outcome))
        who = found.user_names.get(each.user_id or 0, "an operator")
        title = words.format(number=each.number, who=who, provider=provider)
        yield Step(mark, tone, title, each.at, notes=[each.error] if each.error else [])


def _add_bar(found: Timeline, span: Span, step: Step) -> Step:
    """Give a step the stretch of the time line it took."""
    whole = max(found.micros, 1)
    begin = 100 * span.start_us / whole
    # Something that took time is seen, however short it was.
    width = min(max(100 * span.micros / whole, 0.8), 100 - min(begin, 99.2))
    bar = (round(min(begin, 99.2), 2), round(width, 2)) if span.micros else None
    at = step.at if span.name == "sent" else found.message.created_at + span.start_us // 1000
    return Step(
        step.icon,
        step.tone,
        step.title,
        at,
        format_micros(span.micros),
        bar,
        step.notes,
        step.part,
        span.send,
    )
