"""Every number equals a recount of the rows, whatever happened to them and in whichever order."""

import random
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from flask_migrate import downgrade, upgrade
from sqlalchemy import Engine, delete, select, text, true, update

from app import create_app
from app.bot import packing, recounting, redrive, rollups
from app.bot.channels.contract import Fault as Blame
from app.bot.channels.contract import Inbound, Person, Refused, Sent, Status, Uncertain
from app.bot.counting import SOURCES, triggers
from app.bot.models import Attempt, Message, Rollup, RollupDelta, Run
from app.bot.recounting import Recount
from app.bot.rollup_models import ANY, ANY_COMMAND
from app.brains.ai.ledger import Ledger
from app.brains.ai.models import AiCall
from app.brains.capabilities.ai import AiRecord
from app.settings import Settings
from bench.counting import uncounted
from tests.bot.conftest import Desk, inbound

SENT = ("sent", "delivered", "read", "played")


def numbers(desk: Desk, span: int, key: rollups.Key = rollups.EVERYTHING) -> rollups.Tally:
    """All that is known of a key by minutes (span 1), or by quarters, days or weeks and what is loose beside them."""
    with desk.database.engine.connect() as db:
        cells = rollups.spread(_change(row) for row in db.execute(select(RollupDelta.__table__)).mappings())
        rollups.merge(cells, rollups.read(db, true()))
    packed = packing.loosened({place: tally for place, tally in cells.items() if place[1] == 1440})
    loose = {
        place: tally for place, tally in cells.items() if place[1] in {span, *rollups.LOOSE[1:][: span - 1]}
    }
    found = rollups.Tally()
    for (gone, _, whose, _at), tally in (*loose.items(), *(packed.items() if span == 15 else ())):
        if (gone, whose) == (False, key):
            found.merge(tally.counts, tally.times)
    return found


def pack(desk: Desk, before: int, most: int = 500) -> int:
    return desk.database.writer.run(lambda db: packing.pack(db, before, most))


def _change(row: Any) -> tuple[Any, ...]:
    key = (row["connection_id"], row["brain_id"], row["version_id"], row["command_id"])
    return (row["at"], row["gone"], *key, row["metric"], row["label"], row["value"], row["n"])


def counted(desk: Desk, **where: Any) -> dict[str, int]:
    """Count the rows in plain words, without a look at how the product does."""
    with desk.database.read() as session:
        messages = list(session.scalars(select(Message).filter_by(**where)))
        runs = list(session.scalars(select(Run)))
        calls = list(session.scalars(select(AiCall)))
    found = Counter(f"run_{run.outcome}" + (f":{run.fault}" if run.fault else "") for run in runs)
    for message in messages:
        found.update(words_of(message))
    for call in calls:
        model = f"{call.provider}/{call.model}"
        found.update({f"ai_calls:{model}": 1})
        found.update({f"tokens_in:{model}": call.tokens_in, f"tokens_out:{model}": call.tokens_out})
        found.update({f"ai_failed:{call.status}": int(call.status != "ok")})
        found.update({f"cost:{call.currency}": call.cost or 0})
    return {name: n for name, n in found.items() if n}


def words_of(message: Message) -> Iterator[str]:
    if message.direction == "in":
        yield "scheduled" if message.kind == "schedule" else "received"
        if message.state == "dead":
            yield f"dropped:{message.error_code}"
    elif message.author == "phone":
        yield "typed"
    else:
        yield "created"
        yield from (
            name for name, n in (("sent", 0), ("delivered", 1), ("read", 2)) if message.state in SENT[n:]
        )
        if message.state in {"failed", "dead"}:
            yield f"{message.state}:{message.error_code}" if message.error_code else message.state
        if message.state in {"unknown", "held"}:
            yield message.state


def fold(desk: Desk) -> int:
    return desk.database.writer.submit(rollups.fold, desk.clock()).result()


