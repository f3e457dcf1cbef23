import json
from pathlib import Path

import pytest

from app.channels.cloud.errors import classify_code, classify_response, describe_error
from app.channels.contract import RefusalClass

FIXTURES = Path(__file__).resolve().parents[3].parent / "shared" / "fixtures" / "whatsapp_openapi"
ROWS = json.loads((FIXTURES / "graph_responses.json").read_text())
NOW = 1_700_000_000.0  # Tue, 14 Nov 2023 22:13:20 GMT

R, RA, T, A, N, F = (
    RefusalClass.TRANSIENT,
    RefusalClass.LIMIT,
    RefusalClass.TOKEN,
    RefusalClass.ACCOUNT,
    RefusalClass.NEVER,
    RefusalClass.FIX,
)

# Written by hand from the specification's table (A13); 400, 403 and 803 are not in it: decided by HTTP.
ANSWERS = {
    (400, 100): F, (403, 100): F, (404, 100): F, (409, 100): F, (422, 100): F,
    (400, 136024): F, (400, 132000): F, (429, 130429): RA, (400, 131047): N, (401, 190): T, (403, 200): T,
    (404, 803): N, (422, 803): N, (429, 4): RA, (500, 2): R, (400, 400): N, (403, 403): N, (401, 104): T,
    (429, 17): RA, (429, 80007): RA, (422, 613): RA, (403, 10): T,
}  # fmt: skip

TABLE = {
    R: [1, 2, 131000, 131016, 131052, 131057, 133000, 133004],
    RA: [4, 17, 613, 80007, 130429, 131056, 131064, 131208, 132069],
    T: [0, 3, 10, 104, 190, 200, 250, 299, 131005],
    A: [33, 368, 131031, 131037, 131042, 131044, 131045, 131048, 133005, 133006, 133008, 133009, 133010,
        133015, 133016, 134011],
    N: [130472, 130497, 131020, 131021, 131026, 131041, 131047, 131049, 131050, 131059, 131200, 131215,
        999999],
    F: [100, 131008, 131009, 131030, 131051, 131053, 131062, 131063, 132000, 132001, 132005, 132007,
        132008, 132012, 132015, 132016, 132018, 132068, 135000, 136024, 136025, 137000, 138000, 138018,
        139100, 147000],
}  # fmt: skip


def classify_refusal(code, error=None, *, status=400, headers=None):
    return classify_response(status, headers or {}, {"error": {"code": code, **(error or {})}}, NOW)


@pytest.mark.parametrize("row", [r for r in ROWS if r["http_status"] >= 400], ids=lambda r: r["source"][-60:])
def test_each_recorded_refusal_is_classified_as_the_specification_says(row):
    code = row["body"]["error"]["code"]
    result = classify_response(row["http_status"], row["headers"], row["body"], NOW)
    assert (result.refusal_class, result.code) == (ANSWERS[row["http_status"], code], str(code))
    assert result.retry_after_s == (120 if code == 130429 else None)
    assert len(result.message) <= 500


def test_every_recorded_pair_of_status_and_code_is_expected():
    recorded = {(r["http_status"], r["body"]["error"]["code"]) for r in ROWS if r["http_status"] >= 400}
    assert recorded == set(ANSWERS)
    assert len(recorded) == 22


@pytest.mark.parametrize(
    ("fault", "code"), [(fault, code) for fault, codes in TABLE.items() for code in codes]
)
def test_each_code_of_the_table_has_its_class_and_a_sentence(fault, code):
    found, sentence = classify_code(code)
    assert found is fault
    assert sentence.endswith(".")
    assert len(sentence) > 30
    assert classify_refusal(code, status=400).refusal_class is fault
    assert classify_refusal(str(code), status=429).refusal_class is (RA if code == 999999 else fault)


