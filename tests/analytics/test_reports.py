"""Statistics equal what anybody would count from the rows, in every step, scope and zone."""

import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from app.analytics import compaction, reports, rollup
from app.analytics.reports import BrainRequiredError, Scope
from app.analytics.time_ranges import TimeRange, build_range
from app.bot.models import Chat, CommandError, Connection, Contact, Message, Run, WorkerHeartbeat
from app.brains.ai.models import AiCall
from app.brains.versions.models import Brain, BrainVersion
from app.clock import DAY_MS, HOUR_MS
from app.db.engine import make_engine
from app.db.writer import Database
from tests.conftest import Clock, new_database
from tests.tables import create_tables

SENT = ("sent", "delivered", "read", "played")
STATES = (*SENT, "queued", "sending", "failed", "dead", "unknown", "held")
COMMANDS = ("c_a", "c_b", "c_c")
ZONES = ("Europe/Berlin", "Asia/Kolkata", "Africa/Accra", "Asia/Kathmandu")


@dataclass(frozen=True)
class RandomHistory:
    """Two connections, a brain with two versions, and months of random messages."""

    database: Database
    connections: Sequence[int]
    brain: int
    versions: Sequence[int]
    now: int

    def list_sent(self) -> list[Message]:
        with self.database.read() as session:
            return list(session.scalars(select(Message).where(Message.direction == "out")))

    def read(self, job: Any) -> Any:
        with self.database.read() as session:
            return job(session)


@pytest.fixture
def history(database: Database, clock: Clock) -> RandomHistory:
    """A history that the test may add to."""
    return _create_history(database, clock())


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def shared_history(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RandomHistory]:
    """A history for the tests that only read."""
    folder = tmp_path_factory.mktemp("history")
    with new_database(request, folder, request.param) as address:
        engine = make_engine(address)
        create_tables(engine)
        database = Database(engine, folder)
        yield _create_history(database, Clock().now)
        database.writer.close()
        engine.dispose()


def _create_history(database: Database, now: int) -> RandomHistory:
    def make(session: Session) -> RandomHistory:
        numbers = [
            Connection(name=name, channel="cloud", account=name, config={}, created_at=1)
            for name in ("A", "B")
        ]
        brain = Brain(slug="shop", title="Shop", draft={}, created_at=1, updated_at=1)
        session.add_all([*numbers, brain])
        session.flush()
        versions = [
            BrainVersion(brain_id=brain.id, number=n, hash="", document={}, created_at=1) for n in (1, 2)
        ]
        session.add_all(versions)
        session.flush()
        made = RandomHistory(database, [n.id for n in numbers], brain.id, [v.id for v in versions], now)
        _fill(session, made)
        return made

    made = database.write(make)
    database.writer.submit(rollup.fold, now).result()
    while database.writer.run(lambda db: compaction.compact(db, compaction.get_compaction_cutoff(now), 50)):
        pass
    # What comes now is not added up yet, and some of it changes days that are packed.
    database.write(lambda session: _fill(session, made, 20))
    return made


def _fill(session: Session, history: RandomHistory, n: int = 400) -> None:
    chance = random.Random(n)
    chats: dict[int, int] = {}
    for connection_id in history.connections:
        contact = Contact(connection_id=connection_id, phone=f"1{n}", created_at=1)
        session.add(contact)
        session.flush()
        chat = Chat(connection_id=connection_id, contact_id=contact.id, last_message_at=1, created_at=1)
        session.add(chat)
        session.flush()
        chats[connection_id] = chat.id
    rows = [_build_row(chance, history, chats) for _ in range(n)]
    session.execute(insert(Message), sorted(rows, key=lambda row: row["created_at"]))


def _build_row(chance: random.Random, history: RandomHistory, chats: dict[int, int]) -> dict[str, Any]:
    connection_id = chance.choice(history.connections)
    created, state = history.now - int(chance.random() ** 3 * 200 * DAY_MS), chance.choice(STATES)
    accepted = created + int(math.exp(chance.gauss(6, 1))) if state in SENT else None
    return {
        "connection_id": connection_id,
        "chat_id": chats[connection_id],
        "direction": "out",
        "kind": "text",
        "state": state,
        "payload": {},
        "author": "brain",
        "brain_id": history.brain,
        "version_id": chance.choice(history.versions),
        "command_id": chance.choice(COMMANDS),
        "error_code": chance.choice(["131026", "131047"]) if state in {"failed", "dead"} else None,
        "created_at": created,
        "asked_at": created,
        "accepted_at": accepted,
    }


def list_scopes(history: RandomHistory) -> list[tuple[Scope, dict[str, Any]]]:
    one = {"connection_id": history.connections[0]}
    subjects: list[dict[str, Any]] = [
        {},
        {"brain_id": history.brain},
        {"brain_id": history.brain, "version_id": history.versions[0]},
        {"brain_id": history.brain, "command_id": "c_a"},
        {"brain_id": history.brain, "version_id": history.versions[1], "command_id": "c_b"},
    ]
    return [(Scope(**where, **subject), where | subject) for where in ({}, one) for subject in subjects]


