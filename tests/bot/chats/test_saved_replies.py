"""Saved replies are found by what was typed, and their names are unique whatever the case."""

import pytest

from app.bot.chats import saved_replies
from app.bot.chats.saved_replies import MAX_NAME, MAX_REPLIES, SavedReplyError
from app.db.writer import Database


def create(database: Database, name: str, text: str = "Some text") -> int:
    return database.write(lambda session: saved_replies.create(session, name, text, 1)).id


def find(database: Database, words: str) -> list[str]:
    with database.read() as session:
        return [each.name for each in saved_replies.find_replies(session, words)]


def test_names_that_begin_with_the_words_come_before_texts_that_hold_them(database: Database):
    create(database, "Address", "We are near the Hours museum.")
    create(database, "Opening hours", "From 9 to 18.")
    create(database, "Hours on Sunday", "Closed.")
    assert find(database, "HOURS") == ["Hours on Sunday", "Address", "Opening hours"]
    assert find(database, "  opening   h") == ["Opening hours"]
    assert find(database, "") == ["Address", "Hours on Sunday", "Opening hours"]
    assert find(database, "%") == find(database, "_") == []


def test_a_name_is_there_once_whatever_its_case(database: Database):
    first = create(database, "/Hours")
    with pytest.raises(SavedReplyError, match="another saved reply “hours”"):
        create(database, "hours")
    other = create(database, "Return")
    with pytest.raises(SavedReplyError, match="another"):
        database.write(lambda s: saved_replies.change(s, other, "HOURS", "x"))
    changed = database.write(lambda s: saved_replies.change(s, first, "HOURS", " new\r\ntext "))
    assert changed
    assert (changed.name, changed.text) == ("HOURS", "new\ntext")
    assert database.write(lambda s: saved_replies.change(s, 999, "X", "x")) is None


@pytest.mark.parametrize(
    ("name", "text"), [("", "x"), (" ", "x"), ("n" * (MAX_NAME + 1), "x"), ("n", " "), ("n", "x" * 4097)]
)
def test_a_reply_without_a_name_or_too_long_is_refused(database: Database, name: str, text: str):
    with pytest.raises(SavedReplyError):
        create(database, name, text)
    with database.read() as session:
        assert not saved_replies.has_replies(session)


def test_there_is_a_highest_number_of_replies(database: Database):
    for number in range(MAX_REPLIES):
        create(database, f"reply {number}")
    with pytest.raises(SavedReplyError, match="already"):
        create(database, "one more")
    assert len(find(database, "")) == saved_replies.MAX_FOUND


def test_a_deleted_reply_is_returned_for_the_undo(database: Database):
    reply_id = create(database, "Hours")
    gone = database.write(lambda session: saved_replies.remove(session, reply_id))
    assert gone
    assert gone.name == "Hours"
    assert database.write(lambda session: saved_replies.remove(session, reply_id)) is None
    with database.read() as session:
        assert saved_replies.list_replies(session) == []
