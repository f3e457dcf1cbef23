"""A person is erased: nothing of theirs is found in rows, files or exports, and nothing of others is missing."""

import logging
import re
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from app.bot import chats, exporting, media_store
from app.bot.media_store import Fetched
from app.bot.models import Chat, Contact, Erasure, MediaFile, Message
from app.bot.privacy import erasing, subject
from app.bot.recounting import Recount
from app.brains.ai.providers import Wish
from app.brains.document import content_hash
from app.brains.models import BrainVersion, Playground
from app.settings import Settings
from bench.fake_ai import FakeAi
from tests.bot.person import CANARY, OTHER, PHONE, THEM, USER_ID, Place, dump, found_in, found_in_rows
from tests.bot.town import until


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"ai_allow_private": True})


@pytest.fixture
def place(installation: Flask, fake_ai: FakeAi) -> Place:
    made = Place(installation)
    wish = Wish("home", fake_ai.url, "fake-small", fake_ai.key)
    made.database.write(lambda session: made.bot.ai.providers.create(session, wish, 1))
    return made


def erase(place: Place, handle: str = PHONE) -> Erasure:
    database, now = place.database, place.house.clock()
    row = database.write(lambda session: erasing.begin(session, handle, "digest", None, now))
    assert place.bot.erasing.take() == row.id
    assert place.bot.erasing.work(row.id)
    with database.read() as session:
        return session.get_one(Erasure, row.id)


def lived(place: Place) -> None:
    with place.open():
        for person, word in ((OTHER, "an ordinary harmless word"), (THEM, CANARY)):
            place.live(person, word)
            place.settle()
        place.ask(OTHER, "last")
        place.settle()
    place.scatter(OTHER, "an ordinary harmless word")
    place.scatter(THEM, CANARY)


def of_others(rows: dict[str, list[str]]) -> dict[str, list[str]]:
    """Return the rows of Ada's chat, which is the first, and all that repeat her words and nobody else's."""
    # Documents and trials hold both people: looked at for themselves.
    apart = {"brain", "brain_version", "playground"}
    return {
        name: [
            each
            for each in found
            if '"chat_id": 1,' in each or "an ordinary harmless word" in each
            if not re.search("canary|erased", each)
        ]
        for name, found in rows.items()
        if name not in apart and not name.startswith(("words_", "terms of"))
    }


def test_nothing_of_a_person_is_found_anywhere_and_nothing_of_others_is_missing(
    place: Place, tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.DEBUG)
    lived(place)
    before = dump(place.database)
    assert len({row.partition(":")[0] for row in found_in_rows(before)}) >= 15
    assert found_in(tmp_path)
    erased = erase(place)
    assert erased.step == "done"
    after = dump(place.database)
    assert found_in_rows(after) == []
    assert found_in(tmp_path) == []
    assert CANARY not in caplog.text
    assert PHONE not in caplog.text
    assert of_others(after) == of_others(before)
    files = [each.read_bytes() for each in (tmp_path / "media").rglob("*") if each.is_file()]
    assert sorted(files) == [b"a file of everybody", b"file of an ordinary harmless word"]
    with place.database.read() as session:
        for chat_id in session.scalars(select(Chat.id)).all():
            line = chats.get_chat(session, chat_id)
            assert line
            assert not found_in_rows({"export": list(exporting.as_json(session, line))})
            assert not found_in_rows({"export": list(exporting.as_csv(session, line))})


def test_what_was_erased_is_counted_and_the_numbers_of_the_analytics_stay(place: Place):
    lived(place)
    with place.database.read() as session:
        counts = subject.preview(session, subject.find(session, f"+{PHONE}"))
    erased = erase(place, USER_ID)
    assert all(erased.counts[kind] >= n > 0 for kind, n in counts.items())
    assert erased.counts["contacts"] == erased.counts["chats"] == 1
    # Of the draft and of a version: theirs, and Ada's, to whom their words were told.
    assert erased.counts["tests"] == 5
    assert erased.counts["notices"] == 1
    assert erased.names == erased.files == []
    recount = Recount(place.database, place.house.clock())
    assert list(recount.check()) == []


