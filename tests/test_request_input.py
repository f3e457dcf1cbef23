"""Every address and field of the pages with hostile values, on both databases: refused or ignored, never a failure."""

import inspect
import io
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from argon2 import PasswordHasher
from flask import Flask, request
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.routing import Rule

from app.accounts.users import Passwords, create_user
from app.bot.connections.store import ConnectionInput
from app.brains.document.gallery import build_demo_document
from app.brains.versions import store
from app.brains.versions.store import DraftReview
from app.text import MAX_INT64, parse_ids, parse_index, parse_int64, to_storable, to_storable_data
from app.web import limiter

PASSWORD = "a long enough password"
HOSTILE = {
    "2**63": str(2**63),
    "2**63-1": str(MAX_INT64),
    "5000 digits": "9" * 5000,
    "negative": "-1",
    "other digits": "\u0663",
    "superscript": "\u00b2",
    "NUL": "a\0b",
    "number and NUL": "1\0",
    "long": "x" * 20_000,
    "JSON": '{"place": 1e999, "test": [["\\u0000"]], "name": "\\ud800"}',
}
# As bytes of an address: a lone surrogate, and what is no UTF-8.
HOSTILE_BYTES = ("%ED%A0%80", "%FF", "a%00b", "%C0%80")
# They end the session of the test itself, answer 503 where there is no worker, or ask somebody outside.
EXCLUDED = {"auth.sign_out", "health.check_readiness", "ai.check", "connections.check"}
_FIELD = re.compile(
    r"""(?:args|form|values|files|asked)(?:\.get|\.getlist)?[\(\[]\s*["'](\w+)["']"""
    r"""|["'](\w+)["'] in (?:request\.)?form"""
)


