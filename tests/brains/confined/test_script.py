"""What a script can do: its ctx, its modules, and that a run is data in, data out."""

import datetime as dt
import json
from typing import Any

import pytest

from app.brains.capabilities import CALLS
from app.brains.confined import grammar, script
from app.brains.confined.language import CallError, LanguageError, LimitReachedError
from app.brains.confined.report import describe

NOON = 1_767_268_800.0  # 2026-01-01T12:00Z, a Thursday
GRANTS = ["memory", "http", "ai", "media", "schedule"]


def refuse_call(_method, _arguments):
    raise AssertionError


def run(source, call=refuse_call, **changes: Any):
    told = {"clock": [NOON, 3600, "Africa/Lagos"], "grants": GRANTS, "calls": CALLS}
    data = {**script.build_sample(), **told, **changes}
    script.OUTPUT.clear()
    code, _ = grammar.compile_script(source)
    return script.LANGUAGE.run(script.LANGUAGE.load(code), data, call)


def list_effects(source, **changes: Any):
    return run(source, **changes)["fx"]


def list_replies(source, **changes: Any):
    return [fields["text"] for name, fields in list_effects(source, **changes) if name == "reply"]


def describe_failure(source, **changes: Any):
    with pytest.raises(Exception) as caught:
        run(source, **changes)
    return describe(caught.value, script.SCRIPT_FILE)


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("ctx.reply(ctx.message.text)", "hello big world"),
        ("ctx.reply(ctx.message.kind + ctx.message.id)", "textm"),
        ("ctx.reply(ctx.message.quoted is None)", "True"),
        ("ctx.reply(ctx.args.name)", "Ama"),
        ('ctx.reply(ctx.args["name"])', "Ama"),
        ('ctx.reply(ctx.args.get("city", "nowhere"))', "nowhere"),
        ('ctx.reply("name" in ctx.args and len(ctx.args))', "1"),
        ('ctx.reply(", ".join(f"{k}={v}" for k, v in ctx.args.items()))', "name=Ama"),
        ("ctx.reply(ctx.sender.name + ctx.sender.phone)", "Ama233201234567"),
        ("ctx.reply(ctx.chat.is_group)", "False"),
        ("ctx.reply(ctx.match.text)", "hello"),
        ("ctx.reply(ctx.command.name)", "hello"),
        ('ctx.reply(f"{ctx.now:%d.%m.%Y %H:%M}")', "01.01.2026 13:00"),
        ('ctx.reply(ctx.now.strftime("%A"))', "Thursday"),
        ("ctx.reply(6 * 7)", "42"),
        ('x = {"a": 1}\nx["a"] += 1\nx["a"] *= 3\nctx.reply(x["a"])', "6"),
        ("a, (b, *c) = 1, (2, 3, 4)\nctx.reply(str([a, b, c]))", "[1, 2, [3, 4]]"),
        ("a = b, c = 1, 2\nctx.reply(str((a, b, c)))", "((1, 2), 1, 2)"),
        ("x = [1]\ny = x\nx *= 2\nx += [3]\nctx.reply(str(y))", "[1, 1, 3]"),
        ("def f(n: int = 2, *a, **k) -> int:\n    return n * len(k)\nctx.reply(f(3, x=1, y=2))", "6"),
        ("x: int = 3\nctx.reply(x)", "3"),
        ("if (n := 5) > 3: ctx.reply(n)", "5"),
        ("x = 10\nwhile x > 3:\n    x -= 1\nelse:\n    ctx.reply(x)", "3"),
        ("ctx.reply(sum(x ** 2 for x in range(4)))", "14"),
        ("ctx.reply(str(sorted({3, 1, 2}, key=lambda x: -x)))", "[3, 2, 1]"),
        ('ctx.reply("%s is %05.1f" % ("a", 3))', "a is 003.0"),
        ('ctx.reply("a-b".replace("-", "+").center(7, "."))', "..a+b.."),
        (
            'try:\n    int("x")\nexcept (ValueError, KeyError) as e:\n    ctx.reply("no")\nfinally:\n    pass',
            "no",
        ),
        ('ctx.reply(isinstance(ctx.now, str) or isinstance("a", (int, str)))', "True"),
        (
            'import re\nm = re.search(r"(?P<w>b\\w+)", ctx.message.text)\nctx.reply(m["w"] + m.group(1))',
            "bigbig",
        ),
        ('import re\nctx.reply(re.sub(r"(l+)", r"<\\1>", "hello", flags=re.I))', "he<ll>o"),
        ('import re\nctx.reply(re.sub("l", lambda m: m.group(0).upper(), "hello"))', "heLLo"),
        ('from json import dumps, loads as read\nctx.reply(dumps(read("[1, 2]")))', "[1, 2]"),
        ("import math as m\nctx.reply(m.floor(m.pi))", "3"),
        ("from datetime import datetime, timedelta\nctx.reply((datetime(2026, 1, 31) - ctx.now).days)", "29"),
        ("import datetime\nctx.reply(str(datetime.date.today() + datetime.timedelta(days=1)))", "2026-01-02"),
        (
            'from datetime import datetime\nctx.reply(datetime.strptime("2.1.2026", "%d.%m.%Y").isoformat())',
            None,
        ),
        ("from datetime import datetime\nctx.reply(datetime.now() == ctx.now)", "True"),
        ("from datetime import datetime\nctx.reply(datetime.utcnow().hour)", "12"),
        ("from datetime import datetime\nctx.reply(datetime.now().timestamp())", str(NOON)),
        ("print('a', 1, sep='-')\nctx.log('b')\nctx.reply('ok')", "ok"),
        ("ctx.reply(str(print))", "<function print at 0x0>"),
        ('ctx.reply("  spaced  ")', "spaced"),
    ],
)
def test_a_script_answers(source, said):
    assert list_replies(source) == [said or "2026-01-02T00:00:00+01:00"]


