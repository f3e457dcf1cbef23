"""A brain's own tests on the whole pipeline: people at phones, a running worker, a clock that the test moves."""

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import delete, func, select, update

from app import signals
from app.bot import simulator
from app.bot.models import Chat, Connection, Contact, Message, Run, Schedule
from app.bot.release import recorded_turns
from app.bot.simulator import PhoneAction
from app.bot.states import SCHEDULE_KIND
from app.brains.document.test_cases import Act, BrainTest, Expectation, parse_duration
from app.brains.document.understanding import train_draft
from app.brains.effects.model import Remember
from app.brains.example_messages import build_example, build_example_of
from app.brains.memory import store as memory
from app.brains.memory.models import Memory
from app.brains.runtime.outcome import Outcome
from app.brains.runtime.program import Program, compile_program
from app.brains.runtime.rehearsal import Comparison, Rehearsal
from app.brains.runtime.replay import replay
from app.brains.runtime.runtime import Runtime
from app.brains.runtime.trace import Cause, read_cause
from app.brains.testing.assertions import BotAnswer, compare
from app.brains.testing.stubs import Stubs
from app.brains.testing.world import DEFAULT_START, World
from app.brains.text import fold
from app.channels.contract import InboundMessage, Person
from app.channels.simulator import channel
from app.channels.simulator.channel import Envelope
from tests.parity.installation import Installation
from tests.parity.observation import Observation, sort_memory

_KINDS = {
    "image": "image", "voice": "audio", "location": "location", "document": "document", "contact": "contacts",
    "order": "order",
}  # fmt: skip
_PATIENCE_S = 10


