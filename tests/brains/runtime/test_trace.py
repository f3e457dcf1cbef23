"""The trace as it is stored: what was written is read again, whichever version wrote it."""

from dataclasses import fields
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.brains.runtime.trace import VERSION, Cause, Trace, read_cause

ERROR = {
    "kind": "error",
    "message": "No.",
    "fix": "",
    "line": 2,
    "column": None,
    "end_column": None,
    "excerpt": ["2: x"],
}
FULL = Trace(
    cause=Cause.ERROR,
    reason="because",
    pause_reason="Ben.",
    considered=[{"command": "a", "verdict": "won", "why": "fits the message"}],
    considered_count=3,
    arguments={"n": 1},
    surplus="too",
    variant=2,
    part="user",
    run_micros=7,
    is_filled=True,
    calls=[{"method": "ai", "short": "hi", "ok": True, "ms": 4}],
    output="seen\n",
    result=0,
    usage={"cpu_ms": 1.5},
    error=ERROR,  # type: ignore[arg-type]
    dropped=[["reply", {"text": "x"}]],
    choice_reason="session",
    state_effects=[["Forget", "chat", "n"]],
    merged_into=9,
    understanding={"by": "words"},
    unknown={"later": [1]},
)
# What stands in a trace of the first version; “anything” stands for what nobody wrote.
VALUES: dict[str, Any] = {
    "reason": st.text(max_size=5),
    "considered": st.lists(st.just({"command": "a", "verdict": "lost", "why": "waits"}), max_size=2),
    "considered_count": st.integers(0, 3),
    "arguments": st.dictionaries(st.text(max_size=2), st.integers(), max_size=2),
    "surplus": st.text(max_size=3),
    "variant": st.integers(1, 3),
    "part": st.sampled_from(["system", "user"]),
    "run_micros": st.integers(0, 9),
    "filled": st.just(value=True),
    "calls": st.lists(st.just({"method": "ai", "short": "x", "ms": 1, "ok": True}), max_size=2),
    "output": st.text(max_size=3),
    "result": st.none() | st.booleans() | st.integers() | st.text(max_size=2),
    "usage": st.dictionaries(st.just("cpu_ms"), st.floats(0, 9), max_size=1),
    "error": st.just(ERROR),
    "dropped": st.lists(st.integers(), max_size=2),
    "course": st.sampled_from(["session", "candidate"]),
    "lasting": st.lists(st.just(["Forget", "chat", "n"]), max_size=1),
    "merged_into": st.integers(1, 9),
    "understanding": st.just({"by": "words", "candidates": [["a", 0.5]]}),
    "anything": st.integers(),
}
NULLABLE = {"considered_count", "arguments", "variant", "run_micros", "result", "merged_into", "anything"}


def test_every_value_is_written_and_read_again():
    assert all(getattr(FULL, each.name) for each in fields(Trace) if each.name != "result")
    data = FULL.to_json()
    assert (data["version"], data["course"], data["later"]) == (VERSION, "session", [1])
    assert Trace.from_json(data) == FULL


def test_a_trace_of_nothing_holds_its_version_alone():
    assert Trace().to_json() == {"version": VERSION}
    assert Trace.from_json({}) == Trace.from_json({"version": VERSION}) == Trace()


def test_that_no_command_was_there_to_be_asked_is_something():
    assert Trace(considered_count=0).to_json()["considered"] == []


@given(st.fixed_dictionaries({}, optional=VALUES))
def test_a_trace_of_the_first_version_loses_nothing(old: dict[str, Any]):
    data = Trace.from_json(old).to_json()
    kept = {key: value for key, value in old.items() if value or (key in NULLABLE and value is not None)}
    assert {key: data[key] for key in kept} == kept
    assert Trace.from_json(data) == Trace.from_json(old)


@given(st.fixed_dictionaries({"version": st.integers(2, 9)}, optional={**VALUES, "cause": st.text()}))
def test_a_word_of_a_newer_release_stays_as_it_is(new: dict[str, Any]):
    assert read_cause(new) == new.get("cause", "")
    assert Trace.from_json(Trace.from_json(new).to_json()) == Trace.from_json(new)


def build_blocked_trace(why: str) -> dict[str, Any]:
    return {"considered": [{"command": "a", "verdict": "blocked", "why": why}]}


def build_failed_trace(kind: str, message: str = "No.", **more: Any) -> dict[str, Any]:
    return {"error": {**ERROR, "kind": kind, "message": message}, **more}


LOOP = "This looks like two bots talking to each other: 12 answers in a row without a pause"
REFUSED = [{"method": "ai", "short": "x", "ok": False, "why": "no", "refused": "limit", "ms": 1}]


@pytest.mark.parametrize(
    ("old", "cause", "pause_reason"),
    [
        ({"reason": "A person answers in this chat"}, Cause.PAUSED, ""),
        ({"reason": "A person answers in this chat: Ben."}, Cause.PAUSED, "Ben."),
        ({"reason": f"A person answers in this chat: {LOOP}"}, Cause.PAUSED, LOOP),
        ({"reason": LOOP}, Cause.LOOP, ""),
        ({"reason": "The connection has no brain."}, Cause.NO_BRAIN, ""),
        ({"reason": "The connection has no published brain."}, Cause.NOT_LIVE, ""),
        (
            {"reason": "The published version cannot run. Publish the brain again."},
            Cause.CANNOT_RUN,
            "",
        ),
        (
            {"reason": "This was scheduled by a brain that does not answer on this connection any more."},
            Cause.OTHER_BRAIN,
            "",
        ),
        ({"reason": "Answered together with what was written after it", "merged_into": 9}, Cause.MERGED, ""),
        ({"reason": "no command fits this message", "considered": []}, Cause.NO_MATCH, ""),
        ({"reason": "the command it was to run is no longer there"}, Cause.COMMAND_GONE, ""),
        ({"reason": "“a” is switched off", **build_blocked_trace("is switched off")}, Cause.DISABLED, ""),
        (build_blocked_trace("rests for 5 s more"), Cause.COOLDOWN, ""),
        (build_blocked_trace("runs in groups only"), Cause.RESTRICTION, ""),
        (build_blocked_trace("is denied to this person"), Cause.RESTRICTION, ""),
        (build_failed_trace("limit"), Cause.LIMIT, ""),
        (build_failed_trace("time"), Cause.LIMIT, ""),
        (build_failed_trace("memory"), Cause.LIMIT, ""),
        (build_failed_trace("call", "A run may make 16 calls at most."), Cause.LIMIT, ""),
        (build_failed_trace("call", "A run may make at most 16 calls."), Cause.LIMIT, ""),
        (build_failed_trace("call", calls=REFUSED), Cause.LIMIT, ""),
        (
            build_failed_trace("call", calls=[{"method": "ai", "short": "x", "ms": 1, "ok": True}]),
            Cause.ERROR,
            "",
        ),
        (build_failed_trace("error"), Cause.ERROR, ""),
        ({"reason": "the argument word is missing"}, "", ""),
        ({"considered": [], "considered_count": 1, "run_micros": 3}, "", ""),
    ],
)
def test_the_sentences_of_the_first_version_stand_for_causes(
    old: dict[str, Any], cause: str, pause_reason: str
):
    trace = Trace.from_json(old)
    assert (read_cause(old), trace.cause, trace.pause_reason) == (cause, cause, pause_reason)
    assert trace.reason == old.get("reason", "")


def test_a_sentence_in_a_trace_of_today_stands_for_nothing():
    assert read_cause({"version": VERSION, "reason": "The connection has no brain."}) == ""
