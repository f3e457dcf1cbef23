"""Plays one test step by step on a program."""

from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace
from typing import Any, Final

from app.brains.cases import Act, Case, Step, seconds_of
from app.brains.outcome import Outcome
from app.brains.program import Program
from app.brains.runtime import Request, Runs, Runtime
from app.brains.testing.stubs import Stubs
from app.brains.testing.verdict import (
    NOTHING,
    Said,
    StepResult,
    compare,
    expected_words,
    said_of,
    step_words,
)
from app.brains.testing.world import TICK, Person, TooManyPlansError, World
from app.brains.triggers.contract import fold
from app.brains.turn import Turn

_TICKS: Final = 100  # scheduled runs within one step
_CLOSED: Final = (
    "More than 24 hours have passed since the person wrote: live, WhatsApp would refuse this answer."
)


class Play:
    """One test being played; not shared between threads."""

    def __init__(self, program: Program, case: Case, sandbox: Runs) -> None:
        self._case = case
        self._program = program
        self._runtime = Runtime(sandbox)
        self._world = World(program, case.start)
        self._stubs = Stubs(case.stubs, self._world)
        self._capabilities = self._stubs.capabilities()
        self._waiting: list[Said] = []
        self._last: dict[int, Said] = {}
        self._silence = ""
        self._results: list[StepResult] = []

    def run(self) -> list[StepResult]:
        """Play all steps; the results stand in their order."""
        for number, step in enumerate(self._case.steps, 1):
            kind, said = step_words(step)
            self._results.append(_PLAYED[kind](self, step, StepResult(number, kind, said)))
        self._nothing_more()
        return self._results

    def _do(self, step: Step, result: StepResult) -> StepResult:
        """Let a person do something."""
        self._nothing_more()
        person = self._world.person(step.as_)
        what = self._said_by(person, step.user or "")
        if isinstance(what, str):
            return replace(result, ok=False, why=what)
        self._world.hear(person)
        self._silence = ""
        if person.chat_id in self._world.paused:
            self._silence = "A person answers in this chat: the bot has handed it over."
            return replace(result, note=self._silence)
        return self._ran(self._world.turn(person, seed=step.seed, **what), person, result)

    def _expect(self, step: Step, result: StepResult) -> StepResult:
        """Hold the next answer against what is expected."""
        expected = step.bot or ""
        shown = expected_words(expected)
        if not self._waiting:
            return replace(
                result,
                ok=False,
                expected=shown,
                came=NOTHING,
                why=self._silence or "The bot said nothing more.",
            )
        said = self._waiting.pop(0)
        found = compare(expected, said)
        if found is None:
            return replace(result, expected=shown, came=said.text)
        return replace(result, ok=False, expected=shown, came=said.text, why=found[0], pieces=found[1])

    def _hold(self, _step: Step, result: StepResult) -> StepResult:
        """Expect that nothing was said."""
        if not self._waiting:
            return replace(result, expected=NOTHING, came=NOTHING)
        came = "\n".join(said.text for said in self._waiting)
        self._waiting.clear()
        return replace(result, ok=False, expected=NOTHING, came=came, why="The bot was to say nothing.")

    def _wait(self, step: Step, result: StepResult) -> StepResult:
        """Let time pass, and what is scheduled happen in it."""
        self._nothing_more()
        self._silence = "Nothing that was scheduled came due."
        until = self._world.now + 1000 * (seconds_of(step.wait or "") or 0)
        for _ in range(_TICKS):
            plan = self._world.next_plan(until)
            if plan is None:
                break
            if plan.person.chat_id in self._world.paused:
                continue
            turn = self._world.turn(
                plan.person, kind=TICK, command_id=plan.command_id, arguments=plan.arguments
            )
            result = self._ran(turn, plan.person, result)
        else:
            why = f"More than {_TICKS} scheduled commands ran; wait for less, or schedule less often."
            result = replace(result, ok=False, why=why)
        self._world.now = until
        return result

    def _said_by(self, person: Person, user: str | Act) -> dict[str, Any] | str:
        """Return what a turn holds of an act; a text when there is nothing to press or choose."""
        if isinstance(user, str):
            return {"text": user}
        if user.button is not None or user.list is not None:
            return self._chosen(person, user)
        if user.location is not None:
            return {"kind": "location"}
        if user.voice:
            return {"kind": "audio", "media": {"kind": "audio", "mime": "audio/ogg", "caption": ""}}
        caption = user.image or ""
        media = {"kind": "image", "mime": "image/jpeg", "caption": caption}
        return {"kind": "image", "text": caption, "media": media}

    def _chosen(self, person: Person, act: Act) -> dict[str, Any] | str:
        kind, wanted = ("button", act.button) if act.button is not None else ("list", act.list)
        last = self._last.get(person.chat_id, Said("", ""))
        offered = last.choices if last.kind == kind else ()
        for identity, title in offered:
            if fold(wanted or "") in {fold(title), fold(identity)}:
                quoted = {"id": last.id, "text": last.text}
                return {
                    "kind": kind, "text": identity, "choice_id": identity, "choice_title": title, "quoted": quoted
                }  # fmt: skip
        there = ", ".join(f"“{title}”" for _, title in offered) or NOTHING
        what = "button" if kind == "button" else "row"
        return f"There is no {what} “{wanted}” to choose: the last answer offers {there}."

    def _ran(self, turn: Turn, person: Person, result: StepResult) -> StepResult:
        """Run a turn, let its effects become true, and note what it said."""
        asked = len(self._stubs.missing)
        request = Request(self._program, turn, self._capabilities)
        ending = self._runtime.run_many([request])[0]
        outcome = ending.result() if isinstance(ending, Future) else ending
        trace = {"outcome": outcome.status, "command": self._name(outcome), **outcome.trace}
        result = replace(result, trace=trace)
        missing = self._stubs.missing[asked:]
        if missing:
            result = replace(result, ok=False, why=f"The test has no stub for {missing[0]}. Add one.")
        if outcome.status == "failed":
            return self._failed(outcome, result)
        try:
            self._world.take(outcome.effects, person)
        except TooManyPlansError as error:
            return replace(result, ok=False, why=str(error))
        said = list(said_of(outcome.effects, turn.provider_id))
        self._waiting += said
        self._world.note(person, "user", turn.text)
        for each in said:
            self._world.note(person, "assistant", each.text)
        if said:
            self._last[person.chat_id] = next((each for each in reversed(said) if each.choices), said[-1])
            if self._world.window_is_closed(person):
                result = replace(result, note=_CLOSED)
        else:
            self._silence = _sentence(str(outcome.trace.get("reason") or ""))
        return result

    def _failed(self, outcome: Outcome, result: StepResult) -> StepResult:
        fault = outcome.fault
        place = f" in line {fault.line}" if fault and fault.line else ""
        fix = f" {fault.fix}" if fault and fault.fix else ""
        self._silence = f"“{self._name(outcome)}” failed{place}: {outcome.error}{fix}"
        return replace(result, ok=False, why=result.why or self._silence)

    def _name(self, outcome: Outcome) -> str:
        entry = self._program.by_id.get(outcome.command_id or "")
        return entry.command.name if entry else ""

    def _nothing_more(self) -> None:
        """Fault the step before when the bot said more than the test expects."""
        if not self._waiting:
            return
        came = "\n".join(said.text for said in self._waiting)
        self._waiting.clear()
        last = self._results[-1]
        why = last.why or "The bot said more than the test expects."
        self._results[-1] = replace(last, ok=False, came=came if last.ok else last.came, why=why)


def _sentence(reason: str) -> str:
    return f"{reason[:1].upper()}{reason[1:]}." if reason else ""


_PLAYED: dict[str, Callable[[Play, Step, StepResult], StepResult]] = {
    "user": Play._do,  # noqa: SLF001  the table of this class
    "bot": Play._expect,  # noqa: SLF001  the same
    "silent": Play._hold,  # noqa: SLF001  the same
    "wait": Play._wait,  # noqa: SLF001  the same
}
