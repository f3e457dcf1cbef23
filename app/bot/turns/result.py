"""Result of a turn: decides whether it failed; run row, replies, state changes.

Whether a turn fails is decided here alone: by its outcome, by what WhatsApp takes, and by the limit of schedules,
which holds under the chat's lock (`apply_schedule_limit`). The commit stores what it is given.
"""

from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import Any

from app.bot import lease
from app.bot.delivery.rate_limit import SendTarget
from app.bot.models.message_keys import build_send_key
from app.bot.models.message_rows import OutboundRow, RowPlace, build_outbound_row
from app.bot.schedules import SchedulePlanner
from app.bot.states import SCHEDULE_KIND, Author, RunOutcome
from app.bot.turns import replies, retry
from app.bot.turns.build import RunInput
from app.bot.turns.canary import RolloutRun
from app.bot.turns.claim import Job
from app.bot.turns.retry import TurnRetry
from app.bot.turns.state_changes import (
    STATE_EFFECTS,
    StateChanges,
    build_failure_context,
    build_state_changes,
)
from app.bot.turns.version_pin import ChatVersionPin
from app.brains.effects import model
from app.brains.runtime.finish import dump_error
from app.brains.runtime.outcome import Outcome
from app.brains.runtime.trace import LIMIT_KINDS, Cause, Trace
from app.brains.sandbox.types import SandboxError
from app.brains.text import dump_fields
from app.brains.versions.routing import CANDIDATE, VersionPin
from app.channels.content import ContentError
from app.immutable import immutable, replace_fields

SANDBOX_DOWN = "sandbox"
_TRACED_EFFECTS = STATE_EFFECTS | model.Cool


@immutable
class TurnResult:
    """A turn to be stored: the message it was about, its run and its effects."""

    lease: lease.Lease
    target: SendTarget
    message_id: int
    provider_id: str
    run: Mapping[str, Any]
    now: int
    replies: Sequence[OutboundRow] = ()
    cooldowns: Sequence[Mapping[str, Any]] = field(default_factory=tuple)
    state_changes: StateChanges | None = None
    version_pin: ChatVersionPin | None = None
    rollout_run: RolloutRun | None = None
    # Earlier messages that are answered with it.
    merged_ids: Sequence[int] = ()


def build_result(run_input: RunInput, outcome: Outcome) -> TurnResult | TurnRetry:
    """Return what is stored of a run; one that could not begin is retried."""
    job = run_input.job
    if outcome.sandbox_error and outcome.sandbox_error.kind == SANDBOX_DOWN:
        return TurnRetry(
            job.lease, job.message["id"], outcome.sandbox_error.message, run_input.now, retry.SANDBOX
        )
    result = build_effectless_result(job, outcome, run_input.now, version_pin=_build_pin(run_input))
    if outcome.status == RunOutcome.SILENT and not outcome.effects:
        return result
    context = build_failure_context(run_input, outcome)
    if outcome.status == RunOutcome.FAILED:
        return replace_fields(
            result,
            state_changes=StateChanges(
                failure_context=context,
                error=outcome.sandbox_error or SandboxError("error", _error_text(outcome)),
            ),
        )
    try:
        rows = build_reply_rows(job, result.run, outcome.effects)
    except ContentError as error:
        return _to_failed_result(
            replace_fields(result, state_changes=StateChanges(failure_context=context)),
            SandboxError("limit", str(error)),
        )
    return replace_fields(
        result,
        replies=rows,
        cooldowns=_build_cooldown_rows(job, outcome.effects),
        state_changes=build_state_changes(run_input, outcome, context),
    )


def build_effectless_result(
    job: Job,
    outcome: Outcome,
    now: int,
    *,
    pause_until: int | None = None,
    version_pin: ChatVersionPin | None = None,
) -> TurnResult:
    """Return the record of an outcome without any effect; the pause of its chat goes on until `pause_until` (ms)."""
    run = {
        "message_id": job.message["id"],
        "chat_id": job.lease.chat_id,
        "brain_id": job.brain_id if job.version_id else None,
        "version_id": job.version_id,
        "command_id": outcome.command_id,
        "outcome": outcome.status,
        "fault": _error_kind(outcome),
        "trace": _build_trace(job, outcome).to_json(),
        "micros": outcome.micros,
        "journal": _build_journal(job, outcome),
        "digest": outcome.digest or None,
        "created_at": now,
    }
    return TurnResult(
        job.lease,
        job.target,
        job.message["id"],
        job.message["provider_id"],
        run,
        now,
        version_pin=version_pin,
        rollout_run=_build_rollout_run(job, run),
        merged_ids=job.merged_ids,
        state_changes=StateChanges(paused_until=pause_until) if pause_until else None,
    )


def build_handoff_result(job: Job, why: str, now: int, until: int) -> TurnResult:
    """Return the record of a turn that is not answered any more: its chat is paused with it until a moment (ms)."""
    result = build_effectless_result(job, Outcome("silent", trace=Trace(cause=Cause.LOOP, reason=why)), now)
    return replace_fields(result, state_changes=StateChanges(handoff=why, paused_until=until))


