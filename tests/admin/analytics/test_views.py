"""The pages of the analytics: their numbers are those of the rows, whatever the period, the zone and the filters."""

import csv
import html
import io
import json
import random
import re
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import insert, select, update

from app.accounts.roles import Role
from app.accounts.users import User
from app.admin.ui import number_format
from app.bot.models import Chat, CommandError, Connection, Contact, Message, Run
from app.brains.ai.models import AiCall
from app.brains.versions import store
from app.services import Services
from tests.admin.browser import Browser

ZONE = "Asia/Kathmandu"
HOUR, DAY = 3_600_000, 86_400_000
SENT = ("sent", "delivered", "read")
FIELDS = ("direction", "connection_id", "brain_id", "version_id", "command_id", "state", "created_at")


@pytest.fixture
def rows(services: Services, simulated_connection: Connection, demo_brain: Any) -> list[Any]:
    """Store months of random messages and runs; returns the messages."""
    chance = random.Random(5)
    now = services.clock()

    def make(session: Any) -> list[Any]:
        session.execute(update(User).values(timezone=ZONE))
        # What is tried in the simulator is left out.
        session.execute(update(Connection).values(channel="cloud"))
        contact = Contact(connection_id=simulated_connection.id, phone="15550100009", created_at=1)
        session.add(contact)
        session.flush()
        chat = Chat(
            connection_id=simulated_connection.id, contact_id=contact.id, last_message_at=1, created_at=1
        )
        session.add(chat)
        session.flush()
        made = [_build_message(chance, now, chat, demo_brain) for _ in range(300)]
        session.add_all(Message(**row) for row in sorted(made, key=lambda row: row["created_at"]))
        session.flush()
        answers = list(session.scalars(select(Message).where(Message.direction == "out")))
        session.execute(insert(Run), [_build_run(chance, answer, demo_brain) for answer in answers])
        session.flush()
        return list(session.execute(select(*(getattr(Message, name) for name in FIELDS))))

    return services.database.write(make)


def _build_message(chance: random.Random, now: int, chat: Chat, brain: Any) -> dict[str, Any]:
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


def _build_run(chance: random.Random, answer: Message, brain: Any) -> dict[str, Any]:
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


def get_data(browser: Browser, query: str = "") -> dict[str, Any]:
    return json.loads(browser.get(f"/analytics/data{query}").text)


def find_values(found: dict[str, Any], chart: str, label: str) -> list[Any]:
    lines = next(each["lines"] for each in found["charts"] if each["id"] == chart)
    return next(line["values"] for line in lines if line["label"] == label)


def find_figure(page: str, name: str) -> str:
    found = re.search(rf'id="figure-{name}".*?figure-value">([^<]+)<', page, re.DOTALL)
    assert found, name
    return html.unescape(found.group(1))


def list_local_days(now: int, days: int) -> list[tuple[int, int]]:
    zone = ZoneInfo(ZONE)
    today = datetime.fromtimestamp(now / 1000, zone).replace(hour=0, minute=0, second=0, microsecond=0)
    starts = [today - timedelta(days=days - 1 - n) for n in range(days + 1)]
    moments = [int(start.timestamp() * 1000) for start in starts]
    return list(pairwise(moments))


def filter_rows(rows: Sequence[Any], since: int, until: int, **wanted: Any) -> list[Any]:
    inside = [row for row in rows if since <= row.created_at < until]
    return [row for row in inside if all(getattr(row, name) == value for name, value in wanted.items())]


def test_analytics_without_numbers_say_so_and_link_onward(owner: Browser):
    page = owner.get("/analytics/").text
    assert "Nothing happened in this time" in page
    assert 'href="/simulator/"' in page
    assert find_figure(page, "received") == "0"
    assert find_figure(page, "delivered") == "–"
    assert 'aria-current="page"' in page


def test_the_steps_are_days_of_the_operators_zone(owner: Browser, services: Services, rows: list[Any]):
    found = get_data(owner, "?range=month")
    spans = list_local_days(services.clock(), 30)
    assert found["labels"][-1] == datetime.now(ZoneInfo(ZONE)).strftime("%a %-d %b %Y")
    assert find_values(found, "messages", "Received") == [
        len(filter_rows(rows, *at, direction="in")) for at in spans
    ]
    sent = [
        len([row for row in filter_rows(rows, *at, direction="out") if row.state in SENT]) for at in spans
    ]
    assert find_values(found, "messages", "Sent") == sent
    assert sum(sent) > 10
    assert found["unfinished"] is True


