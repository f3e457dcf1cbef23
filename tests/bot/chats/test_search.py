"""The inbox's search: literal words in any script, filters beside it, pages that repeat and lose nothing."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Connection as Db
from sqlalchemy import delete, event, select, update
from sqlalchemy.orm import Session

from app.bot import full_text
from app.bot.chats import labels, listing, notes, thread, unread
from app.bot.chats.finder import find_chats
from app.bot.chats.index_progress import IndexProgress
from app.bot.chats.listing import ChatQuery
from app.bot.chats.notes import Author
from app.bot.chats.search import PAGE_SIZE, SearchPage, search
from app.bot.chats.thread import load_thread_around
from app.bot.full_text import indexing, parse_terms
from app.bot.models import Chat, Connection, Message
from app.channels.contract import Person
from app.signals import changed
from tests.bot.conftest import Pipeline, build_inbound

ADA, BOB = "15550001", "15550002"


@pytest.fixture
def receive_texts(pipeline: Pipeline) -> Callable[..., None]:
    """Let somebody write texts."""
    said = iter(range(1, 10_000))

    def write(*texts: str, phone: str = ADA, name: str = "Ada", **more: Any) -> None:
        for words in texts:
            number = next(said)
            person = Person(None, phone, name)
            pipeline.ingest(build_inbound(number, pipeline.clock, phone, text=words, person=person, **more))

    return write


def find_page(pipeline: Pipeline, words: str, **filters: Any) -> SearchPage:
    with pipeline.database.read() as session:
        before = filters.pop("before", None)
        return search(session, ChatQuery(words, now=pipeline.clock(), **filters), before)


def list_texts(page: SearchPage) -> list[str]:
    return [message.text for found in page.message_hits for message in found.hits]


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
def test_what_is_typed_is_words(
    pipeline: Pipeline, receive_texts: Callable[..., None], words: str, found: list[int]
):
    receive_texts(*SAID)
    assert list_texts(find_page(pipeline, words)) == [SAID[n] for n in found]


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
def test_nothing_typed_is_syntax(pipeline: Pipeline, receive_texts: Callable[..., None], hostile: str):
    receive_texts("a harmless text")
    find_page(pipeline, hostile)
    assert list_texts(find_page(pipeline, f"harmless {hostile}"[:100])) in ([], ["a harmless text"])


def test_people_are_found_by_name_and_by_any_digits_of_their_number(
    pipeline: Pipeline, receive_texts: Callable[..., None]
):
    receive_texts("hello", phone="4917012345678", name="Zoë Öztürk")
    for words in ("zoe", "ozturk z", "0123456", "٠١٢٣٤٥٦", "+49 170 123", "(0)1 70-12"[4:]):
        assert [line.name for line in find_page(pipeline, words).contacts] == ["Zoë Öztürk"], words
    receive_texts("oi", phone="558187654321", name="Ana")
    for words in ("+55 81 98765-4321", "558187654321"):
        assert [line.name for line in find_page(pipeline, words).contacts] == ["Ana"], words
    assert not find_page(pipeline, "12").contacts
    assert not find_page(pipeline, "999").contacts


def test_a_changed_text_is_found_by_its_new_words_only(
    pipeline: Pipeline, receive_texts: Callable[..., None]
):
    receive_texts("first words")
    pipeline.write(lambda s: s.execute(update(Message).values(text="other ones")))
    assert list_texts(find_page(pipeline, "other")) == ["other ones"]
    assert list_texts(find_page(pipeline, "first")) == []
    pipeline.write(lambda s: s.execute(delete(Message)))
    assert find_page(pipeline, "other").is_empty
    # The id of the deleted row is given again.
    receive_texts("again here")
    assert list_texts(find_page(pipeline, "again")) == ["again here"]


def test_what_is_written_elsewhere_is_taken_in_by_the_worker(
    pipeline: Pipeline, receive_texts: Callable[..., None]
):
    receive_texts("hello")
    chat_id = pipeline.get_chat().id
    row = {"connection_id": pipeline.connection_id, "chat_id": chat_id, "direction": "out", "kind": "text",
           "state": "sent", "text": "an answer", "payload": {}, "created_at": 1}  # fmt: skip
    pipeline.write(lambda s: s.add(Message(**row)))
    pipeline.database.writer.submit(full_text.index_new_messages, None).result()
    assert list_texts(find_page(pipeline, "answer")) == ["an answer"]


def test_pages_of_hits_repeat_and_lose_nothing_while_messages_come(
    pipeline: Pipeline, receive_texts: Callable[..., None]
):
    for n in range(PAGE_SIZE + 25):
        receive_texts(f"parcel {n}", phone=f"1777{n % 7:05}")
    first = find_page(pipeline, "parcel")
    receive_texts("parcel late")
    second = find_page(pipeline, "parcel", before=first.before)
    seen = list_texts(first) + list_texts(second)
    assert second.before is None
    assert sorted(seen) == sorted(f"parcel {n}" for n in range(PAGE_SIZE + 25))


def test_filters_hold_for_hits_too(pipeline: Pipeline, receive_texts: Callable[..., None]):
    receive_texts("blue parcel", phone=ADA)
    receive_texts("blue sky", phone=BOB, name="Bob")

    def prepare(session: Session) -> int:
        label = labels.create(session, "Angry", "red", 1)
        labels.attach(session, [find_chat_id(session, BOB)], label.id)
        session.get_one(Chat, find_chat_id(session, ADA)).paused_at = 5
        return label.id

    label_id = pipeline.write(prepare)
    assert list_texts(find_page(pipeline, "blue", label_id=label_id)) == ["blue sky"]
    assert list_texts(find_page(pipeline, "blue", state="paused")) == ["blue parcel"]
    assert list_texts(find_page(pipeline, "blue", connection_id=pipeline.connection_id)) == [
        "blue sky",
        "blue parcel",
    ]
    assert find_page(pipeline, "blue", connection_id=99).is_empty


def find_chat_id(session: Session, phone: str) -> int:
    line = listing.find_chat_by_phone(session, session.scalars(select(Connection.id)).one(), phone)
    assert line
    return line.chat.id


def test_notes_are_found_until_they_are_deleted(pipeline: Pipeline, receive_texts: Callable[..., None]):
    receive_texts("hello")
    me = Author(1, "Olga")
    note = pipeline.write(lambda s: notes.create(s, pipeline.get_chat().id, me, "Wants a réfund", 7))
    ((line, found),) = find_page(pipeline, "refund").note_hits
    assert (line.name, found.text) == ("Ada", "Wants a réfund")
    pipeline.write(lambda s: notes.set_deleted_at(s, note.id, me, 9))
    assert find_page(pipeline, "refund").is_empty
    pipeline.write(lambda s: notes.set_deleted_at(s, note.id, me, None))
    assert len(find_page(pipeline, "refund").note_hits) == 1


@pytest.mark.parametrize(
    ("state", "names"),
    [
        ("unread", ["Bob", "Ada"]),
        ("waiting", ["Bob"]),
        ("paused", ["Bob"]),
        ("answering", ["Ada"]),
        ("open", ["Bob", "Ada"]),
        ("failed", ["Ada"]),
        ("unknown", []),
        ("trouble", ["Ada"]),
    ],
)
def test_states_filter_the_list(
    pipeline: Pipeline, receive_texts: Callable[..., None], state: str, names: list[str]
):
    receive_texts("one")
    pipeline.clock.pass_seconds(1)
    receive_texts("two", phone=BOB, name="Bob")
    brain_id = pipeline.create_brain()

    def prepare(session: Session) -> None:
        session.scalars(select(Connection)).one().brain_id = brain_id
        session.get_one(Chat, find_chat_id(session, BOB)).paused_at = 5
        row = {"connection_id": pipeline.connection_id, "chat_id": find_chat_id(session, ADA), "direction": "out",
               "kind": "text", "state": "failed", "text": "x", "payload": {}, "created_at": 1}  # fmt: skip
        session.add(Message(**row))

    pipeline.write(prepare)
    with pipeline.database.read() as session:
        page = listing.list_chats(session, ChatQuery(state=state, now=pipeline.clock()))
        assert [line.name for line in page.items] == names
        counts = listing.count_by_state(session)
        last = session.get_one(Chat, find_chat_id(session, BOB)).last_message_at
        assert counts == listing.ChatCounts(unread=2, waiting=1, paused=1, failed=1, last_waiting_at=last)


def test_a_paused_chat_needs_a_human_until_the_team_has_answered_the_newest_message(
    pipeline: Pipeline, receive_texts: Callable[..., None]
):
    def add(author: str, kind: str = "text") -> int:
        def write(session: Session) -> int:
            chat_id = find_chat_id(session, ADA)
            way = "in" if author == "contact" else "out"
            row = {"connection_id": pipeline.connection_id, "chat_id": chat_id, "direction": way, "author": author,
                   "kind": kind, "state": "sent", "text": "x", "payload": {}, "created_at": 1}  # fmt: skip
            session.add(Message(**row))
            session.flush()
            return listing.count_by_state(session).waiting

        return pipeline.write(write)

    receive_texts("one")
    assert add("brain") == 0
    pipeline.write(lambda s: setattr(s.get_one(Chat, find_chat_id(s, ADA)), "paused_at", 5))
    assert add("brain") == 1
    assert add("operator") == 0
    assert add("contact", "reaction") == 0
    assert add("contact") == 1
    assert add("phone") == 0


def test_nothing_in_the_simulator_is_unread(pipeline: Pipeline, receive_texts: Callable[..., None]):
    receive_texts("one")
    pipeline.write(lambda s: setattr(s.scalars(select(Connection)).one(), "channel", "simulator"))
    with pipeline.database.read() as session:
        assert listing.count_by_state(session).unread == 0
        assert listing.list_chats(session, ChatQuery(state="unread")).items == []
        own = ChatQuery(state="unread", connection_id=pipeline.connection_id)
        assert listing.list_chats(session, own).items == []
        assert [line.unread_count for line in listing.list_chats(session, ChatQuery()).items] == [0]


def test_reading_leaves_what_came_later_unread(pipeline: Pipeline, receive_texts: Callable[..., None]):
    receive_texts("one", "two")
    seen = pipeline.list_messages("in")[-1].id
    receive_texts("three")
    receive_texts("👍", kind="reaction", is_trigger=False)
    receive_texts("old", at=pipeline.clock() - 9_000_000)
    assert pipeline.get_chat().unread_count == 3
    assert pipeline.write(lambda s: unread.mark_read(s, pipeline.get_chat().id, seen))
    assert pipeline.get_chat().unread_count == 2
    pipeline.write(lambda s: unread.mark_all_read(s, [pipeline.get_chat().id]))
    assert not pipeline.write(lambda s: unread.mark_read(s, pipeline.get_chat().id, 10_000))
    assert pipeline.write(lambda s: unread.mark_unread(s, [pipeline.get_chat().id])) == 1
    assert pipeline.get_chat().unread_count == 1


def test_at_most_ten_words_are_looked_up():
    assert len(parse_terms(" ".join("abcdefghijklmnop"))) == 10
    assert parse_terms('... "" !?') == []


def test_every_query_of_the_list_has_an_index_to_go_by(
    pipeline: Pipeline, receive_texts: Callable[..., None]
):
    receive_texts("hello parcel")
    chat_id = pipeline.get_chat().id
    pipeline.write(lambda s: notes.create(s, chat_id, Author(1, "Olga"), "parcel", 7))
    engine = pipeline.database.engine
    asked: dict[str, Any] = {}

    def keep(_db: Any, _cursor: Any, statement: str, values: Any, *_more: Any) -> None:
        asked[statement] = values

    event.listen(engine, "before_cursor_execute", keep)
    with pipeline.database.read() as session:
        for state in ("", *listing.STATE_FILTERS):
            listing.list_chats(session, ChatQuery("", 1, 1, state, 1, (5, 5), now=1))
            search(session, ChatQuery("parcel", 1, 1, state, 1, now=1), 5)
            search(session, ChatQuery("parcel", state=state), None)
        listing.count_by_state(session)
        listing.get_chat(session, chat_id)
        assert thread.load_thread(session, chat_id).bubbles
        assert load_thread_around(session, chat_id, 1).bubbles
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


MANY_SCRIPTS = [
    "明日の予約をキャンセルしたい",
    "मुझे हिन्दी में जवाब चाहिए",
    "Καλημέρα σας",
    "ฉันอยากจองโต๊ะ",
    "안녕하세요 예약",
    "Don’t send ١٢ of them",
]


@pytest.mark.parametrize("indexed", [False, True])
@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("予約", 0),
        ("हिन्दी", 1),
        ("καλημερα", 2),
        ("ΚΑΛΗΜΈΡΑ", 2),
        ("โต๊ะ", 3),
        ("예약", 4),
        ('"キャンセル"', 0),
        ("약예", None),
        ("don't", 5),
        ("12", 5),
        ("१२", 5),
        ("“send 12”", 5),
        ("“12 send”", None),
    ],
)
def test_words_of_every_script_are_found_on_both_databases(
    pipeline: Pipeline, receive_texts: Callable[..., None], words: str, found: int | None, indexed: bool
):
    receive_texts(*MANY_SCRIPTS)
    if indexed:
        index_everything(pipeline)
    assert list_texts(find_page(pipeline, words)) == ([] if found is None else [MANY_SCRIPTS[found]])


def test_a_chosen_row_is_found_by_its_title_and_by_its_id(
    pipeline: Pipeline, receive_texts: Callable[..., None]
):
    answer = {"type": "list_reply", "list_reply": {"id": "row7", "title": "Tomatosoup"}}
    receive_texts("row7", kind="list", payload={"type": "interactive", "interactive": answer})
    for _ in range(2):
        for words in ("Tomatosoup", "tomato", "row7"):
            assert list_texts(find_page(pipeline, words)) == ["row7"], words
        index_everything(pipeline)


def test_rows_from_before_the_index_are_indexed_bit_by_bit(
    pipeline: Pipeline, receive_texts: Callable[..., None]
):
    receive_texts(*MANY_SCRIPTS, "plain words", name="Zoë")

    def rebuild(db: Db) -> None:
        full_text.drop_index(db)
        full_text.create_index(db)

    pipeline.database.writer.run(rebuild)
    receive_texts("late words", name="Zoë")
    assert list_texts(find_page(pipeline, "words"))[0] == "late words"
    index_everything(pipeline)
    assert sorted(list_texts(find_page(pipeline, "words"))) == ["late words", "plain words"]
    assert list_texts(find_page(pipeline, "予約")) == [MANY_SCRIPTS[0]]
    assert find_page(pipeline, "zoe").contacts
    pipeline.write(lambda s: s.execute(delete(Message)))
    assert find_page(pipeline, "words").message_hits == []


def test_a_search_says_how_far_older_rows_are_indexed_until_all_are(
    pipeline: Pipeline, receive_texts: Callable[..., None], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(indexing, "BATCH", 3)
    receive_texts("first words", *["others"] * 7)
    assert find_page(pipeline, "first").indexing is None

    def rebuild(db: Db) -> None:
        full_text.drop_index(db)
        full_text.create_index(db)

    pipeline.database.writer.run(rebuild)
    with pipeline.database.read() as session:
        times = list(session.scalars(select(Message.created_at).order_by(Message.id)))
    told: list[str] = []

    def tell(topics: set[str]) -> None:
        told.extend(topics)

    seen = []
    changed.connect(tell)
    while (page := find_page(pipeline, "first")).indexing:
        assert page.is_empty
        seen.append(page.indexing)
        pipeline.database.writer.submit(full_text.index_new_messages, None).result()
    changed.disconnect(tell)
    assert seen == [IndexProgress(0, times[7]), IndexProgress(37, times[4]), IndexProgress(75, times[1])]
    assert told == ["search_index"] * 3
    assert list_texts(page) == ["first words"]
    assert find_page(pipeline, "?!").indexing is None


def test_people_and_groups_of_every_script_are_found_by_name(
    pipeline: Pipeline, receive_texts: Callable[..., None]
):
    receive_texts("hello", name="Δημήτρης Ωνάσης")
    for words in ("δημητρης", "ΩΝΆΣΗΣ"):
        with pipeline.database.read() as session:
            assert [each.name for each in find_chats(session, words, 5)] == ["Δημήτρης Ωνάσης"]


def index_everything(pipeline: Pipeline) -> None:
    pipeline.database.writer.submit(full_text.index_new_messages, None).result()
