"""The pages of the analytics: their numbers are those of the rows, whatever the period, the zone and the filters."""

import csv
import html
import io
import json
import random
import re
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from admin_browser import Browser
from sqlalchemy import insert, select, update

from app.accounts import Role, User
from app.admin import amounts
from app.bot.models import Chat, Connection, Contact, Fault, Message, Run
from app.brains import versions
from app.brains.ai.models import AiCall
from app.realtime.sharing import Sharing
from app.web import House

ZONE = "Asia/Kathmandu"
HOUR, DAY = 3_600_000, 86_400_000
SENT = ("sent", "delivered", "read")
FIELDS = ("direction", "connection_id", "brain_id", "version_id", "command_id", "state", "created_at")


@pytest.fixture
def rows(house: House, phone: Connection, brain: Any) -> list[Any]:
    """Store months of random messages and runs; returns the messages."""
    chance = random.Random(5)
    now = house.clock()

    def make(session: Any) -> list[Any]:
        session.execute(update(User).values(timezone=ZONE))
        contact = Contact(connection_id=phone.id, phone="15550100009", created_at=1)
        session.add(contact)
        session.flush()
        chat = Chat(connection_id=phone.id, contact_id=contact.id, last_message_at=1, created_at=1)
        session.add(chat)
        session.flush()
        made = [_message(chance, now, chat, brain) for _ in range(300)]
        session.execute(insert(Message), sorted(made, key=lambda row: row["created_at"]))
        answers = list(session.scalars(select(Message).where(Message.direction == "out")))
        session.execute(insert(Run), [_run(chance, answer, brain) for answer in answers])
        session.flush()
        return list(session.execute(select(*(getattr(Message, name) for name in FIELDS))))

    return house.database.write(make)


def _message(chance: random.Random, now: int, chat: Chat, brain: Any) -> dict[str, Any]:
    created, out = now - int(chance.random() ** 4 * 300 * DAY) - 1, chance.random() < 0.6
    state = chance.choice([*SENT, "failed", "dead"]) if out else "done"
    return {
        "connection_id": chat.connection_id,
        "chat_id": chat.id,
        "direction": "out" if out else "in",
        "provider_id": f"wamid.{chance.random()}",
        "kind": "text",
        "state": state,
        "payload": {},
        "text": "a secret of somebody",
        "author": "brain" if out else "person",
        "brain_id": brain.id if out else None,
        "version_id": brain.live_version_id if out else None,
        "command_id": chance.choice(["echo", "greet"]) if out else None,
        "error_code": "131026" if state in {"failed", "dead"} else None,
        "created_at": created,
        "asked_at": created if out else None,
        "accepted_at": created + chance.randrange(50, 4000) if out and state in SENT else None,
    }


def _run(chance: random.Random, answer: Message, brain: Any) -> dict[str, Any]:
    outcome = chance.choice(["answered", "answered", "silent", "failed"])
    return {
        "message_id": answer.id,
        "chat_id": answer.chat_id,
        "connection_id": answer.connection_id,
        "brain_id": brain.id,
        "version_id": brain.live_version_id,
        "command_id": answer.command_id,
        "outcome": outcome,
        "fault": "time" if outcome == "failed" else None,
        "trace": {},
        "micros": chance.randrange(200, 90_000),
        "created_at": answer.created_at,
    }


def data(browser: Browser, query: str = "") -> dict[str, Any]:
    return json.loads(browser.get(f"/analytics/data{query}").text)


def values(found: dict[str, Any], chart: str, label: str) -> list[Any]:
    lines = next(each["lines"] for each in found["charts"] if each["id"] == chart)
    return next(line["values"] for line in lines if line["label"] == label)


def figure(page: str, name: str) -> str:
    found = re.search(rf'id="figure-{name}".*?figure-value">([^<]+)<', page, re.DOTALL)
    assert found, name
    return html.unescape(found.group(1))


def days_of_the_zone(now: int, days: int) -> list[tuple[int, int]]:
    zone = ZoneInfo(ZONE)
    today = datetime.fromtimestamp(now / 1000, zone).replace(hour=0, minute=0, second=0, microsecond=0)
    starts = [today - timedelta(days=days - 1 - n) for n in range(days + 1)]
    moments = [int(start.timestamp() * 1000) for start in starts]
    return list(pairwise(moments))


def within(rows: Sequence[Any], since: int, until: int, **wanted: Any) -> list[Any]:
    inside = [row for row in rows if since <= row.created_at < until]
    return [row for row in inside if all(getattr(row, name) == value for name, value in wanted.items())]


def test_an_empty_board_says_so_and_leads_on(owner: Browser):
    page = owner.get("/analytics/").text
    assert "Nothing happened in this time" in page
    assert 'href="/simulator/"' in page
    assert figure(page, "received") == "0"
    assert figure(page, "delivered") == "–"
    assert 'aria-current="page"' in page


