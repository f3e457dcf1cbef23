# ruff: noqa: E501  a snippet is judged best on one line
"""Attacks on the template sandbox: no snippet of the shared corpus, nor of our own, may get anything out."""

import base64
import contextlib
import json
import os
import secrets
import subprocess
import sys
from pathlib import Path
from typing import Any

import jinja2
import pytest

from app.brains import limits
from app.brains.confined.confine import LAYERS, NAMESPACES
from app.brains.sandbox import RenderError, RenderJob, Sandbox
from tests.conftest import missing

ROOT = Path(__file__).resolve().parents[2]
CORPUS = ROOT.parent / "shared" / "escapes" / "corpus.jsonl"
MARK = "PWNED:STATE"
WITHOUT_NAMESPACES = LAYERS - {NAMESPACES}

OWN = {
    "walk through undefined": "{{ (nothing|default(cycler)).__init__ }}",
    "namespace attributes": "{% set n = namespace(a=1) %}{{ n.__class__.__mro__ }}{{ n._Namespace__attrs }}{{ n['__init__'] }}",
    "macro internals": "{% macro m() %}{% endmacro %}{{ m._func.__globals__ }}{{ m._environment }}{{ m.name.format }}",
    "block internals": "{% block b %}{{ self.b._context.environment }}{{ self._TemplateReference__context }}{% endblock %}",
    "loop internals": "{% for x in [1] %}{{ loop._iterable }}{{ loop._iterator.gi_frame }}{{ loop._undefined }}{% endfor %}",
    "sort by attribute": "{{ [range]|sort(attribute='__class__')|list }}{{ [range]|sum(attribute='__init__') }}",
    "select by attribute": "{{ [user.get]|selectattr('__self__')|list }}{{ [range]|rejectattr('x.__globals__')|list }}",
    "unique by attribute": "{{ [range, range]|unique(attribute='__globals__')|list }}{{ [range]|min(attribute='__globals__') }}",
    "filter by name": "{{ [range]|select('attr', '__globals__')|list }}",
    "join with a hook": "{{ ['a']|join(attribute='__class__') }}",
    "range internals": "{{ range.__globals__ }}{{ range['__globals__'] }}{{ range.__module__ }}",
    "string methods": "{{ ''.encode().decode() }}{{ ''.maketrans('a','b') }}{{ 'x'.center(10**9) }}",
    "callable in the context": "{{ user.items.__self__ }}{{ user.get.__class__ }}{{ history.append }}",
    "markup": "{% autoescape true %}{{ ('<'|string).__html__ }}{{ '{0.__class__}'.format(1) }}{% endautoescape %}",
    "percent formatting of bytes": "{{ ('%c' % 3)|length }}{{ '%1000000000d' % 1 }}",
    "debugger": "{{ self.__init__.__globals__ }}{{ environment }}{{ context }}{{ resolve }}{{ caller }}",
    "huge sum": "{{ ([[0]*1000]*1000)|sum(start=[])|length }}",
    "huge integer": "{% set x = namespace(n=9**1000) %}{% for i in range(9999) %}{% set x.n = x.n * x.n %}{% endfor %}",
    "huge text": "{% set x = namespace(s='a'*99999) %}{% for i in range(99) %}{% set x.s = x.s ~ x.s %}{% endfor %}",
    "huge list": "{% set x = namespace(l=[0]*9999) %}{% for i in range(99) %}{% set x.l = x.l + x.l %}{% endfor %}",
    "wide rounding": "{{ 1.5|round(10**8, 'floor') }}",
    "slow replace": "{{ ('ab'*500000)|replace('a', 'ba'*40)|length }}",
    "title of much": "{{ ('a ' * 500000)|title|length }}{{ ('a ' * 500000)|wordwrap(1)|length }}",
    "recursive loop": "{% for x in [1] recursive %}{{ loop([1]) }}{% endfor %}",
    "deep expression": "{{ " + "-" * 5_000 + "1 }}",
    "deep comparison": "{{ " + "not " * 4_000 + "1 }}",
    "deep blocks": "{% for a in [1] %}" * 200 + "{% endfor %}" * 200,
    "many macros": "".join(f"{{% macro m{n}() %}}{{% endmacro %}}" for n in range(600)),
    "nul and surrogates": "\0{{ '\\ud800' }}\ud800",
}


def corpus():
    snippets = [json.loads(line) for line in CORPUS.read_text().splitlines()] if CORPUS.exists() else []
    return [snippet for snippet in snippets if snippet["language"] in {"jinja", "tpl"}]


def leaks(text, canary):
    """Tell whether the canary is in a text: plain, reversed, in hex, base64 or as a list of code points."""
    points = ", ".join(str(ord(char)) for char in canary)
    forms = [
        canary,
        canary[::-1],
        canary.encode().hex(),
        base64.b64encode(canary.encode()).decode().rstrip("="),
        points,
    ]
    return any(form in text for form in forms)


@pytest.fixture
def canary(monkeypatch, tmp_path):
    value = secrets.token_hex(16)
    monkeypatch.setenv("CANARY", value)
    monkeypatch.chdir(tmp_path)
    Path("canary.txt").write_text(value)
    return value


@pytest.fixture
def raw_launcher(tmp_path):
    source = Path(__file__).with_name("raw_child.py").read_text()
    launcher = tmp_path / "raw_child.py"
    launcher.write_text(source.replace("APP_FOLDER", str(ROOT / "app")))
    return launcher


