"""`POST /api/logs`: answers before anything is stored, and every refusal says in JSON what to do."""

import gzip
import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.logs import sources
from app.logs.ingest import MAX_BODY
from app.logs.sinks.contract import ORIGIN_HEADER
from app.logs.sources import SourceInput
from app.logs.store.event_search import EventQuery, search_events
from app.services import Services
from app.settings import Settings
from tests.tables import create_tables


@pytest.fixture
def services(installation: Flask) -> Services:
    return installation.extensions["services"]


@pytest.fixture
def client(installation: Flask) -> FlaskClient:
    return installation.test_client()


def make_token(services: Services, **fields: Any) -> str:
    data = SourceInput("shop", **fields)
    return services.database.write(lambda s: sources.create_source(s, data, services.clock())).token


@pytest.fixture
def post(client: FlaskClient, services: Services) -> Callable[..., Any]:
    token = make_token(services)

    def send(body: Any = None, *, raw: bytes | None = None, **headers: str) -> Any:
        data = json.dumps(body).encode() if raw is None else raw
        given = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        given |= {name.replace("_", "-"): value for name, value in headers.items()}
        return client.post("/api/logs", data=data, headers=given)

    return send


def list_texts(services: Services, expected: int) -> list[str]:
    end = time.monotonic() + 10
    while True:
        events = search_events(services.logs.store, EventQuery(source="shop")).events
        if len(events) >= expected or time.monotonic() > end:
            return [event.text for event in events][::-1]
        time.sleep(0.02)


def test_one_event_and_many_are_taken_and_stored_in_their_order(post, services: Services):
    assert (post({"text": "a"}).status_code, post([{"text": "b"}, {"text": "c"}]).json) == (
        202,
        {"accepted": 2},
    )
    lines = b'{"text":"d"}\n{"text":"e"}\n'
    assert post(raw=lines, Content_Type="application/x-ndjson").json == {"accepted": 2}
    packed = gzip.compress(json.dumps([{"text": "f"}]).encode())
    assert post(raw=packed, Content_Encoding="gzip").status_code == 202
    assert list_texts(services, 6) == ["a", "b", "c", "d", "e", "f"]


def test_the_good_events_of_a_batch_are_stored_and_the_others_reported(post, services: Services):
    answer = post([{"text": "a"}, {"level": "loud", "text": "x"}])
    assert answer.status_code == 202
    assert answer.json["accepted"] == 1
    assert answer.json["rejected"][0]["index"] == 1
    assert answer.json["rejected"][0]["reason"].startswith("level:")
    assert list_texts(services, 1) == ["a"]


def check(answer: Any, status: int, words: str) -> None:
    assert answer.status_code == status
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert words in answer.json["detail"]
    assert answer.json["status"] == status
    assert answer.json["title"]


def test_without_a_right_token_nothing_is_taken(post, client: FlaskClient):
    answer = client.post("/api/logs", json={"text": "x"})
    check(answer, 401, "Authorization: Bearer")
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    check(post({"text": "x"}, Authorization="Bearer bbl_0123456789abcdef_" + "x" * 43), 401, "Sources")
    check(post({"text": "x"}, Authorization="Basic abc"), 401, "Sources")


def test_another_method_is_told_the_right_one(client: FlaskClient):
    answer = client.get("/api/logs")
    check(answer, 405, "POST")
    assert answer.headers["Allow"] == "POST"


@pytest.mark.parametrize("raw", [b"", b"[]", b"{", b"\xff\xfe", b"nonsense", b'{"text": '])
def test_what_is_no_event_is_a_bad_request(post, raw: bytes):
    assert post(raw=raw).status_code == 400


def test_what_holds_no_right_event_is_refused_whole(post):
    answer = post([{"a": 1}, 5])
    check(answer, 422, "rejected")
    assert [each["index"] for each in answer.json["rejected"]] == [0, 1]


def test_a_form_or_a_strange_coding_is_told_what_to_send(post):
    check(post(raw=b"text=x", Content_Type="application/x-www-form-urlencoded"), 415, "application/json")
    check(post({"text": "x"}, Content_Encoding="br"), 415, "gzip")


def test_more_than_its_size_is_refused_packed_or_plain(post):
    check(post({"text": "x" * MAX_BODY}), 413, "256 KB")
    bomb = gzip.compress(b'{"text":"' + b"x" * (50 * MAX_BODY) + b'"}')
    assert len(bomb) < MAX_BODY
    check(post(raw=bomb, Content_Encoding="gzip"), 413, "split it")
    check(post([{"text": "x"}] * 1001), 413, "1,000 events")


def test_a_broken_packed_body_is_a_bad_request(post):
    check(post(raw=gzip.compress(b'{"text":"x"}')[:-6], Content_Encoding="gzip"), 400, "packed body")


def test_a_source_beyond_its_rate_is_told_when_to_come_again(client: FlaskClient, services: Services):
    headers = {"Authorization": f"Bearer {make_token(services, events_per_second=1)}"}
    answers = [client.post("/api/logs", json={"text": "x"}, headers=headers) for _ in range(7)]
    assert [each.status_code for each in answers[:5]] == [202] * 5
    check(answers[-1], 429, "events a second")
    assert int(answers[-1].headers["Retry-After"]) >= 1


def test_our_own_sinks_events_do_not_go_round_in_circles(post, services: Services):
    name = ORIGIN_HEADER.replace("-", "_")
    check(post({"text": "x"}, **{name: services.settings.installation_id}), 422, "circles")
    assert post({"text": "x"}, **{name: "another"}).status_code == 202


def test_an_event_sent_twice_under_its_id_is_stored_once(post, services: Services):
    post({"text": "a", "id": "1"})
    post({"text": "a", "id": "1"})
    post({"text": "b", "id": "2"})
    assert list_texts(services, 2) == ["a", "b"]


def open_app(settings: Settings, **changes: Any) -> Flask:
    from app import create_app  # noqa: PLC0415

    app = create_app(settings.model_copy(update=changes))
    create_tables(app.extensions["services"].database.engine)
    return app


def test_in_durable_mode_the_answer_comes_after_the_commit(settings: Settings):
    app = open_app(settings, log_durable=True)
    services: Services = app.extensions["services"]
    headers = {"Authorization": f"Bearer {make_token(services)}"}
    for number in range(5):
        assert (
            app.test_client().post("/api/logs", json={"text": str(number)}, headers=headers).status_code
            == 202
        )
        assert len(search_events(services.logs.store, EventQuery()).events) == number + 1
    services.logs.store.run(lambda db: db.exec_driver_sql("DROP TABLE log_event"))
    answer = app.test_client().post("/api/logs", json={"text": "x"}, headers=headers)
    check(answer, 503, "Send them again")
    services.close()
    services.database.writer.close()
    services.database.engine.dispose()


def test_where_the_service_is_off_it_says_so_and_keeps_no_file(settings: Settings):
    app = open_app(settings, log_store=False)
    services: Services = app.extensions["services"]
    services.logs.attach("web")
    check(app.test_client().post("/api/logs", json={"text": "x"}), 503, "LOG_STORE")
    services.close()
    assert not (settings.brainbox_data / "logs.db").exists()
    services.database.writer.close()
    services.database.engine.dispose()