@pytest.mark.parametrize(
    ("status", "fault"), [(500, R), (503, R), (429, RA), (400, N), (401, N), (404, N), (302, F)]
)
@pytest.mark.parametrize(
    "body", [None, "text", [], {}, {"error": "text"}, {"error": {"code": "x"}}, {"error": {"code": []}}]
)
def test_without_a_code_http_decides(status, fault, body):
    result = classify_response(status, {}, body, NOW)
    assert (result.refusal_class, result.code) == (fault, f"http_{status}")


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("120", 120.0),
        (" 7 ", 7.0),
        ("Tue, 14 Nov 2023 22:14:20 GMT", 60.0),
        ("Tue, 14 Nov 2023 22:13:00 GMT", None),
        ("0", None),
        ("-5", None),
        ("soon", None),
        ("²", None),
        ("9" * 400, 7 * 86400.0),
    ],
)
def test_retry_after_is_read_in_seconds_or_as_a_date(value, seconds):
    for name in ("Retry-After", "retry-after"):
        assert classify_refusal(130429, status=429, headers={name: value}).retry_after_s == seconds


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ('{"1": [{"estimated_time_to_regain_access": 3}, {"estimated_time_to_regain_access": 1}]}', 180.0),
        ('{"1": [{"estimated_time_to_regain_access": 0}]}', None),
        ('{"1": [{"estimated_time_to_regain_access": NaN}]}', None),
        ('{"1": 5}', None),
        ("[", None),
        ("[]", None),
    ],
)  # fmt: skip
def test_the_usage_header_tells_minutes(value, seconds):
    headers = {"X-Business-Use-Case-Usage": value}
    assert classify_refusal(80007, status=429, headers=headers).retry_after_s == seconds
    assert classify_refusal(190, status=401, headers=headers).retry_after_s is None


def test_the_pair_limit_leaves_the_wait_to_the_sender():
    assert classify_refusal(131056, headers={"Retry-After": "99"}).retry_after_s is None


def test_codes_that_imply_a_wait_have_one_even_without_a_header():
    assert classify_refusal(131057).retry_after_s == 60
    assert classify_refusal(131057, headers={"Retry-After": "90"}).retry_after_s == 90
    assert classify_refusal(131064).retry_after_s == 3600
    assert classify_refusal(131048).retry_after_s == 4 * 3600


def test_some_codes_are_worth_fewer_tries():
    assert (
        classify_refusal(1).max_attempts,
        classify_refusal(131052).max_attempts,
        classify_refusal(2).max_attempts,
    ) == (2, 2, None)


def test_details_are_told_but_never_those_of_a_token():
    assert classify_refusal(100, {"error_data": {"details": "text.body is bad"}}).message.endswith(
        "WhatsApp says: text.body is bad"
    )
    assert classify_refusal(100, {"error_data": "plain"}).message.endswith("WhatsApp says: plain")
    assert classify_refusal(100, {"message": "(#100) bad\0"}).message.endswith(
        "WhatsApp says: (#100) bad\ufffd"
    )
    assert "EAAG" not in classify_refusal(190, {"message": "Malformed access token EAAGsecret"}).message
    assert len(classify_refusal(100, {"message": "x" * 9999}).message) == 500


def test_a_missing_object_is_explained_as_such():
    result = classify_refusal(100, {"error_subcode": 33})
    assert result.refusal_class is F
    assert result.message.startswith("Meta does not know this id")


@pytest.mark.parametrize(
    ("error", "code", "start"),
    [
        (
            {"code": 131047, "title": "Re-engagement"},
            "131047",
            "The person has not written for more than 24 hours",
        ),
        ({"code": "131047", "details": "old"}, "131047", "The person has not written"),
        (
            {"code": 777, "title": "Odd"},
            "777",
            "WhatsApp refused the message (error 777). WhatsApp says: Odd",
        ),
        ({"title": "Odd"}, "unknown", "WhatsApp gave an error without a code. WhatsApp says: Odd"),
        ("junk", "unknown", "WhatsApp gave an error without a code."),
        ({"code": 10**400}, "unknown", "WhatsApp gave an error without a code."),
    ],
)
def test_errors_of_webhooks_become_a_code_and_a_sentence(error, code, start):
    found, sentence = describe_error(error)
    assert found == code
    assert sentence.startswith(start)
