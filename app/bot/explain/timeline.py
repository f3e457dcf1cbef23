"""Timeline of a message's trace: spans from receipt to delivery, calls, considered commands, repeated run.

Everything is read from the rows; spans lie end to end, so that their sum is the time it took.
"""

from collections.abc import Mapping, Sequence
from dataclasses import field, replace

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.accounts.users import User
from app.bot.delivery import attempts
from app.bot.models import Attempt, Chat, Connection, Message, Run
from app.bot.release.recorded_turns import build_bare_turn
from app.bot.states import ACCEPTED_STATES, SCHEDULE_KIND, Direction
from app.brains.ai.models import AiCall
from app.brains.document.validation import InvalidDocument
from app.brains.runtime.outcome import Outcome
from app.brains.runtime.program import compile_program
from app.brains.runtime.replay import replay
from app.brains.runtime.trace import EMPTY_TRACE, CallLine, Trace
from app.brains.sandbox.types import SandboxPort
from app.brains.versions.models import Brain, BrainVersion
from app.immutable import immutable
from app.signals import DomainError


class NotRepeatableError(DomainError):
    """A run that cannot be done once more."""

    code = "not_repeatable"


@immutable
class Span:
    """A span of the timeline: `began` and `micros` in microseconds, counted from when the message was stored."""

    name: str  # waited | chose | ran | sent
    start_us: int
    micros: int
    send: Message | None = None


@immutable
class Call:
    """One call of a run; tokens, model and cost (millionths of `currency`, None = not known) are a language model's."""

    method: str
    about: str
    millis: int
    why: str = ""
    model: str = ""
    tokens: int = 0
    cost: int | None = None
    currency: str = ""


@immutable
class ConsideredCommand:
    """A command that was tried on the message; `verdict` is the outcome of its match, with the reason."""

    command_id: str
    name: str
    verdict: str
    why: str


@immutable
class SendHistory:
    """An outbound message with the tries that are on record."""

    message: Message
    attempts: Sequence[Attempt] = ()


@immutable
class Timeline:
    """What is known of a message; `message` is the one the turn was about, or an outbound one nobody was answered by.

    `is_inbound` tells which; `micros` is the time from the stored message to the last accepted answer.
    """

    message: Message
    connection: Connection
    run: Run | None = None
    brain: Brain | None = None
    version: BrainVersion | None = None
    attempts: Sequence[Attempt] = ()
    sends: Sequence[SendHistory] = ()
    calls: Sequence[Call] = ()
    considered: Sequence[ConsideredCommand] = ()
    user_names: Mapping[int, str] = field(default_factory=dict)
    spans: Sequence[Span] = ()
    run_trace: Trace = EMPTY_TRACE

    @property
    def is_inbound(self) -> bool:
        """Whether it begins with a message that came in."""
        return self.message.direction == Direction.IN

    @property
    def micros(self) -> int:
        """Return how long all of it took."""
        return max((span.start_us + span.micros for span in self.spans), default=0)

    @property
    def is_scheduled(self) -> bool:
        """Whether nobody wrote it: a command ran by schedule."""
        return self.message.kind == SCHEDULE_KIND


def build_timeline(session: Session, message_id: int) -> Timeline | None:
    """Gather the trace of a message; of an answer, that of the message it answers. Null when there is none."""
    message = session.get(Message, message_id)
    if message is None:
        return None
    asked = session.get(Message, message.parent_id) if message.parent_id else None
    message = asked or message
    sends = _list_sends(session, message)
    tries = attempts.list_by_message(session, [message.id, *(each.id for each in sends)])
    run = session.scalars(select(Run).where(Run.message_id == message.id).order_by(Run.id.desc())).first()
    version = session.get(BrainVersion, run.version_id) if run and run.version_id else None
    trace = Trace.from_json(run.trace) if run else EMPTY_TRACE
    return Timeline(
        message,
        session.get_one(Connection, message.connection_id),
        run,
        session.get(Brain, run.brain_id) if run and run.brain_id else None,
        version,
        tries.get(message.id, ()) if message.direction == Direction.IN else (),
        [SendHistory(each, tries.get(each.id, ())) for each in sends],
        _list_calls(session, run, trace),
        _list_considered(trace, version),
        _read_user_names(session, tries),
        _build_spans(message, run, trace, sends),
        trace,
    )


