"""Threads: reactions on their bubbles, ticks as notes, and what failed in plain sight."""

from sqlalchemy import update

from app.bot import chats, schedules
from app.bot.channels.contract import Fault, Refused, Sent
from app.bot.models import Message
from app.bot.schedules import Agenda, Wanted
from app.bot.turns import Lasting, Reply
from app.realtime import statistics
from app.realtime.ranges import Range
from tests.bot.conftest import Desk, inbound


def react(desk: Desk, number: int, emoji: str = "👍"):
    desk.accept(inbound(number, desk.clock))
    job = desk.claim().jobs[0]
    target = job.message["provider_id"]
    content = {"kind": "reaction", "message_id": target, "emoji": emoji}
    order = desk.store(job, replies=(Reply(content, emoji, target),)).order
    assert order
    return order


def thread(desk: Desk) -> chats.Thread:
    with desk.database.read() as session:
        return chats.thread(session, desk.chat().id)


def test_a_reaction_of_the_brain_stands_on_its_bubble(desk: Desk):
    desk.complete(react(desk, 1), Sent("wamid.r"))
    (bubble,) = thread(desk).bubbles
    assert (bubble.message.text, bubble.reactions) == ("hello 1", ["👍"])


def test_a_reaction_that_did_not_arrive_has_a_bubble_of_its_own(desk: Desk):
    desk.complete(react(desk, 1), Refused(Fault.NEVER, "131009", "no"))
    asked, stuck = thread(desk).bubbles
    assert asked.reactions == ()
    assert (stuck.message.state, chats.said(stuck.message)) == ("failed", "Reacted 👍")


def test_a_tick_is_a_note_and_nothing_received(desk: Desk, clock):
    desk.accept(inbound(1, clock))
    job = desk.claim().jobs[0]
    wanted = Wanted("c1", "remind", clock())
    agenda = Agenda(
        desk.connection_id, job.lease.chat_id, desk.make_brain(), job.message["id"], clock(), 5, [wanted]
    )
    desk.store(job, lasting=Lasting(agenda=agenda))
    desk.database.writer.submit(schedules.deliver, clock()).result()
    asked, tick = thread(desk).bubbles
    assert (asked.note, tick.note) == ("", "“remind” ran by schedule")
    with desk.database.read() as session:
        today = Range(clock() - 3_600_000, clock() + 1, "UTC", "hour")
        assert statistics.total(session, today).count("received") == 1
    desk.change(lambda s: s.execute(update(Message).where(Message.kind == "schedule").values(payload={})))
    assert thread(desk).bubbles[1].note == "“A command” ran by schedule"