def test_the_steps_are_days_of_the_operators_zone(owner: Browser, house: House, rows: list[Any]):
    found = data(owner, "?range=month")
    spans = days_of_the_zone(house.clock(), 30)
    assert found["labels"][-1] == datetime.now(ZoneInfo(ZONE)).strftime("%a %-d %b %Y")
    assert values(found, "messages", "Received") == [len(within(rows, *at, direction="in")) for at in spans]
    sent = [len([row for row in within(rows, *at, direction="out") if row.state in SENT]) for at in spans]
    assert values(found, "messages", "Sent") == sent
    assert sum(sent) > 10
    assert found["unfinished"] is True


@pytest.mark.parametrize(("period", "days"), [("week", 7), ("month", 30), ("quarter", 90)])
def test_the_figures_equal_a_recount(owner: Browser, house: House, rows: list[Any], period: str, days: int):
    page = owner.get(f"/analytics/?range={period}").text
    (since, _), *_, (_, until) = days_of_the_zone(house.clock(), days)
    inside = within(rows, since, until)
    out = [row for row in inside if row.direction == "out"]
    sent = [row for row in out if row.state in SENT]
    got = [row for row in sent if row.state in {"delivered", "read"}]
    failed = [row for row in out if row.state in {"failed", "dead"}]
    assert figure(page, "received") == f"{len(inside) - len(out):,}"
    assert figure(page, "sent") == f"{len(sent):,}"
    assert figure(page, "failed") == f"{len(failed):,}"
    assert figure(page, "delivered") == f"{100 * len(got) / len(out):.1f} %"
    assert (
        figure(page, "read") == f"{100 * len([row for row in got if row.state == 'read']) / len(got):.1f} %"
    )


@pytest.mark.usefixtures("rows")
def test_page_and_data_say_the_same(owner: Browser):
    page, found = owner.get("/analytics/?range=week&compare=yes").text, data(owner, "?range=week&compare=yes")
    for name in (
        "received",
        "sent",
        "answered",
        "p50",
        "p95",
        "p99",
        "delivered",
        "read",
        "failed",
        "errors",
    ):
        assert figure(page, name) == figure(found["top"], name)
    for chart in found["charts"]:
        table = page.split(f'id="chart-{chart["id"]}"')[1].split("</table>")[0]
        cells = [html.unescape(cell) for cell in re.findall(r"<td>([^<]*)</td>", table)]
        columns = [line[which] for line in chart["lines"] for which in ("values", "before")]
        wanted = [
            amounts.said(chart["unit"], column[at] if at < len(column) else None)
            for at in range(len(found["labels"]))
            for column in columns
        ]
        assert cells == wanted
    assert "in the period before" in page


def spend(house: House, brain: Any, *costs: tuple[int | None, str], ago: int = 0) -> None:
    facts = {
        "brain_id": brain.id,
        "provider": "p",
        "model": "m",
        "messages": [],
        "status": "ok",
        "tokens_in": 7,
    }
    at = house.clock() - ago
    rows = [AiCall(**facts, cost=cost, currency=currency, created_at=at) for cost, currency in costs]
    house.database.write(lambda session: session.add_all(rows))


def test_what_the_ai_cost_is_told_by_currency(owner: Browser, house: House, brain: Any):
    spend(house, brain, (None, ""))
    page = owner.get("/analytics/?range=month").text
    assert figure(page, "cost") == "–"
    assert "No prices known: Settings &gt; AI" in page
    spend(house, brain, (1_000_000, "USD"), (235_000, "USD"), (None, ""))
    spend(house, brain, (617_500, "USD"), ago=31 * DAY)
    page = owner.get("/analytics/?range=month&compare=yes").text
    assert figure(page, "cost") == "$1.24"
    assert "No prices known" not in page
    assert "$0.62 in the period before" in page
    assert sum(values(data(owner, "?range=month"), "cost", "USD")) == 1_235_000
    assert "<td>1.235000</td>" in page
    spend(house, brain, (4_000_000, "EUR"))
    page = owner.get("/analytics/?range=month&compare=yes").text
    assert figure(page, "cost") == "4.00 EUR · 1.24 USD"
    assert "$0.62 in the period before" not in page
    lines = table(owner.get("/analytics/export/steps.csv?range=month").text)
    assert [lines[-1][name] for name in ("cost_EUR", "cost_USD")] == ["4.000000", "1.235000"]
    assert lines[0]["cost_USD"] == "0.000000"
    assert 'id="figure-cost"' not in owner.get("/analytics/brains/demo/commands/echo").text