def _to_failed_result(turn: TurnResult, error: SandboxError) -> TurnResult:
    """Return the turn without its effects, as one that failed; its digest would name what did not happen."""
    cause = Cause.LIMIT if error.kind in LIMIT_KINDS else Cause.ERROR
    trace = replace_fields(Trace.from_json(turn.run["trace"]), cause=cause, error=dump_error(error))
    run = {
        **turn.run,
        "outcome": RunOutcome.FAILED,
        "fault": error.kind[:12],
        "trace": trace.to_json(),
        "digest": None,
    }
    context = turn.state_changes.failure_context if turn.state_changes else None
    return replace_fields(
        turn,
        run=run,
        replies=(),
        cooldowns=(),
        state_changes=StateChanges(failure_context=context, error=error),
    )


def apply_schedule_limit(turn: TurnResult, planner: SchedulePlanner) -> TurnResult:
    """Return the turn as a failed one when it schedules more than the chat may hold; inside the transaction."""
    refusal = planner.find_refusal(turn.message_id)
    if refusal is None:
        return turn
    return _to_failed_result(
        turn, SandboxError("limit", refusal, "Cancel some of them first, or give them a name each.")
    )


def _build_journal(job: Job, outcome: Outcome) -> Mapping[str, Any] | None:
    """Return what the run depended on; the words of a burst are in no message of their own."""
    if not outcome.journal or not job.merged_ids:
        return outcome.journal or None
    return {**outcome.journal, "text": job.message["text"]}


def _error_kind(outcome: Outcome) -> str | None:
    """Name the kind of a failure; None for what is none."""
    if outcome.status != RunOutcome.FAILED:
        return None
    return outcome.sandbox_error.kind[:12] if outcome.sandbox_error else "error"


def _build_rollout_run(job: Job, run: Mapping[str, Any]) -> RolloutRun | None:
    """Note a run for the rollout it is part of; one that no brain was asked about counts for neither arm."""
    if (
        not job.choice.variant
        or not job.choice.rollout_id
        or (run["outcome"] == RunOutcome.SILENT and not run["digest"])
    ):
        return None
    return RolloutRun(
        job.choice.rollout_id,
        job.choice.variant,
        job.lease.chat_id,
        job.target.connection_id,
        run["created_at"],
    )


def _build_pin(run_input: RunInput) -> ChatVersionPin | None:
    """Return the pin of the conversation to this version, where the brain has sessions.

    A candidate gets no hold on anybody, what is scheduled is no conversation, and a group's never ends.
    """
    job, minutes = run_input.job, run_input.program.document.settings.session_minutes
    if (
        not minutes
        or job.choice.variant == CANDIDATE
        or job.message["kind"] == SCHEDULE_KIND
        or job.chat.group_id
    ):
        return None
    until = run_input.now + minutes * 60_000
    return ChatVersionPin(
        job.lease.chat_id, VersionPin(job.version_id, job.brain_id, job.choice.epoch, until)
    )


def _build_trace(job: Job, outcome: Outcome) -> Trace:
    """Return the run's trace with why this version, and what is kept (replies have their rows)."""
    kept = [dump_fields(each) for each in outcome.effects if isinstance(each, _TRACED_EFFECTS)]
    if not (kept or job.choice.reason):
        return outcome.trace
    return replace_fields(outcome.trace, choice_reason=job.choice.reason, state_effects=kept)


def _error_text(outcome: Outcome) -> str:
    return outcome.error or "The command failed."


def build_reply_rows(
    job: Job, run: Mapping[str, Any], effects: Sequence[model.Effect]
) -> tuple[OutboundRow, ...]:
    """Return the messages that effects send, as rows; raises ContentError beyond WhatsApp's limits."""
    message, target = job.message, job.target
    place = RowPlace(target.connection_id, job.lease.chat_id, run["created_at"])
    replied_id = replies.find_replied_id(message["kind"], message["provider_id"])
    sent = [each for each in effects if isinstance(each, replies.MESSAGE_EFFECTS)]
    return tuple(
        build_outbound_row(
            place,
            Author.BRAIN,
            build_send_key(target.account, message["provider_id"], ordinal),
            replies.build_content(effect, replied_id),
            replies.get_text(effect),
            quoted_id=replies.find_quoted_id(effect, replied_id),
            parent_id=message["id"],
            ordinal=ordinal,
            brain_id=run["brain_id"],
            version_id=run["version_id"],
            command_id=run["command_id"],
            asked_at=None if ordinal else message["created_at"],
        )
        for ordinal, effect in enumerate(sent)
    )


def _build_cooldown_rows(job: Job, decided: Sequence[model.Effect]) -> tuple[dict[str, Any], ...]:
    return tuple(
        {"brain_id": job.brain_id, "command_id": cool.command_id, "scope": cool.scope, "until": cool.until}
        for cool in decided
        if isinstance(cool, model.Cool)
    )