@pytest.fixture
def client(installation: Flask) -> Iterator[FlaskClient]:
    """A signed-in owner in front of an installation with one of everything."""
    installation.config.update(WTF_CSRF_ENABLED=False, RATELIMIT_ENABLED=False, TESTING=False)
    limiter.enabled = False
    services = installation.extensions["services"]
    hashing = Passwords(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
    services.put(hashing)

    def fill(session: Any) -> int:
        create_user(session, hashing, email="o@example.com", password=PASSWORD, now=1)
        brain = store.create_brain(session, "demo", "Demo", build_demo_document(), 1)
        store.publish(session, brain.id, "", None, 1, DraftReview())
        phone = ConnectionInput("Phone", "simulator", "sim-test", {}, brain_id=brain.id)
        return services.connections.create(session, phone, 1).id

    services.database.write(fill)
    client = installation.test_client()
    client.post("/login", data={"email": "o@example.com", "password": PASSWORD})
    client.post("/simulator/1/say", data={"kind": "text", "text": "hello", "person": "233241000001"})
    client.post("/settings/ai/new", data={"name": "ai", "base_url": "https://ai.example/v1", "model": "m"})
    yield client
    limiter.enabled = True


def list_rules(app: Flask) -> list[Rule]:
    return [rule for rule in app.url_map.iter_rules() if rule.endpoint not in EXCLUDED]


def list_fields(app: Flask, rule: Rule) -> list[str]:
    """Return the fields that the module of a view reads."""
    module = inspect.getmodule(inspect.unwrap(app.view_functions[rule.endpoint]))
    found = _FIELD.findall(inspect.getsource(module)) if module else []
    return sorted({first or second for first, second in found})


KNOWN = {
    "slug": "demo", "command_id": "echo", "cause_id": "unknown", "act": "again", "job_id": "none",
    "sample": "quiz", "name": "assistant", "filename": "app.css",
}  # fmt: skip


def build_path(rule: Rule, values: dict[str, str]) -> str:
    return re.sub(
        r"<(?:\w+(?:\([^)]*\))?:)?(\w+)>",
        lambda found: values.get(found[1], KNOWN.get(found[1], "1")),
        rule.rule,
    )


def list_methods(rule: Rule) -> list[str]:
    return sorted((rule.methods or set()) & {"GET", "POST"})


def test_no_address_fails_whatever_stands_in_its_place(installation: Flask, client: FlaskClient):
    failed = []
    for rule in list_rules(installation):
        for name in rule.arguments:
            for value in [*(quote(each) for each in HOSTILE.values()), *HOSTILE_BYTES]:
                path = build_path(rule, {name: value})
                for method in list_methods(rule):
                    status = client.open(path, method=method).status_code
                    if status >= 500:
                        failed.append((method, rule.rule, name, value[:20], status))
    assert not failed


def test_no_field_fails_whatever_is_written_in_it(installation: Flask, client: FlaskClient):
    values = list(HOSTILE.values())

    def fill(fields: list[str]) -> list[dict[str, str]]:
        # In each round another value in each field.
        return [
            {name: values[(at + number) % len(values)] for at, name in enumerate(fields)}
            for number in range(len(values))
        ]

    assert not send_everywhere(installation, client, ("GET", "POST"), fill)


def test_no_single_field_of_an_address_fails(installation: Flask, client: FlaskClient):
    def fill(fields: list[str]) -> list[dict[str, str]]:
        return [{name: HOSTILE[hostile]} for hostile in ("2**63", "NUL") for name in fields]

    assert not send_everywhere(installation, client, ("GET",), fill)


def send_everywhere(
    app: Flask,
    client: FlaskClient,
    methods: tuple[str, ...],
    fill: Callable[[list[str]], list[dict[str, str]]],
) -> list[Any]:
    """Request every page with the fields its module reads; return what failed."""
    failed = []
    for rule in list_rules(app):
        for given_fields in fill(list_fields(app, rule)):
            for method in set(methods) & set(list_methods(rule)):
                form = given_fields if method == "POST" else None
                path = build_path(rule, {})
                answer = client.open(path, method=method, query_string=given_fields, data=form)
                if answer.status_code >= 500:
                    failed.append((method, rule.rule, given_fields, answer.status_code))
    return failed


def test_a_file_name_that_cannot_be_stored_is_cleaned(installation: Flask):
    sent = {"file": (io.BytesIO(b"brain: x"), "a\0.yaml"), "csrf_token": "x"}
    with installation.test_request_context(method="POST", data=sent):
        assert request.files["file"].filename == "a\ufffd.yaml"


def test_the_same_search_has_the_same_answer_on_both_databases(client: FlaskClient):
    for path in ("/palette?q=a%00b", "/chats/?q=a%00b", "/brains/?q=%00", "/connections/?q=%00"):
        assert client.get(path).status_code == 200
    assert client.get("/chats/9223372036854775808").status_code == 404
    assert client.get("/chats/9223372036854775807").status_code == 404
    assert client.get("/chats/\u0661").status_code == 404


def test_a_number_that_is_none_is_refused_beside_its_field(client: FlaskClient):
    for typed in ("many", str(2**70), "\u0663"):
        answer = client.post(
            "/connections/1", data={"name": "P", "account": "sim-test", "messages_per_second": typed}
        )
        assert answer.status_code == 422
        assert "Messages per second must be 0" in answer.text


def test_a_brain_that_does_not_exist_is_refused_beside_its_field(client: FlaskClient):
    answer = client.post("/connections/1", data={"name": "P", "account": "sim-test", "brain_id": "77"})
    assert answer.status_code == 422
    assert "no longer there" in answer.text


def test_every_number_of_a_request_is_read_by_the_bounded_reader():
    for path in Path("app/admin").rglob("*.py"):
        assert not re.search(r"type=(int|float)\)", path.read_text()), path


@given(st.text())
def test_any_text_becomes_one_that_is_stored_unchanged(text: str):
    clean = to_storable(text)
    assert "\0" not in clean
    assert clean.encode().decode() == clean
    assert to_storable(clean) == clean


@given(st.integers())
def test_whole_numbers_are_read_only_when_a_column_can_hold_them(number: int):
    if -MAX_INT64 - 1 <= number <= MAX_INT64:
        assert parse_int64(str(number)) == number
    else:
        with pytest.raises(ValueError, match="64 bits"):
            parse_int64(str(number))


@given(st.lists(st.text(max_size=25)))
def test_what_is_no_id_is_left_out(texts: list[str]):
    assert all(0 < each <= MAX_INT64 for each in parse_ids(texts))


@given(st.text(max_size=25))
def test_a_place_in_a_list_is_never_negative(text: str):
    index = parse_index(text)
    assert index is None or 0 <= index <= MAX_INT64


@given(
    st.recursive(st.text() | st.integers(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner))
)
def test_every_text_in_data_from_outside_becomes_storable(data: Any):
    assert to_storable_data(to_storable_data(data)) == to_storable_data(data)
    assert "\\u0000" not in json.dumps(to_storable_data(data)).replace("\\\\", "")
