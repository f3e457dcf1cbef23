import base64
import hashlib
import hmac
import json
from pathlib import Path

import pytest
from pydantic import ValidationError

from app.bot.channels.cloud.config import AccountError, CloudConfig, clean_account, handshake
from app.bot.channels.cloud.signature import verify

FIXTURES = Path(__file__).resolve().parents[3].parent / "shared" / "fixtures" / "whatsapp_signatures"
VECTORS = json.loads((FIXTURES / "vectors.json").read_text())
QUERY = {"hub.mode": "subscribe", "hub.verify_token": "wörd", "hub.challenge": "<1158201444>"}


def name(vector):
    return f"{vector['fixture']}-{vector['form']}"


def signed(body, secret, digest=hashlib.sha256):
    return hmac.new(secret.encode(), body, digest).hexdigest()


@pytest.mark.parametrize("vector", VECTORS, ids=name)
def test_a_signature_made_by_openssl_is_accepted(vector):
    body = base64.b64decode(vector["body_base64"])
    assert verify(body, vector["x_hub_signature_256"], [vector["app_secret"]])
    assert verify(body, vector["x_hub_signature_256"], ["another", "", vector["app_secret"]])


@pytest.mark.parametrize("vector", VECTORS, ids=name)
def test_one_changed_byte_or_another_secret_is_refused(vector):
    body = base64.b64decode(vector["body_base64"])
    assert not verify(body + b" ", vector["x_hub_signature_256"], [vector["app_secret"]])
    assert not verify(body, vector["x_hub_signature_256"], [vector["app_secret"] + "x"])
    assert not verify(body, vector["x_hub_signature_256"], [])


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "sha256=",
        "sha1=" + signed(b"body", "secret", hashlib.sha1),
        "sha256=" + signed(b"body", "secret", hashlib.sha1),
        signed(b"body", "secret"),
        "SHA256=" + signed(b"body", "secret"),
        "sha256=" + signed(b"body", "secret").upper(),
        "sha256=" + signed(b"body", "secret")[:-1],
        "sha256=é\ud800",
    ],
)
def test_headers_that_are_no_sha_256_signature_are_refused(header):
    assert not verify(b"body", header, ["secret"])


def test_an_empty_secret_never_counts():
    assert not verify(b"body", "sha256=" + hmac.new(b"", b"body", hashlib.sha256).hexdigest(), [""])


def test_the_handshake_returns_the_challenge_verbatim():
    assert handshake(QUERY, ["other", "wörd"]) == "<1158201444>"


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
    assert handshake(QUERY | change, ["wörd", ""]) is None
    assert handshake({}, ["wörd"]) is None


def test_the_configuration_hides_its_secrets():
    config = CloudConfig(access_token=" EAAG123 ", app_secret="abc", verify_token="word")
    assert config.access_token == "EAAG123"
    assert "EAAG123" not in repr(config)
    with pytest.raises(ValidationError) as caught:
        CloudConfig(access_token="EAAG 123\r\nX: y", app_secret="abc", verify_token="word")
    assert "EAAG" not in str(caught.value)
    assert "copy it again without spaces" in str(caught.value)


def test_a_phone_number_id_is_digits():
    assert clean_account(" 106540352242922 ") == "106540352242922"
    for text in ("", "+1 555", "12", "1" * 26, "²" * 8):
        with pytest.raises(AccountError, match="5 to 25 digits"):
            clean_account(text)
