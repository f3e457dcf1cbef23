"""Statistics equal what anybody would count from the rows, in every step, scope and zone."""

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from app.bot import packing, rollups
from app.bot.models import Chat, Connection, Contact, Fault, Message, Run, Worker
from app.brains.ai.models import AiCall
from app.brains.models import Brain, BrainVersion
from app.realtime import statistics
from app.realtime.ranges import DAY, HOUR, Range, choose
from app.realtime.statistics import NoBrainNamed, Scope
from app.writer import Database
from tests.conftest import Clock

SENT = ("sent", "delivered", "read", "played")
STATES = (*SENT, "queued", "sending", "failed", "dead", "unknown", "held")
COMMANDS = ("c_a", "c_b", "c_c")
ZONES = ("Europe/Berlin", "Asia/Kolkata", "Africa/Accra", "Asia/Kathmandu")


@dataclass(frozen=True)
class Shop:
    """Two connections, a brain with two versions, and months of random messages."""

    database: Database
    connections: Sequence[int]
    brain: int
    versions: Sequence[int]
    now: int

    def sent(self) -> list[Message]:
        with self.database.read() as session:
            return list(session.scalars(select(Message).where(Message.direction == "out")))

    def read(self, job: Any) -> Any:
        with self.database.read() as session:
            return job(session)


@pytest.fixture
def shop(database: Database, clock: Clock) -> Shop:
    def make(session: Session) -> Shop:
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
        made = Shop(database, [n.id for n in numbers], brain.id, [v.id for v in versions], clock())
        _fill(session, made)
        return made

    made = database.write(make)
    database.writer.submit(rollups.fold, clock()).result()
    while database.writer.run(lambda db: packing.pack(db, packing.loose_since(clock()), 50)):
        pass
    # What comes now is not added up yet, and some of it changes days that are packed.
    database.write(lambda session: _fill(session, made, 20))
    return made


def _fill(session: Session, shop: Shop, n: int = 400) -> None:
    chance = random.Random(n)
    chats: dict[int, int] = {}
    for connection_id in shop.connections:
        contact = Contact(connection_id=connection_id, phone=f"1{n}", created_at=1)
        session.add(contact)
        session.flush()
        chat = Chat(connection_id=connection_id, contact_id=contact.id, last_message_at=1, created_at=1)
        session.add(chat)
        session.flush()
        chats[connection_id] = chat.id
    rows = [_row(chance, shop, chats) for _ in range(n)]
    session.execute(insert(Message), sorted(rows, key=lambda row: row["created_at"]))


def _row(chance: random.Random, shop: Shop, chats: dict[int, int]) -> dict[str, Any]:
    connection_id = chance.choice(shop.connections)
    created, state = shop.now - int(chance.random() ** 3 * 200 * DAY), chance.choice(STATES)
    accepted = created + int(math.exp(chance.gauss(6, 1))) if state in SENT else None
    return {
        "connection_id": connection_id,
        "chat_id": chats[connection_id],
        "direction": "out",
        "kind": "text",
        "state": state,
        "payload": {},
        "author": "brain",
        "brain_id": shop.brain,
        "version_id": chance.choice(shop.versions),
        "command_id": chance.choice(COMMANDS),
        "error_code": chance.choice(["131026", "131047"]) if state in {"failed", "dead"} else None,
        "created_at": created,
        "asked_at": created,
        "accepted_at": accepted,
    }


def scopes(shop: Shop) -> list[tuple[Scope, dict[str, Any]]]:
    one = {"connection_id": shop.connections[0]}
    subjects: list[dict[str, Any]] = [
        {},
        {"brain_id": shop.brain},
        {"brain_id": shop.brain, "version_id": shop.versions[0]},
        {"brain_id": shop.brain, "command_id": "c_a"},
        {"brain_id": shop.brain, "version_id": shop.versions[1], "command_id": "c_b"},
    ]
    return [(Scope(**where, **subject), where | subject) for where in ({}, one) for subject in subjects]


def fits(message: Message, where: dict[str, Any]) -> bool:
    return all(getattr(message, name) == value for name, value in where.items())


@pytest.mark.parametrize("length", [HOUR, 10 * HOUR, 3 * DAY, 40 * DAY, 200 * DAY])
def test_every_scope_and_step_equals_a_count_of_the_rows(shop: Shop, length: int):
    messages = shop.sent()
    for scope, where in scopes(shop):
        made = choose(shop.now - length, shop.now + 1, "Asia/Kathmandu", shop.now)
        report = shop.read(lambda session, s=scope, r=made: statistics.report(session, r, s))
        inside = [m for m in messages if made.edges[0] <= m.created_at < made.edges[-1] and fits(m, where)]
        for place, point in enumerate(report.points):
            start, end = made.edges[place : place + 2]
            assert point.count("created") == sum(start <= m.created_at < end for m in inside)
        assert report.total.count("sent") == sum(m.state in SENT for m in inside)
        assert report.total.by_label("failed") == _codes(inside, "failed")
        assert shop.read(lambda session, s=scope, r=made: statistics.total(session, r, s)) == report.total


def _codes(messages: Sequence[Message], state: str) -> dict[str, int]:
    found = [m.error_code or "" for m in messages if m.state == state]
    return {
        code: found.count(code) for code in sorted(set(found), key=lambda code: (-found.count(code), code))
    }


@pytest.mark.parametrize("zone", ZONES)
def test_days_are_those_of_the_zone(shop: Shop, zone: str):
    made = Range(shop.now - 90 * DAY, shop.now + 1, zone, "day")
    report = shop.read(lambda session: statistics.report(session, made))
    of = ZoneInfo(zone)
    days = [datetime.fromtimestamp(m.created_at / 1000, of).date() for m in shop.sent()]
    for start, point in zip(made.starts, report.points, strict=True):
        assert point.count("created") == days.count(datetime.fromtimestamp(start / 1000, of).date())


