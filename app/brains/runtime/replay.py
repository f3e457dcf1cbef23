"""Replay of a recorded turn: the same version, message and journal give the same digest; cooldowns of another version.

A run that ended over a time or memory limit cannot be repeated (`Outcome.is_repeatable`).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import replace
from typing import Any, Final

from app.brains.capabilities.contract import CallContext, CallRefusal
from app.brains.effects.model import Cool, Effect
from app.brains.runtime.capability_calls import hash_arguments
from app.brains.runtime.outcome import Outcome
from app.brains.runtime.program import Program
from app.brains.runtime.runtime import RunRequest, Runtime
from app.brains.runtime.selection.command_choice import build_cooldown_scope
from app.brains.runtime.trace import CallLine, Trace
from app.brains.sandbox.types import SandboxPort
from app.brains.turn import Sender, Turn, Understanding

NO_ANSWER: Final = "This call was not made when the message came, so there is no recorded answer."

# Moments (ms) until which commands rest, by command id and scope.
CooldownEnds = Mapping[tuple[str, str], int]


def replay(program: Program, turn: Turn, journal: Mapping[str, Any], sandbox: SandboxPort) -> Outcome:
    """Replay a recorded turn and wait for its end; nothing is sent, calls are answered from the journal.

    `turn` needs only what the message holds; all that may have changed since is taken from the journal.
    """
    request = RunRequest(program, restore_turn(program, turn, journal), journal=journal)
    ending = Runtime(sandbox).run_many([request])[0]
    return ending.result() if isinstance(ending, Future) else ending


def restore_turn(program: Program, turn: Turn, journal: Mapping[str, Any]) -> Turn:
    """Return the turn as it was when its journal was written."""
    identity, name, phone = journal["sender"]
    understood = journal.get("understanding")
    then = replace(
        turn,
        text=journal.get("text", turn.text),
        now=journal["now"],
        seed=journal["seed"],
        sender=Sender(identity, name, phone),
        contact_id=journal["contact"],
        quoted=journal.get("quoted"),
        memory=journal.get("memory", {}),
        past=tuple((role, words) for role, words in journal.get("past", ())),
        cooldowns={},
        understanding=Understanding.from_json(understood) if understood else None,
        question=journal.get("question"),
    )
    rests = journal.get("rests")
    entry = program.by_id.get(rests[0]) if rests else None
    if rests is None or entry is None:
        return then
    return replace(then, cooldowns={(entry.command.id, build_cooldown_scope(entry.command, then)): rests[1]})


class CooldownBranch:
    """Cooldowns of a draft, carried forward from run to run.

    `since` is the moment (ms) from which only the draft's own runs count, None for that of the first run; `ends` are
    those of its runs so far. Before, a command last ran when the recorded cooldown says, or `apply_earlier`. `rules`
    are the cooldowns of the draft's commands that are on, by command id.
    """

    def __init__(self, draft: Program, since: int | None = None, ends: CooldownEnds | None = None) -> None:
        self._draft = draft
        self._since = since
        self._ends = dict(ends or {})
        commands = [entry.command for entry in draft.by_id.values() if entry.command.enabled]
        self.rules = {each.id: rule for each in commands if (rule := each.restrict.cooldown)}
        self.changed: dict[tuple[str, str], int] = {}

    def read(self, turn: Turn, rests: Sequence[Any] | None, recorded: Program | None) -> CooldownEnds:
        """Return the draft's cooldowns for a turn; `rests` are command id and end as recorded with its version."""
        if self._since is None:
            self._since = turn.now
        if rests and recorded:
            self._take_over(turn, rests, recorded, self._since)
        return self._ends

    def apply_earlier(self, turn: Turn, command_id: str) -> None:
        """Begin the cooldown the draft would have begun when a command answered an earlier turn, unless it rested."""
        rule = self.rules.get(command_id)
        if rule is None:
            return
        key = (command_id, build_cooldown_scope(self._draft.by_id[command_id].command, turn))
        if self._ends.get(key, 0) <= turn.now:
            self._ends[key] = turn.now + rule.seconds * 1000

    def apply(self, effects: Iterable[Effect]) -> None:
        """Apply the cooldowns among the effects of one of the draft's runs."""
        begun = {(each.command_id, each.scope): each.until for each in effects if isinstance(each, Cool)}
        self._ends |= begun
        self.changed |= begun

    def _take_over(self, turn: Turn, rests: Sequence[Any], recorded: Program, since: int) -> None:
        """Take over a run from before `since`, with the draft's seconds."""
        command_id, ends_at = rests
        before, after = recorded.by_id.get(command_id), self._draft.by_id.get(command_id)
        old = before.command.restrict.cooldown if before else None
        new = after.command.restrict.cooldown if after else None
        if after is None or old is None or new is None:
            return
        ran_at = ends_at - old.seconds * 1000
        # What rested for a wider circle may have run for somebody else of it.
        if ran_at < since and new.per in {old.per, "brain"}:
            key = (command_id, build_cooldown_scope(after.command, turn))
            self._ends.setdefault(key, ran_at + new.seconds * 1000)


class RecordedCalls:
    """Answers a run's calls from the record of an earlier run, in any order."""

    def __init__(self, journal: Mapping[str, Any], trace: Trace) -> None:
        self.methods: list[str] = []
        self.new_methods: list[str] = []
        self.waited_ms = 0  # ms
        self._left = list(_pair_durations(journal.get("calls", ()), trace.calls))

    def answer(self, method: str, arguments: Mapping[str, Any], context: CallContext) -> Any:  # noqa: ARG002  the contract's
        """Return the recorded answer; raises CallRefusal as recorded, or when this call was not recorded."""
        self.methods.append(method)
        key = (method, hash_arguments(arguments))
        for place, (call, took) in enumerate(self._left):
            if (call.get("m"), call.get("a")) == key:
                del self._left[place]
                self.waited_ms += took
                if call["ok"]:
                    return call["v"]
                raise CallRefusal(call["v"]["kind"], call["v"]["message"])
        self.new_methods.append(method)
        raise CallRefusal("unavailable", NO_ANSWER)


def _pair_durations(
    calls: Sequence[Mapping[str, Any]], lines: Sequence[CallLine]
) -> Iterator[tuple[Mapping[str, Any], int]]:
    """Pair recorded calls with how long each took (ms): a trace also has lines of calls that never went out."""
    left = list(lines)
    for call in calls:
        place = next((n for n, line in enumerate(left) if line.get("method") == call.get("m")), None)
        took = left.pop(place).get("ms", 0) if place is not None else 0
        yield call, int(took)