def matches(message: Message, where: dict[str, Any]) -> bool:
    return all(getattr(message, name) == value for name, value in where.items())


@pytest.mark.parametrize("length", [HOUR_MS, 10 * HOUR_MS, 3 * DAY_MS, 40 * DAY_MS, 200 * DAY_MS])
def test_every_scope_and_step_equals_a_count_of_the_rows(shared_history: RandomHistory, length: int):
    messages = shared_history.list_sent()
    for scope, where in list_scopes(shared_history):
        made = build_range(
            shared_history.now - length, shared_history.now + 1, "Asia/Kathmandu", shared_history.now
        )
        report = shared_history.read(lambda session, s=scope, r=made: reports.build_report(session, r, s))
        inside = [m for m in messages if made.edges[0] <= m.created_at < made.edges[-1] and matches(m, where)]
        for place, point in enumerate(report.points):
            start, end = made.edges[place : place + 2]
            assert point.count("created") == sum(start <= m.created_at < end for m in inside)
        assert report.total.count("sent") == sum(m.state in SENT for m in inside)
        assert report.total.count_by_label("failed") == _count_codes(inside, "failed")
        assert (
            shared_history.read(lambda session, s=scope, r=made: reports.compute_total(session, r, s))
            == report.total
        )


@pytest.mark.parametrize("length", [HOUR_MS, 10 * HOUR_MS, 3 * DAY_MS, 40 * DAY_MS, 200 * DAY_MS])
def test_an_excluded_connection_is_in_no_number(history: RandomHistory, length: int):
    first, second = history.connections
    made = build_range(history.now - length, history.now + 1, "Asia/Kathmandu", history.now)
    for scope, where in list_scopes(history):
        if "connection_id" in where:
            continue
        without, other = replace(scope, excluded=(first,)), replace(scope, connection_id=second)
        found, alone = (
            history.read(lambda session, s=each: reports.build_report(session, made, s))
            for each in (without, other)
        )
        total = history.read(lambda session, s=without: reports.compute_total(session, made, s))
        for one, wanted in zip(
            (*found.points, found.total, total), (*alone.points, alone.total, alone.total), strict=True
        ):
            assert one.sums.to_row() == wanted.sums.to_row()
            assert one.compute_response_ms(0.95) == wanted.compute_response_ms(0.95)
    subject = Scope(brain_id=history.brain, excluded=(first,))
    lines, wanted = (
        history.read(lambda session, s=each: reports.list_command_stats(session, made, s))
        for each in (subject, Scope(second, history.brain))
    )
    assert {line.command_id: line.summary.count("created") for line in lines} == {
        line.command_id: line.summary.count("created") for line in wanted
    }
    chosen = Scope(first, excluded=(first,))
    assert (
        history.read(lambda session: reports.compute_total(session, made, chosen)).sums.counts
        or length == HOUR_MS
    )


def _count_codes(messages: Sequence[Message], state: str) -> dict[str, int]:
    found = [m.error_code or "" for m in messages if m.state == state]
    return {
        code: found.count(code) for code in sorted(set(found), key=lambda code: (-found.count(code), code))
    }


@pytest.mark.parametrize("zone", ZONES)
def test_days_are_those_of_the_zone(shared_history: RandomHistory, zone: str):
    made = TimeRange(shared_history.now - 90 * DAY_MS, shared_history.now + 1, zone, "day")
    report = shared_history.read(lambda session: reports.build_report(session, made))
    of = ZoneInfo(zone)
    days = [datetime.fromtimestamp(m.created_at / 1000, of).date() for m in shared_history.list_sent()]
    for start, point in zip(made.starts, report.points, strict=True):
        assert point.count("created") == days.count(datetime.fromtimestamp(start / 1000, of).date())


def test_percentiles_are_within_five_percent_of_exact(shared_history: RandomHistory):
    made = TimeRange(shared_history.now - 250 * DAY_MS, shared_history.now + 1, "Europe/Berlin", "week")
    report = shared_history.read(lambda session: reports.build_report(session, made))
    exact = sorted(m.accepted_at - m.asked_at for m in shared_history.list_sent() if m.state in SENT)
    for part in (0.5, 0.95, 0.99):
        true = exact[math.ceil(part * len(exact)) - 1]
        found = report.total.compute_response_ms(part)
        assert found is not None
        assert abs(found / true - 1) <= 0.05


