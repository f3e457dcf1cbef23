"""Transaction A: everything of a webhook is stored, once."""

from sqlalchemy import select, update

from app.bot.channels.contract import Other, Person, Renamed, Sent, Status
from app.bot.models import Chat, Connection, Contact, Notice, Receipt
from tests.bot.conftest import Desk, inbound


def test_a_message_makes_contact_chat_and_work(desk: Desk, clock):
    accepted = desk.accept(inbound(1, clock))
    chat = desk.chat()
    assert (accepted.new, accepted.ready) == (1, {chat.id})
    assert (chat.pending, chat.ready_at, chat.window_until) == (1, clock(), clock() + 86_400_000)


def test_a_redelivered_message_is_stored_once(desk: Desk, clock):
    desk.accept(inbound(1, clock))
    again = desk.accept(inbound(1, clock), inbound(1, clock))
    assert (again.new, again.ready, desk.chat().pending) == (0, set(), 1)


def test_a_redelivered_echo_of_our_phone_is_stored_once(desk: Desk, clock):
    echo = inbound(1, clock, outgoing=True, triggers=False)
    desk.accept(echo)
    desk.accept(echo)
    rows = desk.messages("out")
    assert [(row.author, row.state) for row in rows] == [("phone", "sent")]
    assert desk.chat().ready_at is None


def test_an_old_message_is_stored_but_does_not_trigger(desk: Desk, clock):
    desk.accept(inbound(1, clock, at=clock() - 3_600_001))
    assert [row.state for row in desk.messages("in")] == ["stored"]
    assert (desk.chat().pending, desk.chat().ready_at) == (0, None)


def test_reactions_and_system_notes_do_not_trigger(desk: Desk, clock):
    desk.accept(inbound(1, clock, kind="reaction", triggers=False))
    assert desk.chat().ready_at is None


def test_a_new_message_does_not_cut_short_a_back_off(desk: Desk, clock):
    desk.accept(inbound(1, clock))
    later = clock() + 60_000
    desk.change(lambda s: s.execute(update(Chat).values(ready_at=later)))
    desk.accept(inbound(2, clock))
    assert (desk.chat().ready_at, desk.chat().pending) == (later, 2)


def test_an_edit_changes_the_text_and_a_revocation_marks_it(desk: Desk, clock):
    desk.accept(inbound(1, clock))
    desk.accept(
        inbound(2, clock, kind="edit", text="hello, mended", triggers=False, edits="wamid.15550001.1")
    )
    desk.accept(inbound(3, clock, kind="revoke", triggers=False, revokes="wamid.15550001.1"))
    first = desk.messages("in")[0]
    assert (first.text, first.edited_at, first.revoked_at) == ("hello, mended", clock(), clock())
    assert desk.chat().pending == 1


def test_the_same_person_by_phone_then_by_user_id_is_one_contact(desk: Desk, clock):
    desk.accept(inbound(1, clock, person=Person(None, "15550001", "Ada")))
    desk.accept(inbound(2, clock, person=Person("US.1", "15550001", "Ada")))
    desk.accept(inbound(3, clock, person=Person("US.1", None, "Ada L", "ada")))
    contacts = desk.read(select(Contact.__table__))
    assert [(c["user_id"], c["phone"], c["name"], c["username"]) for c in contacts] == [
        ("US.1", "15550001", "Ada L", "ada")
    ]
    assert desk.chat().pending == 3


def test_a_changed_number_moves_the_contact(desk: Desk, clock):
    desk.accept(inbound(1, clock))
    desk.accept(Renamed(Person(None, "15550001"), Person(None, "15559999")))
    desk.places.clear()
    desk.accept(inbound(2, clock, person=Person(None, "15559999", "Ada")))
    assert desk.chat().pending == 2


def test_a_message_that_names_nobody_is_kept_without_an_answer(desk: Desk, clock):
    desk.accept(inbound(1, clock, person=Person()), inbound(2, clock, person=Person()))
    assert [row.state for row in desk.messages("in")] == ["stored", "stored"]


def test_anything_else_is_kept_raw(desk: Desk):
    desk.accept(Other("account_update", {"event": "VERIFIED_ACCOUNT"}))
    assert [row["field"] for row in desk.read(select(Notice.__table__))] == ["account_update"]


def test_a_receipt_that_comes_before_its_send_is_kept_and_applied(desk: Desk, clock):
    desk.accept(inbound(1, clock))
    stored = desk.store(desk.claim().jobs[0], "yes")
    desk.accept(Status("wamid.out.1", "delivered", clock()))
    assert len(desk.read(select(Receipt.id))) == 1
    desk.complete(stored.order, Sent("wamid.out.1"))
    row = desk.messages()[0]
    assert (row.state, row.provider_id, row.sent_at) == ("delivered", "wamid.out.1", clock())
    assert desk.read(select(Receipt.id)) == []


def test_a_receipt_with_our_key_settles_a_send_before_its_answer(desk: Desk, clock):
    desk.accept(inbound(1, clock))
    order = desk.store(desk.claim().jobs[0], "yes").order
    applied = desk.accept(Status("wamid.out.1", "read", clock(), order.key))
    assert applied.resolved == {desk.chat().id}
    assert desk.messages()[0].state == "read"


def test_receipts_of_another_connection_do_not_touch_our_sends(desk: Desk, clock):
    desk.accept(inbound(1, clock))
    order = desk.store(desk.claim().jobs[0], "yes").order
    other = Desk(desk.database, clock, desk.change(_second))
    other.accept(Status("wamid.out.1", "read", clock(), order.key))
    assert desk.messages()[0].state == "sending"


def _second(session):
    made = Connection(name="Other", channel="cloud", account="200", config={}, created_at=1)
    session.add(made)
    session.flush()
    return made.id
