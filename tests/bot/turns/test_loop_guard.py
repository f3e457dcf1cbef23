"""The loop guard: two bots that answer each other are stopped, people in a hurry are not."""

import pytest
from flask import Flask
from sqlalchemy import update

from app.bot.handoff import end_expired, pause
from app.bot.models import Connection
from app.bot.turns.loop_guard import MIN_EXCHANGES, QUIET_MS, ChatMessage, detect_loop
from app.channels.contract import Person
from app.channels.simulator import channel
from app.channels.simulator.channel import Envelope, SimulatorChannel
from tests.bot.simulated_bot import SimulatedBot, build_reply_command, build_script_command, wait_until

ECHO = build_script_command(
    "all", "ctx.reply('You said: ' + ctx.message.text[:200])", trigger={"kind": "fallback"}
)


def talk(*waits_and_texts: tuple[int, str], kind: str = "text") -> list[ChatMessage]:
    """A conversation: the other side says each text so long (ms) after the answer before, answered in 50 ms."""
    said, now = [], 0
    for wait, text in waits_and_texts:
        now += wait
        said.append(ChatMessage(inbound=True, kind=kind, text=text, at=now))
        now += 50
        said.append(ChatMessage(inbound=False, kind="text", text="answer", at=now))
    return [
        *said,
        ChatMessage(inbound=True, kind=kind, text=waits_and_texts[-1][1], at=now + waits_and_texts[-1][0]),
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
        ([(5_000, str(n % 6)) for n in range(100)], False),
        ([(700, str(n % 10)) for n in range(30)], False),
        ([(5_000, "12.50"), (5_000, "3)"), (5_000, "٣"), (5_000, "(2)")] * 20, False),
        ([(5_000, "next")] * 40, False),
        ([(5_000, f"my answer is {n % 5}") for n in range(40)], False),
        ([(5_000, f"!multiply {n} {n * 7 % 10}") for n in range(40)], False),
        ([(400, f"my answer is {n % 5}") for n in range(40)], True),
        ([(1_500, word) for word in ("yes", "no", "Paris", "b", "blue") * 6], False),
        ([(300, "Bye now")] * 20, True),
        ([(400, f"Your ticket has the number {n}") for n in range(20)], True),
    ],
)
def test_a_loop_is_told_from_a_person(waits_and_texts: list[tuple[int, str]], is_loop: bool):
    assert bool(detect_loop(talk(*waits_and_texts))) is is_loop


def test_whoever_taps_buttons_is_a_person():
    assert detect_loop(talk(*[(300, "Next")] * 50, kind="button")) == ""


@pytest.fixture
def network(monkeypatch: pytest.MonkeyPatch) -> None:
    """The simulated number as one that bots can write to."""
    monkeypatch.setattr(SimulatorChannel, "is_simulated", False)


@pytest.mark.usefixtures("network")
def test_a_stopped_chat_goes_on_by_itself_once_nobody_has_written_for_a_minute(installation: Flask):
    bot = SimulatedBot(installation, [ECHO])
    with bot.run_worker():
        for n in range(40):
            bot.say((1, f"I am a bot, message {n}"))
            wait_until(lambda n=n: len(bot.list_runs()) > n)
            wait_until(lambda: not bot.get_chat(1).lease_until)
            if bot.get_chat(1).paused_at:
                break
        heard = len(bot.list_reply_texts(1))
        first = bot.get_chat(1).paused_until
        assert first is not None
        assert 0 < first - bot.services.clock() <= QUIET_MS
        bot.say((1, "Still here"))
        # Whoever goes on writing has not paused yet.
        wait_until(lambda: (bot.get_chat(1).paused_until or 0) > first)
        assert len(bot.list_reply_texts(1)) == heard
        later = (bot.get_chat(1).paused_until or 0) + 1
        bot.database.write(lambda session: end_expired(session.connection(), later))
        assert bot.get_chat(1).paused_at is None
        bot.say((1, "And now"))
        wait_until(lambda: len(bot.list_reply_texts(1)) == heard + 1)


