"""Player: runs one test step by step on a compiled brain."""

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import replace
from typing import Any, Final

from app.brains.document.test_cases import Act, BrainTest, Step, parse_duration
from app.brains.example_messages import NAMED_KINDS, ExampleMessage, build_choice_fields, build_example
from app.brains.runtime.outcome import Outcome
from app.brains.runtime.program import Program
from app.brains.runtime.runtime import RunRequest, Runtime
from app.brains.sandbox.types import SandboxPort
from app.brains.testing.assertions import (
    NOTHING,
    BotAnswer,
    StepResult,
    compare,
    describe_expected,
    describe_step,
    list_answers,
)
from app.brains.testing.bursts import is_joined, join_burst
from app.brains.testing.stubs import Stubs
from app.brains.testing.world import SCHEDULE_KIND, Person, ScheduleLimitError, World
from app.brains.text import fold
from app.brains.turn import Turn

_MAX_SCHEDULED_RUNS: Final = 100  # scheduled runs within one step
_JOINED: Final = "Answered together with what is written next."
_WINDOW_CLOSED: Final = "More than 24 hours have passed since the person wrote: WhatsApp refuses this answer."


class Player:
    """Player of one test; not shared between threads."""

    def __init__(self, program: Program, case: BrainTest, sandbox: SandboxPort) -> None:
        self._case = case
        self._program = program
        self._runtime = Runtime(sandbox)
        self.world = World(program, case.start)
        self._stubs = Stubs(case.stubs, self.world)
        self._capabilities = self._stubs.build_capabilities()
        self._waiting: list[BotAnswer] = []
        self._last: dict[int, BotAnswer] = {}
        self._last_said: dict[int, BotAnswer] = {}
        # Texts that wait for the next one.
        self._typed: list[str] = []
        self._silence = ""
        self._results: list[StepResult] = []

    def run(self) -> list[StepResult]:
        """Play all steps and return their results in order."""
        for number, step in enumerate(self._case.steps, 1):
            kind, text = describe_step(step)
            self._results.append(_STEP_PLAYERS[kind](self, step, StepResult(number, kind, text)))
        self._check_nothing_waits()
        return self._results

    def _play_user(self, step: Step, result: StepResult) -> StepResult:
        """Play a step in which a contact acts."""
        if not self._typed:
            self._check_nothing_waits()
        person = self.world.get_or_create_person(step.as_)
        self.world.open_window(person)
        self._silence = ""
        if person.chat_id in self.world.paused:
            self._silence = "A person answers in this chat: the bot has handed it over."
            return replace(result, note=self._silence)
        if self._is_typing_on(step, result.number):
            self._typed.append(str(step.user))
            return replace(result, note=_JOINED)
        acts: Sequence[str | Act] = [step.user or ""]
        if isinstance(step.user, str):
            acts = ["\n".join([*self._typed, step.user])]
            self._typed = []
        elif step.user and step.user.burst:
            settings = self._program.document.settings
            acts = join_burst(step.user.burst, settings, is_group=self._case.start.group)
        for act in acts:
            what = self._build_turn_fields(person, act)
            if isinstance(what, str):
                return replace(result, ok=False, why=what)
            turn = self.world.build_turn(person, seed=step.seed, **what)
            result = self._run_turn(turn, person, result)
        return result

    def _is_typing_on(self, step: Step, number: int) -> bool:
        """Tell whether the next step is a text of the same person that is answered together with this one."""
        following = self._case.steps[number] if number < len(self._case.steps) else None
        return (
            following is not None
            and following.as_ == step.as_
            and self._is_joined(step.user)
            and self._is_joined(following.user)
        )

    def _is_joined(self, act: str | Act | None) -> bool:
        """Tell whether a text waits for those that follow, as the brain's settings say."""
        settings, is_group = self._program.document.settings, self._case.start.group
        return isinstance(act, str) and is_joined(act, settings, is_group=is_group)

    def _play_bot(self, step: Step, result: StepResult) -> StepResult:
        """Compare the next answer with the expected one."""
        expected = step.bot or ""
        shown = describe_expected(expected)
        if not self._waiting:
            return replace(
                result,
                ok=False,
                expected=shown,
                came=NOTHING,
                why=self._silence or "The bot said nothing more.",
            )
        answer = self._waiting.pop(0)
        found = compare(expected, answer)
        if found is None:
            return replace(result, expected=shown, came=answer.text)
        return replace(result, ok=False, expected=shown, came=answer.text, why=found[0], pieces=found[1])

    def _play_silent(self, _step: Step, result: StepResult) -> StepResult:
        """Check that the bot did not answer."""
        if not self._waiting:
            return replace(result, expected=NOTHING, came=NOTHING)
        came = "\n".join(answer.text for answer in self._waiting)
        self._waiting.clear()
        return replace(result, ok=False, expected=NOTHING, came=came, why="The bot was to say nothing.")

    def _play_wait(self, step: Step, result: StepResult) -> StepResult:
        """Advance the time, running the schedules that come due."""
        self._check_nothing_waits()
        self._silence = "Nothing that was scheduled came due."
        until = self.world.now + 1000 * (parse_duration(step.wait or "") or 0)
        for _ in range(_MAX_SCHEDULED_RUNS):
            plan = self.world.pop_due(until)
            if plan is None:
                break
            if plan.person.chat_id in self.world.paused:
                continue
            turn = self.world.build_turn(
                plan.person, kind=SCHEDULE_KIND, command_id=plan.command_id, arguments=plan.arguments
            )
            result = self._run_turn(turn, plan.person, result)
        else:
            why = f"More than {_MAX_SCHEDULED_RUNS} scheduled commands ran; wait for less, or schedule less often."
            result = replace(result, ok=False, why=why)
        self.world.now = until
        return result

    def _build_turn_fields(self, person: Person, user: str | Act) -> dict[str, Any] | str:
        """Return the fields of the turn of an act; a text when the button or row does not exist."""
        if isinstance(user, str):
            return {"text": user}
        if user.button is not None or user.list is not None:
            return self._build_choice(person, user)
        if user.quote is not None:
            last = self._last_said.get(person.chat_id)
            if last is None:
                return "There is no answer of the bot to quote yet."
            return {"text": user.quote, "quoted": {"id": last.id, "text": last.text}}
        return _build_example(user).build_turn_fields()

    def _build_choice(self, person: Person, act: Act) -> dict[str, Any] | str:
        kind, wanted = ("button", act.button) if act.button is not None else ("list", act.list)
        last = self._last.get(person.chat_id, BotAnswer("", ""))
        offered = last.choices if last.kind == kind else ()
        for identity, title in offered:
            if fold(wanted or "") in {fold(title), fold(identity)}:
                quoted = {"id": last.id, "text": last.text}
                return {**build_choice_fields(kind, identity, title), "quoted": quoted}
        there = ", ".join(f"“{title}”" for _, title in offered) or NOTHING
        what = "button" if kind == "button" else "row"
        return f"There is no {what} “{wanted}” to choose: the last answer offers {there}."

    def _run_turn(self, turn: Turn, person: Person, result: StepResult) -> StepResult:
        """Run a turn, apply its effects, and collect its answers."""
        missing_before = len(self._stubs.missing)
        request = RunRequest(self._program, turn, self._capabilities)
        ending = self._runtime.run_many([request])[0]
        outcome = ending.result() if isinstance(ending, Future) else ending
        trace = {
            "outcome": outcome.status,
            "command": self._get_command_name(outcome),
            **outcome.trace.to_json(),
        }
        result = replace(result, trace=trace, effects=(*result.effects, *outcome.effects), at=turn.now)
        missing = self._stubs.missing[missing_before:]
        if missing:
            result = replace(result, ok=False, why=f"The test has no stub for {missing[0]}. Add one.")
        if outcome.status == "failed":
            return self._fail_step(outcome, result)
        try:
            self.world.apply_effects(outcome.effects, person)
        except ScheduleLimitError as error:
            return replace(result, ok=False, why=str(error))
        # An answer in a group goes to all of it.
        to = "" if person.is_group else person.sender.name
        answers = list(list_answers(outcome.effects, turn.provider_id, to))
        self._waiting += answers
        self.world.record_text(person, "user", turn.text)
        for each in answers:
            self.world.record_text(person, "assistant", each.text)
        if answers:
            self._last_said[person.chat_id] = answers[-1]
            self._last[person.chat_id] = next(
                (each for each in reversed(answers) if each.choices), answers[-1]
            )
            if self.world.is_window_closed(person):
                result = replace(result, ok=False, why=_WINDOW_CLOSED)
        else:
            self._silence = _format_sentence(outcome.trace.reason)
        return result

    def _fail_step(self, outcome: Outcome, result: StepResult) -> StepResult:
        error = outcome.sandbox_error
        place = f" in line {error.line}" if error and error.line else ""
        fix = f" {error.fix}" if error and error.fix else ""
        self._silence = f"“{self._get_command_name(outcome)}” failed{place}: {outcome.error}{fix}"
        return replace(result, ok=False, why=result.why or self._silence)

    def _get_command_name(self, outcome: Outcome) -> str:
        entry = self._program.by_id.get(outcome.command_id or "")
        return entry.command.name if entry else ""

    def _check_nothing_waits(self) -> None:
        """Fail the previous step when the bot answered more than the test expects."""
        if not self._waiting:
            return
        came = "\n".join(answer.text for answer in self._waiting)
        self._waiting.clear()
        last = self._results[-1]
        why = last.why or "The bot said more than the test expects."
        self._results[-1] = replace(last, ok=False, came=came if last.ok else last.came, why=why)


def _build_example(act: Act) -> ExampleMessage:
    """Return the message of an act other than a choice or a text."""
    kind, value = _ACT_KINDS[act.kind], getattr(act, act.kind)
    if kind == "flow":
        return build_example(kind, fields=value)
    if kind in NAMED_KINDS:
        return build_example(kind, name=value)
    return build_example(kind, "" if value is True else value)


_ACT_KINDS: Final = {
    "image": "image",
    "voice": "audio",
    "location": "location",
    "document": "document",
    "contact": "contacts",
    "order": "order",
    "form": "flow",
}


def _format_sentence(reason: str) -> str:
    return f"{reason[:1].upper()}{reason[1:]}." if reason else ""


_STEP_PLAYERS: dict[str, Callable[[Player, Step, StepResult], StepResult]] = {
    "user": Player._play_user,  # noqa: SLF001  the table of this class
    "bot": Player._play_bot,  # noqa: SLF001  the same
    "silent": Player._play_silent,  # noqa: SLF001  the same
    "wait": Player._play_wait,  # noqa: SLF001  the same
}
