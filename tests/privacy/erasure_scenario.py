"""A person whose every word, name, number and file carries one string, and a bot that stores it everywhere."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from flask import Flask
from sqlalchemy import select, text

from app.bot.ingest.inbox import InboundBatch
from app.bot.models import MediaFile, Message, Note, Receipt
from app.bot.release import record_test
from app.brains.ai.models import AiCall
from app.brains.playground.models import Playground
from app.brains.versions import store
from app.brains.versions.models import Brain, Rollout, RolloutChange
from app.brains.versions.store import DraftReview
from app.channels.contract import InboundMessage, Person, RawItem
from app.channels.simulator import channel
from app.channels.simulator.channel import Envelope
from tests.bot.simulated_bot import SimulatedBot, build_script_command, wait_until
from tests.channels.simulator.phone_actions import build_image

CANARY = "canary7f3a9k2m5x8q"
PHONE, USER_ID = "155507770042", "US.4canary4user4id"
THEM = Person(USER_ID, PHONE, f"Name {CANARY}", f"user.{CANARY}")
OTHER = Person(None, "155501110001", "Ada")
PATTERN = re.compile(f"{CANARY}|{PHONE}|{USER_ID}".encode(), re.IGNORECASE)
NOTE = """
ctx.memory.set("mine", ctx.message.text)
ctx.memory.set("last said", ctx.message.text, scope="brain")
ctx.memory.set("last word", ctx.message.text.split()[-1], scope="brain")
ctx.memory.set("by " + ctx.sender.phone, 1, scope="brain")
ctx.schedule("note", after=86400, word=ctx.message.text)
print(ctx.message.text)
ctx.reply("You said " + ctx.message.text, buttons=["More", "Enough"])
"""


def build_prefix_command(name: str, source: str) -> dict[str, Any]:
    return {**build_script_command(name, source), "trigger": {"kind": "starts_with", "texts": [name]}}


COMMANDS = [
    build_prefix_command("note", NOTE),
    build_prefix_command("break", "ctx.reply({}[ctx.message.text])"),
    {
        **build_script_command("ask", 'ctx.reply(ctx.ai("assistant"))'),
        "trigger": {"kind": "starts_with", "texts": ["ask"]},
    },
    build_script_command("last", 'ctx.reply("They said " + ctx.memory.get("last said", scope="brain"))'),
    build_script_command(
        "group", 'ctx.reply("In the group: " + ctx.message.text)', trigger={"kind": "fallback"}
    ),
]


class ErasureScenario(SimulatedBot):
    """A bot with one group; the person and Ada do the same things with it."""

    def __init__(self, app: Flask) -> None:
        prompts = [{"name": "assistant", "system": "Help {{ sender.name }}.", "user": "{{ message.text }}"}]
        super().__init__(app, COMMANDS, prompts=prompts, grants={"ai": {}})
        self._number = 0

    def use_everything(self, person: Person, word: str) -> None:
        """Let somebody use everything there is; `word` is in all of it."""
        for words in (f"note remember {word}", f"break at {word}", f"ask about {word}"):
            self.ask(person, words)
        self._ingest(channel.build_button_reply(self._envelope(person), f"id {word}", f"title {word}"))
        self._ingest(build_image(self._envelope(person), f"media-{word}", "image/png", f"caption {word}"))
        said = self._group(person, f"hello group {word}")
        self._group(person, f"👍{word}", kind="reaction", quoted_id=said)
        quote = {"context": {"id": said, "from": person.phone, "words": f"hello group {word}"}}
        answered = Person(None, "155502220002", "Bo")
        self._group(answered, "I agree with that", payload={"from": answered.phone, **quote}, quoted_id=said)

    def ask(self, person: Person, words: str) -> None:
        """Let somebody write something."""
        self._ingest(channel.build_text(self._envelope(person), words))

    def wait_until_idle(self) -> None:
        """Wait until nothing waits."""
        wait_until(
            lambda: (
                not self.select_all(select(Message.id).where(Message.state.in_(("new", "queued", "sending"))))
            )
        )

    def _envelope(self, person: Person) -> Envelope:
        self._number += 1
        return Envelope(f"sim.{person.phone}.{self._number}", person, self.services.clock())

    def _ingest(self, item: InboundMessage) -> None:
        self.services.receive_local(self.connection_id, [item])

    def _group(self, person: Person, words: str, **more: Any) -> str:
        self._number += 1
        provider_id = f"sim.{person.phone}.{self._number}"
        payload = {"from": person.phone, "from_user_id": person.user_id, "text": {"body": words}}
        facts = {"kind": "text", "payload": payload, "is_trigger": "kind" not in more, **more}
        at = self.services.clock()
        self._ingest(InboundMessage(provider_id, person, text=words, at=at, group_id="group-1", **facts))
        return provider_id

    def insert_traces(self, person: Person, word: str) -> None:
        """Put somebody's word where the bot itself does not: notes, files, notices, tests, trials, comparisons."""
        for content in (f"file of {word}".encode(), b"a file of everybody"):
            self._file(person, content, f"{word}.png")
        notice = {"from": person.phone, "words": word, "who": person.user_id}
        self.services.receiver.receive(
            InboundBatch([(self.connection_id, [RawItem("group_update", notice)])])
        )
        self.database.write(lambda session: self._scatter(session, person, word))
        self.database.write(lambda session: self._keep_test(session, person))

    def _chat_id(self, person: Person) -> int:
        query = text("SELECT chat.id FROM chat JOIN contact ON contact.id = contact_id WHERE phone = :phone")
        with self.database.read() as session:
            return session.execute(query, {"phone": person.phone}).scalar_one()

    def _messages(self, person: Person) -> list[Message]:
        return self.select_all(
            select(Message).where(Message.chat_id == self._chat_id(person)).order_by(Message.id)
        )

    def _file(self, person: Person, content: bytes, name: str) -> None:
        with self.services.files.open_incoming() as incoming:
            incoming.write(content)
            digest = incoming.save()
        taken = {each.message_id for each in self.select_all(select(MediaFile))}
        message = next(each for each in self._messages(person) if each.id not in taken)
        row = MediaFile(message_id=message.id, connection_id=self.connection_id, media_id=name, filename=name)
        row.sha256, row.state, row.created_at = digest, "kept", 1
        self.database.write(lambda session: session.add(row))

    def _scatter(self, session: Any, person: Person, word: str) -> None:
        chat_id, first = self._chat_id(person), self._messages(person)[0]
        session.add(Note(chat_id=chat_id, author="Team", text=f"a note on {word}", created_at=1))
        receipt = {"recipient_id": person.phone, "words": word}
        values = {"provider_id": f"wamid.{word}", "status": "read", "at": 1, "created_at": 1}
        session.add(Receipt(connection_id=self.connection_id, payload=receipt, **values))
        session.add(
            AiCall(
                brain_id=self.brain_id, message_id=first.id, provider="p", model="m", status="ok",
                created_at=self.services.clock(), answer=f"it is {word}",
                messages=[{"role": "user", "content": f"about {word}"}],
            )
        )  # fmt: skip
        rollout = session.scalar(select(Rollout)) or self._rollout(session)
        data = {"status": "answered", "words": f"note remember {word}"}
        values = {"rollout_id": rollout.id, "before": data, "after": data, "notes": [word]}
        session.add(RolloutChange(message_id=first.id, kind="words", **values))
        state = {"phones": [{"said": f"note remember {word}"}, {"number": person.phone}]}
        tried = session.scalar(select(Playground))
        if tried:
            tried.state = {**tried.state, person.name: state}
        else:
            user = session.execute(text(_USER)).scalar_one()
            new = Playground(
                user_id=user, brain_id=self.brain_id, state={person.name: state}, rev=1, updated_at=1
            )
            session.add(new)

    def _rollout(self, session: Any) -> Rollout:
        version = session.get_one(Brain, self.brain_id).live_version_id
        rollout = Rollout(
            brain_id=self.brain_id, version_id=version, base_version_id=version, mode="shadow", tally={},
            extra_failures=1, slower=1, min_runs=1, started_at=1, ended_at=2,
        )  # fmt: skip
        session.add(rollout)
        session.flush()
        return rollout

    def _keep_test(self, session: Any, person: Person) -> None:
        """Save the person's chat as a test and publish it: it is in the draft and in a version."""
        brain = store.get_brain(session, self.brain_id)
        chat_id = self._chat_id(person)
        first = next(
            line.message.id
            for line in record_test.list_messages(session, chat_id, brain.id)
            if line.can_start
        )
        case = record_test.record(session, chat_id, brain, first)
        tests = [*brain.draft.get("tests", ()), {"name": f"Test {len(brain.draft.get('tests', ()))}", **case}]
        brain.draft = {**brain.draft, "tests": tests}
        session.flush()
        store.publish(session, brain.id, "", None, 1, DraftReview())


