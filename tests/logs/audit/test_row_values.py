"""Values of an entry: hidden ones, paths of documents, and the bound of their size."""

from typing import Any

from app.logs.audit.policies import AUDITED, TablePolicy
from app.logs.audit.row_values import (
    MAX_BYTES,
    MAX_ROWS,
    PRIVATE,
    SECRET,
    describe_values,
    encode,
    limit_changes,
)

POLICY = TablePolicy(
    "thing",
    kept=("name", "note"),
    documents=("draft",),
    secret=("token",),
    private=("words",),
    noise=("seen_at",),
    screened=("note", "draft"),
)
ROW: dict[str, Any] = {"name": "a", "note": "", "draft": {}, "token": "t1", "words": "hi", "seen_at": 1}


def describe(**changed: Any) -> Any:
    return describe_values(POLICY, ROW, {**ROW, **changed})


def test_only_what_differs_is_kept_and_noise_is_no_change():
    assert describe(name="b", seen_at=9) == ({"name": "a"}, {"name": "b"})
    assert describe(seen_at=9) is None


def test_secrets_and_private_words_show_that_they_changed_and_nothing_else():
    assert describe(token="t2", words="ho") == (
        {"token": SECRET, "words": PRIVATE},
        {"token": SECRET, "words": PRIVATE},
    )
    assert describe(token="") == ({"token": SECRET}, {"token": ""})


def test_a_new_row_is_kept_with_its_secrets_hidden_and_a_deleted_one_likewise():
    whole = {"name": "a", "note": "", "draft": {}, "token": SECRET, "words": PRIVATE}
    assert describe_values(POLICY, None, ROW) == (None, whole)
    assert describe_values(POLICY, ROW, None) == (whole, None)


def test_a_document_shows_the_paths_that_differ_by_the_ids_of_its_parts():
    commands = [{"id": "c1", "text": "one"}, {"id": "c2", "text": "two"}]
    before = {**ROW, "draft": {"title": "t", "commands": commands}}
    after = {
        **ROW,
        "draft": {"title": "t", "commands": [commands[1], {"id": "c1", "text": "1"}, {"id": "c3"}]},
    }
    assert describe_values(POLICY, before, after) == (
        {"draft/commands/c1/text": "one"},
        {"draft/commands/c1/text": "1", "draft/commands/c3": {"id": "c3"}},
    )
    swapped = {**ROW, "draft": {"title": "t", "commands": commands[::-1]}}
    assert describe_values(POLICY, before, swapped) == (
        {"draft/commands/order": ["c1", "c2"]},
        {"draft/commands/order": ["c2", "c1"]},
    )


def test_recorded_tests_and_texts_with_long_numbers_are_hidden():
    after = {"tests": [{"name": "Ada says hi"}], "people": ["+1 555 010 0001", "all"], "n": "12"}
    assert describe(draft=after) == (
        {},
        {"draft/tests": PRIVATE, "draft/people": [PRIVATE, "all"], "draft/n": "12"},
    )
    assert describe(note="call 0155-501-0001") == ({"note": ""}, {"note": PRIVATE})
    whole = describe_values(POLICY, None, {**ROW, "draft": after})
    assert whole
    assert whole[1]
    assert whole[1]["draft"]["tests"] == PRIVATE


def make_change(**after: Any) -> dict[str, Any]:
    return {"kind": "thing", "id": "1", "name": "", "before": None, "after": after}


def test_what_is_too_large_is_told_by_a_digest_and_its_size():
    small, large = "a" * 100, "b" * (MAX_BYTES + 1)
    (kept,) = limit_changes([make_change(small=small, large=large)], b"key")
    assert kept["after"]["small"] == small
    assert kept["after"]["large"].keys() == {"digest", "bytes"}
    assert kept["after"]["large"]["bytes"] == len(large) + 2
    (again,) = limit_changes([make_change(small=small, large=large)], b"key")
    assert again == kept
    (other,) = limit_changes([make_change(small=small, large=large)], b"another key")
    assert other != kept


def test_rows_beyond_the_most_are_counted_and_many_small_values_still_fit():
    kept = limit_changes([make_change(n=n) for n in range(MAX_ROWS + 5)], b"key")
    assert kept[-1] == {"kind": "thing", "id": "", "name": "", "more": 5}
    wide = [make_change(**{f"column {n}": n for n in range(1000)}) for _ in range(MAX_ROWS)]
    assert len(encode(limit_changes(wide, b"key"))) <= MAX_BYTES


def test_nothing_of_a_contact_is_kept_of_chats_messages_and_notes():
    for name, columns in (
        ("message", {"text", "payload"}),
        ("note", {"text"}),
        ("chat", {"title", "pause_reason"}),
    ):
        policy = AUDITED[name]
        assert columns <= set(policy.private)
        assert not columns & {*policy.kept, *policy.documents}
