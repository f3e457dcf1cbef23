"""The inbox's search: literal words in any script, filters beside it, pages that repeat and lose nothing."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import delete, event, select, update
from sqlalchemy.orm import Session

from app.bot import chats, labels, notes, unread, word_index
from app.bot.channels.contract import Person
from app.bot.chat_search import HITS, SearchPage, search
from app.bot.chats import ChatWish
from app.bot.models import Chat, Connection, Message
from app.bot.notes import Author
from app.bot.search_words import terms_of
from app.bot.threads import thread_around
from tests.bot.conftest import Desk, inbound

ADA, BOB = "15550001", "15550002"


@pytest.fixture
def say(desk: Desk) -> Callable[..., None]:
    """Let somebody write texts."""
    said = iter(range(1, 10_000))

    def write(*texts: str, phone: str = ADA, name: str = "Ada", **more: Any) -> None:
        for words in texts:
            number = next(said)
            person = Person(None, phone, name)
            desk.accept(inbound(number, desk.clock, phone, text=words, person=person, **more))

    return write


def look(desk: Desk, words: str, **wish: Any) -> SearchPage:
    with desk.database.read() as session:
        before = wish.pop("before", None)
        return search(session, ChatWish(words, now=desk.clock(), **wish), before)


def texts(page: SearchPage) -> list[str]:
    return [message.text for found in page.found for message in found.hits]


SAID = [
    "Where is my blue parcel?",
    "Crème-brûlée order #123",
    "write to foo.bar@example.com",
    "مُحَمَّد قال مرحبا",
    "هل وصل الطلب",
    "Привет, мир",
    "great 😀 thanks",
    "it's 100% <b>bold</b> a_b",
    'O\'Neil "said" so',
]


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("parcel", [0]),
        ("PARC blue", [0]),
        ('"blue parcel"', [0]),
        ('"parcel blue"', []),
        ("creme", [1]),
        ("crème brulee 123", [1]),
        ("example", [2]),
        ("foo.bar@example.com", [2]),
        ("الطلب", [4]),
        ("привет", [5]),
        ("😀", [6]),
        ("100%", [7]),
        ("it's", [7]),
        ("a_b", [7]),
        ("o'neil", [8]),
        ('said"', [8]),
        ("nothing of this", []),
    ],
)
def test_what_is_typed_is_words(desk: Desk, say: Callable[..., None], words: str, found: list[int]):
    say(*SAID)
    assert texts(look(desk, words)) == [SAID[n] for n in found]


@pytest.mark.parametrize(
    "hostile",
    [
        '"',
        "'",
        "* OR *",
        "a NEAR/2 b",
        "text:",
        "-",
        "NOT x",
        "(",
        "a & | !",
        ":*",
        "\\",
        "\0",
        "%_",
        "^a",
        "{",
        "x" * 500,
    ],
)
def test_nothing_typed_is_syntax(desk: Desk, say: Callable[..., None], hostile: str):
    say("a harmless text")
    look(desk, hostile)
    assert texts(look(desk, f"harmless {hostile}"[:100])) in ([], ["a harmless text"])


def test_people_are_found_by_name_and_by_any_digits_of_their_number(desk: Desk, say: Callable[..., None]):
    say("hello", phone="4917012345678", name="Zoë Öztürk")
    for words in ("zoe", "ozturk z", "0123456", "+49 170 123", "(0)1 70-12"[4:]):
        assert [line.name for line in look(desk, words).people] == ["Zoë Öztürk"], words
    assert not look(desk, "12").people
    assert not look(desk, "999").people


def test_a_changed_text_is_found_by_its_new_words_only(desk: Desk, say: Callable[..., None]):
    say("first words")
    desk.change(lambda s: s.execute(update(Message).values(text="other ones")))
    assert texts(look(desk, "other")) == ["other ones"]
    assert texts(look(desk, "first")) == []
    desk.change(lambda s: s.execute(delete(Message)))
    assert look(desk, "other").empty
    # The id of the deleted row is given again.
    say("again here")
    assert texts(look(desk, "again")) == ["again here"]


def test_what_is_written_elsewhere_is_taken_in_by_the_worker(desk: Desk, say: Callable[..., None]):
    say("hello")
    chat_id = desk.chat().id
    row = {"connection_id": desk.connection_id, "chat_id": chat_id, "direction": "out", "kind": "text",
           "state": "sent", "text": "an answer", "payload": {}, "created_at": 1}  # fmt: skip
    desk.change(lambda s: s.add(Message(**row)))
    desk.database.writer.submit(word_index.catch_up, None).result()
    assert texts(look(desk, "answer")) == ["an answer"]


def test_pages_of_hits_repeat_and_lose_nothing_while_messages_come(desk: Desk, say: Callable[..., None]):
    for n in range(HITS + 25):
        say(f"parcel {n}", phone=f"1777{n % 7:05}")
    first = look(desk, "parcel")
    say("parcel late")
    second = look(desk, "parcel", before=first.before)
    seen = texts(first) + texts(second)
    assert second.before is None
    assert sorted(seen) == sorted(f"parcel {n}" for n in range(HITS + 25))


def test_filters_hold_for_hits_too(desk: Desk, say: Callable[..., None]):
    say("blue parcel", phone=ADA)
    say("blue sky", phone=BOB, name="Bob")

    def prepare(session: Session) -> int:
        label = labels.make(session, "Angry", "red", 1)
        labels.put(session, [chat_of(session, BOB)], label.id)
        session.get_one(Chat, chat_of(session, ADA)).paused_at = 5
        return label.id

    label_id = desk.change(prepare)
    assert texts(look(desk, "blue", label_id=label_id)) == ["blue sky"]
    assert texts(look(desk, "blue", state="paused")) == ["blue parcel"]
    assert texts(look(desk, "blue", connection_id=desk.connection_id)) == ["blue sky", "blue parcel"]
    assert look(desk, "blue", connection_id=99).empty


def chat_of(session: Session, phone: str) -> int:
    line = chats.chat_of(session, session.scalars(select(Connection.id)).one(), phone)
    assert line
    return line.chat.id


def test_notes_are_found_until_they_are_deleted(desk: Desk, say: Callable[..., None]):
    say("hello")
    me = Author(1, "Olga")
    note = desk.change(lambda s: notes.write(s, desk.chat().id, me, "Wants a réfund", 7))
    ((line, found),) = look(desk, "refund").noted
    assert (line.name, found.text) == ("Ada", "Wants a réfund")
    desk.change(lambda s: notes.put_away(s, note.id, me, 9))
    assert look(desk, "refund").empty
    desk.change(lambda s: notes.put_away(s, note.id, me, None))
    assert len(look(desk, "refund").noted) == 1


@pytest.mark.parametrize(
    ("state", "names"),
    [
        ("unread", ["Bob", "Ada"]),
        ("paused", ["Bob"]),
        ("answering", ["Ada"]),
        ("open", ["Bob", "Ada"]),
        ("failed", ["Ada"]),
        ("unknown", []),
        ("trouble", ["Ada"]),
    ],
)
def test_states_filter_the_list(desk: Desk, say: Callable[..., None], state: str, names: list[str]):
    say("one")
    desk.clock.pass_seconds(1)
    say("two", phone=BOB, name="Bob")
    brain_id = desk.make_brain()

    def prepare(session: Session) -> None:
        session.scalars(select(Connection)).one().brain_id = brain_id
        session.get_one(Chat, chat_of(session, BOB)).paused_at = 5
        row = {"connection_id": desk.connection_id, "chat_id": chat_of(session, ADA), "direction": "out",
               "kind": "text", "state": "failed", "text": "x", "payload": {}, "created_at": 1}  # fmt: skip
        session.add(Message(**row))

    desk.change(prepare)
    with desk.database.read() as session:
        page = chats.list_chats(session, ChatWish(state=state, now=desk.clock()))
        assert [line.name for line in page.lines] == names
        assert chats.counts(session) == chats.Counts(unread=2, paused=1, trouble=1)


def test_reading_leaves_what_came_later_unread(desk: Desk, say: Callable[..., None]):
    say("one", "two")
    seen = desk.messages("in")[-1].id
    say("three")
    say("👍", kind="reaction", triggers=False)
    say("old", at=desk.clock() - 9_000_000)
    assert desk.chat().unread_count == 3
    assert desk.change(lambda s: unread.mark_read(s, desk.chat().id, seen))
    assert desk.chat().unread_count == 2
    desk.change(lambda s: unread.mark_all_read(s, [desk.chat().id]))
    assert not desk.change(lambda s: unread.mark_read(s, desk.chat().id, 10_000))
    assert desk.change(lambda s: unread.mark_unread(s, [desk.chat().id])) == 1
    assert desk.chat().unread_count == 1


def test_at_most_ten_words_are_looked_up():
    assert len(terms_of(" ".join("abcdefghijklmnop"))) == 10
    assert terms_of('... "" !?') == []


def test_every_query_of_the_list_has_an_index_to_go_by(desk: Desk, say: Callable[..., None]):
    say("hello parcel")
    chat_id = desk.chat().id
    desk.change(lambda s: notes.write(s, chat_id, Author(1, "Olga"), "parcel", 7))
    engine = desk.database.engine
    asked: dict[str, Any] = {}

    def keep(_db: Any, _cursor: Any, statement: str, values: Any, *_more: Any) -> None:
        asked[statement] = values

    event.listen(engine, "before_cursor_execute", keep)
    with desk.database.read() as session:
        for state in ("", *chats.STATES):
            chats.list_chats(session, ChatWish("", 1, 1, state, 1, (5, 5), now=1))
            search(session, ChatWish("parcel", 1, 1, state, 1, now=1), 5)
            search(session, ChatWish("parcel", state=state), None)
        chats.counts(session)
        chats.get_chat(session, chat_id)
        assert chats.thread(session, chat_id).bubbles
        assert thread_around(session, chat_id, 1).bubbles
    event.remove(engine, "before_cursor_execute", keep)
    with engine.connect() as db:
        lite = engine.dialect.name == "sqlite"
        if not lite:
            db.exec_driver_sql("SET enable_seqscan = off")
        word = "EXPLAIN QUERY PLAN" if lite else "EXPLAIN"
        steps = [
            str(row[3 if lite else 0])
            for statement, values in asked.items()
            for row in db.exec_driver_sql(f"{word} {statement}", values)
        ]
    assert len(asked) > 20
    # Connections are a handful, what a full-text index finds is not a scan, and a list in a query is one by nature.
    small = ("INDEX", "CONSTANT", "connection", "subquery", "anon")
    assert not [step for step in steps if step.startswith("SCAN") and not any(word in step for word in small)]
    assert not [step for step in steps if "Seq Scan on message" in step or "Seq Scan on chat " in step]