_USER = (
    "INSERT INTO user_account (email, name, password_hash, role, timezone, created_at, session_epoch) "
    "VALUES ('a@b.cd', '', '', 'owner', 'UTC', 1, 0) RETURNING id"
)


def find_traces(folder: Path) -> list[str]:
    """Return the files with a trace of the person: their names or any byte of theirs."""
    files = [each for each in folder.rglob("*") if each.is_file()]
    return [each.name for each in files if PATTERN.search(each.read_bytes() + each.name.encode())]


def find_row_traces(dump: Mapping[str, list[str]]) -> list[str]:
    """Return the rows of a dump with a trace of the person."""
    return [f"{table}: {row}" for table, rows in dump.items() for row in rows if PATTERN.search(row.encode())]


def dump_tables(database: Any) -> dict[str, list[str]]:
    """Return all rows of all tables, those the models do not know too, as texts."""
    with database.engine.connect() as db:
        if db.dialect.name == "postgresql":
            names = db.scalars(text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")).all()
            return {name: _rows(db, name) for name in names}
        tables = "SELECT name FROM sqlite_master WHERE type = 'table' AND sql NOT LIKE 'CREATE VIRTUAL%'"
        names = db.scalars(text(tables)).all()
        return {name: _rows(db, name) for name in names} | {
            f"terms of {kind}": _terms(db, kind) for kind in ("message", "contact", "note")
        }


def _rows(db: Any, name: str) -> list[str]:
    rows = db.execute(select(text("*")).select_from(text(name))).mappings()
    return sorted(json.dumps(dict(row), default=str, ensure_ascii=False) for row in rows)


def _terms(db: Any, kind: str) -> list[str]:
    """Return the words SQLite's index knows: their bytes are packed, and not found by a search for them."""
    db.exec_driver_sql(f"CREATE VIRTUAL TABLE temp.terms_{kind} USING fts5vocab(main, words_{kind}, row)")
    found = db.scalars(select(text("term")).select_from(text(f"temp.terms_{kind}"))).all()
    db.exec_driver_sql(f"DROP TABLE temp.terms_{kind}")
    return list(found)
