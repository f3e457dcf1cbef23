"""Tests kept in a brain: what they can say, what they find, and that nothing leaves."""

from typing import Any

import pytest
import yaml

from app.brains.document import yaml_format
from app.brains.document.schema import Document
from app.brains.document.validation import find_problems
from app.brains.testing import BROKEN, GREEN, RED, SKIPPED, Suite, list_failing, run_tests
from app.brains.testing.assertions import list_answers

BRAIN = """
brain: shop
title: Shop
settings: {timezone: Africa/Accra}
grants: {http: {allow: [api.example.com]}}
commands:
- {id: hi, name: Hi, trigger: {kind: exact, texts: [hi]},
   action: {kind: reply, template: "Hello {{ sender.name }}", buttons: ["Yes", "No"]}}
- {id: good, name: Good, trigger: {kind: button, ids: ["Yes"]}, action: {kind: reply, template: "Good"}}
- {id: slow, name: Slow, trigger: {kind: exact, texts: [slow]},
   restrict: {cooldown: {per: contact, seconds: 60, message: "Later"}}, action: {kind: reply, template: "Now"}}
- id: visit
  name: Visit
  trigger: {kind: exact, texts: [visit]}
  action:
    kind: script
    source: |
      n = ctx.memory.incr("visits", ttl=3600)
      ctx.reply(f"Visit {n}")
- id: top
  name: Top
  trigger: {kind: exact, texts: [top]}
  action:
    kind: script
    source: |
      best = ctx.memory.top("visits")
      ctx.reply(", ".join(f"{each['name']} {each['value']}" for each in best) or "Nobody")
- id: ask
  name: Ask
  trigger: {kind: exact, texts: [ask]}
  action:
    kind: script
    source: |
      answer = ctx.http.get("https://api.example.com/price", params={"of": "tea"})
      ctx.reply(f"{answer.status} {answer.json()['price']}")
- id: later
  name: Later
  trigger: {kind: exact, texts: [remind me]}
  action:
    kind: script
    source: |
      ctx.schedule("Tell", after=7200, what="milk", name="one")
      ctx.reply("I will")
- {id: tell, name: Tell, trigger: {kind: command, words: [tell]}, arguments: [{name: what, type: rest}],
   action: {kind: reply, template: "Buy {{ args.what }}"}}
- id: menu
  name: Menu
  trigger: {kind: exact, texts: [menu]}
  action:
    kind: script
    source: |
      ctx.reply("Which?", list={"button": "See", "rows": [{"id": "r1", "title": "Soup"}, "Rice"]})
- {id: soup, name: Soup, trigger: {kind: button, ids: [r1]}, action: {kind: reply, template: "Soup it is"}}
- id: help
  name: Help
  trigger: {kind: exact, texts: [help]}
  action:
    kind: script
    source: |
      ctx.reply("Somebody will write to you")
      ctx.handoff("asked")
- {id: bad, name: Bad, trigger: {kind: exact, texts: [bad]}, action: {kind: script, source: "x = 1 / 0"}}
- {id: when, name: When, trigger: {kind: exact, texts: [when]}, action: {kind: reply, template: "{{ now.iso[:16] }}"}}
- {id: dice, name: Dice, trigger: {kind: exact, texts: [dice]}, action: {kind: reply, variants: [one, two, six, ten]}}
- {id: photo, name: Photo, trigger: {kind: contains, texts: [my receipt]},
   action: {kind: reply, template: "Thanks for the {{ message.kind }}"}}
"""


def run_test(sandbox: Any, test: str, **more: Any) -> Any:
    document = yaml.safe_load(BRAIN) | {"tests": [{"name": "one", **yaml.safe_load(test)}]} | more
    (result,) = run_tests(Suite(document), sandbox)
    return result