class Traffic:
    """Random people, answers, refusals, receipts in any order, operators and crashes."""

    def __init__(self, desk: Desk, seed: int) -> None:
        self.desk = desk
        self.chance = random.Random(seed)
        self.brain = desk.make_brain()
        self.n = 0
        self.orders: list[Any] = []

    def run(self, steps: int) -> None:
        acts = [
            self.say,
            self.say,
            self.serve,
            self.serve,
            self.receipt,
            self.receipt,
            self.redrive,
            self.type,
        ]
        for _ in range(steps):
            self.chance.choice(acts)()
            self.desk.clock.pass_seconds(self.chance.choice([0.05, 3, 400]))
            if self.chance.random() < 0.3:
                fold(self.desk)
            if self.chance.random() < 0.1:
                # Days are packed while they go on, and again after what comes late.
                pack(self.desk, self.desk.clock() - 3_600_000, self.chance.choice([3, 500]))

    def say(self) -> None:
        self.n += self.chance.random() < 0.8  # a fifth comes twice
        phone = f"1555000{self.n % 5}"
        self.desk.accept(inbound(self.n, self.desk.clock, phone=phone))

    def type(self) -> None:
        self.n += 1
        person = Person(None, "15550001", "Ada")
        facts = {"kind": "text", "text": "x", "at": self.desk.clock(), "payload": {}}
        self.desk.accept(Inbound(f"wamid.typed.{self.n}", person, outgoing=True, **facts))

    def serve(self) -> None:
        work = self.desk.claim(owner=self.chance.choice(["w1", "w2"]))
        self.orders += work.orders
        for job in work.jobs:
            if self.chance.random() < 0.15:
                continue  # killed between A and B
            texts = ["a", "b"][: self.chance.randrange(3)]
            stored = self.desk.store(job, *texts, asked_at=job.message["created_at"])
            if stored.order:
                self.orders.append(stored.order)
        for order in self.orders:
            if self.chance.random() < 0.15:
                continue  # killed between B and C
            done = self.desk.complete(order, self.outcome(order))
            if done.order:
                self.desk.complete(done.order, self.outcome(done.order))
        self.orders = []

    def outcome(self, order: Any) -> Any:
        self.desk.clock.pass_seconds(self.chance.random())
        return self.chance.choice(
            [
                *[Sent(f"wamid.out.{order.key}")] * 5,
                Refused(Blame.NEVER, "131026", "no"),
                Refused(Blame.TRANSIENT, "131000", "later"),
                Uncertain("reset"),
            ]
        )

    def receipt(self) -> None:
        sends = [m for m in self.desk.messages() if m.key and m.key.startswith("bx")]
        if not sends:
            return
        message, at = self.chance.choice(sends), self.desk.clock() // 1000 * 1000
        words = self.chance.sample(["sent", "delivered", "read", "failed"], 2)
        provider_id = message.provider_id or f"wamid.out.{message.key}"
        code = self.chance.choice(["131026", "470"])
        self.desk.accept(*(Status(provider_id, word, at, message.key, error_code=code) for word in words))

    def redrive(self) -> None:
        ids = [m.id for m in (*self.desk.messages(), *self.desk.messages("in"))]
        for each in self.chance.sample(ids, min(5, len(ids))):
            self.desk.change(lambda session, i=each: redrive.replay(session, i, self.desk.clock()))


@pytest.mark.parametrize("seed", range(4))
def test_whatever_happens_every_number_equals_the_rows(desk: Desk, seed: int):
    Traffic(desk, seed).run(60)
    expected = counted(desk)
    assert expected["received"]
    assert expected["sent"]
    for span in rollups.SPANS:
        assert numbers(desk, span).stored()["counts"] == expected
    connection = (desk.connection_id, ANY, ANY, ANY_COMMAND)
    assert numbers(desk, 15, connection).stored()["counts"] == expected
    while fold(desk):
        pass
    assert pack(desk, desk.clock() + 1)
    assert numbers(desk, 40_320).stored()["counts"] == expected
    assert list(Recount(desk.database, desk.clock()).check()) == []


def test_answers_count_for_the_brain_version_and_command_that_gave_them(desk: Desk):
    brain = desk.make_brain({"commands": []})
    with desk.database.read() as session:
        version = session.execute(text("SELECT live_version_id FROM brain")).scalar_one()
    desk.accept(inbound(1, desk.clock))
    job = desk.claim().jobs[0]
    desk.clock.pass_seconds(1)
    run = {"brain_id": brain, "version_id": version, "command_id": "c_hi"}
    stored = desk.store(job, "a", asked_at=job.message["created_at"], run=run)
    assert stored.order
    desk.clock.pass_seconds(2)
    desk.complete(stored.order, Sent("wamid.out.1"))
    fold(desk)
    for key in (
        (brain, ANY, ANY_COMMAND),
        (brain, version, "c_hi"),
        (brain, ANY, "c_hi"),
        (brain, version, ANY_COMMAND),
    ):
        for where in (ANY, desk.connection_id):
            tally = numbers(desk, 1440, (where, *key))
            assert tally.counts == {"created": 1, "sent": 1, "run_answered": 1}
            assert tally.times == {"sent": {rollups.bucket(3000): 1}, "run_answered": {0: 1}}