def test_rates_are_of_what_is_settled_and_none_where_nothing_is(shared_history: RandomHistory):
    made = TimeRange(shared_history.now - 250 * DAY_MS, shared_history.now + 1, "Africa/Accra", "month")
    found = shared_history.read(lambda session: reports.compute_total(session, made))
    states = [m.state for m in shared_history.list_sent()]
    settled = sum(state in {*SENT, "failed", "dead"} for state in states)
    delivered = sum(state in SENT[1:] for state in states)
    assert found.delivery_rate == delivered / settled
    assert found.read_rate == sum(state in SENT[2:] for state in states) / delivered
    assert found.failure_rate == sum(state in {"failed", "dead"} for state in states) / settled
    empty = TimeRange(
        shared_history.now - 900 * DAY_MS, shared_history.now - 890 * DAY_MS, "Africa/Accra", "day"
    )
    nothing = shared_history.read(lambda session: reports.compute_total(session, empty))
    assert (nothing.delivery_rate, nothing.read_rate, nothing.compute_response_ms(0.5), nothing.runs) == (
        None,
        None,
        None,
        0,
    )


def test_the_commands_of_a_brain_are_listed_with_runs_last_run_and_error(history: RandomHistory):
    def run(session: Session) -> None:
        message = session.scalars(select(Message).limit(1)).one()
        facts = {"message_id": message.id, "chat_id": message.chat_id, "brain_id": history.brain, "trace": {}}
        for command, outcome, kind in (
            ("c_a", "answered", None),
            ("c_a", "failed", "limit"),
            ("c_b", "silent", None),
        ):
            row = {
                "command_id": command,
                "outcome": outcome,
                "fault": kind,
                "created_at": history.now,
                "micros": 900,
            }
            session.add(Run(**facts, **row))
        seen = {"count": 1, "first_at": 1, "last_at": history.now, "fingerprint": "f", "excerpt": []}
        session.add(
            CommandError(brain_id=history.brain, command_id="c_a", kind="limit", message="Too much.", **seen)
        )

    made = TimeRange(history.now - 30 * DAY_MS, history.now + 1, "Africa/Accra", "day")
    history.database.write(run)
    minute = history.now - history.now % 60_000
    for _ in range(2):
        lines = history.read(
            lambda session: reports.list_command_stats(session, made, Scope(brain_id=history.brain))
        )
        assert [(line.command_id, line.summary.runs) for line in lines] == [
            ("c_a", 2),
            ("c_b", 1),
            ("c_c", 0),
        ]
        assert lines[0].summary.count_by_label("run_failed") == {"limit": 1}
        assert lines[0].error
        assert [line.last_run_at for line in lines[:2]] == [minute, minute]
        history.database.writer.submit(rollup.fold, history.now).result()


def test_what_the_ai_cost_equals_the_rows(history: RandomHistory):
    chance = random.Random(3)
    facts = {"brain_id": history.brain, "provider": "p", "model": "m", "messages": [], "status": "ok"}
    prices = [(None, ""), (0, "USD"), (312, "USD"), (10**13, "USD"), (7, "EUR")]

    def call() -> AiCall:
        cost, currency = chance.choice(prices)
        at = history.now - chance.randrange(90 * DAY_MS)
        return AiCall(**facts, cost=cost, currency=currency, tokens_in=1, created_at=at)

    calls = [call() for _ in range(120)]
    spent = [(each.created_at, each.cost or 0, each.currency) for each in calls]
    history.database.write(lambda session: session.add_all(calls))
    made = TimeRange(history.now - 60 * DAY_MS, history.now + 1, "Asia/Kathmandu", "day")
    for _ in range(2):
        for scope in (Scope(), Scope(brain_id=history.brain)):
            report = history.read(lambda session, s=scope: reports.build_report(session, made, s))
            for place, point in enumerate(report.points):
                start, end = made.edges[place : place + 2]
                inside = [(code, cost) for at, cost, code in spent if start <= at < end]
                sums = {code: sum(cost for each, cost in inside if each == code) for code in ("EUR", "USD")}
                assert point.count_by_label("cost") == {code: cost for code, cost in sums.items() if cost}
        while history.database.writer.submit(rollup.fold, history.now).result():
            pass


def test_a_command_needs_its_brain():
    with pytest.raises(BrainRequiredError):
        _ = Scope(command_id="c_a").key


def test_the_present_names_what_waits_and_who_works(history: RandomHistory):
    beat = {"pid": 1, "version": "1", "started_at": history.now, "beat_at": history.now}
    history.database.write(
        lambda session: session.add(WorkerHeartbeat(name="worker:w1", in_flight=3, **beat))
    )
    found = history.read(lambda session: reports.get_pipeline_status(session, history.now))
    open_ = sum(m.state in {"queued", "sending", "unknown"} for m in history.list_sent())
    assert (found.waiting, found.unsent, found.in_flight, found.lag_ms) == (0, open_, 3, 0)
    assert [each.name for each in found.connections] == ["A", "B"]
    assert [each["late"] for each in found.workers] == [False]