@pytest.mark.parametrize(("period", "days"), [("week", 7), ("month", 30), ("quarter", 90)])
def test_the_figures_equal_a_recount(
    owner: Browser, services: Services, rows: list[Any], period: str, days: int
):
    page = owner.get(f"/analytics/?range={period}").text
    (since, _), *_, (_, until) = list_local_days(services.clock(), days)
    inside = filter_rows(rows, since, until)
    out = [row for row in inside if row.direction == "out"]
    sent = [row for row in out if row.state in SENT]
    got = [row for row in sent if row.state in {"delivered", "read"}]
    failed = [row for row in out if row.state in {"failed", "dead"}]
    assert find_figure(page, "received") == f"{len(inside) - len(out):,}"
    assert find_figure(page, "sent") == f"{len(sent):,}"
    assert find_figure(page, "failed") == f"{len(failed):,}"
    assert find_figure(page, "delivered") == f"{100 * len(got) / len(out):.1f} %"
    assert (
        find_figure(page, "read")
        == f"{100 * len([row for row in got if row.state == 'read']) / len(got):.1f} %"
    )


@pytest.mark.usefixtures("rows")
def test_page_and_data_say_the_same(owner: Browser):
    page, found = (
        owner.get("/analytics/?range=week&compare=yes").text,
        get_data(owner, "?range=week&compare=yes"),
    )
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
        assert find_figure(page, name) == find_figure(found["top"], name)
    for chart in found["charts"]:
        table = page.split(f'id="chart-{chart["id"]}"')[1].split("</table>")[0]
        cells = [html.unescape(cell) for cell in re.findall(r"<td>([^<]*)</td>", table)]
        columns = [line[which] for line in chart["lines"] for which in ("values", "before")]
        wanted = [
            number_format.format_rounded(chart["unit"], column[at] if at < len(column) else None)
            for at in range(len(found["labels"]))
            for column in columns
        ]
        assert cells == wanted
    assert "in the period before" in page


def insert_calls(services: Services, brain: Any, *costs: tuple[int | None, str], ago: int = 0) -> None:
    facts = {
        "brain_id": brain.id,
        "provider": "p",
        "model": "m",
        "messages": [],
        "status": "ok",
        "tokens_in": 7,
    }
    at = services.clock() - ago
    rows = [AiCall(**facts, cost=cost, currency=currency, created_at=at) for cost, currency in costs]
    services.database.write(lambda session: session.add_all(rows))


def test_what_the_ai_cost_is_told_by_currency(owner: Browser, services: Services, demo_brain: Any):
    insert_calls(services, demo_brain, (None, ""))
    page = owner.get("/analytics/?range=month").text
    assert find_figure(page, "cost") == "–"
    assert "No prices known: Settings &gt; AI" in page
    insert_calls(services, demo_brain, (1_000_000, "USD"), (235_000, "USD"), (None, ""))
    insert_calls(services, demo_brain, (617_500, "USD"), ago=31 * DAY)
    page = owner.get("/analytics/?range=month&compare=yes").text
    assert find_figure(page, "cost") == "$1.24"
    assert "No prices known" not in page
    assert "$0.62 in the period before" in page
    assert sum(find_values(get_data(owner, "?range=month"), "cost", "USD")) == 1_235_000
    assert "<td>1.235000</td>" in page
    insert_calls(services, demo_brain, (4_000_000, "EUR"))
    page = owner.get("/analytics/?range=month&compare=yes").text
    assert find_figure(page, "cost") == "4.00 EUR · 1.24 USD"
    assert "$0.62 in the period before" not in page
    lines = parse_csv(owner.get("/analytics/export/steps.csv?range=month").text)
    assert [lines[-1][name] for name in ("cost_EUR", "cost_USD")] == ["4.000000", "1.235000"]
    assert lines[0]["cost_USD"] == "0.000000"
    assert 'id="figure-cost"' not in owner.get("/analytics/brains/demo/commands/echo").text


def test_filters_leave_out_the_rest(
    owner: Browser, services: Services, simulated_connection: Connection, demo_brain: Any, rows: list[Any]
):
    (since, _), *_, (_, until) = list_local_days(services.clock(), 30)
    greeted = filter_rows(rows, since, until, command_id="greet")
    sent = len([row for row in greeted if row.state in SENT])
    at = f"?range=month&brain={demo_brain.id}&command=greet&version=1"
    assert sum(find_values(get_data(owner, at), "messages", "Sent")) == sent
    assert find_figure(get_data(owner, at)["top"], "runs") == str(len(greeted))
    assert (
        owner.get(f"/analytics/{at}").location
        == "/analytics/brains/demo/commands/greet?range=month&version=1"
    )
    of_phone = get_data(owner, f"?range=month&connection={simulated_connection.id}")
    assert sum(find_values(of_phone, "messages", "Received")) == len(
        filter_rows(rows, since, until, direction="in")
    )
    assert (
        sum(
            find_values(
                get_data(owner, f"?range=month&connection={simulated_connection.id + 1}"),
                "messages",
                "Received",
            )
        )
        == 0
    )
    assert "tokens" not in {chart["id"] for chart in of_phone["charts"]}
    assert find_figure(owner.get("/analytics/brains/demo").text, "runs").isdecimal()
    assert owner.get("/analytics/?brain=999").status_code == 422