def test_filters_leave_out_the_rest(
    owner: Browser, house: House, phone: Connection, brain: Any, rows: list[Any]
):
    (since, _), *_, (_, until) = days_of_the_zone(house.clock(), 30)
    greeted = within(rows, since, until, command_id="greet")
    sent = len([row for row in greeted if row.state in SENT])
    at = f"?range=month&brain={brain.id}&command=greet&version=1"
    assert sum(values(data(owner, at), "messages", "Sent")) == sent
    assert figure(data(owner, at)["top"], "runs") == str(len(greeted))
    assert (
        owner.get(f"/analytics/{at}").location
        == "/analytics/brains/demo/commands/greet?range=month&version=1"
    )
    of_phone = data(owner, f"?range=month&connection={phone.id}")
    assert sum(values(of_phone, "messages", "Received")) == len(within(rows, since, until, direction="in"))
    assert sum(values(data(owner, f"?range=month&connection={phone.id + 1}"), "messages", "Received")) == 0
    assert "tokens" not in {chart["id"] for chart in of_phone["charts"]}
    assert figure(owner.get("/analytics/brains/demo").text, "runs").isdecimal()
    assert owner.get("/analytics/?brain=999").status_code == 422


def test_commands_are_listed_by_use_and_have_a_page(
    owner: Browser, house: House, rows: list[Any], brain: Any
):
    (since, _), *_, (_, until) = days_of_the_zone(house.clock(), 30)
    ran = {name: len(within(rows, since, until, command_id=name)) for name in ("echo", "greet")}
    listed = re.findall(
        r'id="used-\d+-(\w+)".*?<meter[^>]* value="(\d+)"', data(owner, "?range=month")["below"], re.DOTALL
    )
    assert {name: int(runs) for name, runs in listed} == ran
    assert [int(runs) for _, runs in listed] == sorted(ran.values(), reverse=True)
    fault = {"fingerprint": "f", "kind": "time", "message": "It took too long.", "excerpt": [], "count": 7}
    house.database.write(
        lambda s: s.add(Fault(brain_id=brain.id, command_id="echo", first_at=1, last_at=until, **fault))
    )
    page = owner.get("/analytics/brains/demo/commands/echo?range=month").text
    assert figure(page, "runs") == str(ran["echo"])
    assert "It took too long." in page
    assert "7 times" in page
    assert 'id="tried-1"' in page
    assert 'href="/brains/demo/commands/echo"' in page
    assert "Last run" in page
    gone = owner.get("/analytics/brains/demo/commands/gone").text
    assert "Removed command" in gone
    assert "No run in this time" in gone


@pytest.mark.parametrize(
    "dates",
    [
        "",
        "&from=2026-03-01",
        "&from=2026-03-02&to=2026-03-01",
        "&from=x&to=y",
        "&from=3000-01-01&to=3000-02-01",
    ],
)
def test_wrong_dates_are_told_and_kept(owner: Browser, dates: str):
    answer = owner.get(f"/analytics/?range=custom{dates}")
    assert answer.status_code == 200
    assert "Choose two dates" in answer.text
    for date in re.findall(r"=(\d{4}-\d\d-\d\d)", dates):
        assert f'value="{date}"' in answer.text


def test_days_chosen_by_hand_are_whole_days(owner: Browser, house: House, rows: list[Any]):
    spans = days_of_the_zone(house.clock(), 60)[:40]
    zone = ZoneInfo(ZONE)
    first, last = (datetime.fromtimestamp(at[0] / 1000, zone).date() for at in (spans[0], spans[-1]))
    found = data(owner, f"?range=custom&from={first}&to={last}")
    wanted = [len(within(rows, *at, direction="in")) for at in spans]
    assert values(found, "messages", "Received") == wanted
    assert found["unfinished"] is False


def table(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text.lstrip("\ufeff"))))


def test_a_table_of_steps_has_every_number(owner: Browser, house: House, rows: list[Any]):
    answer = owner.get("/analytics/export/steps.csv?range=month")
    lines = table(answer.text)
    assert int(answer.headers["X-Rows"]) == len(lines) == 30
    assert answer.headers["Content-Disposition"].endswith('.csv"')
    spans = days_of_the_zone(house.clock(), 30)
    assert [int(line["received"]) for line in lines] == [
        len(within(rows, *at, direction="in")) for at in spans
    ]
    assert lines[0]["from"].endswith("T00:00:00+05:45")
    assert sum(int(line["run_failed"]) for line in lines) > 0


def test_a_table_of_commands_has_a_line_for_each_and_no_formula(
    owner: Browser, house: House, rows: list[Any], brain: Any
):
    house.database.write(lambda s: setattr(versions.get_brain(s, brain.id), "title", "=HYPERLINK()"))
    answer = owner.get("/analytics/export/commands.csv?range=month")
    lines = table(answer.text)
    assert int(answer.headers["X-Rows"]) == len(lines) == 60
    assert {line["brain"] for line in lines} == {"'=HYPERLINK()"}
    (since, _), *_, (_, until) = days_of_the_zone(house.clock(), 30)
    for name in ("echo", "greet"):
        mine = [line for line in lines if line["command_id"] == name]
        made = len(within(rows, since, until, command_id=name))
        assert sum(int(line["created"]) for line in mine) == made
    assert owner.get("/analytics/export/secrets.csv").status_code == 404


