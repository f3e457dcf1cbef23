"""Delivery states: any order and number of receipts ends in the same state (issue: lattice of whatsapp A6)."""

from itertools import permutations, product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.bot.delivery.receipts import advance, get_rank
from app.channels.contract import Status

ROW = {
    "state": "sending",
    "provider_id": None,
    "error_code": None,
    "error": None,
    "sent_at": None,
    "delivered_at": None,
    "read_at": None,
    "failed_at": None,
}
WORDS = ("sent", "delivered", "read", "played", "failed")


def build_receipt(word: str, at: int = 0) -> Status:
    code = "131026" if word == "failed" else None
    return Status(
        "wamid.1", word, at or 1_000 + WORDS.index(word), None, code, "undeliverable" if code else None
    )


def apply_receipts(words: tuple[str, ...], start: str = "sending") -> dict[str, object]:
    row = dict(ROW, state=start)
    for word in words:
        row |= advance(row, [build_receipt(word)])
    return row


@pytest.mark.parametrize("start", ["sending", "unknown", "queued", "dead", "held"])
def test_every_permutation_with_repeats_ends_in_the_same_row(start: str):
    for size in range(1, len(WORDS) + 1):
        for chosen in product(WORDS, repeat=size):
            orders = {
                tuple(sorted(apply_receipts(p, start).items(), key=str)) for p in set(permutations(chosen))
            }
            assert len(orders) == 1, chosen


def test_repeats_change_nothing():
    row = apply_receipts(("sent", "delivered"))
    assert advance(row, [build_receipt("sent"), build_receipt("delivered"), build_receipt("sent")]) == {}


@given(st.lists(st.sampled_from(WORDS), max_size=12))
def test_a_state_never_goes_backwards(words: list[str]):
    row, seen = dict(ROW), [0]
    for word in words:
        row |= advance(row, [build_receipt(word)])
        seen.append(get_rank(str(row["state"])))
    assert seen == sorted(seen)


def test_failed_never_overwrites_delivered_or_read():
    assert apply_receipts(("delivered", "failed"))["state"] == "delivered"
    assert apply_receipts(("failed", "read"))["state"] == "read"
    assert apply_receipts(("sent", "failed"))["state"] == "failed"


def test_unknown_status_words_change_nothing():
    assert advance(ROW, [Status("wamid.1", "RINGING", 5)]) == {}


def test_the_earliest_moment_of_a_receipt_is_kept():
    row = dict(ROW)
    row |= advance(row, [build_receipt("delivered", 9_000)])
    row |= advance(row, [build_receipt("delivered", 4_000)])
    assert row["delivered_at"] == 4_000


def test_the_providers_word_replaces_the_error_of_a_former_try():
    row = dict(ROW, state="retry", error_code="131016", error="unavailable")
    row |= advance(row, [build_receipt("delivered")])
    assert (row["state"], row["error_code"]) == ("delivered", None)
