"""Recording of a chat as a test: its messages, answers, variables and mock responses."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.bot.display import format_message_text
from app.bot.models import Chat, Connection, Message, Run
from app.bot.states import SCHEDULE_KIND, Author, Direction
from app.brains import limits
from app.brains.runtime.trace import Cause, Trace, read_cause
from app.brains.text import to_canonical_json
from app.brains.versions.models import Brain
from app.immutable import immutable
from app.signals import DomainError

MAX_LISTED: Final = 60  # messages to choose the first from
_MAX_TURNS: Final = limits.TEST_STEPS // 4  # each may need a wait before and several answers behind
_MINUTE_S: Final = 60
# What presses something needs the answer before it in the test too.
_PRESS_KINDS: Final = frozenset({"button", "list"})
_KEPT_HEADER: Final = "content-type"

CaseData = dict[str, Any]


class NothingToRecordError(DomainError):
    """A chat, or the end of it, in which no brain was asked anything."""

    code = "nothing-to-record"


@immutable
class RecordableMessage:
    """A message of a chat, offered for a test; `can_start`: the test may begin with it."""

    message: Message
    text: str
    can_start: bool


@immutable
class _RecordedTurn:
    """A message a brain was asked, with the record of its run and what was answered."""

    message: Message
    run: Run
    journal: Mapping[str, Any]
    replies: Sequence[Message]


def find_brain(session: Session, chat_id: int) -> Brain | None:
    """Return the brain that answers in a chat."""
    query = select(Brain).join(Connection, Connection.brain_id == Brain.id)
    return session.scalar(query.join(Chat, Chat.connection_id == Connection.id).where(Chat.id == chat_id))


def list_messages(session: Session, chat_id: int, brain_id: int) -> list[RecordableMessage]:
    """Return the newest messages of a chat, the oldest first."""
    query = select(Message).where(Message.chat_id == chat_id, Message.kind.not_in(("edit", "revoke")))
    newest = list(session.scalars(query.order_by(Message.id.desc()).limit(MAX_LISTED)))[::-1]
    if not newest:
        return []
    asked = {each.message.id for each in _list_turns(session, chat_id, brain_id, newest[0].id)}
    return [
        RecordableMessage(
            message,
            format_message_text(message),
            message.id in asked and message.kind not in {SCHEDULE_KIND, *_PRESS_KINDS},
        )
        for message in newest
    ]


def record(session: Session, chat_id: int, brain: Brain, first_id: int) -> CaseData:
    """Record a chat from a message on: steps with the recorded replies, clock, chance, memory and answers.

    Raises NothingToRecordError when no brain was asked anything there.
    """
    turns = _list_turns(session, chat_id, brain.id, first_id)[:_MAX_TURNS]
    while turns and turns[0].message.kind in {SCHEDULE_KIND, *_PRESS_KINDS}:
        turns.pop(0)
    if not turns:
        raise NothingToRecordError(
            "There is nothing to test from here on. Choose a message the brain was asked."
        )
    steps: list[CaseData] = []
    taken: set[int] = set()
    clock = turns[0].journal["now"] // 1000
    for each in turns:
        # What was scheduled before the test begins is not known in it.
        if each.message.kind == SCHEDULE_KIND and each.message.parent_id not in taken:
            continue
        taken.add(each.message.id)
        moment = max(each.journal["now"] // 1000, clock)
        if moment > clock:
            steps.append({"wait": f"{moment - clock}s"})
        clock = moment
        if each.message.kind != SCHEDULE_KIND:
            steps.append({"user": _build_user_step(each.message), "seed": each.journal["seed"]})
        steps += [{"bot": _build_bot_step(reply)} for reply in each.replies]
    stubs = [stub for each in turns if each.message.id in taken for stub in _build_stubs(each)]
    case: CaseData = {"start": _build_start(session.get(Chat, chat_id), brain, turns)}
    if stubs:
        case["stubs"] = stubs[: limits.TEST_STUBS]
    return {**case, "steps": steps[: limits.TEST_STEPS]}


def simplify(case: CaseData) -> CaseData:
    """Leave out what most tests do not need: the chance of each turn, and pauses shorter than a minute."""
    steps = [
        {name: value for name, value in step.items() if name != "seed"}
        for step in case["steps"]
        if "wait" not in step or int(step["wait"][:-1]) >= _MINUTE_S
    ]
    return {**case, "steps": steps}


def _list_turns(session: Session, chat_id: int, brain_id: int, first_id: int) -> list[_RecordedTurn]:
    asked = (
        select(Message, Run)
        .join(Run, Run.message_id == Message.id)
        .where(Message.chat_id == chat_id, Message.id >= first_id, Run.brain_id == brain_id)
        .order_by(Message.id)
    )
    answers = select(Message).where(
        Message.chat_id == chat_id,
        Message.id >= first_id,
        Message.direction == Direction.OUT,
        Message.author == Author.BRAIN,
    )
    replies: dict[int, list[Message]] = {}
    for reply in session.scalars(answers.order_by(Message.parent_id, Message.ordinal)):
        replies.setdefault(reply.parent_id or 0, []).append(reply)
    return [
        _RecordedTurn(message, run, run.journal, replies.get(message.id, ()))
        for message, run in session.execute(asked)
        if run.journal and read_cause(run.trace) != Cause.PAUSED
    ]


def _build_start(chat: Chat | None, brain: Brain, turns: Sequence[_RecordedTurn]) -> CaseData:
    """Say what held at the beginning; a number is kept only where the brain itself names it."""
    journal = turns[0].journal
    _, name, phone = journal["sender"]
    zone = ZoneInfo(str(brain.draft.get("settings", {}).get("timezone", "UTC")))
    start: CaseData = {"time": datetime.fromtimestamp(journal["now"] // 1000, zone).isoformat()}
    if name:
        start["name"] = name[:60]
    if phone and phone in to_canonical_json(brain.draft):
        start["phone"] = phone
    if chat and chat.group_id is not None:
        start["group"] = True
    # Who did not look at the memory has not changed it either: the first look shows it as it was.
    memory = next((each.journal["memory"] for each in turns if each.journal.get("memory")), {})
    kept = {scope: entries for scope, entries in memory.items() if entries}
    return {"memory": kept, **start} if kept else start


def _build_user_step(message: Message) -> str | CaseData:
    if message.kind in _PRESS_KINDS:
        return {message.kind: format_message_text(message)[:60]}
    text = message.text[: limits.REPLY_CHARS]
    if message.kind in _RECORDED_ACTS:
        return _RECORDED_ACTS[message.kind](text, message.payload)
    return text or {"image": ""}


_RECORDED_ACTS: Final[Mapping[str, Callable[[str, Mapping[str, Any]], CaseData]]] = {
    "audio": lambda _text, _payload: {"voice": True},
    "voice": lambda _text, _payload: {"voice": True},
    "image": lambda text, _payload: {"image": text},
    "location": lambda text, _payload: {"location": text},
    "order": lambda text, _payload: {"order": text},
    "document": lambda _text, payload: {
        "document": str((payload.get("document") or {}).get("filename") or "")[: limits.REPLY_CHARS]
    },
}


def _build_bot_step(reply: Message) -> str | CaseData:
    """Return what an answer must be: its words, and the buttons or rows it offers."""
    content = reply.payload
    words = reply.text or str(content.get("body") or content.get("link") or "")
    sections = content.get("sections")
    rows = [row for part in sections for row in part["rows"]] if sections else content.get("buttons", ())
    titles = [str(row["title"]) for row in rows]
    if not words:
        return {"any": True}
    return {"exact": words, "choices": titles} if titles else words


def _build_stubs(turn: _RecordedTurn) -> Iterator[CaseData]:
    """Give the answers its calls got; the trace tells what was asked, the journal what was answered."""
    asked = list(Trace.from_json(turn.run.trace).calls)
    for entry in turn.journal.get("calls", ()):
        place = next((n for n, line in enumerate(asked) if line.get("method") == entry["m"]), None)
        short = asked.pop(place).get("short", "") if place is not None else ""
        stub: CaseData = {"call": entry["m"]} | ({"match": short} if short else {})
        value = entry["v"]
        if not entry["ok"]:
            yield {**stub, "error": str(value["message"])[: limits.ERROR_CHARS]}
        elif entry["m"].startswith("http."):
            kept = {name: text for name, text in value["headers"].items() if name == _KEPT_HEADER}
            text = value["text"][: limits.TEST_ANSWER_BYTES // 4]
            yield {**stub, "answer": {"status": value["status"], "text": text, "headers": kept}}
        elif value is not None:
            yield {**stub, "answer": value}