@pytest.mark.parametrize(
    "steps",
    [
        "[{user: hi}, {bot: Hello Ada}, {user: {button: 'yes'}}, {bot: Good}]",
        "[{user: hi, as: Ama}, {bot: {exact: Hello Ama, choices: ['Yes', 'No']}}]",
        "[{user: hi}, {bot: {contains: Ada}}, {user: hi}, {bot: {regex: '^Hello .+$'}}]",
        "[{user: hi}, {bot: {any: true}}]",
        "[{user: slow}, {bot: Now}, {user: slow}, {bot: Later}, {wait: 61s}, {user: slow}, {bot: Now}]",
        "[{user: slow}, {bot: Now}, {user: slow, as: Kofi}, {bot: Now}]",
        "[{user: visit}, {bot: Visit 1}, {user: visit}, {bot: Visit 2}, {wait: 1h}, {user: visit}, {bot: Visit 1}]",
        "[{user: visit}, {bot: Visit 1}, {user: visit, as: K}, {bot: Visit 1}, {user: top}, {bot: 'Ada 1, K 1'}]",
        "[{user: remind me}, {bot: I will}, {wait: 1h 59min}, {silent: true}, {wait: 1min}, {bot: Buy milk}]",
        "[{user: remind me}, {bot: I will}, {user: remind me}, {bot: I will}, {wait: 1d}, {bot: Buy milk}]",
        "[{user: menu}, {bot: {exact: 'Which?', choices: [Soup, Rice]}}, {user: {list: Soup}}, {bot: Soup it is}]",
        "[{user: help}, {bot: {any: true}}, {user: hi}, {silent: true}, {user: hi, as: Kofi}, {bot: Hello Kofi}]",
        "[{user: nothing fits this}, {silent: true}]",
        "[{user: when}, {bot: '2026-01-05T09:00'}, {wait: 25h}, {user: when}, {bot: '2026-01-06T10:00'}]",
        "[{user: {image: my receipt}}, {bot: Thanks for the image}, {user: {voice: true}}, {silent: true}]",
        "[{user: {location: Accra}}, {silent: true}]",
    ],
)
def test_a_test_that_tells_the_truth_is_green(sandbox: Any, steps: str):
    result = run_test(sandbox, f"steps: {steps}")
    assert (result.status, result.problem) == (GREEN, "")


@pytest.mark.parametrize(
    ("steps", "why"),
    [
        ("[{user: hi}, {bot: Hello Kofi}]", "Step 2: “Ada” came instead of “Kofi”."),
        ("[{user: hi}, {bot: Hello dear Ada}]", "Step 2: “dear” is missing."),
        ("[{user: hi}, {bot: Hello}]", "Step 2: “Ada” is new."),
        ("[{user: hi}, {bot: {contains: Bye}}]", "Step 2: “Bye” is not in the answer."),
        ("[{user: hi}, {bot: {regex: '^Bye'}}]", "Step 2: The reply does not match the regex."),
        ("[{user: hi}, {bot: {any: true, choices: ['Yes']}}]", "Step 2: It offers Yes, No instead of Yes."),
        ("[{user: hi}]", "Step 1: The bot said more than the test expects."),
        ("[{user: hi}, {silent: true}]", "Step 2: The bot was to say nothing."),
        ("[{user: what}, {bot: Hello}]", "Step 2: No command matches this message."),
        ("[{user: hi}, {bot: Hello Ada}, {bot: And more}]", "Step 3: The bot said nothing more."),
        (
            "[{user: {button: 'Yes'}}]",
            "Step 1: There is no button “Yes” to choose: the last answer offers nothing.",
        ),
        (
            "[{user: hi}, {bot: {any: true}}, {user: {list: Soup}}]",
            "Step 3: There is no row “Soup” to choose: the last answer offers nothing.",
        ),
        (
            "[{user: ask}]",
            "Step 1: The test has no stub for http.get https://api.example.com/price. Add one.",
        ),
        ("[{wait: 1d}, {bot: Buy milk}]", "Step 2: Nothing that was scheduled came due."),
        (
            "[{user: help}, {bot: {any: true}}, {user: hi}, {bot: {any: true}}]",
            "Step 4: A person answers in this chat: the bot has handed it over.",
        ),
    ],
)
def test_a_test_that_does_not_hold_says_where_and_why(sandbox: Any, steps: str, why: str):
    result = run_test(sandbox, f"steps: {steps}")
    assert result.status == RED
    assert result.problem == why


def test_a_failed_script_is_red_with_its_line(sandbox: Any):
    result = run_test(sandbox, "steps: [{user: bad}, {bot: x}]")
    assert "“Bad” failed in line 1: A number is divided by zero." in result.problem
    assert result.steps[0].trace["error"]["line"] == 1
    assert result.steps[1].expected == "x"
    assert result.steps[1].came == "nothing"


def test_an_answer_too_late_for_whatsapp_is_red_with_the_reason(sandbox: Any):
    source = "ctx.schedule('Tell', after=90000, what='milk')"
    document = yaml.safe_load(BRAIN)
    document["commands"][6]["action"]["source"] = source
    test = "steps: [{user: remind me}, {silent: true}, {wait: 2d}, {bot: Buy milk}]"
    result = run_test(sandbox, test, commands=document["commands"])
    assert result.status == RED
    assert "24 hours" in result.steps[2].why