def test_calls_of_language_models_count_with_their_tokens(desk: Desk):
    brain = desk.make_brain()
    ledger = Ledger(desk.database)
    for status in ("ok", "timeout"):
        record = {"provider": "P", "model": "m", "prompt": "", "messages": [], "answer": "", "status": status}
        facts = {"error": "", "tokens_in": 7, "tokens_out": 3, "latency_ms": 900, "created_at": desk.clock()}
        spent = {"cost": 1_240_001, "currency": "EUR"} if status == "ok" else {}
        ledger.note(AiRecord(brain_id=brain, message_id=None, **record, **facts, **spent))
    for cost, currency in ((9, "USD"), (2**40, "USD"), (0, "USD")):
        ledger.note(
            AiRecord(brain, None, "P", "m", "", [], "", "ok", "", 0, 0, 900, desk.clock(), cost, currency)
        )
    tally = numbers(desk, 15, (ANY, brain, ANY, ANY_COMMAND))
    assert tally.counts == {
        "ai_calls:P/m": 5,
        "tokens_in:P/m": 14,
        "tokens_out:P/m": 6,
        "ai_failed:timeout": 1,
        "cost:EUR": 1_240_001,
        "cost:USD": 2**40 + 9,
    }
    assert tally.counts == counted(desk)
    assert tally.times == {"ai_calls": {rollups.bucket(900): 5}}
    desk.change(lambda session: session.execute(delete(AiCall).where(AiCall.currency == "USD")))
    assert numbers(desk, 15, (ANY, brain, ANY, ANY_COMMAND)).stored()["counts"] == tally.stored()["counts"]
    assert list(Recount(desk.database, desk.clock()).check()) == []


def test_deleted_rows_stay_counted_and_a_rebuild_keeps_them(desk: Desk):
    Traffic(desk, 9).run(40)
    before = numbers(desk, 1440).stored()
    desk.change(lambda session: session.execute(delete(Run)))
    desk.change(lambda session: session.execute(delete(Attempt)))
    desk.change(lambda session: session.execute(delete(Message).where(Message.direction == "out")))
    assert numbers(desk, 1440).stored() == before
    recount = Recount(desk.database, desk.clock())
    assert list(recount.check()) == []
    list(recount.rebuild())
    assert numbers(desk, 1440).stored() == before
    assert list(recount.check()) == []


def test_a_rebuild_mends_lost_and_wrong_numbers_in_every_span(desk: Desk):
    Traffic(desk, 5).run(40)
    expected = {span: numbers(desk, span).stored() for span in rollups.SPANS}
    desk.change(lambda session: session.execute(delete(RollupDelta)))
    desk.change(lambda session: session.execute(delete(Rollup).where(Rollup.span != 40_320)))
    recount = Recount(desk.database, desk.clock())
    assert list(recount.check())
    list(recount.rebuild())
    assert {span: numbers(desk, span).stored() for span in rollups.SPANS} == expected
    assert list(recount.check()) == []


@pytest.mark.parametrize("quiet", [0, 10_000])
def test_a_rebuild_mends_days_that_are_packed(desk: Desk, monkeypatch: pytest.MonkeyPatch, quiet: int):
    monkeypatch.setattr(recounting, "QUIET", quiet)  # by the hour, and by the day
    monkeypatch.setattr(recounting, "UNPACKED", 1)
    monkeypatch.setattr(recounting, "PACKED", 3)
    Traffic(desk, 6).run(40)
    desk.change(lambda session: session.execute(delete(Run)))
    expected = {span: numbers(desk, span).stored() for span in rollups.SPANS[1:]}
    while fold(desk):
        pass
    later = desk.clock() + 3 * packing.DAY
    pack(desk, later)
    desk.change(lambda session: session.execute(update(Rollup).values(counts={"received": 7})))
    recount = Recount(desk.database, later)
    assert list(recount.check())
    list(recount.rebuild())
    assert list(recount.check()) == []
    assert {span: numbers(desk, span).stored() for span in rollups.SPANS[1:]} == expected