class LiveChat:
    """One test of a brain, played by people at their phones over one kind of channel."""

    def __init__(
        self, installation: Installation, kind: str, document: Mapping[str, Any], case: BrainTest
    ) -> None:
        self._home, self._case = installation, case
        self._services = installation.services
        self._database, self._clock = self._services.database, installation.clock
        self._brain_id, self.connection_id, self._account = installation.publish(document, kind)
        with self._database.read() as session:
            version = recorded_turns.BrainVersion
            self._version_id = session.scalars(
                select(version.id).where(version.brain_id == self._brain_id)
            ).one()
        self.program: Program = compile_program(self._version_id, self._brain_id, document, train_draft)
        start = datetime.fromisoformat(case.start.time or DEFAULT_START)
        zone = ZoneInfo(str(document.get("settings", {}).get("timezone", "UTC")))
        self._clock.now = round((start if start.tzinfo else start.replace(tzinfo=zone)).timestamp() * 1000)
        self._services.capabilities = {**installation.capabilities, **self._build_stubs()}
        self._group = f"group-{self.connection_id}" if case.start.group else None
        self._said = self._place = self._last_read = self._last_run = 0
        self._last: dict[int, Message] = {}
        self._steps: list[tuple[int, int]] = []

    def _build_stubs(self) -> dict[str, Any]:
        if not self._case.stubs:
            return {}
        stubs = Stubs(self._case.stubs, World(self.program, self._case.start)).build_capabilities()
        return {name: one for name, one in stubs.items() if not name.startswith("memory")}

    def play(self) -> Observation:
        """Play all steps; an answer that differs from the expected one is an AssertionError."""
        with self._run_worker():
            self._prepare()
            for number, step in enumerate(self._case.steps, 1):
                self._place = number
                where = f"step {number}"
                if step.wait is not None:
                    self._wait(1000 * (parse_duration(step.wait) or 0))
                elif step.silent:
                    assert self._list_new() == [], where
                elif step.bot is not None:
                    self._expect(step.bot, where)
                else:
                    self._act(step.as_ or self._case.start.name, step.user or "")
                self._note_runs()
            assert self._list_new() == []
            seen = self._observe()
            self._put_away()
            return seen

    @contextmanager
    def _run_worker(self) -> Iterator[None]:
        self._worker = worker = self._services.build_worker()

        def wake(**_facts: Any) -> None:
            worker.wake_after_commit()

        signals.work_ready.connect(wake)
        worker.start()
        try:
            yield
        finally:
            worker.stop()
            signals.work_ready.disconnect(wake)

    def _prepare(self) -> None:
        """Let the contact write before a brain is there, then give both what the test begins with."""
        if self._case.start.memory:
            self._send(self._case.start.name, lambda envelope: channel.build_text(envelope, "x"))
            self._settle()
            chat = self._list_chats()[0]
            with self._database.read() as session:
                contact = session.scalars(
                    select(Contact.id).where(Contact.connection_id == self.connection_id)
                ).one()
            owner = memory.MemoryOwner(self._brain_id, contact, chat.id)
            effects = [
                Remember(scope, key, value)
                for scope, entries in self._case.start.memory.items()
                for key, value in entries.items()
            ]
            changes = memory.MemoryChanges(0, owner, effects, (), {}, self._clock.now)
            self._database.writer.run(lambda db: memory.apply(db, [changes]))
        query = update(Connection).where(Connection.id == self.connection_id).values(brain_id=self._brain_id)
        self._database.write(lambda session: session.execute(query))
        self._services.registry.invalidate()

    def _person(self, name: str) -> Person:
        names = [fold(self._case.start.name), *(fold(step.as_) for step in self._case.steps if step.as_)]
        number = list(dict.fromkeys(names)).index(fold(name))
        given = self._case.start.phone if number == 0 else None
        return Person(phone=given or str(15_550_100_001 + number), name=name)

    def _send(
        self, name: str, build: Callable[[Envelope], InboundMessage], quoted: str | None = None
    ) -> None:
        self._said += 1
        envelope = Envelope(
            f"wamid.{self.connection_id}.{self._said}", self._person(name), self._clock.now, quoted
        )
        self._deliver(build(envelope))

    def _deliver(self, item: InboundMessage) -> None:
        self._home.deliver(self.connection_id, self._account, replace(item, group_id=self._group))

    def _act(self, who: str, act: str | Act) -> None:
        if isinstance(act, str):
            self._send(who, lambda envelope: channel.build_text(envelope, act))
        elif act.burst:
            for text in act.burst:
                self._send(who, lambda envelope, text=text: channel.build_text(envelope, text))
        elif act.quote:
            last = self._last[self._find_chat(who).id]
            self._send(who, lambda envelope: channel.build_text(envelope, str(act.quote)), last.provider_id)
        elif act.kind in {"button", "list"}:
            self._press(who, act)
        else:
            value = getattr(act, act.kind)
            text = "" if value is True else value
            example = (
                build_example("flow", fields=value) if act.form else build_example_of(_KINDS[act.kind], text)
            )
            self._send(who, lambda envelope: channel.build_message(envelope, example))
        waits = self.program.document.settings.burst_seconds
        if not (waits and isinstance(act, str) and self._is_followed()):
            self._clock.now += 1000 * waits
            self._settle()

    def _is_followed(self) -> bool:
        """Tell whether the step that comes next is a text too."""
        place, following = self._place, self._case.steps
        return place < len(following) and isinstance(following[place].user, str)

    def _press(self, who: str, act: Act) -> None:
        wanted = fold(str(act.button or act.list))
        offering = [each for each in self._list_answers(self._find_chat(who)) if _list_choices(each)]
        choices = _list_choices(offering[-1])
        chosen = next(pair for pair in choices if wanted in {fold(pair[0]), fold(pair[1])})
        kind = "list" if act.list else "button"
        action = PhoneAction(kind, chosen[1], chosen[0], offering[-1].provider_id)
        self._said += 1
        name = f"wamid.{self.connection_id}.{self._said}"
        self._deliver(simulator.build_item(action, self._person(who), name, self._clock.now))

    def _wait(self, span: int) -> None:
        until = self._clock.now + span
        due_query = select(func.min(Schedule.due_at)).where(Schedule.connection_id == self.connection_id)
        while True:
            due = self._read(due_query)
            if due is None or due > until:
                break
            self._clock.now = max(self._clock.now, due)
            before = self._count_runs()
            self._wait_until(lambda before=before: self._count_runs() > before)
            self._settle()
        self._clock.now = until

    def _read(self, query: Any) -> Any:
        with self._database.read() as session:
            return session.scalar(query)

    def _count_runs(self) -> int:
        query = select(func.count()).select_from(Run).join(Chat, Chat.id == Run.chat_id)
        return self._read(query.where(Chat.connection_id == self.connection_id)) or 0

    def _settle(self) -> None:
        """Wait until every message has been handled and every answer sent."""

        def is_settled() -> bool:
            mine = Message.connection_id == self.connection_id
            with self._database.read() as session:
                states = set(session.scalars(select(Message.state).where(mine).distinct()))
                held = session.scalar(
                    select(func.count()).where(Chat.connection_id == self.connection_id, Chat.lease_until > 0)
                )
            return not held and not states & {"new", "queued", "sending", "retry"}

        self._wait_until(is_settled)

    def _wait_until(self, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + _PATIENCE_S
        while True:
            self._worker.wake()
            time.sleep(0.004)
            if condition():
                return
            assert time.monotonic() < deadline, f"step {self._place} was not handled in time"

    def _list_chats(self) -> list[Chat]:
        with self._database.read() as session:
            return list(session.scalars(select(Chat).where(Chat.connection_id == self.connection_id)))

    def _find_chat(self, who: str) -> Chat:
        if self._group:
            return self._list_chats()[0]
        query = select(Chat).join(Contact, Contact.id == Chat.contact_id)
        mine = Contact.connection_id == self.connection_id
        with self._database.read() as session:
            return session.scalars(query.where(mine, Contact.phone == self._person(who).phone)).one()

    def _list_answers(self, chat: Chat) -> list[Message]:
        query = select(Message).where(Message.chat_id == chat.id, Message.direction == "out")
        with self._database.read() as session:
            return list(session.scalars(query.order_by(Message.id)))

    def _list_new(self) -> list[tuple[str, Message]]:
        """Return the answers that no step has looked at, with who got them; a group is nobody."""
        query = (
            select(Contact.phone, Message)
            .join(Chat, Chat.id == Message.chat_id)
            .outerjoin(Contact, Contact.id == Chat.contact_id)
            .where(Message.connection_id == self.connection_id)
            .where(Message.direction == "out", Message.id > self._last_read)
            .order_by(Message.id)
        )
        with self._database.read() as session:
            return [(str(phone or ""), message) for phone, message in session.execute(query)]

    def _expect(self, expected: str | Expectation, where: str) -> None:
        new = self._list_new()
        assert new, f"{where}: the bot said nothing"
        phone, message = new[0]
        assert message.state == "sent", (where, message.state, message.error)
        self._last_read = message.id
        self._last[message.chat_id] = message
        names = {self._person(name).phone: name for name in self._names()}
        answer = BotAnswer("", _get_words(message), tuple(_list_choices(message)), to=names.get(phone, ""))
        assert compare(expected, answer) is None, (where, answer.text, json.dumps(message.payload)[:300])

    def _names(self) -> list[str]:
        return [self._case.start.name, *(step.as_ for step in self._case.steps if step.as_)]

    def _note_runs(self) -> None:
        """Remember which runs a step caused."""
        query = select(Run).join(Chat, Chat.id == Run.chat_id).where(Run.brain_id == self._brain_id)
        with self._database.read() as session:
            made = session.scalars(query.where(Run.id > self._last_run).order_by(Run.id)).all()
        for run in made:
            self._last_run = run.id
            # A text that is answered together with the next one has a run without a record.
            if run.digest and read_cause(run.trace) != Cause.PAUSED:
                self._steps.append((self._place, run.id))

    def _observe(self) -> Observation:
        """Replay every run: its digest says that nothing else came of it live."""
        seen = Observation(paused=sum(chat.paused_at is not None for chat in self._list_chats()))
        outcomes = self._replay_runs()
        for number, run_id in self._steps:
            run, outcome, is_scheduled = outcomes[run_id]
            assert (outcome.digest, outcome.status) == (run.digest, run.outcome)
            if outcome.effects:
                seen.add(number, outcome.effects)
            if not is_scheduled:
                seen.seeds[number] = run.journal["seed"]
        with self._database.read() as session:
            kept = session.scalars(select(Memory).where(Memory.brain_id == self._brain_id)).all()
            waiting = session.scalars(
                select(Schedule).where(Schedule.connection_id == self.connection_id)
            ).all()
        seen.memory = sort_memory(
            (each.scope, each.key, each.value, each.expires_at)
            for each in kept
            if each.expires_at is None or each.expires_at > self._clock.now
        )
        seen.schedules = sorted((each.due_at, each.command_id, each.name) for each in waiting)
        return seen

    def _replay_runs(self) -> dict[int, tuple[Run, Outcome, bool]]:
        ids = [run_id for _, run_id in self._steps]
        query = select(Run, Message, Chat).join(Message, Message.id == Run.message_id)
        with self._database.read() as session:
            rows = session.execute(query.join(Chat, Chat.id == Run.chat_id).where(Run.id.in_(ids))).all()
        found: dict[int, tuple[Run, Outcome, bool]] = {}
        for run, message, chat in rows:
            turn = recorded_turns.build_bare_turn(message, chat, run.created_at)
            outcome = replay(self.program, turn, run.journal or {}, self._services.sandbox)
            found[run.id] = (run, outcome, message.kind == SCHEDULE_KIND)
        return found

    def rehearse(self) -> Sequence[Comparison]:
        """Test the brain, unchanged, on the messages of this chat."""
        with self._database.read() as session:
            turns = recorded_turns.list_recent(session, self._brain_id, 1_000)
        programs = {self._version_id: self.program}
        played = Rehearsal(self.program, programs.get, Runtime(self._services.sandbox))
        # What was written before the brain was there has no answer to compare with.
        return played.run([each.run for each in turns if each.run.version_id])

    def list_sent(self) -> list[dict[str, Any]]:
        """Return the messages WhatsApp took from this number, in their order."""
        return [row.request for row in self._home.graph.log if row.send.phone_id == self._account]

    def _put_away(self) -> None:
        """Leave nothing behind that would run when the clock is moved for another test."""
        query = delete(Schedule).where(Schedule.connection_id == self.connection_id)
        self._database.write(lambda session: session.execute(query))


def _get_words(message: Message) -> str:
    payload = message.payload
    return message.text or str(payload.get("body") or payload.get("link") or payload.get("emoji") or "")


def _list_choices(message: Message) -> list[tuple[str, str]]:
    payload = message.payload
    rows = (
        [row for part in payload.get("sections") or () for row in part["rows"]]
        or payload.get("buttons")
        or ()
    )
    return [(str(row["id"]), str(row["title"])) for row in rows]
