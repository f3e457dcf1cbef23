"""Trainings of intents in the database: start, claim by a worker (lease, attempts), progress, end, cancel."""

from typing import Any, Final

from sqlalchemy import Connection, Select, bindparam, delete, select, update
from sqlalchemy.orm import Session

from app import topics
from app.brains.document.edits.intent_changes import find_name_by_path
from app.brains.document.understanding import TrainedIntents, read_training_set
from app.brains.document.validation import InvalidDocument
from app.brains.nlu.training.training_set import TrainingSet
from app.brains.versions import intent_models, store
from app.brains.versions.models import Brain, IntentTraining
from app.db.after_commit import send_changed
from app.db.schema import get_table
from app.db.statements import Statement
from app.immutable import immutable
from app.signals import DomainError

WAITING: Final = "waiting"
RUNNING: Final = "running"
DONE: Final = "done"
FAILED: Final = "failed"
CANCELLED: Final = "cancelled"
INTERRUPTED: Final = "interrupted"

# A worker that is silent for so long (ms) is taken for dead, and another one begins the training again.
LEASE_MS: Final = 30_000
MAX_ATTEMPTS: Final = 2
KEPT_TRAININGS: Final = 20
_ERROR_CHARS: Final = 500

_NO_INTENTS: Final = "This brain has no intents yet. Write the first one, then train."
_INTERRUPTED: Final = (
    "The worker ended during the training, twice. The version that is live goes on. Train again when it runs."
)


_training = get_table(IntentTraining).c
_SELECT_DUE = Statement(
    select(_training.id)
    .where(_training.ended_at.is_(None), _training.taken_until <= bindparam("at"))
    .limit(1)
)


class NoIntents(DomainError):
    """A draft without intents, or with ones that cannot be trained; the message says what to do."""

    code = "no-intents"


@immutable
class ClaimedTraining:
    """Training that a worker has taken up: its row, the brain, what to train, and which attempt this is."""

    id: int
    brain_id: int
    wanted: TrainingSet
    attempt: int


def start(session: Session, brain_id: int, user_id: int | None, now: int) -> IntentTraining:
    """Let a worker train the draft's intents; the training under way, if there is one. Raises NoIntents."""
    brain = store.lock_brain(session, brain_id)
    active = _find_active(session, brain_id)
    if active:
        return active
    training = IntentTraining(
        brain_id=brain_id,
        training_digest=_read_wanted(brain).digest,
        state=WAITING,
        user_id=user_id,
        created_at=now,
        taken_until=0,
        ended_at=None,
        model_id=None,
    )
    session.add(training)
    session.flush()
    _delete_old(session, brain_id)
    send_changed(session, topics.brain(brain_id))
    return training


def cancel(session: Session, brain_id: int, now: int) -> bool:
    """End the training under way of a brain; false when there is none (any more)."""
    active = _find_active(session, brain_id, lock=True)
    if active is None:
        return False
    _end(session, active, CANCELLED, now)
    return True


def is_due(db: Connection, now: int) -> bool:
    """Whether there is a training that no worker has; asked all the time, so on the driver."""
    return bool(_SELECT_DUE.execute(db, {"at": now}))


def claim_next(session: Session, now: int) -> ClaimedTraining | None:
    """Take up the oldest training that no worker has; one that cannot be trained ends, and None is returned."""
    oldest = _select_free(now).order_by(IntentTraining.id).limit(1)
    training = session.scalars(oldest.with_for_update(skip_locked=True)).first()
    if training is None:
        return None
    if training.attempts >= MAX_ATTEMPTS:
        _end(session, training, INTERRUPTED, now, _INTERRUPTED)
        return None
    try:
        wanted = _read_wanted(session.get_one(Brain, training.brain_id))
    except NoIntents as error:
        _end(session, training, FAILED, now, str(error))
        return None
    training.state, training.training_digest, training.progress = RUNNING, wanted.digest, 0
    training.attempts += 1
    training.taken_until = now + LEASE_MS
    send_changed(session, topics.brain(training.brain_id))
    return ClaimedTraining(training.id, training.brain_id, wanted, training.attempts)


