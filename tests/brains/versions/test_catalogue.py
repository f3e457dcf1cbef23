"""The catalogue of all brains: right after every change, and read again only where something changed."""

from typing import Any

import pytest
from sqlalchemy import event

from app.brains.document.gallery import build_demo_document
from app.brains.versions import store
from app.brains.versions.catalogue import Catalogue, CatalogueBrain
from app.brains.versions.store import DraftReview
from app.db.writer import Database

NOW = 1_780_000_000_000


@pytest.fixture
def brain_id(database: Database) -> int:
    def make(session: Any) -> int:
        brain = store.create_brain(session, "shop", "Shop", build_demo_document(), NOW)
        store.publish(session, brain.id, "The first one", None, NOW, DraftReview())
        return brain.id

    return database.write(make)


def _list_brains(catalogue: Catalogue, database: Database) -> list[CatalogueBrain]:
    with database.read() as session:
        return catalogue.list_brains(session)


def _list_names(listed: CatalogueBrain, kind: str) -> list[str]:
    return [piece.name for _, piece in listed.entries[kind]]


def test_pieces_are_known_by_name_words_and_address(database: Database, brain_id: int):
    assert brain_id
    (listed,) = _list_brains(Catalogue(), database)
    echo = next(piece for _, piece in listed.entries["command"] if piece.key == "echo")
    assert (echo.name, echo.words, echo.slug, echo.brain) == ("Echo", ("echo", "say"), "shop", "Shop")
    assert _list_names(listed, "prompt") == ["assistant"]
    assert [(piece.name, piece.words) for _, piece in listed.entries["version"]] == [
        ("Version 1", ("The first one",))
    ]
    assert listed.live


def test_a_changed_draft_a_new_version_and_an_archived_brain_are_seen_at_once(
    database: Database, brain_id: int
):
    catalogue = Catalogue()
    _list_brains(catalogue, database)
    document = {**build_demo_document(), "commands": [{"id": "c9", "name": "New one", "trigger": {}}]}
    database.write(lambda session: store.save_draft(session, brain_id, document, 1, NOW))
    (listed,) = _list_brains(catalogue, database)
    assert _list_names(listed, "command") == ["New one"]
    changed = {**build_demo_document(), "title": "Corner shop"}
    database.write(lambda session: store.save_draft(session, brain_id, changed, 2, NOW))
    database.write(lambda session: store.publish(session, brain_id, "Second", None, NOW, DraftReview()))
    (listed,) = _list_brains(catalogue, database)
    assert listed.title == "Corner shop"
    assert _list_names(listed, "version") == ["Version 2", "Version 1"]
    assert {piece.brain for _, piece in listed.entries["command"]} == {"Corner shop"}
    database.write(lambda session: store.archive(session, brain_id, NOW))
    assert _list_brains(catalogue, database) == []


@pytest.mark.parametrize(
    "broken",
    [
        {"commands": "none", "tests": None, "prompts": {}},
        {"commands": [1, {}, {"id": "c1", "trigger": "x"}, {"id": "c2", "trigger": {"words": "say"}}]},
        {"prompts": [{"name": ""}, {}], "tests": [{"name": 5}]},
    ],
)
def test_a_draft_may_be_wrong_in_any_way(database: Database, brain_id: int, broken: dict[str, Any]):
    database.write(lambda session: store.save_draft(session, brain_id, broken, 1, NOW))
    assert len(_list_brains(Catalogue(), database)) == 1


def test_what_has_not_changed_is_not_read_again(database: Database, brain_id: int):
    assert brain_id
    catalogue, statements = Catalogue(), []
    _list_brains(catalogue, database)
    event.listen(database.engine, "before_cursor_execute", lambda *a: statements.append(a[2]))
    _list_brains(catalogue, database)
    assert len([each for each in statements if "FROM brain" in each]) == 1