def test_percentiles_are_within_five_percent_of_exact(shop: Shop):
    made = Range(shop.now - 250 * DAY, shop.now + 1, "Europe/Berlin", "week")
    report = shop.read(lambda session: statistics.report(session, made))
    exact = sorted(m.accepted_at - m.asked_at for m in shop.sent() if m.state in SENT)
    for part in (0.5, 0.95, 0.99):
        true = exact[math.ceil(part * len(exact)) - 1]
        found = report.total.response_ms(part)
        assert found is not None
        assert abs(found / true - 1) <= 0.05


def test_rates_are_of_what_is_settled_and_none_where_nothing_is(shop: Shop):
    made = Range(shop.now - 250 * DAY, shop.now + 1, "Africa/Accra", "month")
    found = shop.read(lambda session: statistics.total(session, made))
    states = [m.state for m in shop.sent()]
    settled = sum(state in {*SENT, "failed", "dead"} for state in states)
    delivered = sum(state in SENT[1:] for state in states)
    assert found.delivery_rate == delivered / settled
    assert found.read_rate == sum(state in SENT[2:] for state in states) / delivered
    assert found.failure_rate == sum(state in {"failed", "dead"} for state in states) / settled
    empty = Range(shop.now - 900 * DAY, shop.now - 890 * DAY, "Africa/Accra", "day")
    nothing = shop.read(lambda session: statistics.total(session, empty))
    assert (nothing.delivery_rate, nothing.read_rate, nothing.response_ms(0.5), nothing.runs) == (
        None,
        None,
        None,
        0,
    )


def test_the_commands_of_a_brain_stand_with_runs_last_run_and_fault(shop: Shop):
    def run(session: Session) -> None:
        message = session.scalars(select(Message).limit(1)).one()
        facts = {"message_id": message.id, "chat_id": message.chat_id, "brain_id": shop.brain, "trace": {}}
        for command, outcome, kind in (
            ("c_a", "answered", None),
            ("c_a", "failed", "limit"),
            ("c_b", "silent", None),
        ):
            row = {
                "command_id": command,
                "outcome": outcome,
                "fault": kind,
                "created_at": shop.now,
                "micros": 900,
            }
            session.add(Run(**facts, **row))
        seen = {"count": 1, "first_at": 1, "last_at": shop.now, "fingerprint": "f", "excerpt": []}
        session.add(Fault(brain_id=shop.brain, command_id="c_a", kind="limit", message="Too much.", **seen))

    made = Range(shop.now - 30 * DAY, shop.now + 1, "Africa/Accra", "day")
    shop.database.write(run)
    minute = shop.now - shop.now % 60_000
    for _ in range(2):
        lines = shop.read(lambda session: statistics.commands(session, made, Scope(brain_id=shop.brain)))
        assert [(line.command_id, line.numbers.runs) for line in lines] == [
            ("c_a", 2),
            ("c_b", 1),
            ("c_c", 0),
        ]
        assert lines[0].numbers.by_label("run_failed") == {"limit": 1}
        assert lines[0].fault
        assert [line.last_run_at for line in lines[:2]] == [minute, minute]
        shop.database.writer.submit(rollups.fold, shop.now).result()


def test_what_the_ai_cost_equals_the_rows(shop: Shop):
    chance = random.Random(3)
    facts = {"brain_id": shop.brain, "provider": "p", "model": "m", "messages": [], "status": "ok"}
    prices = [(None, ""), (0, "USD"), (312, "USD"), (10**13, "USD"), (7, "EUR")]

    def call() -> AiCall:
        cost, currency = chance.choice(prices)
        at = shop.now - chance.randrange(90 * DAY)
        return AiCall(**facts, cost=cost, currency=currency, tokens_in=1, created_at=at)

    calls = [call() for _ in range(120)]
    spent = [(each.created_at, each.cost or 0, each.currency) for each in calls]
    shop.database.write(lambda session: session.add_all(calls))
    made = Range(shop.now - 60 * DAY, shop.now + 1, "Asia/Kathmandu", "day")
    for _ in range(2):
        for scope in (Scope(), Scope(brain_id=shop.brain)):
            report = shop.read(lambda session, s=scope: statistics.report(session, made, s))
            for place, point in enumerate(report.points):
                start, end = made.edges[place : place + 2]
                inside = [(code, cost) for at, cost, code in spent if start <= at < end]
                sums = {code: sum(cost for each, cost in inside if each == code) for code in ("EUR", "USD")}
                assert point.by_label("cost") == {code: cost for code, cost in sums.items() if cost}
        while shop.database.writer.submit(rollups.fold, shop.now).result():
            pass


def test_a_command_needs_its_brain():
    with pytest.raises(NoBrainNamed):
        _ = Scope(command_id="c_a").key


def test_the_present_names_what_waits_and_who_works(shop: Shop):
    beat = {"pid": 1, "version": "1", "started_at": shop.now, "beat_at": shop.now}
    shop.database.write(lambda session: session.add(Worker(name="worker:w1", in_flight=3, **beat)))
    found = shop.read(lambda session: statistics.present(session, shop.now))
    open_ = sum(m.state in {"queued", "sending", "unknown"} for m in shop.sent())
    assert (found.waiting, found.unsent, found.in_flight, found.lag) == (0, open_, 3, 0)
    assert [each.name for each in found.connections] == ["A", "B"]
    assert [each["late"] for each in found.workers] == [False]
