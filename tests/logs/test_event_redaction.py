"""Redaction: secrets by name and shape, numbers of people, texts of messages; ids, times and addresses stay."""

import json
import string
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.logs.event_redaction import REDACTED, RedactionRules, Redactor

redactor = Redactor(RedactionRules())
KEY = "".join(c for c in string.ascii_letters + string.digits)
WORD = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=30)
SECRET = st.sampled_from([
    "EAAG" + KEY[:40], "sk-proj-" + KEY[:32], "ghp_" + KEY[:36], "xoxb-" + KEY[:20], "AKIA" + "ABCDEFGHIJ012345",
    "AIza" + KEY[:35], "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJl", "bbl_0123456789abcdef_" + KEY[:43],
    "Bearer " + KEY[:20], "Basic dXNlcjpwYXNzd29yZA==",
])  # fmt: skip
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | WORD,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(WORD, inner, max_size=4),
    max_leaves=20,
)


def hide(value: str) -> str:
    return redactor.redact_text(value)


@given(before=WORD, secret=SECRET, after=WORD)
def test_a_secret_by_its_shape_is_found_in_any_text(before: str, secret: str, after: str):
    bare = secret.rpartition(" ")[2]
    assert bare not in hide(f"{before} {secret} {after}")


@given(secret=st.text(string.ascii_letters + string.digits, min_size=6, max_size=40), depth=st.integers(0, 6))
@pytest.mark.parametrize(
    "name",
    [
        "password",
        "DB_PASSWORD",
        "api-key",
        "accessToken",
        "client_secret",
        "Authorization",
        "Set-Cookie",
        "csrf_token",
    ],
)
def test_a_secret_by_its_name_is_found_at_any_depth(name: str, secret: str, depth: int):
    data: Any = {name: secret}
    for _ in range(depth):
        data = {"inner": [data]}
    assert json.dumps(redactor.redact_data({"data": data})).count(REDACTED) == 1
    assert f': "{secret}"' not in json.dumps(redactor.redact_data({"data": data}))


@given(digits=st.integers(10**7, 10**15 - 1), before=st.sampled_from(["", "to ", "(", "tel:"]))
def test_a_number_with_its_plus_keeps_two_digits(digits: int, before: str):
    hidden = hide(f"{before}+{digits}")
    assert str(digits) not in hidden
    assert hidden.endswith(f"[phone …{str(digits)[-2:]}]")


@given(number=st.integers(2 * 10**9, 10**15 - 1))
def test_a_bare_number_is_hidden_as_text_and_as_number(number: int):
    shown = json.dumps(redactor.redact_data({"who": str(number), "again": number, "list": [number]}))
    # Milliseconds since 1970 have thirteen digits and begin with 1, which no phone number of that length does.
    is_moment = len(str(number)) == 13 and str(number).startswith("1")
    assert (str(number) in shown) is is_moment


@given(data=st.dictionaries(WORD, JSON, max_size=6))
def test_any_data_can_be_redacted_and_redacting_again_changes_nothing(data: dict[str, Any]):
    once = redactor.redact_data(data)
    assert json.loads(json.dumps(redactor.redact_data(once))) == json.loads(
        json.dumps(once)
    ) or "NaN" in json.dumps(once)


@pytest.mark.parametrize(
    "text",
    [
        "turn took 1234567 us", "at 2026-12-01T12:18:44.123Z", "on 2026-12-01 12:18:44", "1780000000000", "1780000000",
        "from 192.168.100.200:54321", "10.0.0.1", "0.12345678901234", "550e8400-e29b-41d4-a716-446655440000",
        "3f2a9c7d1e5b4a60-1f", "version 8.2302.0", "basic authentication failed", "the token refreshed itself",
        "lease 12345 of chat 678", "https://bots.example.com/chats/12?start=3", "the bearer of bad news",
    ],
)  # fmt: skip
def test_what_is_neither_secret_nor_number_stays(text: str):
    assert hide(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "+49 151 23456789",
        "0049 151 23456789",
        "+1 (555) 010-0001",
        "15550100001",
        "15550100001@s.whatsapp.net",
    ],
)
def test_numbers_are_found_however_they_are_written(text: str):
    assert "[phone …" in hide(f"sent to {text} now")


def test_two_numbers_in_a_row_are_both_found():
    assert hide("2026-12-01 15550001234 4915112345678") == "2026-12-01 [phone …34] [phone …78]"


def test_passwords_in_addresses_are_hidden_and_the_rest_stays():
    assert hide("postgresql://app:hunter2@db:5432/x") == f"postgresql://app:{REDACTED}@db:5432/x"


@pytest.mark.parametrize(
    "text",
    ['{"password": "hunter2x"}', "?access_token=hunter2x&a=1", "api_key=hunter2x", "Cookie: sid=hunter2x"],
)
def test_a_secret_named_in_a_text_is_hidden(text: str):
    assert "hunter2x" not in hide(text)


def test_texts_of_messages_never_stay_and_their_length_does():
    data = {"body": "hi there", "caption": "x", "payload": {"text": {"body": "private"}}, "n": 1}
    assert redactor.redact_data(data) == {
        "body": "[text, 8 characters]", "caption": "[text, 1 characters]", "payload": "[content]", "n": 1,
    }  # fmt: skip


def test_message_ids_of_whatsapp_lose_the_number_within():
    assert hide("wamid.HBgLMTU1NTAwMDEyMzQVAgARGBI5QUFBQUFBQUFBQUE=") == "wamid.…QUFBQUE="


def test_counts_of_tokens_are_no_secrets():
    assert redactor.redact_data({"max_tokens": 400, "tokens_in": 12}) == {"max_tokens": 400, "tokens_in": 12}


def test_phones_and_addresses_go_by_the_rules():
    free = Redactor(RedactionRules(hides_phones=False))
    strict = Redactor(RedactionRules(hides_emails=True))
    assert free.redact_text("+15550100001 a@example.com") == "+15550100001 a@example.com"
    assert strict.redact_text("a@example.com") == "[e-mail address]"
    assert "hunter2x" not in free.redact_text("password=hunter2x")


@pytest.mark.parametrize(
    "text",
    ["1 " * 130_000, "token" * 50_000, "-" * 260_000, "eyJ" * 80_000, "a@" * 130_000, "://" * 80_000, "+1-" * 80_000,
     "-----BEGIN PRIVATE KEY-----" * 9_000, "Bearer " * 37_000],
)  # fmt: skip
def test_no_text_of_a_request_takes_long(text: str):
    began = time.process_time()
    Redactor(RedactionRules(hides_emails=True)).redact_text(text)
    assert time.process_time() - began < 2.0
