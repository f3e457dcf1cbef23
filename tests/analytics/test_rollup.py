"""Every number equals a recount of the rows, whatever happened to them and in whichever order."""

import random
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from flask_migrate import downgrade, upgrade
from sqlalchemy import Engine, delete, select, text, true, update

from app import create_app
from app.analytics import compaction, rebuild, rollup
from app.analytics.models import ANY, ANY_COMMAND, Rollup, RollupDelta
from app.analytics.rebuild import RollupRebuild
from app.analytics.triggers import SOURCES, build_triggers
from app.bot.failures import redrive
from app.bot.models import Attempt, Message, Run
from app.brains.ai.contract import AiRecord
from app.brains.ai.models import AiCall
from app.brains.ai.usage import DatabaseUsageLedger
from app.channels.contract import InboundMessage, Person, SendRefusal, SendSuccess, Status, UnknownOutcome
from app.channels.contract import RefusalClass as Blame
from app.clock import DAY_MS
from app.settings import Settings
from app.web import init_migrations
from bench.counting import uncounted
from tests.bot.conftest import Pipeline, build_inbound

SENT = ("sent", "delivered", "read", "played")

EVERYTHING: rollup.MetricKey = (rollup.ANY, rollup.ANY, rollup.ANY, rollup.ANY_COMMAND)


def sum_metrics(pipeline: Pipeline, span: int, key: rollup.MetricKey = EVERYTHING) -> rollup.MetricSums:
    """All that is known of a key by minutes (span 1), or by quarters, days or weeks and what is loose beside them."""
    with pipeline.database.engine.connect() as db:
        cells = rollup.aggregate(
            _build_change(row) for row in db.execute(select(RollupDelta.__table__)).mappings()
        )
        rollup.merge(cells, rollup.read(db, true()))
    packed = compaction.expand_cells({place: tally for place, tally in cells.items() if place[1] == 1440})
    loose = {
        place: tally
        for place, tally in cells.items()
        if place[1] in {span, *rollup.FINE_SPAN_MINUTES[1:][: span - 1]}
    }
    found = rollup.MetricSums()
    for (gone, _, whose, _at), tally in (*loose.items(), *(packed.items() if span == 15 else ())):
        if (gone, whose) == (False, key):
            found.merge(tally.counts, tally.times)
    return found


def compact(pipeline: Pipeline, before: int, most: int = 500) -> int:
    return pipeline.database.writer.run(lambda db: compaction.compact(db, before, most))


def _build_change(row: Any) -> tuple[Any, ...]:
    key = (row["connection_id"], row["brain_id"], row["version_id"], row["command_id"])
    return (row["at"], row["gone"], *key, row["metric"], row["label"], row["value"], row["n"])


def count_rows(pipeline: Pipeline, **where: Any) -> dict[str, int]:
    """Count the rows in plain words, without a look at how the product does."""
    with pipeline.database.read() as session:
        messages = list(session.scalars(select(Message).filter_by(**where)))
        runs = list(session.scalars(select(Run)))
        calls = list(session.scalars(select(AiCall)))
    found = Counter(f"run_{run.outcome}" + (f":{run.fault}" if run.fault else "") for run in runs)
    for message in messages:
        found.update(list_labels(message))
    for call in calls:
        model = f"{call.provider}/{call.model}"
        found.update({f"ai_calls:{model}": 1})
        found.update({f"tokens_in:{model}": call.tokens_in, f"tokens_out:{model}": call.tokens_out})
        found.update({f"ai_failed:{call.status}": int(call.status != "ok")})
        found.update({f"cost:{call.currency}": call.cost or 0})
    return {name: n for name, n in found.items() if n}


def list_labels(message: Message) -> Iterator[str]:
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


def fold(pipeline: Pipeline) -> int:
    return pipeline.database.writer.submit(rollup.fold, pipeline.clock()).result()


