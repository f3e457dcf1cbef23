"""The pure side of the phones beside the editor: inputs in, answers of both arms out."""

import json
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import yaml
from argon2 import PasswordHasher
from sqlalchemy.orm import Session

from app.accounts.roles import Role
from app.accounts.users import Passwords, create_user
from app.brains import limits
from app.brains import playground as pg
from app.brains.playground import (
    DRAFT,
    LIVE,
    BrokenVariant,
    NothingToSave,
    PlaygroundRefusal,
    StalePlayground,
    State,
    session,
)
from app.brains.runtime.program import Program, compile_program
from app.brains.sandbox import Sandbox
from app.brains.testing import GREEN, RED, Suite, run_tests
from app.brains.versions import store
from app.db.writer import Database
from app.text import to_json

NOON = 1_767_268_800_000  # 2026-01-01T12:00Z
HOUR = 3_600_000

BRAIN = """
brain: shop
title: Shop
grants: {http: {allow: [api.example.com]}, ai: {}, memory: {}, schedule: {}}
commands:
- {id: hi, name: Hi, trigger: {kind: exact, texts: [hi]}, action: {kind: reply, template: "Hello {{ sender.name }}"}}
- {id: who, name: Who, trigger: {kind: exact, texts: [who]},
   action: {kind: reply, template: "{{ chat.is_group }} [{{ sender.id }}]"}}
- {id: pick, name: Pick, trigger: {kind: exact, texts: [pick]},
   action: {kind: reply, template: "Choose", buttons: ["Yes", "No"]}}
- {id: chosen, name: Chosen, trigger: {kind: button, ids: ["Yes"]},
   action: {kind: reply, template: "Good: {{ message.quoted.text }}"}}
- {id: dice, name: Dice, trigger: {kind: exact, texts: [dice]}, action: {kind: reply, variants: [one, two, six, ten]}}
- {id: slow, name: Slow, trigger: {kind: exact, texts: [slow]},
   restrict: {cooldown: {per: contact, seconds: 60, message: "Later"}}, action: {kind: reply, template: "Now"}}
- {id: tell, name: Tell, trigger: {kind: command, words: [tell]}, arguments: [{name: what, type: rest}],
   action: {kind: reply, template: "Buy {{ args.what }}"}}
- {id: photo, name: Photo, trigger: {kind: contains, texts: [receipt]},
   action: {kind: reply, template: "Thanks for the {{ message.media.mime }}"}}
- id: visit
  name: Visit
  trigger: {kind: exact, texts: [visit]}
  action:
    kind: script
    source: |
      ctx.reply(f"Visit {ctx.memory.incr('visits', ttl=3600)}")
- id: later
  name: Later
  trigger: {kind: exact, texts: [later]}
  action:
    kind: script
    source: |
      ctx.schedule("Tell", after=90000, what="milk")
      ctx.reply("I will")
- id: menu
  name: Menu
  trigger: {kind: exact, texts: [menu]}
  action:
    kind: script
    source: |
      ctx.reply("Which?", list={"button": "See", "rows": [{"id": "r1", "title": "Soup"}, "Rice"]})
- id: price
  name: Price
  trigger: {kind: exact, texts: [price]}
  action: {kind: script, source: 'ctx.reply(ctx.http.get("https://api.example.com/tea").text)'}
- id: help
  name: Help
  trigger: {kind: exact, texts: [help]}
  action:
    kind: script
    source: |
      ctx.reply("Somebody will write to you")
      ctx.handoff("asked")
- {id: quoting, name: Quoting, trigger: {kind: starts_with, texts: [about]},
   action: {kind: reply, template: "“{{ message.quoted.text if message.quoted else '' }}”: {{ message.text }}"}}
- {id: bad, name: Bad, trigger: {kind: exact, texts: [bad]}, action: {kind: script, source: "x = 1 / 0"}}
"""


@pytest.fixture(scope="session")
def document() -> dict[str, Any]:
    return yaml.safe_load(BRAIN)


@pytest.fixture(scope="session")
def program(document: dict[str, Any]) -> Program:
    return compile_program(0, 1, document)


