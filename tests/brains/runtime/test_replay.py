"""Recorded runs done again elsewhere: another process, another time, another hash seed, the same digests."""

import json
import os
import subprocess
import sys
from concurrent.futures import Future
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from app.brains.ai.contract import AiAnswer
from app.brains.capabilities.ai import Ai
from app.brains.effects.model import Cool, Reply
from app.brains.runtime.program import Program, compile_program
from app.brains.runtime.replay import CooldownBranch, replay, restore_turn
from app.brains.runtime.runtime import RunRequest, Runtime
from app.brains.turn import Sender, Turn

NOON = 1_767_268_800_000
RUNS = 1_000
ROOT = Path(__file__).parents[3]

_SETS = """\
words = set(ctx.message.text.split()) | {"x", "y", "z", ctx.sender.name}
counts = {word: len(word) for word in words}
print(list(words), words, counts)
ctx.reply(" ".join(words) + str({1.5, "a", None, (1, 2)}))
"""
_CHANCE = """\
cards = [str(n) for n in range(20)]
ctx.random.shuffle(cards)
import random
ctx.reply(f"{ctx.random.random()} {ctx.random.choice(cards)} {random.randint(1, 10**9)} {ctx.random.sample(cards, 3)}")
ctx.reply(f"{ctx.now} {ctx.now.timestamp()} {ctx.message.timestamp}")
ctx.schedule("Sets", after=ctx.random.randint(1, 5000), n=ctx.random.random())
"""
_WEB = """\
first = ctx.http.get("https://api.example.com/a", params={"q": ctx.message.text})
try:
    ctx.http.post("https://api.example.com/broken", json={"at": ctx.now.isoformat()})
except Exception as error:
    ctx.reply(str(error))
ctx.reply(f"{first.json()} {ctx.ai('say', word=ctx.message.text)}")
ctx.reply(str(ctx.memory.top("points")))
ctx.result(first.headers)
"""
_MEMORY = """\
seen = ctx.memory.get("seen", [])
ctx.memory.set("seen", seen + [ctx.message.text])
ctx.reply(f"{ctx.memory.incr('n', 2)} {ctx.memory.keys()} {ctx.memory.get('brain', scope='brain')}", quote=True)
ctx.memory.set("when", ctx.now.isoformat(), ttl=60, scope="chat")
ctx.call("Web")
ctx.call("Variants")
"""
_BREAKS = """\
ctx.reply("lost")
numbers = list({"a", "b", "c"})
numbers.index(ctx.message.text)
"""


def build_command(number, name, action, **more: Any):
    return {
        "id": f"c{number}",
        "name": name,
        "trigger": {"kind": "command", "words": [name.lower()]},
        "action": action,
        **more,
    }


def build_script_action(source):
    return {"kind": "script", "source": source}


DOCUMENT = {
    "brain": "recorded",
    "title": "Recorded",
    "settings": {"timezone": "Africa/Accra"},
    "grants": {"http": {"allow": ["api.example.com"]}, "ai": {}},
    "commands": [
        build_command(0, "Sets", build_script_action(_SETS)),
        build_command(1, "Chance", build_script_action(_CHANCE)),
        build_command(2, "Web", build_script_action(_WEB)),
        build_command(3, "Memory", build_script_action(_MEMORY)),
        build_command(4, "Breaks", build_script_action(_BREAKS)),
        build_command(
            5,
            "Variants",
            {
                "kind": "reply",
                "variants": ["{{ now.iso }}", "{{ sender.name }} {{ memory.n }}", "plain", "{{ x }}"],
            },
            restrict={"cooldown": {"seconds": 60, "message": "Rest."}},
        ),
        build_command(
            6, "Denied", {"kind": "reply", "template": "for {{ sender.phone }}"}, restrict={"deny": ["2"]}
        ),
    ],
}
NAMES = [entry["name"].lower() for entry in DOCUMENT["commands"]]


class FakeEnvironment:
    """Answers differently each time it is asked."""

    def __init__(self, grant="") -> None:
        self.grant = grant
        self.asked = 0

    def answer(self, method, arguments, _asker):
        self.asked += 1
        if method == "memory.top":
            return [{"id": "1", "name": "Ama", "value": self.asked}]
        if "broken" in arguments["url"]:
            raise_refused()
        text = json.dumps({"n": self.asked, "q": arguments.get("params")})
        return {"status": 200, "text": text, "headers": {"x": str(self.asked)}}

    def complete(self, request):
        self.asked += 1
        return AiAnswer(f"{request.messages[-1]['content']} {self.asked}")


