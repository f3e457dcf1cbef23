"""Transaction A: everything of a webhook is stored, once."""

from sqlalchemy import select, update

from app.bot.models import Chat, Connection, Contact, Notice, Receipt
from app.channels.contract import IdentityChange, Person, RawItem, SendSuccess, Status
from tests.bot.conftest import Pipeline, build_inbound


def test_a_message_makes_contact_chat_and_work(pipeline: Pipeline, clock):
    accepted = pipeline.ingest(build_inbound(1, clock))
    chat = pipeline.get_chat()
    assert (accepted.new_count, accepted.ready_chats) == (1, {chat.id})
    assert (chat.pending, chat.ready_at, chat.window_until) == (1, clock(), clock() + 86_400_000)


def test_a_redelivered_message_is_stored_once(pipeline: Pipeline, clock):
    pipeline.ingest(build_inbound(1, clock))
    again = pipeline.ingest(build_inbound(1, clock), build_inbound(1, clock))
    assert (again.new_count, again.ready_chats, pipeline.get_chat().pending) == (0, set(), 1)


def test_a_redelivered_echo_of_our_phone_is_stored_once(pipeline: Pipeline, clock):
    echo = build_inbound(1, clock, outgoing=True, is_trigger=False)
    pipeline.ingest(echo)
    pipeline.ingest(echo)
    rows = pipeline.list_messages("out")
    assert [(row.author, row.state) for row in rows] == [("phone", "sent")]
    assert pipeline.get_chat().ready_at is None


def test_an_old_message_is_stored_but_does_not_trigger(pipeline: Pipeline, clock):
    pipeline.ingest(build_inbound(1, clock, at=clock() - 3_600_001))
    assert [row.state for row in pipeline.list_messages("in")] == ["stored"]
    assert (pipeline.get_chat().pending, pipeline.get_chat().ready_at) == (0, None)


def test_reactions_and_system_notes_do_not_trigger(pipeline: Pipeline, clock):
    pipeline.ingest(build_inbound(1, clock, kind="reaction", is_trigger=False))
    assert pipeline.get_chat().ready_at is None


def test_a_new_message_does_not_cut_short_a_back_off(pipeline: Pipeline, clock):
    pipeline.ingest(build_inbound(1, clock))
    later = clock() + 60_000
    pipeline.write(lambda s: s.execute(update(Chat).values(ready_at=later)))
    pipeline.ingest(build_inbound(2, clock))
    assert (pipeline.get_chat().ready_at, pipeline.get_chat().pending) == (later, 2)


def test_an_edit_changes_the_text_and_a_revocation_marks_it(pipeline: Pipeline, clock):
    pipeline.ingest(build_inbound(1, clock))
    pipeline.ingest(
        build_inbound(
            2, clock, kind="edit", text="hello, mended", is_trigger=False, edited_id="wamid.15550001.1"
        )
    )
    pipeline.ingest(build_inbound(3, clock, kind="revoke", is_trigger=False, revoked_id="wamid.15550001.1"))
    first = pipeline.list_messages("in")[0]
    assert (first.text, first.edited_at, first.revoked_at) == ("hello, mended", clock(), clock())
    assert pipeline.get_chat().pending == 1


def test_the_same_person_by_phone_then_by_user_id_is_one_contact(pipeline: Pipeline, clock):
    pipeline.ingest(build_inbound(1, clock, person=Person(None, "15550001", "Ada")))
    pipeline.ingest(build_inbound(2, clock, person=Person("US.1", "15550001", "Ada")))
    pipeline.ingest(build_inbound(3, clock, person=Person("US.1", None, "Ada L", "ada")))
    contacts = pipeline.select_rows(select(Contact.__table__))
    assert [(c["user_id"], c["phone"], c["name"], c["username"]) for c in contacts] == [
        ("US.1", "15550001", "Ada L", "ada")
    ]
    assert pipeline.get_chat().pending == 3


def test_a_changed_number_moves_the_contact(pipeline: Pipeline, clock):
    pipeline.ingest(build_inbound(1, clock))
    pipeline.ingest(IdentityChange(Person(None, "15550001"), Person(None, "15559999")))
    pipeline.places.clear()
    pipeline.ingest(build_inbound(2, clock, person=Person(None, "15559999", "Ada")))
    assert pipeline.get_chat().pending == 2


def test_a_message_that_names_nobody_is_kept_without_an_answer(pipeline: Pipeline, clock):
    pipeline.ingest(build_inbound(1, clock, person=Person()), build_inbound(2, clock, person=Person()))
    assert [row.state for row in pipeline.list_messages("in")] == ["stored", "stored"]


def test_anything_else_is_kept_raw(pipeline: Pipeline):
    pipeline.ingest(RawItem("account_update", {"event": "VERIFIED_ACCOUNT"}))
    assert [row["field"] for row in pipeline.select_rows(select(Notice.__table__))] == ["account_update"]


def test_a_receipt_that_comes_before_its_send_is_kept_and_applied(pipeline: Pipeline, clock):
    pipeline.ingest(build_inbound(1, clock))
    stored = pipeline.commit(pipeline.claim().jobs[0], "yes")
    pipeline.ingest(Status("wamid.out.1", "delivered", clock()))
    assert len(pipeline.select_rows(select(Receipt.id))) == 1
    pipeline.complete(stored.send_job, SendSuccess("wamid.out.1"))
    row = pipeline.list_messages()[0]
    assert (row.state, row.provider_id, row.sent_at) == ("delivered", "wamid.out.1", clock())
    assert pipeline.select_rows(select(Receipt.id)) == []


def test_a_receipt_with_our_key_settles_a_send_before_its_answer(pipeline: Pipeline, clock):
    pipeline.ingest(build_inbound(1, clock))
    order = pipeline.commit(pipeline.claim().jobs[0], "yes").send_job
    applied = pipeline.ingest(Status("wamid.out.1", "read", clock(), order.key))
    assert applied.resolved_chats == {pipeline.get_chat().id}
    assert pipeline.list_messages()[0].state == "read"


def test_receipts_of_another_connection_do_not_touch_our_sends(pipeline: Pipeline, clock):
    pipeline.ingest(build_inbound(1, clock))
    order = pipeline.commit(pipeline.claim().jobs[0], "yes").send_job
    other = Pipeline(pipeline.database, clock, pipeline.write(_create_second_connection))
    other.ingest(Status("wamid.out.1", "read", clock(), order.key))
    assert pipeline.list_messages()[0].state == "sending"


def _create_second_connection(session):
    made = Connection(name="Other", channel="cloud", account="200", config={}, created_at=1)
    session.add(made)
    session.flush()
    return made.id
