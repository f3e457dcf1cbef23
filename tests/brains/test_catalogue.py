"""The catalogue of all brains: right after every change, and read again only where something changed."""

from typing import Any

import pytest
from sqlalchemy import event

from app.brains import versions
from app.brains.catalogue import Catalogue, Listed
from app.brains.gallery import demo_document
from app.writer import Database

NOW = 1_780_000_000_000


@pytest.fixture
def shop(database: Database) -> int:
    def make(session: Any) -> int:
        brain = versions.create_brain(session, "shop", "Shop", demo_document(), NOW)
        versions.publish(session, brain.id, "The first one", None, NOW, lambda _document: [])
        return brain.id

    return database.write(make)


def _seen(catalogue: Catalogue, database: Database) -> list[Listed]:
    with database.read() as session:
        return catalogue.look(session)


def _names(listed: Listed, kind: str) -> list[str]:
    return [piece.name for _, piece in listed.pieces[kind]]


def test_pieces_are_known_by_name_words_and_address(database: Database, shop: int):
    assert shop
    (listed,) = _seen(Catalogue(), database)
    echo = next(piece for _, piece in listed.pieces["command"] if piece.key == "echo")
    assert (echo.name, echo.words, echo.slug, echo.brain) == ("Echo", ("echo", "say"), "shop", "Shop")
    assert _names(listed, "prompt") == ["assistant"]
    assert [(piece.name, piece.words) for _, piece in listed.pieces["version"]] == [
        ("Version 1", ("The first one",))
    ]
    assert listed.live


def test_a_changed_draft_a_new_version_and_an_archived_brain_are_seen_at_once(database: Database, shop: int):
    catalogue = Catalogue()
    _seen(catalogue, database)
    document = {**demo_document(), "commands": [{"id": "c9", "name": "New one", "trigger": {}}]}
    database.write(lambda session: versions.save_draft(session, shop, document, 1, NOW))
    (listed,) = _seen(catalogue, database)
    assert _names(listed, "command") == ["New one"]
    changed = {**demo_document(), "title": "Corner shop"}
    database.write(lambda session: versions.save_draft(session, shop, changed, 2, NOW))
    database.write(lambda session: versions.publish(session, shop, "Second", None, NOW, lambda _document: []))
    (listed,) = _seen(catalogue, database)
    assert listed.title == "Corner shop"
    assert _names(listed, "version") == ["Version 2", "Version 1"]
    assert {piece.brain for _, piece in listed.pieces["command"]} == {"Corner shop"}
    database.write(lambda session: versions.archive(session, shop, NOW))
    assert _seen(catalogue, database) == []


@pytest.mark.parametrize(
    "broken",
    [
        {"commands": "none", "tests": None, "prompts": {}},
        {"commands": [1, {}, {"id": "c1", "trigger": "x"}, {"id": "c2", "trigger": {"words": "say"}}]},
        {"prompts": [{"name": ""}, {}], "tests": [{"name": 5}]},
    ],
)
def test_a_draft_may_be_wrong_in_any_way(database: Database, shop: int, broken: dict[str, Any]):
    database.write(lambda session: versions.save_draft(session, shop, broken, 1, NOW))
    assert len(_seen(Catalogue(), database)) == 1


def test_what_has_not_changed_is_not_read_again(database: Database, shop: int):
    assert shop
    catalogue, statements = Catalogue(), []
    _seen(catalogue, database)
    event.listen(database.engine, "before_cursor_execute", lambda *a: statements.append(a[2]))
    _seen(catalogue, database)
    assert len([each for each in statements if "FROM brain" in each]) == 1