def test_stubs_answer_in_their_order_and_the_last_goes_on(sandbox: Any):
    stubs = (
        "stubs: [{call: http.get, match: of=tea, answer: {json: {price: 3}}}, "
        "{call: http.get, answer: {status: 404, text: '{\"price\": 4}'}}]\n"
    )
    steps = "steps: [{user: ask}, {bot: 200 3}, {user: ask}, {bot: 404 4}, {user: ask}, {bot: 404 4}]"
    result = run_test(sandbox, stubs + steps)
    assert (result.status, result.problem) == (GREEN, "")


def test_a_stubbed_error_and_a_host_that_is_not_allowed(sandbox: Any):
    down = run_test(sandbox, "stubs: [{call: http.get, error: down}]\nsteps: [{user: ask}]")
    assert "Down" in down.problem
    closed = run_test(
        sandbox,
        "stubs: [{call: http.get, answer: x}]\nsteps: [{user: ask}]",
        grants={"http": {"allow": ["b.co"]}},
    )
    assert "is not allowed" in closed.problem


def test_the_start_sets_memory_time_name_number_and_group(sandbox: Any):
    start = 'start: {memory: {contact: {visits: 4}}, time: "2026-03-01T08:30", name: Kofi}\n'
    result = run_test(sandbox, start + "steps: [{user: visit}, {bot: Visit 5}, {user: hi}, {bot: Hello Kofi}, "
                                     "{user: when}, {bot: '2026-03-01T08:30'}]")  # fmt: skip
    assert (result.status, result.problem) == (GREEN, "")
    group = run_test(sandbox, "start: {group: true}\nsteps: [{user: visit}, {bot: Visit 1}, {user: visit, as: K}, "
                            "{bot: Visit 1}, {user: visit}, {bot: Visit 2}]")  # fmt: skip
    assert (group.status, group.problem) == (GREEN, "")


def test_surplus_words_are_shown_to_the_author_and_told_to_the_person_where_a_command_says_so(sandbox: Any):
    command = {
        "id": "roll", "name": "Roll", "trigger": {"kind": "command", "words": ["roll"]},
        "arguments": [{"name": "sides", "type": "int"}],
        "action": {"kind": "reply", "template": "{{ args.sides }}"},
    }  # fmt: skip
    document = {"brain": "b", "title": "B", "tests": [{"name": "t", "steps": [{"user": "!roll 6 please"}]}]}
    (ignored,) = run_tests(Suite({**document, "commands": [command]}), sandbox)
    assert [each.text for each in list_answers(ignored.steps[0].effects, "")] == ["6"]
    assert (ignored.steps[0].trace or {})["surplus"] == "please"
    (refused,) = run_tests(Suite({**document, "commands": [{**command, "surplus": "refuse"}]}), sandbox)
    (answer,) = list_answers(refused.steps[0].effects, "")
    assert answer.text == "This is too much: “please”.\nUsage: !roll <sides>"


def test_chance_is_the_same_each_time_and_can_be_set(sandbox: Any):
    test = "steps: [{user: dice}, {bot: x}, {user: dice}, {bot: x}, {user: dice}, {bot: x}]"
    first, second = (run_test(sandbox, test) for _ in range(2))
    assert [step.came for step in first.steps] == [step.came for step in second.steps]
    seeds = {
        run_test(sandbox, f"steps: [{{user: dice, seed: {n}}}, {{bot: x}}]").steps[1].came for n in range(30)
    }
    assert seeds == {"one", "two", "six", "ten"}