@pytest.mark.usefixtures("rows")
def test_viewers_see_numbers_and_no_words_of_people(sign_in: Callable[[Role], Browser]):
    viewer = sign_in(Role.VIEWER)
    for address in ("/analytics/", "/analytics/data?range=year", "/analytics/export/steps.csv"):
        answer = viewer.get(address)
        assert answer.status_code == 200
        assert "a secret of somebody" not in answer.text


def test_strangers_are_sent_to_the_door(owner: Browser):
    owner.client.delete_cookie("session")
    for address in ("/analytics/", "/analytics/data", "/analytics/export/steps.csv"):
        assert owner.get(address).status_code == 302


@pytest.mark.usefixtures("rows")
def test_numbers_that_have_not_changed_are_not_sent_twice(owner: Browser):
    address = "/analytics/data?range=custom&from=2026-01-01&to=2026-01-31"
    first = owner.get(address)
    again = owner.client.get(address, headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")
    assert again.headers["ETag"] == first.headers["ETag"]


def test_another_period_is_drawn_without_a_new_page(owner: Browser):
    part = owner.get("/analytics/?range=hour", htmx=True).text
    assert "<html" not in part
    assert 'id="analytics-page"' in part
    assert "per minute" in part


def test_who_asks_while_numbers_are_read_gets_those_read_after():
    sharing, begun, go = Sharing[int](), threading.Event(), threading.Event()
    reads: list[int] = []

    def work() -> int:
        reads.append(len(reads))
        begun.set()
        go.wait(5)
        return reads[-1]

    with ThreadPoolExecutor(20) as pool:
        first = pool.submit(sharing.ask, "week", work)
        assert begun.wait(5)
        later = [pool.submit(sharing.ask, "week", work) for _ in range(19)]
        while not sharing._waiting:
            pass
        go.set()
        assert first.result(5) == 0
        assert all(each.result(5) > 0 for each in later)
    # Some may ask only when the second reading has begun.
    assert len(reads) < 20


@pytest.mark.parametrize(
    ("numbers", "words", "tone"),
    [
        (("count", 112, 100, 0), "+12 %", "quiet"),
        (("count", 80, 100, -1), "−20 %", "good"),
        (("ms", 300, 200, -1), "+50 %", "bad"),
        (("rate", 0.9, 0.95, 1), "−5.0 points", "bad"),
        (("rate", 0.9, 0.9, 1), "±0.0 points", "quiet"),
    ],
)
def test_a_change_is_told_in_words_with_its_meaning(numbers: tuple[Any, ...], words: str, tone: str):
    found = amounts.change(*numbers)
    assert found
    assert (found.words, found.tone) == (words, tone)


def test_there_is_no_change_from_nothing():
    assert amounts.change("count", 5, 0, 1) is None
    assert amounts.change("ms", None, 5, 1) is None


@pytest.mark.parametrize(
    ("sums", "words"),
    [
        ({}, "–"),
        ({"USD": 1_235_000}, "$1.24"),
        ({"EUR": 9_999}, "<€0.01"),
        ({"CHF": 10_000}, "0.01 CHF"),
        ({"CHF": 1}, "<0.01 CHF"),
        ({"JPY": 1_234_567_000_000}, "1,234,567.00 JPY"),
        ({"EUR": 1_240_000, "USD": 5}, "1.24 EUR · <0.01 USD"),
    ],
)
def test_money_is_told_to_the_cent(sums: dict[str, int], words: str):
    assert amounts.spent(sums) == words


def test_the_price_of_one_call_has_all_its_digits():
    said = [amounts.price(*each) for each in ((312, "USD"), (0, "CHF"), (1_500_000, "EUR"))]
    assert said == ["$0.000312", "0.00 CHF", "€1.50"]


def test_amounts_carry_their_units():
    assert [amounts.words("count", 1234567), amounts.words("rate", 0.98765)] == ["1,234,567", "98.8 %"]
    said = [amounts.words("ms", value) for value in (4.26, 840.4, 1240, 90_000, None)]
    assert said == ["4.3 ms", "840 ms", "1.24 s", "1.5 min", "–"]


@pytest.mark.usefixtures("brain")
def test_the_palette_leads_to_the_numbers_of_a_command(owner: Browser):
    found = owner.get("/palette?q=analytics+echo", htmx=True).text
    assert 'href="/analytics/brains/demo/commands/echo"' in found
    assert "Analytics of Echo" in found
    assert "Analytics of" not in owner.get("/palette?q=echo", htmx=True).text
