"""Every kind of error, as an operator meets it: runs examples and writes docs/script-errors.md.

`python -m tests.brains.sandbox.advice.error_table` writes the file anew.
"""

from pathlib import Path
from typing import Any

from app.brains.capabilities import CALLS
from app.brains.confined import grammar, script, template
from app.brains.confined.language import CallError, OutOfTimeError
from app.brains.confined.report import describe
from app.brains.sandbox.advice.advice import advise

PAGE = Path(__file__).resolve().parents[4] / "docs" / "script-errors.md"
HEAD = """\
# Errors of scripts and templates

What the editor, the traces and the alerts say, for every kind of error. Made by
`python -m tests.brains.sandbox.advice.error_table`; a test fails when this page is not what the product says.

| Kind | Example | What is said | How to mend it |
|---|---|---|---|
"""

SCRIPTS = {
    "A name that is not known": [
        'ctx.repyl("hello")',
        'prin("hello")',
        "total = totl + 1",
        "ctx.args.nam",
        'ctx.args["nam"]',
        '"a".uper()',
        '{"price": 3}["prise"]',
        'ctx.reply("Well?", button=["Yes"])',
        'ctx.call("helo")',
        "import re\nre.serch",
        "from math import square",
        "ctx.message.quoted.text",
        "def f():\n    n += 1\nf()",
    ],
    "A value that does not fit": [
        '"You are " + 7',
        '"3" > 2',
        'ctx.memory.get("points") + 1',
        "for x in 5: pass",
        "a, b = 3",
        "a, b = [1, 2, 3]",
        "a, b = [1]",
        "None[0]",
        "x = 3\nx()",
        'ctx.args["name"] = 1',
        '[1, 2]["a"]',
        "[1, 2][5]",
        "len(3)",
        '", ".join([1, 2])',
        "{[]: 1}",
        '"a" in None',
        "def f(x): pass\nf()",
        "def f(x): pass\nf(1, 2)",
        'int("abc")',
        'float("1,5")',
        "int(None)",
        "1 / 0",
        "max([])",
        "[].pop()",
        "ctx.random.choice([])",
        "import math\nmath.sqrt(-1)",
        "2.0 ** 5000",
        "assert 1 == 2",
        'raise ValueError("no such day")',
        'import json\njson.loads("{")',
        'import re\nre.search("(", "a")',
        'import datetime\ndatetime.datetime.strptime("today", "%d.%m.%Y")',
        "[1].index(2)",
    ],
    "A reply or an effect that cannot be": [
        "ctx.reply(None)",
        "ctx.reply([1, 2])",
        'ctx.reply("")',
        'ctx.reply("x" * 5000)',
        'ctx.reply("Well?", buttons=["A", "B", "C", "D"])',
        'ctx.reply("Well?", buttons=["A very long title of a button"])',
        'ctx.reply("Well?", buttons=["Yes", "Yes"])',
        'ctx.reply("Well?", buttons="Yes")',
        'ctx.reply("Well?", buttons=["Yes"], list={"button": "Menu", "rows": ["Soup"]})',
        'ctx.reply("Well?", list=["Soup"])',
        'ctx.send_image("http://example.com/a.jpg")',
        'ctx.memory.set("when", ctx.now)',
        'ctx.memory.set("x", {1: 2})',
        'ctx.memory.set("x", "y" * 20000)',
        'ctx.memory.set("x", 2 ** 100)',
        'ctx.memory.incr("visits", "1")',
        'ctx.memory.get("x", scope="world")',
        'ctx.memory.set("x", 1, ttl=-5)',
        'ctx.schedule("hello")',
        'ctx.schedule("hello", after=-1)',
        'for n in range(40): ctx.reply("x")',
    ],
    "A limit": [
        '"a" * 10 ** 9',
        "9 ** 9 ** 9",
        "1 << 10 ** 6",
        "range(10 ** 9)",
        '"a".center(10 ** 6)',
        'f"{1:>5000}"',
        '"%5000d" % 1',
        'print("x" * 70000)',
        'import re\nre.search("a" * 2000, "a")',
        'import json\njson.loads("1" * 300000)',
        "x = " + "(" * 50 + ")" * 50,
        "x = " + "1 + " * 200 + "1",
        "x = 1\n" * 2000,
        "# " + "x" * 17000,
        "def f(n): return f(n + 1)\nf(0)",
    ],
    "A rule of scripts": [
        "class Shop: pass",
        "def f():\n    global n",
        'with open("file") as f: pass',
        "async def f(): pass",
        "def f():\n    yield 1",
        "match 1:\n    case 1: pass",
        "try:\n    pass\nexcept:\n    pass",
        "try:\n    pass\nexcept* ValueError:\n    pass",
        "while True:\n    try:\n        pass\n    finally:\n        break",
        "@cache\ndef f(): pass",
        "from math import *",
        "import os",
        "_x = 1",
        "ctx.__class__",
        "ctx.message.text = 1",
        'x = b"abc"',
        "return 3",
        "x @ y",
        "x = 1\0",
    ],
    "A text that cannot be read": [
        'ctx.reply("hello"',
        "x = 1)",
        "x = (1]",
        'ctx.reply("hello)',
        "if ctx.args.name\n    pass",
        "if 1:\npass",
        "  x = 1",
        "if 1:\n    x = 1\n  y = 2",
        "if x = 1: pass",
        "x = [1 2]",
        'print "hello"',
        "ctx.reply(“hello”)",
        "x = 1a",
        "break",
        "1 = x",
        "f(a=1, 2)",
        "x = = 1",
    ],
}
TEMPLATES = [
    "{{ sender.nmae }}",
    "{{ sendr.name }}",
    "{{ memory.visits + 1 }}",
    "{{ 1 / 0 }}",
    '{{ 1 + "a" }}',
    '{{ "a" * 10 ** 9 }}',
    "{% for x in range(99999) %}{% endfor %}",
    "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
    "{{ sender.name",
    "{{ sender.name | uper }}",
    "{% if sender.name %}hello",
    "{% fore x in y %}",
    "{% if %}{% endif %}",
    "{{ sender name }}",
    '{% include "other" %}',
    "{{ " + "(" * 50 + ")" * 50 + " }}",
]