def replay_run(session: Session, found: Timeline, sandbox: SandboxPort) -> Outcome:
    """Do the run of a trace once more, with the clock, chance, memory and answers of then; nothing goes out.

    Raises NotRepeatableError where there is no record to go by.
    """
    run, version = found.run, found.version
    if run is None or version is None or not run.journal:
        raise NotRepeatableError("No brain was asked about this message: there is nothing to run again.")
    try:
        program = compile_program(version.id, version.brain_id, version.document)
    except InvalidDocument as error:
        raise NotRepeatableError(
            "This version is of an older Brainbox and cannot be run any more."
        ) from error
    turn = build_bare_turn(found.message, session.get_one(Chat, found.message.chat_id), run.created_at)
    return replay(program, turn, run.journal, sandbox)


def _list_sends(session: Session, message: Message) -> list[Message]:
    if message.direction == Direction.OUT:
        return [message]
    query = select(Message).where(
        Message.chat_id == message.chat_id,
        Message.parent_id == message.id,
        Message.direction == Direction.OUT,
    )
    return list(session.scalars(query.order_by(Message.ordinal, Message.id)))


def _list_calls(session: Session, run: Run | None, trace: Trace) -> list[Call]:
    """Return a run's calls; those to a language model with what they cost, which is kept in the same order."""
    if run is None or not trace.calls:
        return []
    query = select(AiCall).where(AiCall.message_id == run.message_id).order_by(AiCall.id)
    costs = iter(session.scalars(query).all())
    return [
        _build_call(line, next(costs, None) if line.get("method") == "ai" else None) for line in trace.calls
    ]


def _build_call(line: CallLine, paid: AiCall | None) -> Call:
    call = Call(
        str(line.get("method", "")),
        str(line.get("short", "")),
        int(line.get("ms", 0)),
        "" if line.get("ok") else str(line.get("why", "It was refused.")),
    )
    if paid is None:
        return call
    tokens = paid.tokens_in + paid.tokens_out
    return replace(call, model=paid.model, tokens=tokens, cost=paid.cost, currency=paid.currency)


def _list_considered(trace: Trace, version: BrainVersion | None) -> list[ConsideredCommand]:
    commands = version.document.get("commands", []) if version else []
    names = {str(each.get("id")): str(each.get("name") or "") for each in commands}
    return [
        ConsideredCommand(
            each["command"], names.get(each["command"], "A command"), each["verdict"], each["why"]
        )
        for each in trace.considered
    ]


def _read_user_names(session: Session, tries: Mapping[int, Sequence[Attempt]]) -> dict[int, str]:
    wanted = {each.user_id for row in tries.values() for each in row if each.user_id}
    if not wanted:
        return {}
    query = select(User).where(User.id.in_(wanted))
    return {user.id: user.name or user.email for user in session.scalars(query)}


def _build_spans(message: Message, run: Run | None, trace: Trace, sends: Sequence[Message]) -> list[Span]:
    """Lay out what took time, end to end, from the stored message on."""
    if run is None:
        return _build_send_spans(message.created_at, 0, sends)
    began = ((run.journal or {}).get("now") or run.created_at) - message.created_at
    waited = max(began, 0) * 1000
    ran = min(int(trace.run_micros or 0), run.micros)
    spans = [
        Span("waited", 0, waited),
        Span("chose", waited, run.micros - ran),
        *([Span("ran", waited + run.micros - ran, ran)] if ran else []),
    ]
    return spans + _build_send_spans(message.created_at, waited + run.micros, sends)


def _build_send_spans(zero: int, began: int, sends: Sequence[Message]) -> list[Span]:
    """Return a span for each answer that was taken: from the end of what was before it to its acceptance."""
    spans: list[Span] = []
    for send in sends:
        taken = send.accepted_at or (send.sent_at if send.state in ACCEPTED_STATES else None)
        if taken is None:
            continue
        end = max((taken - zero) * 1000, began)
        spans.append(Span("sent", began, end - began, send))
        began = end
    return spans