def test_what_is_printed_is_kept_apart():
    assert list_effects('print("a", 1)\nctx.log("b")') == []
    assert script.LANGUAGE.output.text == "a 1\nb\n"


def test_a_quoted_message_and_a_file_have_their_own_fields():
    message = {
        **script.build_sample()["message"],
        "quoted": {"id": "q", "text": "before"},
        "media": {"kind": "image", "mime": "image/png", "caption": "look"},
    }
    source = "ctx.reply(ctx.message.quoted.text + ctx.message.media.caption)"
    assert list_replies(source, message=message) == ["beforelook"]


def test_randomness_comes_from_the_seed():
    source = "import random\nctx.reply(str([random.randint(1, 99), ctx.random.choice([1, 2, 3]), random.random()]))"
    assert list_replies(source, seed=5) == list_replies(source, seed=5)
    assert list_replies(source, seed=5) != list_replies(source, seed=6)


@pytest.mark.parametrize(
    ("call", "fields"),
    [
        (
            '"a", buttons=["Yes", "No"]',
            {"buttons": [{"id": "Yes", "title": "Yes"}, {"id": "No", "title": "No"}]},
        ),
        ('"a", buttons=[{"id": "y", "title": "Yes"}]', {"buttons": [{"id": "y", "title": "Yes"}]}),
        ('"a", quote=True', {"quote": True}),
        ('"a", link_preview=True', {"link_preview": True}),
        ('"a", link_preview=False', {}),
        (
            '"a", list={"button": "Menu", "rows": ["Soup", {"id": "b", "title": "Bread", "description": "dark"}]}',
            {
                "list": {
                    "button": "Menu",
                    "sections": [
                        {
                            "rows": [
                                {"id": "Soup", "title": "Soup"},
                                {"id": "b", "title": "Bread", "description": "dark"},
                            ]
                        }
                    ],
                }
            },
        ),
        (
            '"a", list={"button": "Menu", "sections": [{"title": "Food", "rows": ["Soup"]}]}, footer="f", header="h"',
            {
                "list": {
                    "button": "Menu",
                    "sections": [{"rows": [{"id": "Soup", "title": "Soup"}], "title": "Food"}],
                },
                "footer": "f",
                "header": "h",
            },
        ),
    ],
)
def test_a_reply_has_buttons_lists_and_quotes(call, fields):
    assert list_effects(f"ctx.reply({call})") == [["reply", {"text": "a", **fields}]]


def test_files_reactions_and_handing_over_are_effects():
    source = """
ctx.send_image("https://a.b/c.png", caption="look")
ctx.send_video("https://a.b/c.mp4")
ctx.send_audio("https://a.b/c.ogg", voice=True)
ctx.send_document("https://a.b/c.pdf", filename="offer.pdf")
ctx.react("👍")
ctx.handoff("angry")
ctx.result({"total": (1, 2)})
"""
    left = run(source)
    assert left["fx"] == [
        ["media", {"kind": "image", "link": "https://a.b/c.png", "caption": "look"}],
        ["media", {"kind": "video", "link": "https://a.b/c.mp4"}],
        ["media", {"kind": "audio", "link": "https://a.b/c.ogg", "voice": True}],
        ["media", {"kind": "document", "link": "https://a.b/c.pdf", "filename": "offer.pdf"}],
        ["react", {"emoji": "👍"}],
        ["handoff", {"reason": "angry"}],
    ]
    assert left["ret"] == {"total": [1, 2]}