@pytest.fixture(scope="session")
def other_program(document: dict[str, Any]) -> Program:
    """Compile a version that greets in another way and remembers something besides."""
    commands = [dict(each) for each in document["commands"]]
    commands[0]["action"] = {"kind": "reply", "template": "Good day"}
    commands[8]["action"] = {
        "kind": "script",
        "source": """ctx.reply(f"Visit {ctx.memory.incr('visits', ttl=3600)}")\nctx.memory.set("more", 1)""",
    }
    return compile_program(2, 1, {**document, "commands": commands})


class PlaygroundDriver:
    """A playground in the hands of a test; `at` is its clock in ms."""

    def __init__(self, programs: dict[str, Program | BrokenVariant], sandbox: Sandbox) -> None:
        self.state: State = pg.create("Ada", "15550100001")
        self.programs = programs
        self.sandbox = sandbox
        self.at = NOON

    def apply(self, **given: Any) -> pg.TranscriptLine:
        """Let something happen on the open phone; returns the newest line of it."""
        whole = {"kind": "text", "phone": self.state["open"], "at": self.at, **given}
        self.state = pg.act(self.state, whole, self.programs, self.sandbox)
        return pg.list_lines(self.state, self.state["open"])[-1]

    def say(self, text: str) -> list[str]:
        """Write a text; returns what the draft says to it."""
        return list_texts(self.apply(text=text), DRAFT)

    def wait(self, hours: float) -> pg.TranscriptLine:
        """Let time pass."""
        self.at += round(hours * HOUR)
        return self.apply(kind="wait", ms=round(hours * HOUR))


def list_texts(line: pg.TranscriptLine, arm: str) -> list[str]:
    return [each["text"] for run in line.answers[arm] for each in run["effects"] if each["type"] == "Reply"]


@pytest.fixture
def phone(program: Program, sandbox: Sandbox) -> PlaygroundDriver:
    return PlaygroundDriver({DRAFT: program, LIVE: program}, sandbox)


@pytest.fixture
def diverging_phone(program: Program, other_program: Program, sandbox: Sandbox) -> PlaygroundDriver:
    return PlaygroundDriver({DRAFT: program, LIVE: other_program}, sandbox)


@pytest.mark.parametrize(
    ("text", "mark"), [("hi", "differs"), ("who", "same"), ("visit", "inside"), ("bad", "same")]
)
def test_an_answer_is_marked_by_how_the_variants_differ(
    diverging_phone: PlaygroundDriver, text: str, mark: str
):
    assert diverging_phone.apply(text=text).mark == mark


def test_both_variants_use_the_same_random_numbers(phone: PlaygroundDriver):
    lines = [phone.apply(text="dice") for _ in range(12)]
    assert {line.mark for line in lines} == {"same"}
    assert len({list_texts(line, DRAFT)[0] for line in lines}) > 1


def test_each_variant_has_its_own_memory_until_it_expires(diverging_phone: PlaygroundDriver):
    assert diverging_phone.say("visit") == ["Visit 1"]
    assert diverging_phone.say("visit") == ["Visit 2"]
    diverging_phone.wait(1.1)
    assert diverging_phone.say("visit") == ["Visit 1"]
    draft, live = (
        pg.Variant(
            diverging_phone.programs[arm],
            diverging_phone.state,
            diverging_phone.state["worlds"][arm],
            diverging_phone.sandbox,
        )  # type: ignore[arg-type]
        for arm in (DRAFT, LIVE)
    )
    assert set(draft.world.get_memory_entries(draft.get_person("p1"))["contact"]) == {"visits"}
    assert set(live.world.get_memory_entries(live.get_person("p1"))["contact"]) == {"visits", "more"}


def test_a_scheduled_command_comes_due_after_the_window_has_closed(phone: PlaygroundDriver):
    assert phone.say("later") == ["I will"]
    early = phone.wait(24)
    assert early.answers[DRAFT] == []
    (run,) = phone.wait(1.5).answers[DRAFT]
    assert (run["tick"], run["closed"], run["effects"][0]["text"]) == (True, True, "Buy milk")
    assert phone.apply(text="hi").answers[DRAFT][0]["closed"] is False


def test_what_comes_due_while_nobody_does_anything_happens_before_the_next_message(phone: PlaygroundDriver):
    phone.say("later")
    phone.at += 26 * HOUR
    phone.say("hi")
    *_, meanwhile, hello = pg.list_lines(phone.state, "p1")
    assert list_texts(meanwhile, LIVE) == ["Buy milk"]
    assert list_texts(hello, LIVE) == ["Hello Ada"]
    assert meanwhile.given["ms"] == 0


