"""Whatever JSON a signed webhook holds: taken with 200, kept and answered alike on both kinds of database."""

import gzip
import json
import zlib
from itertools import count
from typing import Any

import pytest
from flask import Flask
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from app.bot.ingest.kept_webhooks import build_unhandled
from app.bot.models import Message, Notice
from app.bot.states import MessageState
from app.text import MAX_DEPTH, parse_json, to_json
from tests.bot.ingest.test_webhook import FIXTURES, connect, count_rows, post

PLAIN = FIXTURES["meta_openapi__text_message.json"]
_numbers = count()

scalars = st.one_of(
    st.sampled_from(["NaN", "Infinity", "-Infinity", "1e999", "-1e999", "1E+400", "1e-999", "-0", "-0.0"]),
    st.integers().map(str),
    st.integers(60, 6000).map(lambda digits: "9" * digits),
    st.integers(60, 6000).map(lambda digits: "-" + "9" * digits),
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.sampled_from(
        ["true", "false", "null", r'"\ud800"', r'"\udc00\ud800"', r'"a\u0000b"', '""', '"\x01\t"']
    ),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=20).map(json.dumps),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=20).map(
        lambda s: json.dumps(s, ensure_ascii=False)
    ),
)
names = st.sampled_from([r'"\ud800"', r'"a\u0000b"', '""', '"id"', '"text"', '"é"', '"{["'])
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4).map(lambda items: "[" + ",".join(items) + "]"),
        st.lists(st.tuples(names, inner), max_size=4).map(
            lambda pairs: "{" + ",".join(f"{name}:{value}" for name, value in pairs) + "}"
        ),
        st.tuples(st.integers(1, 3000), inner).map(lambda pair: "[" * pair[0] + pair[1] + "]" * pair[0]),
        st.tuples(st.integers(1, 3000), inner).map(lambda pair: '{"a":' * pair[0] + pair[1] + "}" * pair[0]),
    ),
    max_leaves=6,
)


