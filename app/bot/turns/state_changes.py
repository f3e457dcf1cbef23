"""State changes of a turn besides replies: memory, schedules, handoff, command error."""

from collections.abc import Sequence

from app.bot.command_errors import FailureContext
from app.bot.schedules import ScheduleCancellation, ScheduleChanges, ScheduleRequest
from app.bot.turns.build import RunInput
from app.brains import limits
from app.brains.capabilities.memory import MemoryGrant
from app.brains.capabilities.schedule import ScheduleGrant
from app.brains.effects import model
from app.brains.memory import store
from app.brains.runtime.outcome import Outcome
from app.brains.sandbox.types import SandboxError
from app.immutable import immutable

MEMORY_EFFECTS = model.Remember | model.Increment | model.Forget
STATE_EFFECTS = MEMORY_EFFECTS | model.Schedule | model.Cancel | model.Handoff


@immutable
class StateChanges:
    """What is stored beside the replies; with an `error` nothing but that."""

    memory_changes: store.MemoryChanges | None = None
    schedule_changes: ScheduleChanges | None = None
    handoff: str | None = None
    # When the pause of a handoff, or one that there is already, ends by itself (ms).
    paused_until: int | None = None
    failure_context: FailureContext | None = None
    error: SandboxError | None = None

    @property
    def only_prolongs_pause(self) -> bool:
        """Whether nothing changes but the end of a pause that there is."""
        return self == StateChanges(paused_until=self.paused_until)


def build_failure_context(run_input: RunInput, outcome: Outcome) -> FailureContext | None:
    """Return where a command failed, as its error is counted; None when no command ran."""
    job, program = run_input.job, run_input.program
    if outcome.command_id is None:
        return None
    return FailureContext(
        program.brain_id,
        outcome.command_id,
        program.version_id,
        job.message["id"],
        job.lease.chat_id,
        job.target.connection_id,
        run_input.now,
        program.document.find_error_recipient(outcome.command_id),
    )


def build_state_changes(
    run_input: RunInput, outcome: Outcome, context: FailureContext | None
) -> StateChanges | None:
    """Return what a run's effects change beyond replies; None when there is nothing."""
    decided = outcome.effects
    if not any(isinstance(each, STATE_EFFECTS) for each in decided):
        return None
    handoff = next((each.reason for each in decided if isinstance(each, model.Handoff)), None)
    return StateChanges(
        _build_memory_changes(run_input, outcome),
        _build_schedule_changes(run_input, decided),
        handoff,
        failure_context=context,
    )


def _build_memory_changes(run_input: RunInput, outcome: Outcome) -> store.MemoryChanges | None:
    job, grant = run_input.job, run_input.program.document.grants.get(MemoryGrant)
    written = [each for each in outcome.effects if isinstance(each, MEMORY_EFFECTS)]
    if not written:
        return None
    return store.MemoryChanges(
        job.message["id"],
        store.MemoryOwner(run_input.program.brain_id, job.contact_id, job.lease.chat_id),
        written,
        outcome.reads,
        run_input.snapshot.revs,
        run_input.now,
        grant.max_entries if grant else limits.MEMORY_ENTRIES,
    )


def _build_schedule_changes(run_input: RunInput, decided: Sequence[model.Effect]) -> ScheduleChanges | None:
    job, program = run_input.job, run_input.program
    names = {command.id: command.name for command in program.document.commands}
    steps = [
        ScheduleRequest(each.command_id, names.get(each.command_id, ""), each.due, each.arguments, each.name)
        if isinstance(each, model.Schedule)
        else ScheduleCancellation(each.name)
        for each in decided
        if isinstance(each, model.Schedule | model.Cancel)
    ]
    if not steps:
        return None
    grant = program.document.grants.get(ScheduleGrant)
    return ScheduleChanges(
        job.target.connection_id,
        job.lease.chat_id,
        program.brain_id,
        job.message["id"],
        run_input.now,
        grant.max_pending if grant else limits.SCHEDULED,
        steps,
    )