def test_a_cooldown_ends_when_the_clock_is_put_ahead(phone: PlaygroundDriver):
    assert phone.say("slow") == ["Now"]
    assert phone.say("slow") == ["Later"]
    phone.wait(0.1)
    assert phone.say("slow") == ["Now"]


def test_a_button_is_pressed_with_the_words_it_stands_under(phone: PlaygroundDriver):
    line = phone.apply(text="pick")
    chosen = pg.find_choice(phone.state, f"draft.{line.given['id']}.0.0.0")
    assert chosen
    assert chosen == {"kind": "button", "choice": "Yes", "text": "Yes", "quoted": "Choose"}
    assert list_texts(phone.apply(**chosen), LIVE) == ["Good: Choose"]


def test_a_row_of_a_list_can_be_chosen(phone: PlaygroundDriver):
    line = phone.apply(text="menu")
    chosen = pg.find_choice(phone.state, f"live.{line.given['id']}.0.0.0")
    assert chosen is not None
    assert (chosen["kind"], chosen["choice"], chosen["text"]) == ("list", "r1", "Soup")


@pytest.mark.parametrize(
    "place",
    [
        "",
        "draft",
        "other.1.0.0.0",
        "draft.1.0.0.9",
        "draft.1.0.7.0",
        "draft.1.9.0.0",
        "draft.9.0.0.0",
        "draft.1.0.0.x",
    ],
)
def test_a_place_where_nothing_can_be_pressed_is_none(phone: PlaygroundDriver, place: str):
    phone.apply(text="pick")
    assert pg.find_choice(phone.state, place) is None


def test_a_text_cannot_be_pressed(phone: PlaygroundDriver):
    phone.apply(text="hi")
    assert pg.find_choice(phone.state, "draft.1.0.0.0") is None


@pytest.mark.parametrize(("kind", "mime"), [("image", "image/jpeg"), ("document", "application/pdf")])
def test_a_file_is_heard_with_its_caption(phone: PlaygroundDriver, kind: str, mime: str):
    assert list_texts(phone.apply(kind=kind, text="my receipt"), DRAFT) == [f"Thanks for the {mime}"]


def test_people_have_memories_and_chats_of_their_own(phone: PlaygroundDriver):
    assert phone.say("visit") == ["Visit 1"]
    phone.state = pg.add_person(phone.state, "Kofi", "15550100002")
    assert phone.state["open"] == "p2"
    assert phone.say("visit") == ["Visit 1"]
    assert phone.say("hi") == ["Hello Kofi"]
    assert len(pg.list_lines(phone.state, "p1")) == 1


def test_a_group_says_who_wrote_and_its_members_are_the_contacts_of_the_other_phones(
    phone: PlaygroundDriver,
):
    phone.say("visit")
    phone.state = pg.add_group(phone.state)
    assert phone.say("who") == ["True []"]
    assert list_texts(phone.apply(text="who", **{"as": "Ada"}), DRAFT) == ["True [15550100001]"]
    assert list_texts(phone.apply(text="visit", **{"as": "ada"}), DRAFT) == ["Visit 2"]
    assert list_texts(phone.apply(text="visit", **{"as": "Kofi"}), DRAFT) == ["Visit 1"]
    assert list_texts(phone.apply(text="visit", **{"as": "Kofi"}), DRAFT) == ["Visit 2"]
    case = pg.build_case(phone.state, phone.state["open"], ZoneInfo("UTC"))
    assert [step["as"] for step in case["steps"] if step.get("as")] == ["Ada", "ada", "Kofi", "Kofi"]


@pytest.mark.parametrize(
    ("kind", "text", "act"),
    [
        ("contacts", "Esi", {"contact": "Esi"}),
        ("order", "two", {"order": "two"}),
        ("flow", "size: M; colour: red", {"form": {"size": "M", "colour": "red"}}),
        ("document", "a.pdf", {"document": "a.pdf"}),
        ("location", "Osu", {"location": "Osu"}),
    ],
)
def test_what_a_phone_sends_is_the_same_in_the_test_it_is_saved_as(
    phone: PlaygroundDriver, kind: str, text: str, act: dict[str, Any]
):
    phone.apply(kind=kind, text=text)
    (said, *_) = pg.build_case(phone.state, "p1", ZoneInfo("UTC"))["steps"]
    assert said["user"] == act