def list_places(value: Any, place: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """List every place inside a value, the whole included."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [place, *(each for key, item in inner for each in list_places(item, (*place, key)))]


def put(value: Any, place: tuple[Any, ...], new: str) -> str:
    """Return a value as JSON text with another JSON text at a place."""
    marked = json.loads(json.dumps(value))
    if not place:
        return new
    holder = marked
    for key in place[:-1]:
        holder = holder[key]
    holder[place[-1]] = "@@"
    return json.dumps(marked).replace('"@@"', new)


@pytest.fixture
def connected_app(installation: Flask) -> Flask:
    connect(installation, "106540352242922")
    return installation


def count_kept(app: Flask) -> int:
    with app.extensions["services"].database.read() as session:
        return sum(
            session.scalar(select(func.count()).select_from(model)) or 0 for model in (Message, Notice)
        )


quick = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@quick
@given(place=st.sampled_from(list_places(PLAIN)), value=values)
@example(place=("entry",), value="[" * 100_000)
def test_a_webhook_with_any_value_in_any_place_is_taken_and_kept(
    connected_app: Flask, place: tuple[Any, ...], value: str
):
    before = count_kept(connected_app)
    renamed = json.loads(json.dumps(PLAIN).replace("wamid.", f"wamid.{next(_numbers)}."))
    body = put(renamed, place, value).encode("utf-8", "surrogatepass")
    assert post(connected_app, body) == 200
    if place[-1:] not in {("statuses",), ("contacts",), ("messages",)} and value not in {"[]", "{}", "null"}:
        assert count_kept(connected_app) > before


@quick
@given(value=values)
@example(value="[" * 976 + "]" * 976)
@example(value="9" * 5000)
@example(value="1e999")
@example(value="NaN")
def test_a_message_with_any_value_beside_its_own_is_answered(connected_app: Flask, value: str):
    wamid = f"wamid.beside{next(_numbers)}"
    message = {
        "id": wamid,
        "from": "4915112345678",
        "type": "text",
        "text": {"body": "hello", "more": 0},
        "x": 0,
    }
    change = {
        "field": "messages",
        "value": {"metadata": {"phone_number_id": "106540352242922"}, "messages": [message]},
    }
    for place in (("x",), ("text", "more")):
        body = json.dumps({"entry": [{"changes": [change]}]}).replace(
            json.dumps(message), put(message, place, value)
        )
        assert post(connected_app, body.encode("utf-8", "surrogatepass")) == 200
    with connected_app.extensions["services"].database.read() as session:
        row = session.scalars(select(Message).where(Message.provider_id == wamid)).one()
        assert (row.text, row.state) == ("hello", MessageState.NEW)
        assert row.payload["text"]["body"] == "hello"


@settings(max_examples=200, deadline=None)
@given(value=values)
def test_what_is_read_can_be_written_and_read_again(value: str):
    read = parse_json(value.encode("utf-8", "surrogatepass"))
    assert parse_json(to_json(read).encode()) == read
    json.loads(to_json(read), parse_constant=pytest.fail)


def test_only_what_is_too_deep_becomes_a_text():
    within = "[" * MAX_DEPTH + "]" * MAX_DEPTH
    assert to_json(parse_json(within.encode())) == within
    beyond = parse_json(b'{"a":' + b"[" * 500 + b'"]\\""' + b"]" * 500 + b',"b":[1,{"c":"}"}]}')
    assert beyond["b"] == [1, {"c": "}"}]
    assert '["]\\""]' in to_json(beyond).replace('\\"', '"').replace("\\\\", "\\")


def test_values_of_our_own_that_json_does_not_know_are_stored_alike(connected_app: Flask):
    deep: list[Any] = []
    for _ in range(2000):
        deep = [deep]
    payload = {"nan": float("nan"), "far": float("-inf"), "huge": 10**6000, "deep": deep, "plain": 1}
    database = connected_app.extensions["services"].database
    assert post(connected_app, json.dumps(PLAIN).encode()) == 200

    def store(session: Any) -> None:
        session.scalars(select(Message)).one().payload = payload

    database.write(store)
    with database.read() as session:
        kept = session.scalars(select(Message)).one().payload
    assert (kept["nan"], kept["far"], kept["plain"]) == ("nan", "-inf", 1)


@pytest.mark.parametrize(
    ("coding", "encode"),
    [("gzip", gzip.compress), ("deflate", zlib.compress), ("identity", bytes), ("GZIP", gzip.compress)],
)
def test_a_compressed_webhook_is_handled(connected_app: Flask, coding: str, encode: Any):
    body = encode(json.dumps(PLAIN).encode())
    assert post(connected_app, body, **{"Content-Encoding": coding}) == 200
    assert count_rows(connected_app) == {"in": 1}


def test_compressed_webhooks_have_a_bound_and_a_known_coding(connected_app: Flask):
    assert post(connected_app, gzip.compress(bytes(50_000_000)), **{"Content-Encoding": "gzip"}) == 413
    assert post(connected_app, b"{}", **{"Content-Encoding": "br"}) == 415
    assert post(connected_app, b"no gzip", **{"Content-Encoding": "gzip"}) == 200
    assert count_kept(connected_app) == 1


def test_what_was_not_handled_is_counted_listed_and_replayed(
    connected_app: Flask, monkeypatch: pytest.MonkeyPatch
):
    run = connected_app.test_cli_runner().invoke
    with monkeypatch.context() as broken:
        broken.setattr("app.channels.cloud.channel.parse", lambda payload: payload["no such thing"])
        assert post(connected_app, json.dumps(PLAIN).encode()) == 200
    assert "1 signed webhooks not handled" in run(args=["stats"]).output
    assert json.loads(run(args=["stats", "--json"]).output)["unhandled"] == 1
    assert "1 signed ones not handled" in run(args=["doctor"]).output
    assert "1 not handled" in run(args=["webhook", "list"]).output
    assert "1 handled, 1 new messages" in run(args=["webhook", "replay"]).output
    assert count_rows(connected_app) == {"in": 1}
    assert "0 not handled" in run(args=["webhook", "list"]).output
    assert post(connected_app, b'{"entry": [') == 200
    replayed = run(args=["webhook", "replay"])
    assert (replayed.exit_code, "1 still cannot be handled" in replayed.output) == (1, True)


def test_a_replayed_webhook_speaks_for_no_connection_of_another_secret(connected_app: Flask):
    connect(connected_app, "222", "another-secret")
    connect(connected_app, "333")
    services = connected_app.extensions["services"]
    for account, wanted in (("222", 0), ("333", 1)):
        body = json.dumps(PLAIN).replace("106540352242922", account).encode()
        services.receiver.receive(
            build_unhandled(body, [services.registry.route("cloud", "106540352242922").id])
        )
        connected_app.test_cli_runner().invoke(args=["webhook", "replay"])
        assert count_rows(connected_app) == ({"in": 1} if wanted else {})
