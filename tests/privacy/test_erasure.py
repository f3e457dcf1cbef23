"""A person is erased: nothing of theirs is found in rows, files or exports, and nothing of others is missing."""

import logging
import re
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from app.analytics.rebuild import RollupRebuild
from app.bot.chats import export, listing
from app.bot.media import downloads
from app.bot.media.downloads import DownloadResult
from app.bot.models import Chat, Contact, MediaFile, Message
from app.brains.ai.provider_store import ProviderInput
from app.brains.document.schema import hash_content
from app.brains.playground.models import Playground
from app.brains.versions.models import BrainVersion
from app.privacy import erasure, subject
from app.privacy.models import Erasure
from app.privacy.recorded_tests import Utterances, redact_document
from app.privacy.redaction import Redactor
from app.settings import Settings
from bench.fake_ai import FakeAi
from tests.bot.simulated_bot import wait_until
from tests.privacy.erasure_scenario import (
    CANARY,
    OTHER,
    PHONE,
    THEM,
    USER_ID,
    ErasureScenario,
    dump_tables,
    find_row_traces,
    find_traces,
)


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"ai_allow_private": True})


@pytest.fixture
def scenario(installation: Flask, fake_ai: FakeAi) -> ErasureScenario:
    made = ErasureScenario(installation)
    fields = ProviderInput("home", fake_ai.url, "fake-small", fake_ai.key)
    made.database.write(lambda session: made.services.ai.providers.create(session, fields, 1))
    return made


def erase(scenario: ErasureScenario, handle: str = PHONE) -> Erasure:
    database, now = scenario.database, scenario.services.clock()
    row = database.write(lambda session: erasure.begin(session, handle, "digest", None, now))
    assert scenario.services.erasure.claim_next() == row.id
    assert scenario.services.erasure.run(row.id)
    with database.read() as session:
        return session.get_one(Erasure, row.id)


def create_scenario(scenario: ErasureScenario) -> None:
    with scenario.run_worker():
        for person, word in ((OTHER, "an ordinary harmless word"), (THEM, CANARY)):
            scenario.use_everything(person, word)
            scenario.wait_until_idle()
        scenario.ask(OTHER, "last")
        scenario.wait_until_idle()
    scenario.insert_traces(OTHER, "an ordinary harmless word")
    scenario.insert_traces(THEM, CANARY)


def list_rows_of_others(rows: dict[str, list[str]]) -> dict[str, list[str]]:
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
    scenario: ErasureScenario, tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.DEBUG)
    create_scenario(scenario)
    before = dump_tables(scenario.database)
    assert len({row.partition(":")[0] for row in find_row_traces(before)}) >= 15
    assert find_traces(tmp_path)
    erased = erase(scenario)
    assert erased.step == "done"
    after = dump_tables(scenario.database)
    # The audit has entries of what was done with them and keeps them, without the person.
    assert before["audit_entry"]
    assert set(before["audit_entry"]) < set(after["audit_entry"])
    assert find_row_traces(after) == []
    assert find_traces(tmp_path) == []
    assert CANARY not in caplog.text
    assert PHONE not in caplog.text
    assert list_rows_of_others(after) == list_rows_of_others(before)
    files = [each.read_bytes() for each in (tmp_path / "media").rglob("*") if each.is_file()]
    assert sorted(files) == [b"a file of everybody", b"file of an ordinary harmless word"]
    with scenario.database.read() as session:
        for chat_id in session.scalars(select(Chat.id)).all():
            line = listing.get_chat(session, chat_id)
            assert line
            assert not find_row_traces({"export": list(export.export_json(session, line))})
            assert not find_row_traces({"export": list(export.export_csv(session, line))})


def test_what_was_erased_is_counted_and_the_numbers_of_the_analytics_stay(scenario: ErasureScenario):
    create_scenario(scenario)
    with scenario.database.read() as session:
        counts = subject.count_by_kind(session, subject.find(session, f"+{PHONE}"))
    erased = erase(scenario, USER_ID)
    assert all(erased.counts[kind] >= n > 0 for kind, n in counts.items())
    assert erased.counts["contacts"] == erased.counts["chats"] == 1
    # Of the draft and of a version: theirs, and Ada's, to whom their words were told.
    assert erased.counts["tests"] == 5
    assert erased.counts["notices"] == 1
    assert erased.names == erased.files == []
    recount = RollupRebuild(scenario.database, scenario.services.clock())
    assert list(recount.check()) == []


def test_a_version_says_that_a_test_was_taken_out_and_has_a_hash_of_what_is_left(scenario: ErasureScenario):
    create_scenario(scenario)
    erase(scenario)
    newest = scenario.select_all(select(BrainVersion).order_by(BrainVersion.id))[-1]
    assert "They said [erased]" in str(newest.document["tests"])
    assert "What a person said was erased from its tests and examples." in newest.note
    assert [case["name"] for case in newest.document["tests"]] == ["Test 0"]
    assert newest.hash == hash_content(newest.document)
    tried = scenario.select_all(select(Playground))[0].state
    assert tried[OTHER.name]["phones"][0] == {"said": "note remember an ordinary harmless word"}