def test_there_are_only_so_many_phones(phone: PlaygroundDriver):
    for number in range(2, session.MAX_PHONES + 1):
        phone.state = pg.add_person(phone.state, f"P{number}", f"1555010000{number}")
    with pytest.raises(PlaygroundRefusal, match="Reset the phones"):
        pg.add_group(phone.state)


def test_a_call_is_answered_from_what_was_written_down(phone: PlaygroundDriver):
    (run,) = phone.apply(text="price").answers[DRAFT]
    assert run["status"] == "failed"
    assert "Nothing leaves this phone" in run["why"]
    assert pg.list_calls(phone.state) == [
        {"call": "http.get", "match": "https://api.example.com/tea", "made_up": False}
    ]
    canned = {"call": "http.get", "match": "https://api.example.com/tea"}
    phone.state = pg.set_canned_answer(phone.state, {**canned, "answer": "4 cents"})
    assert phone.say("price") == ["4 cents"]
    phone.state = pg.set_canned_answer(phone.state, {**canned, "error": "closed on Sundays"})
    assert "Closed on Sundays" in phone.apply(text="price").answers[DRAFT][0]["why"]
    assert len(phone.state["canned"]) == 1
    assert pg.set_canned_answer(phone.state, {**canned, "answer": None})["canned"] == []


def test_an_answer_that_is_too_large_is_refused(phone: PlaygroundDriver):
    canned = {"call": "http.get", "match": "x", "answer": "y" * (limits.TEST_ANSWER_BYTES + 1)}
    with pytest.raises(PlaygroundRefusal, match="at most"):
        pg.set_canned_answer(phone.state, canned)


def test_a_chat_that_was_handed_over_is_quiet_until_the_bot_may_answer_again(phone: PlaygroundDriver):
    phone.say("help")
    (run,) = phone.apply(text="hi").answers[DRAFT]
    assert (run["status"], run["effects"]) == ("silent", [])
    assert "handed it over" in run["why"]
    phone.apply(kind="resume")
    assert phone.say("hi") == ["Hello Ada"]


def test_values_set_by_hand_are_in_both_variants(diverging_phone: PlaygroundDriver):
    line = diverging_phone.apply(kind="set", scope="contact", key="visits", value=7)
    assert line.mark == ""
    assert diverging_phone.say("visit") == ["Visit 8"]
    diverging_phone.apply(kind="forget", scope="contact", key="visits")
    assert list_texts(diverging_phone.apply(text="visit"), LIVE) == ["Visit 1"]


def test_a_broken_draft_says_why_and_the_live_version_answers(program: Program, sandbox: Sandbox):
    phone = PlaygroundDriver({DRAFT: BrokenVariant("The trigger has no words."), LIVE: program}, sandbox)
    line = phone.apply(text="hi")
    assert [(run["status"], run["why"]) for run in line.answers[DRAFT]] == [
        ("broken", "The trigger has no words.")
    ]
    assert list_texts(line, LIVE) == ["Hello Ada"]
    assert line.mark == "differs"
    assert phone.wait(1).answers[DRAFT] == []


def test_without_a_live_version_nothing_is_compared(program: Program, sandbox: Sandbox):
    line = PlaygroundDriver({DRAFT: program}, sandbox).apply(text="hi")
    assert (line.mark, line.answers[LIVE]) == ("", [])


def test_a_replay_runs_all_again_and_names_what_changed(phone: PlaygroundDriver, other_program: Program):
    for text in ("hi", "visit", "who", "later"):
        phone.say(text)
    phone.wait(26)
    done, changed = pg.replay(phone.state, other_program, phone.sandbox, lambda: False)
    lines = pg.list_lines(done, "p1")
    assert changed == 2
    assert [list_texts(line, DRAFT) for line in lines] == [
        ["Good day"],
        ["Visit 1"],
        ["False [15550100001]"],
        ["I will"],
        ["Buy milk"],
    ]
    assert [line.before is not None for line in lines] == [True, True, False, False, False]
    assert list_texts(lines[0], LIVE) == ["Hello Ada"]
    again, changed = pg.replay(done, other_program, phone.sandbox, lambda: False)
    assert changed == 0
    assert again["before"] == {}


