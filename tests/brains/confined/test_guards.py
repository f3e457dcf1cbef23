"""The language layer by itself: what it holds without any help of the operating system."""

import json
import os
import secrets
import subprocess
import sys
from pathlib import Path

import pytest

from app.brains.confined import grammar, guards, script
from app.brains.confined.language import LanguageError, LimitReachedError

ROOT = Path(__file__).resolve().parents[3]
CORPUS = ROOT.parent / "shared" / "escapes" / "corpus.jsonl"

OWN = {
    "format by getattr": 'ctx.reply(getattr("{0.reply}", "for" + "mat")(ctx))',
    "type of a text": 'ctx.reply(str.join.__self__ if hasattr(str, "join") else "no")',
    "method of a type": "ctx.reply(str.mro()[0])",
    "bound method": "ctx.reply(ctx.reply.__func__.__globals__)",
    "bound method by name": 'ctx.reply(getattr(ctx.reply, "__func__"))',
    "slot of a context": 'ctx.reply(str(getattr(ctx, "_data")))',
    "slot without underscore": "ctx.reply(str(ctx.imports))",
    "effects of a context": 'ctx.effects.append(["admin", "PWN" + "ED:FX"])',
    "memory's own": 'ctx.memory.note("contact", "a", "b")',
    "fields of a record": "ctx.reply(str(ctx.args.fields))",
    "members of a module": "import json\nctx.reply(str(json.members))",
    "kind of a facade": "import datetime\nctx.reply(str(datetime.date.kind.mro()))",
    "pattern inside": 'import re\nctx.reply(str(re.compile("a")._compiled))',
    "match's pattern": 'import re\nctx.reply(str(re.match("a", "a").re))',
    "generator": "g = (x for x in [1])\nctx.reply(str(g.gi_frame))",
    "map with getattr": 'ctx.reply(str(list(map(getattr, [ctx], ["__class__"]))))',
    "sorted by getattr": 'sorted([(ctx, "__class__")], key=lambda p: getattr(*p))',
    "error's object": "try:\n    ctx.nope\nexcept AttributeError as e:\n    ctx.reply(str(e.obj) + str(e.known))",
    "error's trace": "try:\n    1 / 0\nexcept Exception as e:\n    ctx.reply(str(e.with_traceback))",
    "percent of an object": 'ctx.reply("%(a)s" % {"a": print})',
    "shadow by star": "def f(*_getattr_): pass",
    "shadow by comprehension": "[0 for _getattr_ in [getattr]]",
    "shadow by walrus": "(_getitem_ := 1)",
    "shadow by except": "try:\n    1 / 0\nexcept Exception as _write_:\n    pass",
    "shadow by import": "import re as _getiter_",
    "shadow by from": "from re import sub as _mul_",
    "shadow by def": "def _mul_(a, b): pass",
    "shadow by keyword": "dict(_getattr_=1)",
    "delete a guard": "del _getattr_",
    "read the builtins": "ctx.reply(str(__builtins__))",
    "default of a guard": "def f(a=getattr): return a(a, '__code__')\nf()",
    "annotation that runs": "def f(a: ctx.reply('x')): pass\nx: ctx.reply('y') = 1\nctx.reply('z')",
    "json hook": 'import json\njson.loads("1", object_hook=print)',
    "json encoder": "import json\njson.dumps(1, cls=print)",
    "module change": "import json\njson.loads = print",
    "module item": 'import json\njson["loads"] = print',
    "list of a module": "import re\nlist(re)",
    "unicode name": "ctx.reply(ｅval)",
}