@pytest.mark.usefixtures("network")
def test_an_operators_pause_without_an_end_stays_one(installation: Flask):
    bot = SimulatedBot(installation, [ECHO])
    with bot.run_worker():
        bot.say((1, "Hello"))
        wait_until(lambda: bot.list_reply_texts(1))
        chat_id = bot.get_chat(1).id
        why = "This looks like two bots talking to each other: seen by me"
        pause(bot.database, chat_id, why, bot.services.clock())
        bot.say((1, "Anybody?"))
        wait_until(lambda: len(bot.list_runs()) == 2)
    assert bot.get_chat(1).paused_until is None
    assert bot.get_chat(1).paused_at


def test_whoever_plays_in_the_simulator_is_never_taken_for_a_bot(installation: Flask):
    bot = SimulatedBot(installation, [ECHO])
    with bot.run_worker():
        for n in range(20):
            bot.say((1, "the same long text again and again"))
            wait_until(lambda n=n: len(bot.list_reply_texts(1)) == n + 1)
    assert bot.get_chat(1).paused_at is None


@pytest.mark.usefixtures("network")
def test_two_bots_stop_after_a_dozen_answers_and_nothing_is_lost(installation: Flask):
    bot = SimulatedBot(installation, [ECHO])
    with bot.run_worker():
        for n in range(40):
            bot.say((1, f"I am a bot, message {n}"))
            wait_until(lambda n=n: len(bot.list_runs()) > n)
            wait_until(lambda: not bot.get_chat(1).lease_until)
            if bot.get_chat(1).paused_at:
                break
    heard = len(bot.list_reply_texts(1))
    assert MIN_EXCHANGES <= heard <= MIN_EXCHANGES + 3
    assert bot.get_chat(1).pause_reason.startswith("This looks like two bots talking to each other")
    assert [run.outcome for run in bot.list_runs()] == ["answered"] * heard + ["silent"]
    print(f"\n2 bots: paused after {heard} answers")


@pytest.mark.usefixtures("network")
def test_the_guard_can_be_switched_off(installation: Flask):
    bot = SimulatedBot(installation, [ECHO])
    bot.database.write(lambda session: session.execute(update(Connection).values(loop_guard=False)))
    with bot.run_worker():
        for n in range(20):
            bot.say((1, "again"))
            wait_until(lambda n=n: len(bot.list_reply_texts(1)) == n + 1)
    assert bot.get_chat(1).paused_at is None


@pytest.mark.usefixtures("network")
def test_a_quick_quiz_by_numbers_is_not_stopped(installation: Flask):
    bot = SimulatedBot(installation, [ECHO])
    with bot.run_worker():
        for n in range(24):
            bot.say((1, str(n % 3)))
            wait_until(lambda n=n: len(bot.list_reply_texts(1)) == n + 1)
    assert bot.get_chat(1).paused_at is None


@pytest.mark.usefixtures("network")
def test_a_quick_quiz_by_buttons_is_not_stopped(installation: Flask):
    bot = SimulatedBot(
        installation,
        [
            build_reply_command(
                "start", "Go?", action={"kind": "reply", "template": "Go?", "buttons": ["Next"]}
            ),
            ECHO,
        ],
    )
    person = Person(phone="1555000001", name="P1")
    with bot.run_worker():
        for n in range(30):
            tap = channel.build_button_reply(
                Envelope(f"tap.{n}", person, bot.services.clock()), "next", "Next"
            )
            bot.services.receive_local(bot.connection_id, [tap])
            wait_until(lambda n=n: len(bot.list_reply_texts(1)) == n + 1)
    assert bot.get_chat(1).paused_at is None


def test_answers_beyond_the_cap_wait_in_their_order(installation: Flask):
    bot = SimulatedBot(installation, [ECHO])
    bot.database.write(lambda session: session.execute(update(Connection).values(replies_per_minute=3)))
    with bot.run_worker():
        bot.say(*((1, f"m{n}") for n in range(5)))
        wait_until(lambda: len(bot.list_reply_texts(1)) == 3)
        wait_until(lambda: bot.get_chat(1).ready_at)
    assert bot.list_reply_texts(1) == ["You said: m0", "You said: m1", "You said: m2"]
    assert 15_000 < bot.get_chat(1).ready_at - bot.services.clock() <= 20_000