class RandomTraffic:
    """Random people, answers, refusals, receipts in any order, operators and crashes."""

    def __init__(self, pipeline: Pipeline, seed: int) -> None:
        self.pipeline = pipeline
        self.chance = random.Random(seed)
        self.brain = pipeline.create_brain()
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
            self.type_on_phone,
        ]
        for _ in range(steps):
            self.chance.choice(acts)()
            self.pipeline.clock.pass_seconds(self.chance.choice([0.05, 3, 400]))
            if self.chance.random() < 0.3:
                fold(self.pipeline)
            if self.chance.random() < 0.1:
                # Days are packed while they go on, and again after what comes late.
                compact(self.pipeline, self.pipeline.clock() - 3_600_000, self.chance.choice([3, 500]))

    def say(self) -> None:
        self.n += self.chance.random() < 0.8  # a fifth comes twice
        phone = f"1555000{self.n % 5}"
        self.pipeline.ingest(build_inbound(self.n, self.pipeline.clock, phone=phone))

    def type_on_phone(self) -> None:
        self.n += 1
        person = Person(None, "15550001", "Ada")
        facts = {"kind": "text", "text": "x", "at": self.pipeline.clock(), "payload": {}}
        self.pipeline.ingest(InboundMessage(f"wamid.typed.{self.n}", person, outgoing=True, **facts))

    def serve(self) -> None:
        work = self.pipeline.claim(owner=self.chance.choice(["w1", "w2"]))
        self.orders += work.send_jobs
        for job in work.jobs:
            if self.chance.random() < 0.15:
                continue  # killed between A and B
            texts = ["a", "b"][: self.chance.randrange(3)]
            stored = self.pipeline.commit(job, *texts)
            if stored.send_job:
                self.orders.append(stored.send_job)
        for order in self.orders:
            if self.chance.random() < 0.15:
                continue  # killed between B and C
            done = self.pipeline.complete(order, self.outcome(order))
            if done.send_job:
                self.pipeline.complete(done.send_job, self.outcome(done.send_job))
        self.orders = []

    def outcome(self, order: Any) -> Any:
        self.pipeline.clock.pass_seconds(self.chance.random())
        return self.chance.choice(
            [
                *[SendSuccess(f"wamid.out.{order.key}")] * 5,
                SendRefusal(Blame.NEVER, "131026", "no"),
                SendRefusal(Blame.TRANSIENT, "131000", "later"),
                UnknownOutcome("reset"),
            ]
        )

    def receipt(self) -> None:
        sends = [m for m in self.pipeline.list_messages() if m.key and m.key.startswith("bx")]
        if not sends:
            return
        message, at = self.chance.choice(sends), self.pipeline.clock() // 1000 * 1000
        words = self.chance.sample(["sent", "delivered", "read", "failed"], 2)
        provider_id = message.provider_id or f"wamid.out.{message.key}"
        code = self.chance.choice(["131026", "470"])
        self.pipeline.ingest(*(Status(provider_id, word, at, message.key, error_code=code) for word in words))

    def redrive(self) -> None:
        ids = [m.id for m in (*self.pipeline.list_messages(), *self.pipeline.list_messages("in"))]
        for each in self.chance.sample(ids, min(5, len(ids))):
            self.pipeline.write(lambda session, i=each: redrive.retry(session, i, self.pipeline.clock()))


@pytest.mark.parametrize("seed", range(4))
def test_whatever_happens_every_number_equals_the_rows(pipeline: Pipeline, seed: int):
    RandomTraffic(pipeline, seed).run(60)
    expected = count_rows(pipeline)
    assert expected["received"]
    assert expected["sent"]
    for span in rollup.SPAN_MINUTES:
        assert sum_metrics(pipeline, span).to_row()["counts"] == expected
    connection = (pipeline.connection_id, ANY, ANY, ANY_COMMAND)
    assert sum_metrics(pipeline, 15, connection).to_row()["counts"] == expected
    while fold(pipeline):
        pass
    assert compact(pipeline, pipeline.clock() + 1)
    assert sum_metrics(pipeline, 40_320).to_row()["counts"] == expected
    assert list(RollupRebuild(pipeline.database, pipeline.clock()).check()) == []