def attack(sandbox, snippets, canary):
    """Run the snippets one after the other in sticky children; return the names of those that escaped."""
    escaped = []
    for name, code, then in snippets:
        sandbox._breaker._deaths.clear()  # each snippet stands for an operator of its own
        context = {
            "message": "hello",
            "history": ["one", "two"],
            "memory": {"k": "v"},
            "user": {"name": "Ama", "bio": "{{ 7 * 7 }}"},
        }
        result = sandbox.render_many([RenderJob(1, code, context)])[0]
        took = result.micros / 1e6
        text = result.message if isinstance(result, RenderError) else result.text
        others = [RenderJob(2, then, context)] if then else []
        after = sandbox.render_many([RenderJob(1, "alive {{ history|join }}", context), *others])
        lively = getattr(after[0], "text", "") == "alive onetwo"
        spoken = text + repr(after)
        if leaks(spoken, canary) or MARK in repr(after) or took > 2 * limits.HARD_SECONDS or not lively:
            escaped.append((name, round(took, 2), text[:200], after))
    return escaped


def snippets():
    listed = [(each["id"], each["code"], each.get("then")) for each in corpus()]
    return [*listed, *((name, code, None) for name, code in OWN.items())]


@pytest.mark.skipif(not CORPUS.exists(), reason="the shared corpus is not beside the repository")
def test_the_corpus_holds_what_is_expected_of_it():
    assert len(corpus()) >= 56


def test_the_search_for_the_canary_finds_it(canary):
    reading = jinja2.Environment().from_string("{{ cycler.__init__.__globals__.os.environ['CANARY'] }}")  # noqa: S701
    text = reading.render()
    assert leaks(text, canary)
    assert leaks(text[::-1], canary)
    assert leaks(repr([ord(char) for char in text]), canary)


@pytest.mark.parametrize("layers", [LAYERS, WITHOUT_NAMESPACES], ids=["full", "hardened"])
def test_nothing_escapes(canary, layers):
    sandbox = Sandbox(2, layers=layers)
    try:
        assert attack(sandbox, snippets(), canary) == []
    finally:
        sandbox.close()


@pytest.mark.parametrize("layers", [LAYERS, WITHOUT_NAMESPACES], ids=["full", "hardened"])
def test_the_operating_system_layers_hold_without_the_language_layer(canary, layers, raw_launcher):
    sandbox = Sandbox(2, layers=layers, launcher=raw_launcher)
    try:
        assert attack(sandbox, snippets(), canary) == []
    finally:
        sandbox.close()


@pytest.mark.parametrize(
    "code",
    [
        "{{ os.open('/etc/passwd', 0) }}",
        "{{ os.listdir('/') }}",
        "{{ os.fork() }}",
        "{{ os.kill(1, 9) }}",
        "{{ os.kill(PARENT, 9) }}",
        "{{ os.execv('/bin/sh', ['sh']) }}",
        "{{ os.write(1, 'x'.encode()) }}",
        "{{ os.pipe() }}",
        "{{ builtins.__import__('socket').socket() }}",
        "{{ builtins.__import__('_socket').socket() }}",
        "{{ builtins.__import__('signal').pthread_kill(1, 9) }}",
        "{{ builtins.__import__('mmap').mmap(-1, 4096, prot=7) }}",
        "{{ builtins.__import__('ctypes').CDLL(none) }}",
    ],
)
def test_raw_python_in_a_child_reaches_nothing(code, raw_launcher):
    reach = "{% set builtins = cycler.__init__.__globals__.__builtins__ %}{% set os = cycler.__init__.__globals__.os %}"
    if "builtins" in code:
        reach = reach.replace("globals__.__builtins__ %}", "globals__.os.sys.modules.builtins %}")
    sandbox = Sandbox(1, launcher=raw_launcher)
    try:
        source = reach + code.replace("PARENT", str(os.getpid()))
        assert isinstance(sandbox.render_many([RenderJob(1, source, {})])[0], RenderError)
        assert sandbox.render_many([RenderJob(2, "{{ 6 * 7 }}", {})])[0].text == "42"
    finally:
        sandbox.close()


def test_an_ordinary_user_is_confined_as_well(tmp_path):
    script = (
        "import sys, types\n"
        f"app = types.ModuleType('app'); app.__path__ = [{str(ROOT / 'app')!r}]; sys.modules['app'] = app\n"
        f"sys.path[:0] = {[str(Path(jinja2.__file__).parents[1])]!r}\n"
        "from app.brains.sandbox import RenderJob, Sandbox\n"
        "sandbox = Sandbox(1)\n"
        "print(sandbox.level().name, sandbox.render_many([RenderJob(1, '{{ 6 * 7 }}', {})])[0].text)\n"
        "sandbox.close()\n"
    )
    done = _as_nobody(script, tmp_path.anchor)
    assert done.stdout.split()[1:] == ["42"], done.stderr
    assert done.stdout.split()[0] in {"full", "hardened", "basic"}


def _as_nobody(script: str, folder: str) -> "subprocess.CompletedProcess[str]":
    """Run Python as an ordinary user: with this interpreter, or the system's where root keeps this one to itself."""
    ordinary: dict[str, Any] = {"user": 65534, "group": 65534} if os.getuid() == 0 else {}
    for interpreter in (sys.executable, "/usr/bin/python3"):
        with contextlib.suppress(PermissionError, FileNotFoundError):
            return subprocess.run(
                [interpreter, "-c", script],
                capture_output=True,
                text=True,
                cwd=folder,
                check=False,
                **ordinary,
            )
    missing("a Python that other users can read")
    raise AssertionError