def test_a_version_says_that_a_test_was_taken_out_and_has_a_hash_of_what_is_left(place: Place):
    lived(place)
    erase(place)
    newest = place.all(select(BrainVersion).order_by(BrainVersion.id))[-1]
    assert "They said [erased]" in str(newest.document["tests"])
    assert "What a person said was erased from its tests." in newest.note
    assert [case["name"] for case in newest.document["tests"]] == ["Test 0"]
    assert newest.hash == content_hash(newest.document)
    tried = place.all(select(Playground))[0].state
    assert tried[OTHER.name]["phones"][0] == {"said": "note remember an ordinary harmless word"}


def test_who_writes_again_is_a_stranger_with_a_chat_of_their_own(place: Place):
    lived(place)
    old = {each.id for each in place.all(select(Chat))}
    erase(place)
    with place.open():
        place.live(THEM, "something new to talk about")
        place.settle()
    found = place.all(select(Contact).where(Contact.phone == PHONE))
    assert len(found) == 1
    assert place.all(select(Chat).where(Chat.contact_id == found[0].id))[0].id not in old


def test_what_is_broken_off_is_taken_up_and_ended(place: Place, tmp_path: Path, monkeypatch: Any):
    lived(place)
    database, now = place.database, place.house.clock()
    row = database.write(lambda session: erasing.begin(session, PHONE, "digest", None, now))
    with monkeypatch.context() as broken:
        broken.setattr("app.bot.privacy.steps.copies.named", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            place.bot.erasing.work(row.id)
    assert found_in(tmp_path)
    assert place.bot.erasing.work(row.id)
    assert found_in_rows(dump(database)) == []
    assert found_in(tmp_path) == []


def test_what_breaks_off_in_a_worker_is_logged_without_the_words_of_its_error(
    place: Place, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    def broken(*_: Any) -> None:
        raise ValueError(CANARY)

    monkeypatch.setattr("app.bot.privacy.steps.copies.named", broken)
    place.live(THEM, CANARY)
    database, now = place.database, place.house.clock()
    database.write(lambda session: erasing.begin(session, PHONE, "digest", None, now))
    with place.open():
        until(lambda: "erasing broken off" in caplog.text)
    assert "ValueError" in caplog.text
    assert CANARY not in caplog.text


def test_a_worker_that_is_serving_a_chat_cannot_store_its_answer_after_the_erasing(place: Place):
    place.live(THEM, CANARY)
    database, now = place.database, place.house.clock()

    def serve(session: Any) -> None:
        for chat in session.scalars(select(Chat)):
            chat.owner, chat.epoch, chat.lease_until = "somebody", 7, now + 60_000

    database.write(serve)
    waits: list[float] = []
    eraser = erasing.Erasing(database, place.bot.files, place.house.clock, waits.append)
    row = database.write(lambda session: erasing.begin(session, PHONE, "digest", None, now))
    assert eraser.work(row.id)
    assert waits
    left = place.all(select(Chat))
    assert [(chat.group_id, chat.owner, chat.epoch) for chat in left] == [("group-1", None, 8)]


def test_a_file_that_is_fetched_for_an_erased_message_goes_to_nobody_else(place: Place):
    place.live(THEM, CANARY)
    wanted = place.database.writer.submit(media_store.take_due, place.house.clock()).result()[0]
    erase(place)
    place.live(OTHER, "an ordinary harmless word")
    fetched = Fetched(wanted, sha256="0" * 64, mime="image/png")
    assert not place.database.write(lambda session: media_store.store(session, fetched, 1))
    assert {file.sha256 for file in place.all(select(MediaFile))} == {None}


def test_nobody_of_this_number_is_an_error_that_says_so(place: Place):
    with place.database.read() as session:
        for handle in ("155509999999", "unknown", "1"):
            with pytest.raises(subject.NobodyFound):
                subject.find(session, handle)
    assert not place.all(select(Message))