def _refuse(_method: str, _arguments: Any) -> Any:
    raise CallError("The address example.com did not answer in time.")


def build_report(language: str, source: str) -> dict[str, Any]:
    """Run an example and describe its error; raises AssertionError when it has none."""
    compiler, runner = (
        (grammar.COMPILER, script.LANGUAGE)
        if language == "script"
        else (template.COMPILER, template.LANGUAGE)
    )
    data = {**script.build_sample(), "grants": ["memory", "media", "schedule"], "calls": CALLS}
    try:
        runner.run(runner.load(compiler.compile(source)[0]), data, _refuse)
    except Exception as error:  # noqa: BLE001  whatever it is, it is told
        return describe(error, runner.file)
    raise AssertionError(f"no error in {source!r}")


def list_rows() -> list[tuple[str, str, str, str]]:
    """Return kind, example, message and fix of every example."""
    found = []
    for title, sources in SCRIPTS.items():
        found += [
            (title, source, *advise(build_report("script", source), source, "script")) for source in sources
        ]
    for title, error, source in (
        ("Time", OutOfTimeError(), "while True: pass"),
        ("Memory", MemoryError(), 'while True: texts.append("x" * 10000)'),
        (
            "A call",
            CallError("The address example.com did not answer in time."),
            'ctx.http.get("https://example.com")',
        ),
    ):
        found.append((title, source, *advise(describe(error, "<command>"), source, "script")))
    found.append(
        ("A call", 'ctx.ai("hello")', *advise(build_report("script", 'ctx.ai("hello")'), "", "script"))
    )
    found += [
        ("A template", source, *advise(build_report("template", source), source, "template"))
        for source in TEMPLATES
    ]
    return found


def render_page() -> str:
    """Return the whole page."""
    lines = []
    last = ""
    for title, source, message, fix in list_rows():
        example = source if len(source) <= 100 else source[:40] + " … " + source[-10:]
        cells = ["" if title == last else title, _code(example), message, fix]
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |\n")
        last = title
    return HEAD + "".join(lines)


def _code(text: str) -> str:
    return f"`{text.replace(chr(0), '␀').replace(chr(10), ' ⏎ ')}`"


if __name__ == "__main__":
    PAGE.write_text(render_page())
