"""Effect of a draft's intents on past messages: background threads, number of messages, progress."""

import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Final

import structlog
from sqlalchemy.orm import Session

from app.bot.learning.comparison import Router, ScoreChanges, compare_scores
from app.bot.learning.past_texts import list_past_texts
from app.brains.document.intents import build_training_set
from app.brains.document.schema import Document
from app.brains.document.validation import InvalidDocument, parse_document
from app.brains.nlu.digest import compute_digest
from app.brains.nlu.models import MODELS
from app.brains.nlu.training.training_process import TrainingFailed
from app.brains.versions import intent_models, store
from app.db.writer import Database
from app.immutable import immutable

log = structlog.get_logger(__name__)

MOST_MESSAGES: Final = 1_000
_MAX_PARALLEL: Final = 2
_MAX_JOBS: Final = 20
_TRAINING_SHARE: Final = 0.7  # of the whole


@immutable
class RouteChange:
    """Message that the draft leads elsewhere: to another intent, from none to one, or to none (empty)."""

    message_id: int
    before: str
    after: str


@dataclass(slots=True)
class EffectJob:
    """How far the comparison of a draft with the live version is, and what it found; read by other threads."""

    id: str
    user_id: int
    brain_id: int
    started_at: int  # ms
    draft_rev: int
    share: float = 0.0  # that is done, 0 to 1
    total: int = 0  # messages
    scores: ScoreChanges | None = None
    changes: list[RouteChange] = field(default_factory=list)
    has_live_model: bool = False
    refusal: str = ""
    cancelled: threading.Event = field(default_factory=threading.Event)
    future: "Future[None] | None" = None

    @property
    def state(self) -> str:
        """Return running, done, refused, cancelled or failed."""
        if self.future is None or not self.future.done():
            return "running"
        if self.cancelled.is_set():
            return "cancelled"
        if self.future.exception():
            return "failed"
        return "refused" if self.refusal else "done"


@immutable
class EffectRequest:
    """What to compare: the draft of a brain at an edit count, for a user; `job_id` names the comparison."""

    job_id: str
    user_id: int
    brain_id: int
    draft: Mapping[str, Any]
    draft_rev: int


class IntentEffects:
    """Starts and finds comparisons; nothing of them is stored, and no message's text is kept."""

    def __init__(self, database: Database, clock: Callable[[], int]) -> None:
        self._database = database
        self._clock = clock
        self._threads = ThreadPoolExecutor(_MAX_PARALLEL, "intent-effect")
        self._lock = threading.Lock()
        self._jobs: dict[int, EffectJob] = {}

    def start(self, request: EffectRequest) -> EffectJob:
        """Begin a comparison in the background; one of the same user ends. Raises InvalidDocument."""
        document = parse_document({**request.draft, "tests": ()})
        job = EffectJob(request.job_id, request.user_id, request.brain_id, self._clock(), request.draft_rev)
        with self._lock:
            former = self._jobs.pop(request.user_id, None)
            self._jobs[request.user_id] = job
            while len(self._jobs) > _MAX_JOBS:
                self._jobs.pop(next(iter(self._jobs))).cancelled.set()
        if former:
            former.cancelled.set()
        job.future = self._threads.submit(self._run, job, document)
        job.future.add_done_callback(lambda done: _log_failure(job, done))
        return job

    def find(self, user_id: int, job_id: str) -> EffectJob | None:
        """Return a user's comparison, unless another has taken its place or this process never had it."""
        job = self._jobs.get(user_id)
        return job if job and job.id == job_id else None

    def close(self) -> None:
        """End all comparisons at their next step."""
        for job in list(self._jobs.values()):
            job.cancelled.set()
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _run(self, job: EffectJob, document: Document) -> None:
        try:
            self._compare(job, document)
        except TrainingFailed as error:
            job.refusal = str(error)

    def _compare(self, job: EffectJob, document: Document) -> None:
        """Train the draft, compare the scores, and lead each past message by both models."""
        wanted = build_training_set(document.intents, document.settings.encoder, document.not_intents)
        trained = MODELS.train(wanted, lambda share: _tell(job, share * _TRAINING_SHARE))
        model = MODELS.load(compute_digest(trained.model), lambda: trained.model)
        with self._database.read() as session:
            live, report = self._find_live(session, job.brain_id)
            texts = list_past_texts(session, store.get_brain(session, job.brain_id), MOST_MESSAGES)
        job.has_live_model = bool(report)
        job.scores = compare_scores(report, trained.report)
        job.total = len(texts)
        new = Router(document, lambda _document: model)
        for done, each in enumerate(texts):
            _tell(job, _TRAINING_SHARE + (1 - _TRAINING_SHARE) * done / len(texts))
            before, after = live.find_route(each.text) if live else "", new.find_route(each.text)
            if before != after:
                job.changes.append(RouteChange(each.message_id, before, after))
        job.share = 1.0

    def _find_live(self, session: Session, brain_id: int) -> tuple[Router | None, Mapping[str, Any]]:
        """Return where the live version leads messages, and the report on its model; None without one."""
        version = store.find_live_version(session, store.get_brain(session, brain_id))
        if version is None:
            return None, {}
        try:
            document = parse_document(version.document)
        except InvalidDocument:  # of an earlier release
            return None, {}
        finder = intent_models.build_finder(self._database, version)
        return Router(document, finder), intent_models.find_report(session, version)


def _tell(job: EffectJob, share: float) -> None:
    """Note how far a comparison is; raises TrainingFailed when it was cancelled, which ends a training, too."""
    job.share = share
    if job.cancelled.is_set():
        raise TrainingFailed("The comparison was cancelled. Nothing was changed.")


def _log_failure(job: EffectJob, done: "Future[None]") -> None:
    error = None if done.cancelled() else done.exception()
    if error:
        log.error("comparison of intents failed", brain=job.brain_id, exc_info=error)