def test_the_memory_shows_a_run_its_own_changes_and_notes_what_was_read():
    source = """
seen = ctx.memory.get("seen", [])
seen.append("b")
again = ctx.memory.get("seen")
ctx.memory.set("seen", seen, ttl=60)
ctx.memory.incr("visits")
total = ctx.memory.incr("visits", by=2, scope="chat")
ctx.memory.delete("old", scope="brain")
ctx.reply(str([again, ctx.memory.get("seen"), total, ctx.memory.get("old", "gone", scope="brain")]))
ctx.reply(str(ctx.memory.keys()))
"""
    memory = {"contact": {"seen": ["a"]}, "chat": {"visits": 5}, "brain": {"old": 1}}
    left = run(source, memory=memory)
    assert left["fx"] == [
        ["set", "contact", "seen", ["a", "b"], 60],
        ["incr", "contact", "visits", 1, None],
        ["incr", "chat", "visits", 2, None],
        ["del", "brain", "old"],
        ["reply", {"text": "[['a'], ['a', 'b'], 7, 'gone']"}],
        ["reply", {"text": "['seen', 'visits']"}],
    ]
    assert left["reads"] == [["contact", "seen"], ["brain", "old"], ["contact", "visits"]]
    assert memory == {"contact": {"seen": ["a"]}, "chat": {"visits": 5}, "brain": {"old": 1}}


def test_commands_are_scheduled_and_cancelled():
    source = """
from datetime import datetime, timedelta
ctx.schedule("Hello", after=60, name="later", amount=3)
ctx.schedule("hello", after=timedelta(minutes=2))
ctx.schedule("hello", at=datetime(2026, 1, 1, 14, 0))
ctx.cancel("later")
"""
    assert list_effects(source) == [
        ["schedule", {"command": "Hello", "due": NOON + 60, "args": {"amount": 3}, "name": "later"}],
        ["schedule", {"command": "hello", "due": NOON + 120, "args": {}}],
        ["schedule", {"command": "hello", "due": NOON + 3600, "args": {}}],
        ["cancel", "later"],
    ]


def test_calls_go_to_the_host_and_come_back():
    asked = []
    answers = {
        "http.get": {"status": 200, "text": '{"ok": true}', "headers": {"a": "b"}},
        "http.post": {"status": 201, "text": "", "headers": {}},
        "ai": "an answer",
        "memory.top": [{"id": "u", "name": "Ama", "value": 3}],
    }

    def call(method, arguments):
        asked.append([method, arguments])
        return answers[method]

    source = """
r = ctx.http.get("https://a.b", params={"q": 1})
ctx.reply(f"{r.status} {r.json()['ok']} {r.headers['a']}")
ctx.reply(ctx.http.post("https://a.b", json={"x": (1, 2)}).status)
ctx.reply(ctx.ai("Say hello", name=ctx.sender.name))
ctx.reply(ctx.memory.top("points", n=3)[0]["name"])
"""
    assert list_replies(source, call=call) == ["200 True b", "201", "an answer", "Ama"]
    assert asked == [
        ["http.get", {"url": "https://a.b", "params": {"q": 1}}],
        ["http.post", {"url": "https://a.b", "json": {"x": [1, 2]}}],
        ["ai", {"prompt": "Say hello", "variables": {"name": "Ama"}}],
        ["memory.top", {"key": "points", "n": 3, "scope": "contact"}],
    ]


def test_a_called_command_sees_and_changes_the_memory():
    asked = []

    def call(method, arguments):
        asked.append(json.loads(json.dumps([method, arguments])))
        writes = [
            ["set", "contact", "a", 5, None],
            ["incr", "contact", "n", 2, None],
            ["del", "contact", "old"],
        ]
        return {"result": "done", "writes": writes}

    source = """
ctx.memory.incr("n")
ctx.reply(ctx.call("hello", size=3))
ctx.call("hello")
ctx.reply(str([ctx.memory.get("a"), ctx.memory.get("n"), ctx.memory.get("old")]))
"""
    left = run(source, call=call, memory={"contact": {"old": 1}})
    assert asked[0] == ["command", {"command": "hello", "args": {"size": 3}, "memory": {"contact": {"n": 1}}}]
    assert left["fx"] == [
        ["incr", "contact", "n", 1, None],
        ["called", 0],
        ["reply", {"text": "done"}],
        ["called", 1],
        ["reply", {"text": "[5, 5, None]"}],
    ]