def renew(db: Connection, claimed: ClaimedTraining, now: int, progress: float | None = None) -> bool:
    """Keep a claimed training, and tell its progress (0 to 1); false when it was cancelled or another worker has it."""
    values: dict[str, Any] = {"taken_until": now + LEASE_MS}
    if progress is not None:
        values["progress"] = round(100 * min(max(progress, 0.0), 1.0))
        send_changed(db, topics.brain(claimed.brain_id))
    mine = (IntentTraining.id == claimed.id, IntentTraining.attempts == claimed.attempt)
    query = update(IntentTraining).where(*mine, IntentTraining.ended_at.is_(None)).values(**values)
    return db.execute(query).rowcount == 1


def finish(session: Session, claimed: ClaimedTraining, trained: TrainedIntents, now: int) -> bool:
    """Store what a training made, unless it was cancelled or another worker has it; unused models are deleted."""
    brain = store.lock_brain(session, claimed.brain_id)
    training = _find_claimed(session, claimed)
    if training is None:
        return False
    model_id = intent_models.store_model(session, brain.id, trained, now)
    training.model_id, training.progress = model_id, 100
    _end(session, training, DONE, now)
    intent_models.delete_unused(session, brain.id, model_id)
    return True


def fail(session: Session, claimed: ClaimedTraining, error: str, now: int) -> None:
    """End a training that made no model; `error` says why, and what to do."""
    training = _find_claimed(session, claimed)
    if training:
        _end(session, training, FAILED, now, error)


def find_latest(session: Session, brain_id: int) -> IntentTraining | None:
    """Return the training of a brain that was started last."""
    query = select(IntentTraining).where(IntentTraining.brain_id == brain_id)
    return session.scalars(query.order_by(IntentTraining.id.desc()).limit(1)).first()


def find_last_model_id(session: Session, brain_id: int) -> int | None:
    """Return the id of the model that the last training that worked has made."""
    query = select(IntentTraining.model_id).where(
        IntentTraining.brain_id == brain_id, IntentTraining.state == DONE
    )
    return session.scalar(query.order_by(IntentTraining.id.desc()).limit(1))


def _read_wanted(brain: Brain) -> TrainingSet:
    try:
        wanted = read_training_set(brain.draft)
    except InvalidDocument as error:
        first = error.problems[0]
        name = find_name_by_path(brain.draft, first.path)
        where = f"“{name}”: " if name else ""
        raise NoIntents(f"{where}{first.message.rstrip('.')}. Repair it, then train.") from error
    if wanted is None:
        raise NoIntents(_NO_INTENTS)
    return wanted


def _select_free(now: int) -> Select[IntentTraining]:
    return select(IntentTraining).where(IntentTraining.ended_at.is_(None), IntentTraining.taken_until <= now)


def _find_active(session: Session, brain_id: int, *, lock: bool = False) -> IntentTraining | None:
    query = select(IntentTraining).where(
        IntentTraining.brain_id == brain_id, IntentTraining.ended_at.is_(None)
    )
    return session.scalar(query.with_for_update() if lock else query)


def _find_claimed(session: Session, claimed: ClaimedTraining) -> IntentTraining | None:
    training = session.get(IntentTraining, claimed.id, with_for_update=True)
    is_mine = training is not None and training.ended_at is None and training.attempts == claimed.attempt
    return training if is_mine else None


def _end(session: Session, training: IntentTraining, state: str, now: int, error: str = "") -> None:
    training.state, training.error, training.ended_at = state, error[:_ERROR_CHARS], now
    session.flush()
    send_changed(session, topics.brain(training.brain_id))


def _delete_old(session: Session, brain_id: int) -> None:
    """Delete all but the last trainings of a brain."""
    query = select(IntentTraining.id).where(IntentTraining.brain_id == brain_id)
    newest = list(session.scalars(query.order_by(IntentTraining.id.desc()).limit(KEPT_TRAININGS)))
    session.execute(
        delete(IntentTraining).where(IntentTraining.brain_id == brain_id, IntentTraining.id < newest[-1])
    )