def test_a_replay_that_takes_too_long_leaves_the_rest_as_it_was(
    phone: PlaygroundDriver, other_program: Program
):
    phone.say("who")
    phone.say("hi")
    calls = iter([False, True])
    done, changed = pg.replay(phone.state, other_program, phone.sandbox, lambda: next(calls))
    assert changed == 0
    assert list_texts(pg.list_lines(done, "p1")[1], DRAFT) == ["Hello Ada"]


def test_a_playground_never_grows_beyond_its_bounds(phone: PlaygroundDriver, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(session, "MAX_INPUTS", 5)
    for _ in range(8):
        phone.say("hi")
    assert [given["id"] for given in phone.state["inputs"]] == [4, 5, 6, 7, 8]
    assert set(phone.state["answers"][DRAFT]) == {"4", "5", "6", "7", "8"}
    assert phone.state["dropped"] == 3
    monkeypatch.setattr(session, "MAX_BYTES", 12_000)
    phone.say("hi")
    assert len(to_json(phone.state)) <= 12_000
    assert list_texts(pg.list_lines(phone.state, "p1")[-1], DRAFT) == ["Hello Ada"]


def test_only_the_newest_answers_keep_how_they_came_about(
    phone: PlaygroundDriver, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(session, "TRACED_INPUTS", 1)
    phone.say("hi")
    phone.say("!tell milk")
    old, new = pg.list_lines(phone.state, "p1")
    assert old.answers[DRAFT][0]["trace"] is None
    trace = new.answers[DRAFT][0]["trace"]
    assert trace["variables"]["args"] == {"what": "milk"}
    assert trace["considered"][-1]["verdict"] == "won"
    assert trace["considered"][0]["name"] == "Hi"


def test_beginning_again_keeps_phones_and_canned_answers(phone: PlaygroundDriver):
    phone.state = pg.set_canned_answer(
        pg.add_person(phone.state, "Kofi", "15550100002"), {"call": "ai", "match": "x", "answer": "y"}
    )
    phone.say("visit")
    phone.state = pg.reset(phone.state)
    assert (len(phone.state["phones"]), len(phone.state["canned"]), phone.state["inputs"]) == (2, 1, [])
    assert phone.say("visit") == ["Visit 1"]


@pytest.mark.parametrize(("hours", "status"), [(20, GREEN), (26, RED)])
def test_a_conversation_becomes_a_test_that_is_red_only_where_whatsapp_refuses(
    phone: PlaygroundDriver, document: dict[str, Any], hours: int, status: str
):
    phone.state = pg.set_canned_answer(
        phone.state, {"call": "http.get", "match": "/tea", "answer": "4 cents"}
    )
    phone.apply(kind="set", scope="contact", key="visits", value=7)
    for text in ("visit", "price", "dice", "pick"):
        phone.say(text)
    chosen = pg.find_choice(phone.state, f"draft.{phone.state['count']}.0.0.0")
    assert chosen
    phone.apply(**chosen)
    phone.say("later")
    phone.wait(hours)
    phone.say("nothing fits")
    case = pg.build_case(phone.state, "p1", ZoneInfo("UTC"))
    assert case["start"]["memory"] == {"contact": {"visits": 7}}
    assert {"silent": True} in case["steps"]
    assert {"wait": f"{hours * 3600}s"} in case["steps"]
    (result,) = run_tests(Suite({**document, "tests": [{"name": "Phone", **case}]}, 1), phone.sandbox)
    assert result.status == status
    assert ("24 hours" in result.problem) is (status == RED)


def test_a_message_quotes_what_the_bot_or_the_person_said_earlier(phone: PlaygroundDriver):
    phone.say("hi")
    phone.say("dice")
    words = [pg.find_words(phone.state, "p1", place) for place in ("draft.1.0.0", "in.2", "draft.2.0.0")]
    assert words[:2] == ["Hello Ada", "dice"]
    for quoted in words:
        assert list_texts(phone.apply(text="about it", quoted=quoted), DRAFT) == [f"“{quoted}”: about it"]


@pytest.mark.parametrize(
    "place",
    ["", "in", "in.9", "in.1.0", "draft.1.0.7", "draft.1.7.0", "draft.x.0.0", "other.1.0.0", "draft.1.-1.0"],
)
def test_a_place_without_words_cannot_be_quoted(phone: PlaygroundDriver, place: str):
    phone.say("hi")
    assert pg.find_words(phone.state, "p1", place) == ""
    assert pg.find_words(phone.state, "p2", "draft.1.0.0") == ""


def build_burst(*texts: str) -> dict[str, Any]:
    return {"text": "\n".join(texts), "texts": list(texts)}


def test_texts_sent_at_once_are_answered_as_each_version_joins_them(
    program: Program, document: dict[str, Any], sandbox: Sandbox
):
    joining = compile_program(2, 1, {**document, "settings": {"burst_seconds": 3}})
    phone = PlaygroundDriver({DRAFT: joining, LIVE: program}, sandbox)
    line = phone.apply(**build_burst("about a", "about b", "!tell milk", "about c"), quoted="Hello")
    assert list_texts(line, DRAFT) == ["“”: about a\nabout b", "Buy milk", "“Hello”: about c"]
    assert list_texts(line, LIVE) == ["“”: about a", "“”: about b", "Buy milk", "“Hello”: about c"]
    phone.state = pg.add_group(phone.state)
    assert len(list_texts(phone.apply(**build_burst("about a", "about b")), DRAFT)) == 2


def test_a_burst_ends_where_the_bot_hands_the_chat_over(phone: PlaygroundDriver):
    line = phone.apply(**build_burst("help", "hi"))
    assert [run["status"] for run in line.answers[DRAFT]] == ["answered", "silent"]


def test_quotes_and_bursts_are_the_same_in_the_test_they_are_saved_as(
    document: dict[str, Any], sandbox: Sandbox
):
    joining = {**document, "settings": {"burst_seconds": 3}}
    phone = PlaygroundDriver({DRAFT: compile_program(0, 1, joining)}, sandbox)
    phone.apply(**build_burst("about a", "about b"))
    phone.say("hi")
    phone.apply(text="about it", quoted="Hello Ada")
    case = pg.build_case(phone.state, "p1", ZoneInfo("UTC"))
    acts = [step["user"] for step in case["steps"] if "user" in step]
    assert acts == [{"burst": ["about a", "about b"]}, "hi", {"quote": "about it"}]
    (result,) = run_tests(Suite({**joining, "tests": [{"name": "Phone", **case}]}, 1), sandbox)
    assert result.status == GREEN
    phone.apply(text="about it", quoted="Hello Ada")
    with pytest.raises(NothingToSave, match="last"):
        pg.build_case(phone.state, "p1", ZoneInfo("UTC"))


@pytest.mark.parametrize("text", ["", "bad"])
def test_what_cannot_be_a_test_is_refused(phone: PlaygroundDriver, text: str):
    if text:
        phone.say(text)
    with pytest.raises(NothingToSave):
        pg.build_case(phone.state, "p1", ZoneInfo("UTC"))


def test_the_state_survives_being_stored(diverging_phone: PlaygroundDriver):
    diverging_phone.say("later")
    diverging_phone.say("slow")
    diverging_phone.state = json.loads(to_json(diverging_phone.state))
    assert diverging_phone.say("slow") == ["Later"]
    assert list_texts(diverging_phone.wait(26), DRAFT) == ["Buy milk"]


def test_each_operator_keeps_one_playground_of_a_brain(database: Database, phone: PlaygroundDriver):
    def people(session: Session) -> tuple[int, int, int]:
        hashing = Passwords(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
        made = [
            create_user(
                session,
                hashing,
                email=f"{name}@example.com",
                password="long enough it is",
                now=NOON,
                role=Role.EDITOR,
            )
            for name in ("ada", "kofi")
        ]
        brain = store.create_brain(session, "shop", "Shop", {}, NOON)
        session.flush()
        return made[0].id, made[1].id, brain.id

    ada, kofi, brain_id = database.write(people)
    phone.say("later")
    database.write(lambda session: pg.save(session, (ada, brain_id), phone.state, 0, NOON))
    with database.read() as session:
        assert pg.load(session, ada, brain_id) == (json.loads(to_json(phone.state)), 1)
        assert pg.load(session, kofi, brain_id) == (None, 0)
    database.write(lambda session: pg.save(session, (ada, brain_id), phone.state, 1, NOON + 1))
    for stale in (0, 1):
        with pytest.raises(StalePlayground):
            database.write(
                lambda session, rev=stale: pg.save(session, (ada, brain_id), phone.state, rev, NOON)
            )