def test_a_packed_day_is_unpacked_in_pieces_while_every_number_stays(desk: Desk):
    Traffic(desk, 7).run(40)
    while fold(desk):
        pass
    before = desk.clock() + packing.DAY
    while pack(desk, before - before % packing.DAY):
        pass
    expected = {span: numbers(desk, span).stored() for span in rollups.SPANS[1:]}
    days = select(Rollup.at).where(Rollup.span == rollups.SPANS[2]).distinct()
    with desk.database.engine.connect() as db:
        packed = list(db.scalars(days))
    assert packed
    for day in packed:
        while desk.database.writer.run(lambda db, day=day: packing.unpack(db, day, 1)):
            assert {span: numbers(desk, span).stored() for span in rollups.SPANS[1:]} == expected
    with desk.database.engine.connect() as db:
        assert list(db.scalars(days)) == []
    while pack(desk, before - before % packing.DAY):
        assert {span: numbers(desk, span).stored() for span in rollups.SPANS[1:]} == expected
    assert list(Recount(desk.database, desk.clock()).check()) == []


def test_minutes_are_forgotten_after_two_days_and_quarter_hours_never(desk: Desk):
    desk.accept(inbound(1, desk.clock))
    fold(desk)
    desk.clock.pass_seconds(8 * 86_400)
    desk.accept(inbound(2, desk.clock))
    fold(desk)
    assert desk.database.writer.run(lambda db: rollups.prune(db, desk.clock(), 500)) == 2
    assert desk.database.writer.run(lambda db: rollups.prune(db, desk.clock(), 500)) == 0
    assert numbers(desk, 1).counts == {"received": 1}
    assert numbers(desk, 15).counts == {"received": 2}
    assert list(Recount(desk.database, desk.clock()).check()) == []


@pytest.mark.parametrize("value", [1, 2, 9, 30, 1234, 86_400_000])
def test_a_bucket_is_within_five_percent_of_what_is_in_it(value: int):
    assert abs(rollups.middle(rollups.bucket(value)) / value - 1) <= 0.051


def test_all_migrations_leave_the_triggers_the_tables_come_with(database_url: str, settings: Settings):
    app = create_app(settings.model_copy(update={"database_url": database_url}))
    house = app.extensions["house"]
    with app.app_context():
        upgrade()
    migrated = _triggers(house.database.engine)
    assert len(migrated) == sum(2 + bool(source.changing) for source in SOURCES)
    with house.database.engine.connect().execution_options(writer=True) as db:
        uncounted(db)
        for source in SOURCES:
            for statement in triggers(source, db.dialect.name):
                db.exec_driver_sql(statement)
        db.commit()
    assert _triggers(house.database.engine) == migrated
    house.database.writer.close()
    house.database.engine.dispose()


def test_calls_counted_without_their_cost_are_so_again_on_the_way_down(database_url: str, settings: Settings):
    app = create_app(settings.model_copy(update={"database_url": database_url}))
    database = app.extensions["house"].database
    with app.app_context():
        upgrade(revision="0013")
        before = _triggers(database.engine)
        upgrade(revision="0014")
        after = _triggers(database.engine)
        downgrade(revision="0013")
    assert _triggers(database.engine) == before
    assert {name for name in before if before[name] != after[name]} == {"ai_call_new", "ai_call_gone"}
    database.writer.close()
    database.engine.dispose()


def _triggers(engine: Engine) -> dict[str, str]:
    query = {
        "sqlite": "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND sql LIKE '%rollup_delta%'",
        "postgresql": "SELECT t.tgname, pg_get_triggerdef(t.oid) || p.prosrc FROM pg_trigger t "
        "JOIN pg_proc p ON p.oid = t.tgfoid WHERE p.prosrc LIKE '%rollup_delta%'",
    }
    with engine.connect() as db:
        found = db.execute(text(query[engine.dialect.name])).all()
    return {name: " ".join(words.split()) for name, words in found}
