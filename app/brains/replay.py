"""Runs a recorded turn again: the same version, message and journal give the same digest.

Only the machine's part cannot be repeated: a run that ended for want of time or memory (`Outcome.repeatable`).
"""

from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import replace
from typing import Any

from app.brains.outcome import Outcome
from app.brains.program import Program, cooldown_scope
from app.brains.runtime import Request, Runs, Runtime
from app.brains.turn import Sender, Turn


def replay(program: Program, turn: Turn, journal: Mapping[str, Any], sandbox: Runs) -> Outcome:
    """Run a turn as it was recorded and wait for its end; nothing goes out, calls are answered from the journal.

    `turn` needs only what the message holds; all that may have changed since is taken from the journal.
    """
    request = Request(program, recorded_turn(program, turn, journal), journal=journal)
    ending = Runtime(sandbox).run_many([request])[0]
    return ending.result() if isinstance(ending, Future) else ending


def recorded_turn(program: Program, turn: Turn, journal: Mapping[str, Any]) -> Turn:
    """Return the turn as it was when its journal was written."""
    identity, name, phone = journal["sender"]
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
    )
    rests = journal.get("rests")
    entry = program.by_id.get(rests[0]) if rests else None
    if rests is None or entry is None:
        return then
    return replace(then, cooldowns={(entry.command.id, cooldown_scope(entry.command, then)): rests[1]})