def test_commands_are_listed_by_use_and_have_a_page(
    owner: Browser, services: Services, rows: list[Any], demo_brain: Any
):
    (since, _), *_, (_, until) = list_local_days(services.clock(), 30)
    ran = {name: len(filter_rows(rows, since, until, command_id=name)) for name in ("echo", "greet")}
    listed = re.findall(
        r'id="used-\d+-(\w+)".*?<meter[^>]* value="(\d+)"',
        get_data(owner, "?range=month")["below"],
        re.DOTALL,
    )
    assert {name: int(runs) for name, runs in listed} == ran
    assert [int(runs) for _, runs in listed] == sorted(ran.values(), reverse=True)
    fault = {"fingerprint": "f", "kind": "time", "message": "It took too long.", "excerpt": [], "count": 7}
    services.database.write(
        lambda s: s.add(
            CommandError(brain_id=demo_brain.id, command_id="echo", first_at=1, last_at=until, **fault)
        )
    )
    page = owner.get("/analytics/brains/demo/commands/echo?range=month").text
    assert find_figure(page, "runs") == str(ran["echo"])
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


def test_days_chosen_by_hand_are_whole_days(owner: Browser, services: Services, rows: list[Any]):
    spans = list_local_days(services.clock(), 60)[:40]
    zone = ZoneInfo(ZONE)
    first, last = (datetime.fromtimestamp(at[0] / 1000, zone).date() for at in (spans[0], spans[-1]))
    found = get_data(owner, f"?range=custom&from={first}&to={last}")
    wanted = [len(filter_rows(rows, *at, direction="in")) for at in spans]
    assert find_values(found, "messages", "Received") == wanted
    assert found["unfinished"] is False


def parse_csv(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text.lstrip("\ufeff"))))


def test_a_table_of_steps_has_every_number(owner: Browser, services: Services, rows: list[Any]):
    answer = owner.get("/analytics/export/steps.csv?range=month")
    lines = parse_csv(answer.text)
    assert int(answer.headers["X-Rows"]) == len(lines) == 30
    assert answer.headers["Content-Disposition"].endswith('.csv"')
    spans = list_local_days(services.clock(), 30)
    assert [int(line["received"]) for line in lines] == [
        len(filter_rows(rows, *at, direction="in")) for at in spans
    ]
    assert lines[0]["from"].endswith("T00:00:00+05:45")
    assert sum(int(line["run_failed"]) for line in lines) > 0


def test_a_table_of_commands_has_a_line_for_each_and_no_formula(
    owner: Browser, services: Services, rows: list[Any], demo_brain: Any
):
    services.database.write(lambda s: setattr(store.get_brain(s, demo_brain.id), "title", "=HYPERLINK()"))
    answer = owner.get("/analytics/export/commands.csv?range=month")
    lines = parse_csv(answer.text)
    assert int(answer.headers["X-Rows"]) == len(lines) == 60
    assert {line["brain"] for line in lines} == {"'=HYPERLINK()"}
    (since, _), *_, (_, until) = list_local_days(services.clock(), 30)
    for name in ("echo", "greet"):
        mine = [line for line in lines if line["command_id"] == name]
        made = len(filter_rows(rows, since, until, command_id=name))
        assert sum(int(line["created"]) for line in mine) == made
    assert owner.get("/analytics/export/secrets.csv").status_code == 404


@pytest.mark.usefixtures("rows")
def test_viewers_see_numbers_and_no_words_of_people(sign_in: Callable[[Role], Browser]):
    viewer = sign_in(Role.VIEWER)
    for address in ("/analytics/", "/analytics/data?range=year", "/analytics/export/steps.csv"):
        answer = viewer.get(address)
        assert answer.status_code == 200
        assert "a secret of somebody" not in answer.text


def test_who_is_not_signed_in_is_sent_to_the_sign_in(owner: Browser):
    owner.client.delete_cookie(owner.client.application.config["SESSION_COOKIE_NAME"])
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


@pytest.mark.usefixtures("demo_brain")
def test_the_palette_leads_to_the_numbers_of_a_command(owner: Browser):
    found = owner.get("/palette?q=analytics+echo", htmx=True).text
    assert 'href="/analytics/brains/demo/commands/echo"' in found
    assert "Analytics of Echo" in found
    assert "Analytics of" not in owner.get("/palette?q=echo", htmx=True).text


@pytest.mark.usefixtures("rows")
def test_the_simulator_is_counted_only_when_it_is_asked_for(owner: Browser, services: Services):
    services.database.write(lambda session: session.execute(update(Connection).values(channel="simulator")))
    board = "/analytics/?range=year"
    page = owner.get(board).text
    assert find_figure(page, "received") == "0"
    assert "without the simulator" in page
    asked = [owner.get(f"{board}&connection={which}").text for which in ("all", "1")]
    assert len({find_figure(each, "received") for each in asked} - {"0"}) == 1
    assert "without the simulator" not in asked[0]
    assert ">0<" in find_today(owner)
    steps = parse_csv(owner.get("/analytics/export/steps.csv?range=year").text)
    assert sum(int(line["received"]) for line in steps) == 0


def find_today(owner: Browser) -> str:
    """Return the first figure of the dashboard: what was received today."""
    return owner.get("/dashboard").text.partition("Received today")[2][:120]
