"""The loop guard: two bots that answer each other are stopped, people in a hurry are not."""

import pytest
from flask import Flask
from sqlalchemy import update

from app.bot.channels import simulator
from app.bot.channels.contract import Person
from app.bot.channels.simulator import Envelope
from app.bot.loops import EXCHANGES, Said, judge
from app.bot.models import Connection
from tests.bot.town import Town, reply, script, until

ECHO = script("all", "ctx.reply('You said: ' + ctx.message.text[:200])", trigger={"kind": "fallback"})


def talk(*waits_and_texts: tuple[int, str], kind: str = "text") -> list[Said]:
    """A conversation: the other side says each text so long (ms) after the answer before, answered in 50 ms."""
    said, now = [], 0
    for wait, text in waits_and_texts:
        now += wait
        said.append(Said(inbound=True, kind=kind, text=text, at=now))
        now += 50
        said.append(Said(inbound=False, kind="text", text="answer", at=now))
    return [
        *said,
        Said(inbound=True, kind=kind, text=waits_and_texts[-1][1], at=now + waits_and_texts[-1][0]),
    ]


@pytest.mark.parametrize(
    ("waits_and_texts", "is_loop"),
    [
        ([(400, f"answer {n} of another bot") for n in range(20)], True),
        ([(4_000, "Sorry, I did not get that.") for _ in range(20)], True),
        ([(4_000, f"Ticket {n} is open") for n in range(20)], True),
        ([(4_000, "abcd"[n % 4]) for n in range(40)], False),
        ([(9_000, f"word {chr(97 + n)}") for n in range(26)], False),
        ([(400, "quick")] * 5, False),
        ([(30_000, "Same again") for _ in range(50)], False),
        ([(4_000, "abcd"[n % 4]) for n in range(80)], True),
    ],
)
def test_a_loop_is_told_from_a_person(waits_and_texts: list[tuple[int, str]], is_loop: bool):
    assert bool(judge(talk(*waits_and_texts))) is is_loop


def test_whoever_taps_buttons_is_a_person():
    assert judge(talk(*[(300, "Next")] * 50, kind="button")) == ""


def test_two_bots_stop_after_a_dozen_answers_and_nothing_is_lost(installation: Flask):
    town = Town(installation, [ECHO])
    with town.open():
        for n in range(40):
            town.say((1, f"I am a bot, message {n}"))
            until(lambda n=n: len(town.runs()) > n)
            until(lambda: not town.chat(1).lease_until)
            if town.chat(1).paused_at:
                break
    heard = len(town.texts(1))
    assert EXCHANGES <= heard <= EXCHANGES + 3
    assert town.chat(1).pause_reason.startswith("This looks like two bots talking to each other")
    assert [run.outcome for run in town.runs()] == ["answered"] * heard + ["silent"]
    print(f"\n2 bots: paused after {heard} answers")


def test_the_guard_can_be_switched_off(installation: Flask):
    town = Town(installation, [ECHO])
    town.database.write(lambda session: session.execute(update(Connection).values(loop_guard=False)))
    with town.open():
        for n in range(20):
            town.say((1, "again"))
            until(lambda n=n: len(town.texts(1)) == n + 1)
    assert town.chat(1).paused_at is None


def test_a_quick_quiz_by_buttons_is_not_stopped(installation: Flask):
    town = Town(
        installation,
        [reply("start", "Go?", action={"kind": "reply", "template": "Go?", "buttons": ["Next"]}), ECHO],
    )
    person = Person(phone="1555000001", name="P1")
    with town.open():
        for n in range(30):
            tap = simulator.button(Envelope(f"tap.{n}", person, town.house.clock()), "next", "Next")
            town.bot.accept_local(town.connection_id, [tap])
            until(lambda n=n: len(town.texts(1)) == n + 1)
    assert town.chat(1).paused_at is None


def test_answers_beyond_the_cap_wait_in_their_order(installation: Flask):
    town = Town(installation, [ECHO])
    town.database.write(lambda session: session.execute(update(Connection).values(replies_per_minute=3)))
    with town.open():
        town.say(*((1, f"m{n}") for n in range(5)))
        until(lambda: len(town.texts(1)) == 3)
        until(lambda: town.chat(1).ready_at)
    assert town.texts(1) == ["You said: m0", "You said: m1", "You said: m2"]
    assert 15_000 < town.chat(1).ready_at - town.house.clock() <= 20_000
