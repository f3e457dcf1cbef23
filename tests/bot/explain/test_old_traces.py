"""Runs stored before causes had codes: each is explained as it was then, from the sentences in its trace."""

from typing import Any

import pytest
from flask import Flask
from sqlalchemy import delete

from app.bot.explain.explain import explain
from app.bot.explain.explanation import Explanation
from app.bot.models import Run
from tests.bot.simulated_bot import SimulatedBot, build_reply_command

LOOP = "This looks like two bots talking to each other: 12 answers in a row without a pause"
ERROR = {"kind": "error", "message": "No.", "fix": "Mend it.", "line": 3, "column": None, "excerpt": []}


def build_blocked_run(why: str, **journal: Any) -> dict[str, Any]:
    return {
        "command_id": "c_hi",
        "trace": {
            "considered": [{"command": "c_hi", "verdict": "blocked", "why": why}],
            "considered_count": 1,
            "reason": f"“hi” {why}",
        },
        "journal": {"now": 1_000, "seed": 1, "sender": ["1", "P1", "1"], "contact": 1, **journal},
    }


def build_failed_run(command: str | None = "c_hi", **trace: Any) -> dict[str, Any]:
    return {"outcome": "failed", "command_id": command, "trace": trace}


OLD_RUNS: list[tuple[dict[str, Any], str, str]] = [
    (
        {"trace": {"reason": "A person answers in this chat"}},
        "paused",
        "The bot was paused in this chat, because a person answers.",
    ),
    (
        {"trace": {"reason": "A person answers in this chat: Ben."}},
        "paused",
        "The bot was paused in this chat, because a person answers (Ben.).",
    ),
    ({"trace": {"reason": LOOP}}, "loop", f"{LOOP}. The bot was paused here."),
    (
        {"outcome": "merged", "trace": {"reason": "Answered together with what was written after it"}},
        "merged",
        "Answered together with what was written after it: see the answer there.",
    ),
    (
        {"trace": {"reason": "The connection has no brain."}},
        "no_brain",
        "No brain answered on the connection “Phone” when this came.",
    ),
    (
        {"trace": {"reason": "The connection has no published brain."}},
        "unpublished",
        "Nothing of the brain was live when this came.",
    ),
    (
        build_failed_run(None, reason="The published version cannot run. Publish the brain again."),
        "error",
        "The published version cannot run. Publish the brain again.",
    ),
    (
        {
            "trace": {
                "reason": "This was scheduled by a brain that does not answer on this connection any more."
            }
        },
        "no_brain",
        "This was scheduled by a brain that does not answer on this connection any more.",
    ),
    (build_blocked_run("is switched off"), "disabled", "“hi” matches, but it is switched off."),
    (build_blocked_run("runs in groups only"), "restriction", "“hi” matches, but it runs in groups only."),
    (
        build_blocked_run("is not allowed to this person"),
        "restriction",
        "“hi” matches, but it is not allowed to this person.",
    ),
    (
        build_blocked_run("rests for 5 s more", rests=["c_hi", 6_000]),
        "cooldown",
        "“hi” matches, but it rests for 5 s more.",
    ),
    (build_failed_run(error=ERROR), "error", "“hi” failed in line 3: No."),
    (build_failed_run(error={**ERROR, "kind": "time", "line": None}), "limit", "“hi” failed: No."),
    (
        build_failed_run(error={**ERROR, "kind": "call", "message": "A run may make 16 calls at most."}),
        "limit",
        "“hi” failed in line 3: A run may make 16 calls at most.",
    ),
    (
        build_failed_run(
            error={**ERROR, "kind": "call"},
            calls=[{"method": "ai", "short": "x", "ok": False, "why": "No.", "refused": "limit", "ms": 1}],
        ),
        "limit",
        "“hi” failed in line 3: No.",
    ),
    (
        {"trace": {"reason": "no command fits this message", "considered": [], "considered_count": 1}},
        "no_match",
        "No command matches this message.",
    ),
    (
        {"command_id": "c_hi", "trace": {"reason": "“hi” has a text that came out empty"}},
        "nothing_to_say",
        "“hi” matches and did not reply.",
    ),
    (
        {
            "outcome": "answered",
            "command_id": "c_hi",
            "trace": {"reason": "the argument word is missing"},
        },
        "answered",
        "“hi” matches and has answered how it is used, because the argument word is missing.",
    ),
]


@pytest.fixture
def bot(installation: Flask) -> SimulatedBot:
    made = SimulatedBot(installation, [build_reply_command("hi", "Hello")])
    made.say((1, "unheard of"))
    return made


def explain_run(bot: SimulatedBot, facts: dict[str, Any]) -> Explanation:
    row = {
        "message_id": 1,
        "chat_id": 1,
        "brain_id": bot.brain_id,
        "version_id": 1,
        "outcome": "silent",
        "micros": 1,
        "created_at": 1,
        **facts,
    }
    with bot.database.read() as session:
        session.add(Run(**row))
        session.flush()
        found = explain(session, 1, 3_600_000, bot.services.clock())
        session.execute(delete(Run))
        session.rollback()
    assert found
    return found


def test_a_run_without_a_code_is_explained_by_its_sentences(bot: SimulatedBot):
    for facts, cause, sentence in OLD_RUNS:
        found = explain_run(bot, facts)
        assert (found.cause, found.sentence) == (cause, sentence), facts