def test_answers_count_for_the_brain_version_and_command_that_gave_them(pipeline: Pipeline):
    brain = pipeline.create_brain({"commands": []})
    with pipeline.database.read() as session:
        version = session.execute(text("SELECT live_version_id FROM brain")).scalar_one()
    pipeline.ingest(build_inbound(1, pipeline.clock))
    job = pipeline.claim().jobs[0]
    pipeline.clock.pass_seconds(1)
    run = {"brain_id": brain, "version_id": version, "command_id": "c_hi"}
    stored = pipeline.commit(job, "a", run=run)
    assert stored.send_job
    pipeline.clock.pass_seconds(2)
    pipeline.complete(stored.send_job, SendSuccess("wamid.out.1"))
    fold(pipeline)
    for key in (
        (brain, ANY, ANY_COMMAND),
        (brain, version, "c_hi"),
        (brain, ANY, "c_hi"),
        (brain, version, ANY_COMMAND),
    ):
        for where in (ANY, pipeline.connection_id):
            tally = sum_metrics(pipeline, 1440, (where, *key))
            assert tally.counts == {"created": 1, "sent": 1, "run_answered": 1}
            assert tally.times == {"sent": {rollup.get_bucket(3000): 1}, "run_answered": {0: 1}}


def test_calls_of_language_models_count_with_their_tokens(pipeline: Pipeline):
    brain = pipeline.create_brain()
    ledger = DatabaseUsageLedger(pipeline.database)
    for status in ("ok", "timeout"):
        record = {"provider": "P", "model": "m", "prompt": "", "messages": [], "answer": "", "status": status}
        facts = {
            "error": "",
            "tokens_in": 7,
            "tokens_out": 3,
            "latency_ms": 900,
            "created_at": pipeline.clock(),
        }
        spent = {"cost": 1_240_001, "currency": "EUR"} if status == "ok" else {}
        ledger.record_call(AiRecord(brain_id=brain, message_id=None, **record, **facts, **spent))
    for cost, currency in ((9, "USD"), (2**40, "USD"), (0, "USD")):
        ledger.record_call(
            AiRecord(brain, None, "P", "m", "", [], "", "ok", "", 0, 0, 900, pipeline.clock(), cost, currency)
        )
    tally = sum_metrics(pipeline, 15, (ANY, brain, ANY, ANY_COMMAND))
    assert tally.counts == {
        "ai_calls:P/m": 5,
        "tokens_in:P/m": 14,
        "tokens_out:P/m": 6,
        "ai_failed:timeout": 1,
        "cost:EUR": 1_240_001,
        "cost:USD": 2**40 + 9,
    }
    assert tally.counts == count_rows(pipeline)
    assert tally.times == {"ai_calls": {rollup.get_bucket(900): 5}}
    pipeline.write(lambda session: session.execute(delete(AiCall).where(AiCall.currency == "USD")))
    assert (
        sum_metrics(pipeline, 15, (ANY, brain, ANY, ANY_COMMAND)).to_row()["counts"]
        == tally.to_row()["counts"]
    )
    assert list(RollupRebuild(pipeline.database, pipeline.clock()).check()) == []


def test_deleted_rows_stay_counted_and_a_rebuild_keeps_them(pipeline: Pipeline):
    RandomTraffic(pipeline, 9).run(40)
    before = sum_metrics(pipeline, 1440).to_row()
    pipeline.write(lambda session: session.execute(delete(Run)))
    pipeline.write(lambda session: session.execute(delete(Attempt)))
    pipeline.write(lambda session: session.execute(delete(Message).where(Message.direction == "out")))
    assert sum_metrics(pipeline, 1440).to_row() == before
    recount = RollupRebuild(pipeline.database, pipeline.clock())
    assert list(recount.check()) == []
    list(recount.rebuild())
    assert sum_metrics(pipeline, 1440).to_row() == before
    assert list(recount.check()) == []


def test_a_rebuild_mends_lost_and_wrong_numbers_in_every_span(pipeline: Pipeline):
    RandomTraffic(pipeline, 5).run(40)
    expected = {span: sum_metrics(pipeline, span).to_row() for span in rollup.SPAN_MINUTES}
    pipeline.write(lambda session: session.execute(delete(RollupDelta)))
    pipeline.write(lambda session: session.execute(delete(Rollup).where(Rollup.span != 40_320)))
    recount = RollupRebuild(pipeline.database, pipeline.clock())
    assert list(recount.check())
    list(recount.rebuild())
    assert {span: sum_metrics(pipeline, span).to_row() for span in rollup.SPAN_MINUTES} == expected
    assert list(recount.check()) == []