def test_who_writes_again_is_a_stranger_with_a_chat_of_their_own(scenario: ErasureScenario):
    create_scenario(scenario)
    old = {each.id for each in scenario.select_all(select(Chat))}
    erase(scenario)
    with scenario.run_worker():
        scenario.use_everything(THEM, "something new to talk about")
        scenario.wait_until_idle()
    found = scenario.select_all(select(Contact).where(Contact.phone == PHONE))
    assert len(found) == 1
    assert scenario.select_all(select(Chat).where(Chat.contact_id == found[0].id))[0].id not in old


def test_what_is_broken_off_is_taken_up_and_ended(
    scenario: ErasureScenario, tmp_path: Path, monkeypatch: Any
):
    create_scenario(scenario)
    database, now = scenario.database, scenario.services.clock()
    row = database.write(lambda session: erasure.begin(session, PHONE, "digest", None, now))
    with monkeypatch.context() as broken:
        broken.setattr("app.privacy.erasure_steps.copies.find_name_copies", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            scenario.services.erasure.run(row.id)
    assert find_traces(tmp_path)
    assert scenario.services.erasure.run(row.id)
    assert find_row_traces(dump_tables(database)) == []
    assert find_traces(tmp_path) == []


def test_what_breaks_off_in_a_worker_is_logged_without_the_words_of_its_error(
    scenario: ErasureScenario, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    def broken(*_: Any) -> None:
        raise ValueError(CANARY)

    monkeypatch.setattr("app.privacy.erasure_steps.copies.find_name_copies", broken)
    scenario.use_everything(THEM, CANARY)
    database, now = scenario.database, scenario.services.clock()
    database.write(lambda session: erasure.begin(session, PHONE, "digest", None, now))
    with scenario.run_worker():
        wait_until(lambda: "erasing broken off" in caplog.text)
    assert "ValueError" in caplog.text
    assert CANARY not in caplog.text


def test_a_worker_that_is_serving_a_chat_cannot_store_its_answer_after_the_erasing(scenario: ErasureScenario):
    scenario.use_everything(THEM, CANARY)
    database, now = scenario.database, scenario.services.clock()

    def serve(session: Any) -> None:
        for chat in session.scalars(select(Chat)):
            chat.owner, chat.epoch, chat.lease_until = "somebody", 7, now + 60_000

    database.write(serve)
    waits: list[float] = []
    eraser = erasure.ErasureRunner(database, scenario.services.files, scenario.services.clock, waits.append)
    row = database.write(lambda session: erasure.begin(session, PHONE, "digest", None, now))
    assert eraser.run(row.id)
    assert waits
    left = scenario.select_all(select(Chat))
    assert [(chat.group_id, chat.owner, chat.epoch) for chat in left] == [("group-1", None, 8)]


def test_a_file_that_is_fetched_for_an_erased_message_goes_to_nobody_else(scenario: ErasureScenario):
    scenario.use_everything(THEM, CANARY)
    wanted = scenario.database.writer.submit(downloads.claim_due, scenario.services.clock()).result()[0]
    erase(scenario)
    scenario.use_everything(OTHER, "an ordinary harmless word")
    fetched = DownloadResult(wanted, sha256="0" * 64, mime="image/png")
    assert not scenario.database.write(lambda session: downloads.record_result(session, fetched, 1))
    assert {file.sha256 for file in scenario.select_all(select(MediaFile))} == {None}


def test_nobody_of_this_number_is_an_error_that_says_so(scenario: ErasureScenario):
    with scenario.database.read() as session:
        for handle in ("155509999999", "unknown", "1"):
            with pytest.raises(subject.SubjectNotFound):
                subject.find(session, handle)
    assert not scenario.select_all(select(Message))


def test_examples_that_are_their_sentences_are_taken_out_of_intents():
    sentence = "where on earth is my parcel from Lima"
    mine = Utterances(Redactor(("15550100007",), {sentence}), frozenset({sentence}), frozenset())
    document = {
        "intents": [
            {"name": "order_status", "examples": [sentence, "where is my order"]},
            {"name": "call_back", "examples": ["please call 15550100007"]},
        ],
        "not_intents": [sentence, "hello"],
    }
    changed, count = redact_document(document, mine)
    assert count == 3
    assert changed["intents"] == [
        {"name": "order_status", "examples": ["where is my order"]},
        {"name": "call_back", "examples": ["call back"]},
    ]
    assert changed["not_intents"] == ["hello"]
    other = Utterances(Redactor((), set()), frozenset(), frozenset())
    assert redact_document(document, other) == (document, 0)