def raise_refused():
    from app.brains.capabilities.contract import CallRefusal  # noqa: PLC0415  used here alone

    raise CallRefusal("upstream", "It is broken.")


def build_turn(turn_number):
    """Make a turn in which everything differs from its neighbours."""
    n = turn_number
    contact = 7 if n % 3 else None
    return Turn(
        message_id=n,
        kind="text",
        text=f"!{NAMES[n % len(NAMES)]} w{n} a b",
        sender=Sender(f"user.{n}", f"Ama {n}", str(n % 4)),
        chat_id=n,
        at=NOON - n * 1000,
        now=NOON + n * 61_000,
        seed=n * 7919,
        contact_id=contact,
        memory={"contact": {"n": n, "seen": [n]}, "chat": {}, "brain": {"brain": {"b": n, "a": [1.5]}}},
        cooldowns={("c5", f"contact:{contact}" if contact else f"chat:{n}"): NOON + n * 61_000 + (n % 2)},
        quoted={"id": "q", "text": "before"} if n % 5 == 0 else None,
    )


@pytest.fixture(scope="module")
def records(sandbox):
    """A thousand runs as they are stored: the message's part of the turn, the journal, the digest."""
    world = FakeEnvironment()
    capabilities = {"http.get": world, "http.post": world, "memory.top": world, "ai": Ai(world)}
    program, runtime = compile_program(1, 1, DOCUMENT), Runtime(sandbox)
    turns = [build_turn(n) for n in range(RUNS)]
    found = []
    for start in range(0, RUNS, 50):
        endings = runtime.run_many(
            [RunRequest(program, turn, capabilities) for turn in turns[start : start + 50]]
        )
        found += [ending.result(60) if isinstance(ending, Future) else ending for ending in endings]
    assert [outcome.sandbox_error for outcome in found if not outcome.is_repeatable] == []
    return [
        {
            "turn": dump_message_part(turn),
            "journal": outcome.journal,
            "digest": outcome.digest,
            "status": outcome.status,
        }
        for turn, outcome in zip(turns, found, strict=True)
    ]


def dump_message_part(turn):
    """Write what the message alone still says; the rest must come from the journal."""
    bare = replace(
        turn, now=0, seed=0, sender=Sender(""), contact_id=None, memory={}, cooldowns={}, quoted=None
    )
    return {**asdict(bare), "sender": {"id": ""}, "cooldowns": {}}