def run_snippets(snippets, folder, tmp_path):
    """Return what came out of each snippet, run with the language layer alone."""
    listed = tmp_path / "snippets.jsonl"
    listed.write_text("".join(json.dumps(each) + "\n" for each in snippets))
    done = subprocess.run(
        [sys.executable, "-m", "tests.brains.confined.language_only", str(listed)],
        capture_output=True,
        check=True,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    return json.loads(done.stdout)


@pytest.fixture
def canary(monkeypatch, tmp_path):
    value = secrets.token_hex(16)
    monkeypatch.setenv("CANARY", value)
    (tmp_path / "canary.txt").write_text(value)
    return value


@pytest.mark.skipif(not CORPUS.exists(), reason="the shared corpus is not beside the repository")
def test_the_language_layer_alone_gives_nothing_away(canary, tmp_path):
    snippets = [json.loads(line) for line in CORPUS.read_text().splitlines()]
    wanted = [each for each in snippets if each["probe"].partition(":")[0] in {"canary", "marker", "state"}]
    results = run_snippets(wanted, tmp_path, tmp_path)
    assert len(results) > 100
    assert [name for name, left in results if left is None] == []
    said = {name: json.dumps(left) for name, left in results}
    assert [
        name for name, text in said.items() if canary in text or canary[::-1] in text or "PWNED" in text
    ] == []
    assert [
        name for name, left in results if left[-1].get("ok", {}).get("fx") != [["reply", {"text": "alive"}]]
    ] == []


def test_our_own_attacks_are_refused_or_harmless(tmp_path):
    snippets = [{"id": name, "language": "python", "code": code} for name, code in OWN.items()]
    results = dict(run_snippets(snippets, tmp_path, tmp_path))
    harmless = {"percent of an object", "annotation that runs"}
    assert {name for name, left in results.items() if "ok" in left[0]} == harmless
    assert results["annotation that runs"][0]["ok"]["fx"] == [["reply", {"text": "z"}]]
    assert "<function print at 0x0>" in json.dumps(results["percent of an object"])


def run(source):
    code, _ = grammar.compile_script(source)
    return script.LANGUAGE.run(
        script.LANGUAGE.load(code), script.build_sample(), lambda _method, _arguments: None
    )


@pytest.mark.parametrize(
    "source",
    [
        '"a" * 2 ** 21',
        "[0] * 2 ** 21",
        "2 ** 5000",
        "x = 3\nx **= 3000",
        'x = "a"\nx *= 10 ** 7',
        "x = {1: 1}\nx[1] <<= 5000",
        "pow(7, 10 ** 8)",
        '"%5000s" % "a"',
        '"%*d" % (10 ** 9, 1)',
        "w = 10 ** 9\nf'{1:{w}}'",
        "import datetime\nf'{ctx.now:%5000d}'",
        'ctx.now.strftime("%500d")',
        "round(5, -10 ** 9)",
        '("a" * 10000).replace("a", "b" * 10000)',
        "sum(range(10 ** 12))",
        'ctx.random.choices("ab", k=10 ** 8)',
        "ctx.random.getrandbits(2 ** 31)",
    ],
)
def test_results_without_bounds_are_refused(source):
    with pytest.raises(LimitReachedError):
        run(source)


@pytest.mark.parametrize("kind", [*guards.ATTRIBUTES, *guards.GUARDED])
def test_no_attribute_leads_out(kind):
    names = {*guards.ATTRIBUTES.get(kind, ()), *guards.GUARDED.get(kind, ())}
    assert not {name for name in names if name.startswith("_")}
    assert not names & {"format", "format_map", "mro", "maketrans", "translate", "expandtabs", "encode"}


def test_the_world_of_a_run_is_its_own():
    run("len = 5\nctx.reply(str(len))")
    assert run("ctx.reply(str(len([1])))")["fx"] == [["reply", {"text": "1"}]]
    run("import random\nrandom.seed(7)")
    first = run("ctx.reply(str(ctx.random.random()))")
    assert run("ctx.reply(str(ctx.random.random()))") == first


DEEP = """
x = %s1|-|9000
x = %s1|not |4000
x = 1%s|+1|8000
x = a%s|.a|8000
x = a%s|()|8000
x = %s1|lambda:|2000
x = %s1|1 if 1 else |1000
x = 1%s|<1|8000
x = a%s|[0]|5000
x = f'%s|{f'|1000
x = %s|[|9000
x = %s1|await |2000
x = %s|*|9000
x = (%s1)|a:=|3000
%s1|a=|5000
from %s import a|.|9000
x = %s|'a'|5000
x = [%s]|a,|3900
""".strip().splitlines()
STEPS = "".join(" " * depth + "if 1:\n" for depth in range(99)) + " " * 99 + "pass"


@pytest.mark.parametrize("line", [*DEEP, STEPS])
def test_no_source_breaks_the_compiler(line):
    shape, _, repeated = line.partition("|")
    piece, _, times = repeated.rpartition("|")
    source = shape % (piece * int(times)) if repeated else line
    with pytest.raises(LanguageError) as caught:
        grammar.compile_script(source + "\nclass Refused: pass")
    assert caught.value.kind in {"syntax", "limit", "rule"}
