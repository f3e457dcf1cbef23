"""Recorded turns on a changed draft: answers from the record in any order, and differences by their kind."""

from concurrent.futures import Future
from dataclasses import replace
from typing import Any

import pytest

from app.brains.capabilities.contract import Asker, CallRefused
from app.brains.document import Grants
from app.brains.rehearsal import Past, Recording, Rehearsal, forecast
from app.brains.runtime import Program, Request, Runtime, Turn, compile_program

ASKER = Asker(1, Grants())
GRANTS = {"http": {"allow": ["a.example.com"]}}
GET = "ctx.http.get('https://a.example.com/{}').text"


class Web:
    """Answers with the address; one page is broken."""

    grant = "http"

    def answer(self, _method: str, arguments: Any, _asker: Asker) -> Any:
        if arguments["url"].endswith("broken"):
            raise CallRefused("upstream", "It is broken.")
        return {"status": 200, "text": arguments["url"][-1], "headers": {}}


def program(number: int, source: str) -> Program:
    command = {
        "id": "c1", "name": "run", "trigger": {"kind": "fallback"},
        "action": {"kind": "script", "source": source},
    }  # fmt: skip
    return compile_program(number, 1, {"brain": "b", "title": "B", "grants": GRANTS, "commands": [command]})


def recorded(sandbox: Any, turn: Turn, source: str) -> Past:
    """Run a script as it ran when its message came."""
    request = Request(program(1, source), turn, {"http.get": Web()})
    (ending,) = Runtime(sandbox).run_many([request])
    outcome = ending.result(20) if isinstance(ending, Future) else ending
    bare = replace(turn, now=0, seed=0)
    return Past(
        bare,
        outcome.journal,
        outcome.status,
        1,
        outcome.command_id,
        outcome.digest,
        outcome.micros,
        outcome.trace,
    )


@pytest.mark.parametrize(
    ("then", "now", "kind"),
    [
        ("ctx.reply('a')", "ctx.reply('a')  # again", "same"),
        ("ctx.reply('a')", "print('seen')\nctx.reply('a')", "same"),
        ("ctx.reply('a')", "ctx.reply('b')", "changed"),
        ("ctx.reply('a')", "ctx.reply('a')\nctx.memory.set('k', 1)", "changed"),
        ("ctx.reply('a')", "pass", "silent"),
        ("ctx.reply('a')", "{}['no']", "failing"),
        ("pass", "{}['no']", "failing"),
        ("pass", "ctx.reply('a')", "answering"),
        ("{}['no']", "ctx.reply('a')", "answering"),
        ("{}['no']", "pass", "changed"),
        ("{}['no']", "x = 1\n{}['no']", "same"),
        ("{}['no']", "[][5]", "changed"),
        (f"ctx.reply({GET.format('1')})", f"ctx.reply({GET.format('2')})", "new_call"),
        (
            f"ctx.reply({GET.format('1')} + {GET.format('2')})",
            f"b = {GET.format('2')}\nctx.reply({GET.format('1')} + b)",
            "same",
        ),
        (f"ctx.reply({GET.format('broken')})", f"ctx.reply('It was ' + {GET.format('broken')})", "same"),
    ],
)
def test_a_difference_has_its_kind(sandbox: Any, turn: Any, then: str, now: str, kind: str):
    past = recorded(sandbox, turn("hello"), then)
    versions = {1: program(1, then)}
    (compared,) = Rehearsal(program(0, now), versions.get, Runtime(sandbox)).play([past])
    assert compared.kind == kind, compared
    assert (compared.new_calls == ("http.get https://a.example.com/2",)) == (kind == "new_call")


def test_a_version_that_is_gone_is_known_by_its_record(sandbox: Any, turn: Any):
    past = recorded(sandbox, turn("hello"), "ctx.reply('a')")
    play = Rehearsal(program(0, "ctx.reply('b')"), {}.get, Runtime(sandbox)).play
    assert [(each.kind, each.before.effects) for each in play([past])] == [("same", None)]
    assert Rehearsal(program(0, "pass"), {}.get, Runtime(sandbox)).play([past])[0].kind == "silent"


def test_a_recording_gives_each_answer_once_and_counts_what_was_waited():
    first, second = recording_of(("x", 5), ("x", 7)), recording_of()
    assert [first.answer("ai", {"prompt": "x"}, ASKER) for _ in range(2)] == [0, 1]
    assert (first.waited, first.made, first.new) == (12, ["ai", "ai"], [])
    for recording in (first, second):
        with pytest.raises(CallRefused, match="no recorded answer"):
            recording.answer("ai", {"prompt": "x"}, ASKER)
        assert recording.new == ["ai"]


def recording_of(*asked: tuple[str, int]) -> Recording:
    from app.brains.calls import argument_hash  # noqa: PLC0415  used here alone

    calls = [
        {"m": "ai", "a": argument_hash({"prompt": words}), "ok": True, "v": number}
        for number, (words, _) in enumerate(asked)
    ]
    lines = [{"method": "http.get", "ms": 99}, *({"method": "ai", "ms": took} for _, took in asked)]
    return Recording({"calls": calls}, {"calls": lines})


def test_a_forecast_of_nothing_is_nothing():
    found = forecast([])
    assert (found.before, found.after, dict(found.calls_before)) == ((0, 0), (0, 0), {})