def test_a_thousand_runs_give_equal_digests_in_another_process(records, tmp_path):
    ended = {(record["turn"]["text"].split()[0], record["status"]) for record in records}
    assert {word for word, status in ended if status == "failed"} == {"!breaks", "!variants", "!memory"}
    assert {word for word, status in ended if status == "answered"} == {f"!{name}" for name in NAMES} - {
        "!breaks"
    }
    assert ("!denied", "silent") in ended
    assert len({record["digest"] for record in records}) > RUNS * 0.5
    path = tmp_path / "records.json"
    path.write_text(json.dumps(records))
    done = subprocess.run(
        [sys.executable, __file__, str(path)],
        env={**os.environ, "PYTHONHASHSEED": "4242", "TZ": "Asia/Tokyo", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    digests = json.loads(done.stdout)
    assert [digest for digest, _ in digests] == [record["digest"] for record in records]
    assert [status for _, status in digests] == [record["status"] for record in records]


def test_another_answer_is_another_digest(records, sandbox):
    program = compile_program(1, 1, DOCUMENT)
    record = next(one for one in records if "!web" in one["turn"]["text"])
    outcome = replay(program, load_turn(record["turn"]), record["journal"], sandbox)
    assert outcome.digest == record["digest"]
    forged = json.loads(json.dumps(record["journal"]))
    forged["calls"][0]["v"]["text"] = '"other"'
    assert replay(program, load_turn(record["turn"]), forged, sandbox).digest != record["digest"]


def test_a_changed_script_that_asks_something_else_is_told_so(records, sandbox):
    record = next(one for one in records if "!web" in one["turn"]["text"])
    changed = json.loads(json.dumps(DOCUMENT))
    changed["commands"][2]["action"]["source"] = "ctx.http.get('https://api.example.com/other')"
    outcome = replay(compile_program(2, 1, changed), load_turn(record["turn"]), record["journal"], sandbox)
    assert outcome.status == "failed"
    assert "script has changed" in outcome.error


def test_a_rest_is_replayed(records, sandbox):
    program = compile_program(1, 1, DOCUMENT)
    resting = [one for one in records if "rests" in one["journal"] and one["status"] == "answered"]
    outcomes = [replay(program, load_turn(one["turn"]), one["journal"], sandbox) for one in resting[:9]]
    assert (Reply("Rest."),) in [outcome.effects for outcome in outcomes]


def test_a_rest_of_a_command_that_is_gone_is_nothing(turn, brain):
    program = compile_program(1, 1, brain(({"kind": "fallback"}, "x")))
    journal = {"now": 1, "seed": 2, "sender": ["u", "n", None], "contact": 3, "rests": ["gone", 9]}
    then = restore_turn(program, turn(), journal)
    assert (then.now, then.seed, then.contact_id, then.cooldowns) == (1, 2, 3, {})


def load_turn(data):
    return Turn(**{**data, "sender": Sender(**data["sender"]), "cooldowns": {}})


def main(path):
    """Replay every record of a file and print the digests; the clock has moved on meanwhile."""
    import time  # noqa: PLC0415  in the other process only

    from app.brains.sandbox import Sandbox  # noqa: PLC0415  the same

    year = 365 * 86_400
    shifted = time.time
    time.time = lambda: shifted() + year
    sandbox = Sandbox(2)
    program = compile_program(1, 1, DOCUMENT)
    outcomes = [
        replay(program, load_turn(record["turn"]), record["journal"], sandbox)
        for record in json.loads(Path(path).read_text())
    ]
    print(json.dumps([[outcome.digest, outcome.status] for outcome in outcomes]))
    sandbox.close()


if __name__ == "__main__":
    main(sys.argv[1])


KEY = ("c1", "contact:4")


def compile_with(seconds: int, per: str = "contact") -> Program:
    cooldown = {"per": per, "seconds": seconds}
    command = {
        "id": "c1", "name": "run", "trigger": {"kind": "fallback"}, "restrict": {"cooldown": cooldown},
        "action": {"kind": "reply", "template": "Hi"},
    }  # fmt: skip
    return compile_program(1, 1, {"brain": "b", "title": "B", "commands": [command]})


def test_only_a_run_before_the_first_message_is_taken_from_the_record(turn: Any):
    first = turn("hi", contact_id=4)
    branch = CooldownBranch(compile_with(100))
    ran_at = first.now - 10_000
    assert branch.read(first, ["c1", ran_at + 60_000], compile_with(60)) == {KEY: ran_at + 100_000}
    later = CooldownBranch(compile_with(100), since=first.now - 20_000)
    assert later.read(first, ["c1", ran_at + 60_000], compile_with(60)) == {}


def test_what_is_not_known_does_not_rest(turn: Any):
    first = turn("hi", contact_id=4)
    branch = CooldownBranch(compile_with(100))
    assert branch.read(first, None, compile_with(60)) == {}
    assert branch.read(first, ["c1", first.now], None) == {}
    assert branch.read(first, ["gone", first.now], compile_with(60)) == {}
    assert branch.read(first, ["c1", first.now], compile_with(60, "brain")) == {}


def test_a_command_that_answered_before_rests_as_the_draft_would_have(turn: Any):
    first = turn("hi", contact_id=4)
    branch = CooldownBranch(compile_with(100))
    for seconds in (150, 90, 40):
        branch.apply_earlier(replace(first, now=first.now - seconds * 1000), "c1")
    branch.apply_earlier(first, "unknown")
    # At the second of the three the draft would have rested.
    assert branch.read(first, None, None) == {KEY: first.now + 60_000}
    wide = CooldownBranch(compile_with(100, "brain"))
    wide.apply_earlier(replace(first, contact_id=5), "c1")
    assert wide.read(first, None, None) == {("c1", "brain"): first.now + 100_000}


def test_the_cooldowns_of_its_own_runs_are_kept_and_listed_as_changed(turn: Any):
    first = turn("hi", contact_id=4)
    branch = CooldownBranch(compile_with(100), first.now, {("c2", "brain"): 5})
    branch.apply([Reply("hi"), Cool("c1", "contact:4", first.now + 100_000)])
    assert branch.changed == {KEY: first.now + 100_000}
    assert branch.read(first, None, None) == {("c2", "brain"): 5, **branch.changed}