@pytest.mark.parametrize("quiet", [0, 10_000])
def test_a_rebuild_mends_days_that_are_packed(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch, quiet: int
):
    monkeypatch.setattr(rebuild, "MAX_DAY_ROWS", quiet)  # by the hour, and by the day
    monkeypatch.setattr(rebuild, "EXPAND_BATCH_SIZE", 1)
    monkeypatch.setattr(rebuild, "COMPACT_BATCH_SIZE", 3)
    RandomTraffic(pipeline, 6).run(40)
    pipeline.write(lambda session: session.execute(delete(Run)))
    expected = {span: sum_metrics(pipeline, span).to_row() for span in rollup.SPAN_MINUTES[1:]}
    while fold(pipeline):
        pass
    later = pipeline.clock() + 3 * DAY_MS
    compact(pipeline, later)
    pipeline.write(lambda session: session.execute(update(Rollup).values(counts={"received": 7})))
    recount = RollupRebuild(pipeline.database, later)
    assert list(recount.check())
    list(recount.rebuild())
    assert list(recount.check()) == []
    assert {span: sum_metrics(pipeline, span).to_row() for span in rollup.SPAN_MINUTES[1:]} == expected


def test_a_packed_day_is_unpacked_in_pieces_while_every_number_stays(pipeline: Pipeline):
    RandomTraffic(pipeline, 7).run(40)
    while fold(pipeline):
        pass
    before = pipeline.clock() + DAY_MS
    while compact(pipeline, before - before % DAY_MS):
        pass
    expected = {span: sum_metrics(pipeline, span).to_row() for span in rollup.SPAN_MINUTES[1:]}
    days = select(Rollup.at).where(Rollup.span == rollup.SPAN_MINUTES[2]).distinct()
    with pipeline.database.engine.connect() as db:
        packed = list(db.scalars(days))
    assert packed
    for day in packed:
        while pipeline.database.writer.run(lambda db, day=day: compaction.expand(db, day, 1)):
            assert {
                span: sum_metrics(pipeline, span).to_row() for span in rollup.SPAN_MINUTES[1:]
            } == expected
    with pipeline.database.engine.connect() as db:
        assert list(db.scalars(days)) == []
    while compact(pipeline, before - before % DAY_MS):
        assert {span: sum_metrics(pipeline, span).to_row() for span in rollup.SPAN_MINUTES[1:]} == expected
    assert list(RollupRebuild(pipeline.database, pipeline.clock()).check()) == []


def test_minutes_are_forgotten_after_two_days_and_quarter_hours_never(pipeline: Pipeline):
    pipeline.ingest(build_inbound(1, pipeline.clock))
    fold(pipeline)
    pipeline.clock.pass_seconds(8 * 86_400)
    pipeline.ingest(build_inbound(2, pipeline.clock))
    fold(pipeline)
    assert pipeline.database.writer.run(lambda db: rollup.prune(db, pipeline.clock(), 500)) == 2
    assert pipeline.database.writer.run(lambda db: rollup.prune(db, pipeline.clock(), 500)) == 0
    assert sum_metrics(pipeline, 1).counts == {"received": 1}
    assert sum_metrics(pipeline, 15).counts == {"received": 2}
    assert list(RollupRebuild(pipeline.database, pipeline.clock()).check()) == []


@pytest.mark.parametrize("value", [1, 2, 9, 30, 1234, 86_400_000])
def test_a_bucket_is_within_five_percent_of_what_is_in_it(value: int):
    assert abs(rollup.get_bucket_midpoint(rollup.get_bucket(value)) / value - 1) <= 0.051


def test_all_migrations_leave_the_triggers_the_tables_come_with(database_url: str, settings: Settings):
    app = create_app(settings.model_copy(update={"database_url": database_url}))
    init_migrations(app)
    services = app.extensions["services"]
    with app.app_context():
        upgrade()
    migrated = _triggers(services.database.engine)
    assert len(migrated) == sum(2 + bool(source.watched_columns) for source in SOURCES)
    with services.database.engine.connect().execution_options(writer=True) as db:
        uncounted(db)
        for source in SOURCES:
            for statement in build_triggers(source, db.dialect.name):
                db.exec_driver_sql(statement)
        db.commit()
    assert _triggers(services.database.engine) == migrated
    services.database.writer.close()
    services.database.engine.dispose()


def test_calls_counted_without_their_cost_are_so_again_on_the_way_down(database_url: str, settings: Settings):
    app = create_app(settings.model_copy(update={"database_url": database_url}))
    init_migrations(app)
    database = app.extensions["services"].database
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