@pytest.mark.parametrize(
    ("test", "path", "words"),
    [
        ("steps: [{user: hi, bot: hi}]", "tests.0.steps.0", "A step is one of user, bot, wait or silent."),
        ("steps: [{}]", "tests.0.steps.0", "A step is one of user, bot, wait or silent."),
        (
            "steps: [{wait: soon}]",
            "tests.0.steps.0.wait",
            "Write how long to wait as in 90s, 30min, 25h or 2d.",
        ),
        (
            "steps: [{wait: 1000d}]",
            "tests.0.steps.0.wait",
            "Write how long to wait as in 90s, 30min, 25h or 2d.",
        ),
        ("steps: [{bot: x, as: Ama}]", "tests.0.steps.0", "Only a step in which somebody does something"),
        ("steps: [{user: {button: a, list: b}}]", "tests.0.steps.0.user", "Write one of button, list, image"),
        ("steps: [{bot: {contains: a, any: true}}]", "tests.0.steps.0.bot", "Write one of exact, contains"),
        (
            "steps: [{bot: {regex: '('}}]",
            "tests.0.steps.0.bot.regex",
            "The pattern cannot be read: missing )",
        ),
        ("steps: []", "tests.0.steps", "A test needs at least one step"),
        (
            "steps: [{user: hi}]\nstart: {time: noon}",
            "tests.0.start.time",
            "Write the time as in 2026-01-05T09:00.",
        ),
        (
            "steps: [{user: hi}]\nstubs: [{call: ai}]",
            "tests.0.stubs.0",
            "A stub has either an answer or an error.",
        ),
        ("steps: [{user: hi}]\nother: 1", "tests.0.other", "This field is not known here."),
    ],
)
def test_a_wrong_test_has_a_problem_with_its_place_and_hinders_no_run(
    sandbox: Any, test: str, path: str, words: str
):
    document = yaml.safe_load(BRAIN) | {"tests": [{"name": "one", **yaml.safe_load(test)}]}
    found = find_problems(document)
    assert [(each.path, each.message.startswith(words)) for each in found] == [(path, True)]
    document["tests"].append({"name": "two", "steps": [{"user": "hi"}, {"bot": "Hello Ada"}]})
    results = list(run_tests(Suite(document), sandbox))
    assert [result.status for result in results] == [BROKEN, GREEN]
    assert words in results[0].problem
    assert len(list_failing(results)) == 1


def test_two_tests_of_one_name_and_a_brain_that_cannot_run(sandbox: Any):
    document = yaml.safe_load(BRAIN)
    test = {"name": "one", "steps": [{"user": "hi"}, {"bot": "Hello Ada"}]}
    found = find_problems({**document, "tests": [test, {**test, "name": "One"}]})
    assert "Two tests have the name" in found[0].message
    (result,) = run_tests(Suite({**document, "tests": [test], "commands": [{"id": "x"}]}), sandbox)
    assert result.status == BROKEN
    assert "cannot run yet" in result.problem


def test_some_tests_are_chosen_and_the_time_may_run_out(sandbox: Any):
    tests = [{"name": name, "steps": [{"user": "hi"}, {"bot": "Hello Ada"}]} for name in ("a", "b", "c")]
    document = yaml.safe_load(BRAIN) | {"tests": tests}
    assert [each.name for each in run_tests(Suite(document, 0, {"b"}), sandbox)] == ["b"]
    left = iter([True, False, False])
    results = list(run_tests(Suite(document), sandbox, lambda: next(left)))
    assert [each.status for each in results] == [GREEN, SKIPPED, SKIPPED]


def test_a_plan_too_many_and_a_clock_that_never_stops_are_red(sandbox: Any):
    document = yaml.safe_load(BRAIN)
    document["commands"][6]["action"]["source"] = (
        "for n in range(3): ctx.schedule('Tell', after=60, what='x')"
    )
    more = {"commands": document["commands"], "grants": {"schedule": {"max_pending": 2}}}
    assert "At most 2 scheduled" in run_test(sandbox, "steps: [{user: remind me}]", **more).problem
    document["commands"][6]["action"]["source"] = "ctx.schedule('Later', after=1)"
    endless = run_test(sandbox, "steps: [{user: remind me}, {wait: 1d}]", commands=document["commands"])
    assert "More than 100 scheduled commands ran" in endless.problem


def test_tests_come_back_from_yaml_byte_for_byte():
    test = {
        "name": "all",
        "start": {"memory": {"contact": {"n": 1}}, "time": "2026-01-05T09:00", "group": True, "seed": 3},
        "stubs": [{"call": "http.get", "match": "x", "answer": {"json": {"a": [1]}}}, {"call": "ai", "error": "no"}],
        "steps": [{"user": {"list": "Soup"}, "as": "Ama", "seed": 7}, {"bot": {"any": True, "choices": ["Yes"]}},
                  {"bot": "two\nlines"}, {"silent": True}, {"wait": "25h"}],
    }  # fmt: skip
    document = yaml.safe_load(BRAIN) | {"tests": [test]}
    first = yaml_format.dump_yaml(document)
    assert yaml_format.dump_yaml(yaml_format.load_yaml(first)) == first
    assert yaml_format.load_yaml(first)["tests"] == [test]
    assert Document.model_validate(document).tests[0].steps[0].as_ == "Ama"
