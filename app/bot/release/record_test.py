"""A chat written down as a test of its brain: what was said, when, and what the brain knew."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.bot.chats import said
from app.bot.models import Chat, Connection, Message, Run
from app.bot.programs import PAUSED
from app.bot.schedules import KIND as TICK
from app.brains import limits
from app.brains.effects import canonical_json
from app.brains.models import Brain
from app.signals import DomainError

SHOWN: Final = 60  # messages to choose the first from
_MOST: Final = limits.TEST_STEPS // 4  # each may need a wait before and several answers behind
_MINUTE: Final = 60
# What presses something needs the answer before it in the test too.
_PRESSES: Final = frozenset({"button", "list"})
_KEPT_HEADER: Final = "content-type"

Case = dict[str, Any]


class NothingToRecord(DomainError):
    """A chat, or the end of it, in which no brain was asked anything."""

    code = "nothing-to-record"


@dataclass(frozen=True, slots=True)
class Line:
    """One message of a chat as it is offered; `starts` = a test can begin with it."""

    message: Message
    words: str
    starts: bool


@dataclass(frozen=True, slots=True)
class _Heard:
    """A message a brain was asked, with the record of its run and what was answered."""

    message: Message
    run: Run
    journal: Mapping[str, Any]
    replies: Sequence[Message]


def brain_of(session: Session, chat_id: int) -> Brain | None:
    """Return the brain that answers in a chat."""
    query = select(Brain).join(Connection, Connection.brain_id == Brain.id)
    return session.scalar(query.join(Chat, Chat.connection_id == Connection.id).where(Chat.id == chat_id))


def lines(session: Session, chat_id: int, brain_id: int) -> list[Line]:
    """Return the newest messages of a chat, the oldest first."""
    query = select(Message).where(Message.chat_id == chat_id, Message.kind.not_in(("edit", "revoke")))
    newest = list(session.scalars(query.order_by(Message.id.desc()).limit(SHOWN)))[::-1]
    if not newest:
        return []
    asked = {each.message.id for each in _heard(session, chat_id, brain_id, newest[0].id)}
    return [
        Line(message, said(message), message.id in asked and message.kind not in {TICK, *_PRESSES})
        for message in newest
    ]


def record(session: Session, chat_id: int, brain: Brain, first_id: int) -> Case:
    """Write a chat down from a message on: steps with the recorded replies, clock, chance, memory and answers.

    Raises NothingToRecord when no brain was asked anything there.
    """
    heard = _heard(session, chat_id, brain.id, first_id)[:_MOST]
    while heard and heard[0].message.kind in {TICK, *_PRESSES}:
        heard.pop(0)
    if not heard:
        raise NothingToRecord("There is nothing to test from here on. Choose a message the brain was asked.")
    steps: list[Case] = []
    taken: set[int] = set()
    clock = heard[0].journal["now"] // 1000
    for each in heard:
        # What was scheduled before the test begins is not known in it.
        if each.message.kind == TICK and each.message.parent_id not in taken:
            continue
        taken.add(each.message.id)
        moment = max(each.journal["now"] // 1000, clock)
        if moment > clock:
            steps.append({"wait": f"{moment - clock}s"})
        clock = moment
        if each.message.kind != TICK:
            steps.append({"user": _act(each.message), "seed": each.journal["seed"]})
        steps += [{"bot": _answer(reply)} for reply in each.replies]
    stubs = [stub for each in heard if each.message.id in taken for stub in _stubs(each)]
    case: Case = {"start": _start(session.get(Chat, chat_id), brain, heard)}
    if stubs:
        case["stubs"] = stubs[: limits.TEST_STUBS]
    return {**case, "steps": steps[: limits.TEST_STEPS]}


def simplified(case: Case) -> Case:
    """Leave out what most tests do not need: the chance of each turn, and pauses shorter than a minute."""
    steps = [
        {name: value for name, value in step.items() if name != "seed"}
        for step in case["steps"]
        if "wait" not in step or int(step["wait"][:-1]) >= _MINUTE
    ]
    return {**case, "steps": steps}


def _heard(session: Session, chat_id: int, brain_id: int, first_id: int) -> list[_Heard]:
    asked = (
        select(Message, Run)
        .join(Run, Run.message_id == Message.id)
        .where(Message.chat_id == chat_id, Message.id >= first_id, Run.brain_id == brain_id)
        .order_by(Message.id)
    )
    answers = select(Message).where(
        Message.chat_id == chat_id,
        Message.id >= first_id,
        Message.direction == "out",
        Message.author == "brain",
    )
    replies: dict[int, list[Message]] = {}
    for reply in session.scalars(answers.order_by(Message.parent_id, Message.ordinal)):
        replies.setdefault(reply.parent_id or 0, []).append(reply)
    return [
        _Heard(message, run, run.journal, replies.get(message.id, ()))
        for message, run in session.execute(asked)
        if run.journal and not str(run.trace.get("reason", "")).startswith(PAUSED)
    ]


def _start(chat: Chat | None, brain: Brain, heard: Sequence[_Heard]) -> Case:
    """Say what held at the beginning; a number is kept only where the brain itself names it."""
    journal = heard[0].journal
    _, name, phone = journal["sender"]
    zone = ZoneInfo(str(brain.draft.get("settings", {}).get("timezone", "UTC")))
    start: Case = {"time": datetime.fromtimestamp(journal["now"] // 1000, zone).isoformat()}
    if name:
        start["name"] = name[:60]
    if phone and phone in canonical_json(brain.draft):
        start["phone"] = phone
    if chat and chat.group_id is not None:
        start["group"] = True
    # Who did not look at the memory has not changed it either: the first look shows it as it was.
    memory = next((each.journal["memory"] for each in heard if each.journal.get("memory")), {})
    kept = {scope: entries for scope, entries in memory.items() if entries}
    return {"memory": kept, **start} if kept else start


def _act(message: Message) -> str | Case:
    if message.kind in _PRESSES:
        return {message.kind: said(message)[:60]}
    if message.kind in {"audio", "voice"}:
        return {"voice": True}
    if message.kind == "location":
        return {"location": message.text[: limits.REPLY_CHARS]}
    if message.kind == "image" or not message.text:
        return {"image": message.text[: limits.REPLY_CHARS]}
    return message.text[: limits.REPLY_CHARS]


def _answer(reply: Message) -> str | Case:
    """Return what an answer must be: its words, and the buttons or rows it offers."""
    content = reply.payload
    words = reply.text or str(content.get("body") or content.get("link") or "")
    sections = content.get("sections")
    rows = [row for part in sections for row in part["rows"]] if sections else content.get("buttons", ())
    titles = [str(row["title"]) for row in rows]
    if not words:
        return {"any": True}
    return {"exact": words, "choices": titles} if titles else words


def _stubs(heard: _Heard) -> Iterator[Case]:
    """Give the answers its calls got; the trace tells what was asked, the journal what was answered."""
    asked = list(heard.run.trace.get("calls", ()))
    for entry in heard.journal.get("calls", ()):
        place = next((n for n, line in enumerate(asked) if line.get("method") == entry["m"]), None)
        short = asked.pop(place).get("short", "") if place is not None else ""
        stub: Case = {"call": entry["m"]} | ({"match": short} if short else {})
        value = entry["v"]
        if not entry["ok"]:
            yield {**stub, "error": str(value["message"])[: limits.ERROR_CHARS]}
        elif entry["m"].startswith("http."):
            kept = {name: text for name, text in value["headers"].items() if name == _KEPT_HEADER}
            text = value["text"][: limits.TEST_ANSWER_BYTES // 4]
            yield {**stub, "answer": {"status": value["status"], "text": text, "headers": kept}}
        elif value is not None:
            yield {**stub, "answer": value}
