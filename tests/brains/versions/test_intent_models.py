"""Models of intents: kept with their version, read once, and no version without its own."""

from typing import Any

import pytest
from sqlalchemy import func, select

from app.brains.document.schema import Document
from app.brains.versions import store
from app.brains.versions.intent_models import (
    UntrainedIntents,
    build_finder,
    find_report,
    train_intents,
)
from app.brains.versions.models import BrainVersion, IntentModel
from app.brains.versions.store import DraftReview
from app.db.writer import Database
from tests.brains.document.test_understanding import build_document


def publish(database: Database, brain_id: int, trained: Any) -> int:
    review = DraftReview(trained=trained)
    return database.write(lambda session: store.publish(session, brain_id, "", None, 1, review)).id


@pytest.fixture
def brain_id(database: Database) -> int:
    return database.write(lambda session: store.create_brain(session, "b", "B", build_document(), 1).id)


def edit(database: Database, brain_id: int, **changes: Any) -> dict[str, Any]:
    def change(session: Any) -> dict[str, Any]:
        brain = store.get_brain(session, brain_id)
        document = {**brain.draft, **changes}
        store.save_draft(session, brain_id, document, brain.draft_rev, 2)
        return document

    return database.write(change)


def test_a_version_keeps_its_model(database: Database, brain_id: int):
    trained = train_intents(build_document())
    version_id = publish(database, brain_id, trained)
    with database.read() as session:
        version = session.get_one(BrainVersion, version_id)
        assert find_report(session, version)["examples"] == 21
        find = build_finder(database, version)
    assert find
    loaded = find(Document.model_validate(build_document()))
    assert loaded
    assert trained
    assert loaded.digest == trained.digest
    assert loaded.model.guess("may I have a refund").ranked[0][0] == "refund"


def test_equal_intents_share_a_model(database: Database, brain_id: int):
    publish(database, brain_id, train_intents(build_document()))
    document = edit(database, brain_id, settings={"encoder": "none", "burst_seconds": 3})
    publish(database, brain_id, train_intents(document))
    with database.read() as session:
        assert session.scalar(select(func.count(IntentModel.id))) == 1
        assert len(set(session.scalars(select(BrainVersion.intent_model_id)))) == 1


def test_without_a_model_of_its_intents_nothing_is_published(database: Database, brain_id: int):
    first = publish(database, brain_id, train_intents(build_document()))
    old = train_intents(build_document())
    edit(
        database, brain_id, intents=build_document()["intents"][:2], commands=build_document()["commands"][:2]
    )
    for trained in (None, old):
        with pytest.raises(UntrainedIntents):
            publish(database, brain_id, trained)
    with database.read() as session:
        assert store.get_brain(session, brain_id).live_version_id == first


def test_a_brain_without_intents_needs_none(database: Database, brain_id: int):
    edit(database, brain_id, intents=[], commands=build_document()["commands"][:1])
    version_id = publish(database, brain_id, None)
    with database.read() as session:
        version = session.get_one(BrainVersion, version_id)
        assert build_finder(database, version) is None
        assert find_report(session, version) == {}
