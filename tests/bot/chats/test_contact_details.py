"""The contact panel: first and last message, notes and variables of the person of a chat."""

from sqlalchemy import insert, update
from sqlalchemy.orm import Session

from app.bot.chats import notes
from app.bot.chats.contact_details import MAX_NOTES, ContactDetails, load_contact_details
from app.bot.chats.notes import Author
from app.bot.models import Chat, Connection
from app.brains.memory.models import Memory
from tests.bot.conftest import Pipeline, build_inbound


def load(pipeline: Pipeline) -> ContactDetails:
    with pipeline.database.read() as session:
        chat = session.get_one(Chat, pipeline.get_chat().id)
        return load_contact_details(session, chat, pipeline.clock())


def test_first_and_last_message_and_number_are_known(pipeline: Pipeline):
    first = pipeline.clock()
    pipeline.ingest(build_inbound(1, pipeline.clock))
    pipeline.clock.pass_seconds(60)
    pipeline.ingest(build_inbound(2, pipeline.clock))
    found = load(pipeline)
    assert (found.first_seen_at, found.last_seen_at) == (first, first + 60_000)
    assert found.contact
    assert found.contact.phone == "15550001"
    assert (found.notes, found.note_count, found.variables) == ([], 0, ())


def test_the_newest_notes_are_shown_and_all_are_counted(pipeline: Pipeline):
    pipeline.ingest(build_inbound(1, pipeline.clock))
    chat_id, author = pipeline.get_chat().id, Author(1, "Ada")

    def write_notes(session: Session) -> None:
        made = [
            notes.create(session, chat_id, author, f"note {number}", pipeline.clock() + number)
            for number in range(MAX_NOTES + 2)
        ]
        notes.set_deleted_at(session, made[-1].id, author, 1)

    pipeline.write(write_notes)
    found = load(pipeline)
    assert [note.text for note in found.notes] == ["note 5", "note 4", "note 3", "note 2", "note 1"]
    assert found.note_count == MAX_NOTES + 1


def test_variables_are_those_the_answering_brain_keeps_for_the_chat(pipeline: Pipeline):
    pipeline.ingest(build_inbound(1, pipeline.clock))
    chat, brain_id = pipeline.get_chat(), pipeline.create_brain()
    row = {"brain_id": brain_id, "rev": 1, "updated_at": 1}
    rows = [
        {**row, "scope": f"contact:{chat.contact_id}", "key": "visits", "value": 3},
        {**row, "scope": "contact:999", "key": "other", "value": 1},
        {**row, "scope": "brain", "key": "all", "value": 1},
    ]
    pipeline.write(lambda session: session.execute(insert(Memory), rows) and None)
    pipeline.write(lambda session: session.execute(update(Connection).values(brain_id=brain_id)) and None)
    found = load(pipeline)
    assert found.brain
    assert [(each.scope, each.key, each.value) for each in found.variables] == [("contact", "visits", 3)]