def test_a_refused_call_can_be_caught():
    def call(_method, _arguments):
        raise CallError("The address did not answer in time.")

    source = 'try:\n    ctx.ai("x")\nexcept CallError as error:\n    ctx.reply(str(error))'
    assert list_replies(source, call=call) == ["The address did not answer in time."]
    assert describe_failure("ctx.ai('x')", call=call)["kind"] == "call"


@pytest.mark.parametrize(
    "source",
    [
        'ctx.memory.get("a")',
        'ctx.http.get("https://a.b")',
        'ctx.ai("a")',
        'ctx.send_image("https://a.b")',
        'ctx.schedule("hello", after=1)',
        'ctx.cancel("a")',
    ],
)
def test_what_is_not_granted_is_refused_in_the_script(source):
    assert "permission" in describe_failure(source, grants=[])["msg"]


@pytest.mark.parametrize(
    ("source", "place"),
    [
        ("x = 1\nctx.repyl(1)", ["", 2, 1, 10]),
        ("def f(a):\n    return a.foo\nf(1)", ["f", 2, 12, 17]),
        ('é = "é" + prin("x")', ["", 1, 11, 15]),
        ("x = 1\ny = (x +\n  ctx.nope)", ["", 3, 3, 11]),
        ("import re\nre.search(\n  '(', 'a')", ["", 2, 1, 2]),
        ("x = []\nfor i in range(3):\n    x[i] += 1", ["", 3, 5, 14]),
    ],
)
def test_an_error_has_the_operators_own_place(source, place):
    assert describe_failure(source)["trace"][-1] == place


@pytest.mark.parametrize(
    ("source", "place"),
    [
        ("x = 1\nclass A: pass", [2, 1, 14]),
        ('é = b"a"', [1, 5, 9]),
        ("x = (1", [1, 5, 6]),
        ("import os", [1, 1, 10]),
    ],
)
def test_a_refusal_has_its_place(source, place):
    with pytest.raises(LanguageError) as caught:
        grammar.compile_script(source)
    assert describe(caught.value, script.SCRIPT_FILE)["trace"] == [["", *place]]


@pytest.mark.parametrize(
    "source",
    [
        "raise TypeError(\"ctx.memory.x() got an unexpected keyword argument 'a'\")",
        'raise TypeError("ctx.() got an unexpected keyword argument ")',
        "raise TypeError(ctx)",
        "raise KeyError(10 ** 4000 * 3)",
        "raise NameError",
        "raise ValueError(['a'] * 10 ** 6)",
        "raise OverflowError(1.5)",
        "raise Exception(print, 'a' * 10 ** 6)",
        "def f():\n    del ctx\nf()",
    ],
)
def test_an_error_made_by_hand_is_described_all_the_same(source):
    report = describe_failure(source, grants=[])
    assert json.dumps(report)
    assert len(report["msg"]) <= 300


def test_the_names_a_function_takes_are_told():
    assert describe_failure("ctx.memory.set('a', 1, tll=5)")["known"] == ["key", "value", "ttl", "scope"]
    assert describe_failure("def f(size): pass\nf(sise=1)")["known"] == ["size"]


def test_the_trace_of_a_deep_recursion_is_short():
    report = describe_failure("def f(n):\n    return f(n + 1)\nf(0)")
    assert report["type"] == "RecursionError"
    assert 1 < len(report["trace"]) <= 20


def test_what_a_script_leaves_is_plain():
    with pytest.raises(LimitReachedError):
        run("ctx.result(2 ** 100)")
    with pytest.raises(ValueError, match="finite"):
        run('ctx.memory.set("k", [float("nan")])')
    with pytest.raises(TypeError):
        run("ctx.result(print)")


def test_effects_of_a_failed_run_are_there_for_the_eye():
    describe_failure('ctx.reply("one")\n1 / 0')
    assert script.LANGUAGE.effects == [["reply", {"text": "one"}]]


def test_the_lean_process_is_warmed_by_scripts_that_work_and_scripts_that_fail():
    good, *failing, again = script.LANGUAGE.warm_up()
    for compiled, data in (good, again):
        assert script.LANGUAGE.run(script.LANGUAGE.load(compiled), data, refuse_call)["fx"]
    for compiled, data in failing:
        with pytest.raises((AttributeError, RecursionError, ValueError)):
            script.LANGUAGE.run(script.LANGUAGE.load(compiled), data, refuse_call)
    assert all(
        isinstance(grammar.compile_script(source)[0], bytes) for source in grammar.COMPILER.warm_up()[::3]
    )


def test_a_moment_has_the_brains_zone():
    left = list_replies("ctx.reply(ctx.now.isoformat())", clock=[NOON, -5 * 3600, "America/Lima"])
    assert dt.datetime.fromisoformat(left[0]).utcoffset() == dt.timedelta(hours=-5)
