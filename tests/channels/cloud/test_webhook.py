import base64
import hashlib
import hmac
import json
from pathlib import Path

import pytest

from app.channels.cloud.webhook import answer_challenge, verify_signature

FIXTURES = Path(__file__).resolve().parents[3].parent / "shared" / "fixtures" / "whatsapp_signatures"
VECTORS = json.loads((FIXTURES / "vectors.json").read_text())
QUERY = {"hub.mode": "subscribe", "hub.verify_token": "wörd", "hub.challenge": "<1158201444>"}


def format_name(vector):
    return f"{vector['fixture']}-{vector['form']}"


def sign(body, secret, digest=hashlib.sha256):
    return hmac.new(secret.encode(), body, digest).hexdigest()


@pytest.mark.parametrize("vector", VECTORS, ids=format_name)
def test_a_signature_made_by_openssl_is_accepted(vector):
    body = base64.b64decode(vector["body_base64"])
    assert verify_signature(body, vector["x_hub_signature_256"], [vector["app_secret"]])
    assert verify_signature(body, vector["x_hub_signature_256"], ["another", "", vector["app_secret"]])


@pytest.mark.parametrize("vector", VECTORS, ids=format_name)
def test_one_changed_byte_or_another_secret_is_refused(vector):
    body = base64.b64decode(vector["body_base64"])
    assert not verify_signature(body + b" ", vector["x_hub_signature_256"], [vector["app_secret"]])
    assert not verify_signature(body, vector["x_hub_signature_256"], [vector["app_secret"] + "x"])
    assert not verify_signature(body, vector["x_hub_signature_256"], [])


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "sha256=",
        "sha1=" + sign(b"body", "secret", hashlib.sha1),
        "sha256=" + sign(b"body", "secret", hashlib.sha1),
        sign(b"body", "secret"),
        "SHA256=" + sign(b"body", "secret"),
        "sha256=" + sign(b"body", "secret").upper(),
        "sha256=" + sign(b"body", "secret")[:-1],
        "sha256=é\ud800",
    ],
)
def test_headers_that_are_no_sha_256_signature_are_refused(header):
    assert not verify_signature(b"body", header, ["secret"])


def test_an_empty_secret_never_counts():
    assert not verify_signature(b"body", "sha256=" + hmac.new(b"", b"body", hashlib.sha256).hexdigest(), [""])


def test_the_handshake_returns_the_challenge_verbatim():
    assert answer_challenge(QUERY, ["other", "wörd"]) == "<1158201444>"


@pytest.mark.parametrize(
    "change",
    [
        {"hub.mode": "unsubscribe"},
        {"hub.mode": ""},
        {"hub.verify_token": "word"},
        {"hub.verify_token": ""},
        {"hub.verify_token": "\ud800"},
        {"hub.challenge": ""},
    ],
)
def test_a_handshake_with_one_wrong_part_gets_nothing(change):
    assert answer_challenge(QUERY | change, ["wörd", ""]) is None
    assert answer_challenge({}, ["wörd"]) is None
