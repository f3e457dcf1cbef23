"""Trainings of intents: by a worker, with progress; cancelled, broken off and begun again, or failed."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import func, select

from app.brains.nlu.models import ModelCache
from app.brains.versions import intent_models, intent_trainings, store
from app.brains.versions.intent_trainings import ClaimedTraining, NoIntents
from app.brains.versions.jobs import train_intents
from app.brains.versions.models import IntentModel, IntentTraining
from app.brains.versions.store import DraftReview
from app.brains.versions.training_runner import TrainingRunner
from app.db.maintenance_job import JobContext, JobResources
from app.db.writer import Database
from tests.brains.document.test_understanding import build_document

NOW = 1_700_000_000_000


@pytest.fixture
def brain_id(database: Database) -> int:
    return database.write(lambda session: store.create_brain(session, "b", "B", build_document(), 1).id)


@pytest.fixture
def runner(database: Database) -> TrainingRunner:
    return TrainingRunner(database, lambda: NOW)


def use_empty_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    """Know as much as another process does: nothing."""
    cache = ModelCache()
    for module in ("document.understanding", "versions.intent_models"):
        monkeypatch.setattr(f"app.brains.{module}.MODELS", cache)


def start(database: Database, brain_id: int) -> int:
    return database.write(lambda session: intent_trainings.start(session, brain_id, None, NOW).id)


def claim(database: Database, now: int = NOW) -> ClaimedTraining | None:
    return database.write(lambda session: intent_trainings.claim_next(session, now))


def read(database: Database, training_id: int) -> IntentTraining:
    with database.read() as session:
        return session.get_one(IntentTraining, training_id)


def edit(database: Database, brain_id: int, change: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    def save(session: Any) -> None:
        brain = store.get_brain(session, brain_id)
        store.save_draft(session, brain_id, change(dict(brain.draft)), brain.draft_rev, NOW)

    database.write(save)


def write_example(database: Database, brain_id: int, text: str) -> None:
    def add(draft: dict[str, Any]) -> dict[str, Any]:
        first, *rest = draft["intents"]
        return {**draft, "intents": [{**first, "examples": [*first["examples"], text]}, *rest]}

    edit(database, brain_id, add)


def test_a_worker_trains_what_was_started_and_stores_the_model(
    database: Database, brain_id: int, runner: TrainingRunner
):
    started = start(database, brain_id)
    assert start(database, brain_id) == started, "one at a time"
    assert runner.run_next()
    assert not runner.run_next()
    found = read(database, started)
    assert (found.state, found.progress, found.error) == (intent_trainings.DONE, 100, "")
    with database.read() as session:
        model = session.get_one(IntentModel, found.model_id)
        assert model.training_digest == found.training_digest
        assert model.report["examples"] == 21
        assert intent_trainings.find_last_model_id(session, brain_id) == model.id


def test_it_is_a_job_of_every_worker(database: Database, brain_id: int):
    job = train_intents.build_job(JobResources(database, lambda: NOW))
    assert (job.name, job.own_thread) == ("train_intents", True)
    assert not job.run(JobContext(database, NOW))
    started = start(database, brain_id)
    assert job.run(JobContext(database, NOW))
    assert read(database, started).state == intent_trainings.DONE


def test_the_stored_model_is_used_by_another_process_without_a_training(
    database: Database, brain_id: int, runner: TrainingRunner, monkeypatch: pytest.MonkeyPatch
):
    write_example(database, brain_id, "where did my parcel end up")
    start(database, brain_id)
    runner.run_next()
    use_empty_cache(monkeypatch)
    monkeypatch.setattr("app.brains.nlu.models.train_apart", None)
    with database.read() as session:
        brain = store.get_brain(session, brain_id)
        intent_models.use_stored_model(session, brain)
        trained = intent_models.train_intents(brain.draft)
    review = DraftReview(trained=trained)
    version = database.write(lambda session: store.publish(session, brain_id, "", None, NOW, review))
    with database.read() as session:
        assert version.intent_model_id == intent_trainings.find_last_model_id(session, brain_id)


def test_a_draft_without_intents_or_with_an_empty_one_is_not_trained_and_it_is_said_why(
    database: Database, brain_id: int
):
    edit(database, brain_id, lambda draft: {**draft, "intents": [{"name": "refund", "examples": []}]})
    with pytest.raises(NoIntents, match="“refund”"):
        start(database, brain_id)
    edit(database, brain_id, lambda draft: {**draft, "intents": []})
    with pytest.raises(NoIntents, match="Write the first one"):
        start(database, brain_id)


def test_a_training_that_fails_says_what_to_do(database: Database, brain_id: int, runner: TrainingRunner):
    edit(database, brain_id, lambda draft: {**draft, "intents": [{"name": "refund", "examples": ["refund"]}]})
    started = start(database, brain_id)
    runner.run_next()
    found = read(database, started)
    assert (found.state, found.model_id) == (intent_trainings.FAILED, None)
    assert "Write at least two examples." in found.error


def test_what_is_cancelled_ends_and_leaves_no_model(database: Database, brain_id: int):
    started = start(database, brain_id)
    claimed = claim(database)
    assert claimed
    assert database.writer.run(lambda db: intent_trainings.renew(db, claimed, NOW, 0.4))
    assert read(database, started).progress == 40
    assert database.write(lambda session: intent_trainings.cancel(session, brain_id, NOW))
    assert not database.write(lambda session: intent_trainings.cancel(session, brain_id, NOW))
    assert not database.writer.run(lambda db: intent_trainings.renew(db, claimed, NOW, 0.5))
    trained = intent_models.train_intents(build_document())
    assert trained
    assert not database.write(lambda session: intent_trainings.finish(session, claimed, trained, NOW))
    database.write(lambda session: intent_trainings.fail(session, claimed, "Cancelled.", NOW))
    assert read(database, started).state == intent_trainings.CANCELLED


def test_a_cancelled_training_stops_its_process(database: Database, brain_id: int):
    write_example(database, brain_id, "a text of this test alone, so that it is not in memory")
    started = start(database, brain_id)

    def cancel_then_tell() -> int:
        database.write(lambda session: intent_trainings.cancel(session, brain_id, NOW))
        return NOW

    first = iter([NOW])
    runner = TrainingRunner(database, lambda: next(first, None) or cancel_then_tell())
    assert runner.run_next()
    assert read(database, started).state == intent_trainings.CANCELLED


def test_a_training_whose_worker_died_is_begun_again_then_marked_interrupted(
    database: Database, brain_id: int
):
    started = start(database, brain_id)
    first = claim(database)
    assert first
    assert claim(database, NOW + intent_trainings.LEASE_MS - 1) is None, "its worker may still be alive"
    later = NOW + intent_trainings.LEASE_MS
    second = claim(database, later)
    assert second
    assert second.attempt == 2
    assert not database.writer.run(lambda db: intent_trainings.renew(db, first, later))
    assert claim(database, later + intent_trainings.LEASE_MS) is None
    found = read(database, started)
    assert found.state == intent_trainings.INTERRUPTED
    assert "Train again" in found.error


def test_what_was_edited_before_a_worker_took_it_up_is_trained_as_it_stands_then(
    database: Database, brain_id: int
):
    before = read(database, start(database, brain_id)).training_digest
    write_example(database, brain_id, "is my parcel lost")
    claimed = claim(database)
    assert claimed
    assert read(database, claimed.id).training_digest == claimed.wanted.digest != before


def test_models_that_nothing_uses_are_deleted(database: Database, brain_id: int):
    trained = intent_models.train_intents(build_document())
    assert trained
    review = DraftReview(trained=trained)
    live = database.write(lambda session: store.publish(session, brain_id, "", None, NOW, review))

    def add(session: Any) -> list[int]:
        made = [
            IntentModel(
                brain_id=brain_id, training_digest=str(n), digest=str(n), report={}, body=b"", created_at=NOW
            )
            for n in range(8)
        ]
        session.add_all(made)
        session.flush()
        return [each.id for each in made]

    made = database.write(add)
    database.write(lambda session: intent_models.delete_unused(session, brain_id, made[0]))
    with database.read() as session:
        left = set(session.scalars(select(IntentModel.id)))
    assert left == {live.intent_model_id, made[0], *made[-intent_models.KEPT_MODELS :]}


def test_only_the_last_trainings_are_kept(database: Database, brain_id: int):
    for _ in range(intent_trainings.KEPT_TRAININGS + 3):
        start(database, brain_id)
        database.write(lambda session: intent_trainings.cancel(session, brain_id, NOW))
    with database.read() as session:
        assert session.scalar(select(func.count(IntentTraining.id))) == intent_trainings.KEPT_TRAININGS
