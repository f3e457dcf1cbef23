"""The webhook endpoint on real payloads: signed, in every encoding, alone, batched, shuffled and repeated."""

import base64
import hashlib
import hmac
import json
import logging
import random
import zlib
from itertools import chain
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.bot.connections.store import ConnectionInput
from app.bot.health.status import collect_stats
from app.bot.ingest.webhook import MAX_BODY
from app.bot.models import Message, Notice, Receipt
from app.channels.cloud.parse import parse
from app.channels.cloud.webhook import PATH
from app.channels.contract import InboundMessage, RawItem, Status
from tests.conftest import SHARED

SECRET = "shared-app-secret"
FIXTURES = {
    path.name: json.loads(path.read_text())
    for path in sorted((SHARED / "fixtures/whatsapp_cloud").glob("*.json"))
}
ENCODINGS = {
    "ascii": lambda payload: json.dumps(payload).encode(),
    "escaped slashes": lambda payload: json.dumps(payload).replace("/", "\\/").encode(),
    "utf-8": lambda payload: json.dumps(payload, ensure_ascii=False).encode("utf-8", "surrogatepass"),
    "indented and sorted": lambda payload: json.dumps(payload, indent=2, sort_keys=True).encode(),
}


def sign(body: bytes, secret: str = SECRET) -> dict[str, str]:
    return {"X-Hub-Signature-256": "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}


def connect(app: Flask, account: str, secret: str = SECRET) -> None:
    config = {"access_token": "token-token", "app_secret": secret, "verify_token": f"verify-{account}"}
    fields = ConnectionInput(f"Number {account}", "cloud", str(10**9 + zlib.crc32(account.encode())), config)
    services = app.extensions["services"]

    def make(session: Session) -> None:
        # Some published payloads hold ids that no real number has, such as words.
        services.connections.create(session, fields, services.clock()).account = account

    services.database.write(make)
    services.registry.invalidate()


def list_accounts(payload: Any) -> set[str]:
    return {batch.account for batch in parse(payload) if batch.account}


@pytest.fixture
def connected_app(installation: Flask) -> Flask:
    for account in sorted(set().union(*(list_accounts(payload) for payload in FIXTURES.values()))):
        connect(installation, account)
    return installation


def count_expected() -> dict[str, Any]:
    """Count what the fixtures hold once each: distinct messages, and per kind of the rest."""
    batches = [batch for payload in FIXTURES.values() for batch in parse(payload)]
    items = [(batch.account, item) for batch in batches for item in batch.items]
    routed = [(account, item) for account, item in items if account]
    return {
        "in": len(
            {(a, i.provider_id) for a, i in routed if isinstance(i, InboundMessage) and not i.outgoing}
        ),
        "out": len({(a, i.provider_id) for a, i in routed if isinstance(i, InboundMessage) and i.outgoing}),
    }


def count_rows(app: Flask) -> dict[str, int]:
    with app.extensions["services"].database.read() as session:
        rows = session.execute(select(Message.direction, func.count()).group_by(Message.direction))
        return {row[0]: row[1] for row in rows}


def post(app: Flask, body: bytes, **headers: str) -> int:
    return app.test_client().post(PATH, data=body, headers={**sign(body), **headers}).status_code


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_every_fixture_is_taken_and_stored_exactly_once(connected_app: Flask, encoding: str, caplog):
    caplog.set_level(logging.ERROR)
    encode = ENCODINGS[encoding]
    names = list(FIXTURES)
    for order in (names, random.Random(1).sample(names, len(names))):
        for name in order:
            assert post(connected_app, encode(FIXTURES[name])) == 200, name
    assert count_rows(connected_app) == count_expected()
    assert caplog.records == []


def test_one_post_with_every_fixture_stores_the_same_rows(connected_app: Flask, caplog):
    caplog.set_level(logging.ERROR)
    entries = list(chain.from_iterable(payload.get("entry", []) for payload in FIXTURES.values()))
    random.Random(2).shuffle(entries)
    body = json.dumps({"object": "whatsapp_business_account", "entry": entries}).encode()
    for _ in range(2):
        assert post(connected_app, body) == 200
    loose = [payload for payload in FIXTURES.values() if not payload.get("entry")]
    for payload in loose:
        assert post(connected_app, json.dumps(payload).encode()) == 200
    assert count_rows(connected_app) == count_expected()
    assert caplog.records == []


def test_statuses_and_everything_else_leave_a_row_each(connected_app: Flask):
    """Statuses of sends we do not know are kept as receipts; what is neither message nor status as notices."""
    for payload in FIXTURES.values():
        assert post(connected_app, json.dumps(payload).encode()) == 200
    items = [(b.account, i) for p in FIXTURES.values() for b in parse(p) for i in b.items]
    with connected_app.extensions["services"].database.read() as session:
        receipts = session.scalar(select(func.count(Receipt.id)))
        notices = session.scalar(select(func.count(Notice.id)))
    assert receipts == sum(isinstance(item, Status) and bool(account) for account, item in items)
    assert notices == sum(isinstance(item, RawItem) or not account for account, item in items)


def test_every_signature_vector_agrees(installation: Flask):
    vectors = json.loads((SHARED / "fixtures/whatsapp_signatures/vectors.json").read_text())
    for n, secret in enumerate({vector["app_secret"] for vector in vectors}):
        connect(installation, f"90000000{n}", secret)
    client = installation.test_client()
    for vector in vectors:
        body = base64.b64decode(vector["body_base64"])
        header = next(value for key, value in vector.items() if "sha256=" in str(value))
        assert client.post(PATH, data=body, headers={"X-Hub-Signature-256": header}).status_code == 200
        wrong = header[:-1] + ("0" if header[-1] != "0" else "1")
        assert client.post(PATH, data=body, headers={"X-Hub-Signature-256": wrong}).status_code == 401


@pytest.mark.parametrize(
    "headers", [{}, {"X-Hub-Signature-256": "sha256="}, {"X-Hub-Signature": "sha1=" + "0" * 40}]
)
def test_a_missing_or_wrong_signature_is_refused_and_counted(connected_app: Flask, headers: dict[str, str]):
    assert connected_app.test_client().post(PATH, data=b"{}", headers=headers).status_code == 401
    services = connected_app.extensions["services"]
    services.counters.flush(services.database)
    with services.database.read() as session:
        assert collect_stats(session, 0)["counters"] == {"webhook.bad_signature": 1}


def test_a_connection_cannot_speak_for_another(installation: Flask):
    connect(installation, "111", "the-first-secret")
    connect(installation, "222", "the-second-secret")
    text = FIXTURES["meta_openapi__text_message.json"]
    account = next(iter(list_accounts(text)))
    body = json.dumps(text).replace(account, "111").encode()
    client = installation.test_client()
    assert client.post(PATH, data=body, headers=sign(body, "the-second-secret")).status_code == 401
    assert count_rows(installation) == {}
    assert client.post(PATH, data=body, headers=sign(body, "the-first-secret")).status_code == 200
    assert count_rows(installation) == {"in": 1}


def test_broken_json_with_a_good_signature_is_kept_raw(connected_app: Flask):
    assert post(connected_app, b'{"entry": [') == 200
    with connected_app.extensions["services"].database.read() as session:
        assert session.execute(select(Notice.field, Notice.payload)).all() == [("broken", '{"entry": [')]


def test_a_body_beyond_four_megabytes_is_refused(connected_app: Flask):
    assert post(connected_app, b"x" * (MAX_BODY + 1)) == 413


def test_an_unavailable_database_asks_for_another_delivery(connected_app: Flask):
    body = json.dumps(FIXTURES["meta_openapi__text_message.json"]).encode()
    assert connected_app.test_client().get(PATH).status_code == 403
    with connected_app.extensions["services"].database.engine.begin() as db:
        db.exec_driver_sql("ALTER TABLE message RENAME TO message_away")
    assert post(connected_app, body) == 503
    with connected_app.extensions["services"].database.engine.begin() as db:
        db.exec_driver_sql("ALTER TABLE message_away RENAME TO message")
    assert post(connected_app, body) == 200


def test_the_handshake_echoes_the_challenge_as_it_is(connected_app: Flask):
    account = next(iter(list_accounts(FIXTURES["meta_openapi__text_message.json"])))
    query = {
        "hub.mode": "subscribe",
        "hub.verify_token": f"verify-{account}",
        "hub.challenge": "<b>1158201444</b>",
    }
    answer = connected_app.test_client().get(PATH, query_string=query)
    assert (answer.status_code, answer.text) == (200, "<b>1158201444</b>")
    assert answer.mimetype == "text/plain"
    assert (
        connected_app.test_client().get(PATH, query_string={**query, "hub.verify_token": "x"}).status_code
        == 403
    )
    assert connected_app.test_client().put(PATH).status_code == 405
