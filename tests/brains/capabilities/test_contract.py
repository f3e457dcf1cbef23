"""Every capability keeps the contract, the script's world knows the same ones, and a new one is a new file."""

import marshal
from typing import Any

import pytest

from app.admin.workbench import settings_form
from app.admin.workbench.script_reference import REFERENCE
from app.brains.capabilities import CALLS, KINDS, METHODS, build_all
from app.brains.capabilities.grant import Grant
from app.brains.capabilities.kind import NOT_NOW, Environment
from app.brains.capabilities.script_call import ScriptCall
from app.brains.confined import context, grammar, script
from app.brains.confined.guards import ATTRIBUTES
from app.brains.document.schema import Grants
from tests.brains.scratch import run_with_module

SCRATCH = '''
"""Dice: numbers from a server that throws them."""

from typing import Annotated

from pydantic import Field

from app.brains.capabilities.grant import Grant
from app.brains.capabilities.kind import CapabilityKind, FormField
from app.brains.capabilities.script_call import CallParameter, ScriptCall


class DiceGrant(Grant):
    """Throw dice."""

    sides: Annotated[int, Field(ge=2)] = 6


class Dice:
    def answer(self, method, arguments, context):
        sides = context.grants.get(DiceGrant).sides
        return [sides] * arguments["count"] if method == "dice.throw" else arguments["label"]


class DiceKind(CapabilityKind):
    name = "dice"
    order = 60
    Grant = DiceGrant
    title = "Throw dice"
    help = "On a server."
    purpose = "throw dice"
    quota = 2
    reaches_out = True
    section = "Chance"
    calls = (
        ScriptCall("dice.throw", "Throws dice", "ctx.dice.throw(2)", (CallParameter("count", default=1),)),
        ScriptCall(
            "describe_dice",
            "Names the dice",
            'ctx.describe_dice("red")',
            (CallParameter("label", "text", "The name", 20, is_required=True),),
        ),
    )
    sample = {"sides": 6}
    fields = (FormField("sides", "dice_sides", "Sides", "number", "at least 2"),)

    def build(self, environment):
        return Dice()


capability = DiceKind()
'''
USE_SCRATCH = """
from types import SimpleNamespace

from flask import Flask, render_template
from werkzeug.datastructures import MultiDict

from app.admin.completion.symbols import list_script_symbols
from app.admin.workbench import script_reference, settings_form
from app.brains.capabilities import build_all
from app.brains.document.permission_requests import find_requests
from app.brains.document.schema import Document
from app.brains.lint import lint
from app.brains.runtime.program import compile_program
from app.brains.runtime.runtime import RunRequest, Runtime
from app.brains.sandbox import Sandbox
from app.brains.triggers.contract import build_text_turn

form = MultiDict({"part": "grants", "grant_dice": "on", "dice_sides": "8"})
draft = settings_form.build_edit(form)({"brain": "b", "title": "B"})
document = Document.model_validate(draft)
print(draft["grants"]["dice"], sorted(document.grants.names))
print([(each.key, each.description) for each in find_requests(draft["grants"], None, keep=False).requests])
entries = [(section.title, entry.example) for section in script_reference.REFERENCE for entry in section.entries]
print([each for each in entries if "dice" in each[1]])
print([(each.path, each.kind, each.call) for each in list_script_symbols() if "dice" in each.path])

sandbox = Sandbox(1)
capabilities = build_all(SimpleNamespace(models=None, ledger=None))


def write(source, **grants):
    action = {"kind": "script", "source": source}
    command = {"id": "c", "name": "C", "trigger": {"kind": "exact", "texts": ["x"]}, "action": action}
    return {"brain": "b", "title": "B", "grants": grants, "commands": [command]}


def run(source, **grants):
    request = RunRequest(compile_program(1, 1, write(source, **grants)), build_text_turn("x"), capabilities)
    ended = Runtime(sandbox).run_many([request])[0]
    ended = ended.result(30) if hasattr(ended, "result") else ended
    return [effect.text for effect in ended.effects] or ended.trace.error["message"]


dice = {"sides": 8}
print(run('throw = ctx.dice.throw; ctx.reply(f"{throw()} {throw(count=3)}")', dice=dice))
print(run('ctx.reply(ctx.describe_dice(" red "))', dice=dice))
print(run("for n in range(9): ctx.dice.throw()", dice=dice))
print(run("ctx.dice.throw()"))
print(run("ctx.dice.throw(1, 2)", dice=dice))
print(run("ctx.dice.trow()", dice=dice))
for source in ("ctx.dice.throw()", "ctx.dice.trow()"):
    found = lint(write(source), lambda sources: sandbox.read_facts("version:1", sources))
    print([finding.message for finding in found])
sandbox.close()

app = Flask("app", root_path="app")
app.jinja_env.globals.update(parts=SimpleNamespace(token=str), icon=lambda name: name)
drawn = {"grants": settings_form.get_grants(draft), "capabilities": settings_form.list_capabilities()}
with app.app_context():
    page = render_template(
        "workbench/grants.html", ai_used=SimpleNamespace(tokens=0, calls=0), ai_names=(), may_edit=True, **drawn
    )
print('name="grant_dice" checked' in page, 'id="dice_sides" name="dice_sides" value="8"' in page)
"""


@pytest.mark.parametrize("name", KINDS)
def test_a_capability_keeps_the_contract(name: str):
    kind = KINDS[name]
    assert kind.name == name
    assert issubclass(kind.Grant, Grant)
    assert kind.title
    assert kind.help
    assert kind.purpose
    assert kind.script_name == f"ctx.{kind.attributes[0]}"
    assert {field.name for field in kind.fields} == set(kind.Grant.model_fields)
    assert all(METHODS[method] is kind for method in kind.methods)
    assert all(kind.describe_call(method, {"key": 1, "url": 2, "prompt": 3}) == "" for method in kind.methods)
    grant = kind.Grant.model_validate(kind.sample)
    assert Grants.model_validate({name: kind.sample}).get(kind.Grant) == grant


@pytest.mark.parametrize("name", KINDS)
def test_a_permission_is_asked_for_once_and_given_only_by_its_key(name: str):
    kind = KINDS[name]
    grant = kind.Grant.model_validate(kind.sample)
    requests = list(kind.find_requests(grant, None, keep=False))
    assert requests
    assert {each.current for each in requests} == {NOT_NOW}
    assert all(each.key.split(":")[0] == name and each.description for each in requests)
    assert not list(kind.find_requests(grant, grant, keep=False))
    assert not list(kind.find_requests(None, grant, keep=False))
    keys = {each.key for each in requests}
    for keep in (False, True):
        assert kind.compute_grant(grant, None, keys, keep=keep) == grant
        assert kind.compute_grant(grant, None, (), keep=keep) is None
        assert kind.compute_grant(None, grant, (), keep=keep) == (grant if keep else None)


@pytest.mark.parametrize("name", KINDS)
def test_every_part_of_ctx_is_a_call_or_made_by_the_sandbox(name: str):
    kind = KINDS[name]
    calls = {call.attribute for call in kind.calls}
    assert (kind.name in context.GRANT_WORDS) is not bool(calls)
    assert set(kind.attributes) == calls or set(kind.attributes) <= ATTRIBUTES[context.Context]
    assert not calls & ATTRIBUTES[context.Context]
    assert {call.path: CALLS[call.path][:2] for call in kind.calls} == dict.fromkeys(
        (call.path for call in kind.calls), (kind.name, kind.purpose)
    )


@pytest.mark.parametrize(
    "call", [call for kind in KINDS.values() for call in kind.calls], ids=lambda call: call.path
)
def test_a_call_is_plain_data_with_words_and_an_example_that_runs(call: ScriptCall):
    assert call.description
    assert call.example.startswith(f"ctx.{call.path}(")
    assert marshal.loads(marshal.dumps(CALLS[call.path])) == CALLS[call.path]  # noqa: S302  our own words
    asked = []

    def answer(method: str, _arguments: Any) -> Any:
        asked.append(method)
        return {"status": 200, "text": "1", "headers": {}} if call.answer == "response" else "x"

    grants = [CALLS[call.path][0]]
    data = {**script.build_sample(), "grants": grants, "calls": CALLS}
    code, _ = grammar.compile_script(call.example)
    script.LANGUAGE.run(script.LANGUAGE.load(code), data, answer)
    assert asked == [call.path]


def test_an_installation_answers_every_method():
    nothing = Environment(read=NotImplemented, load_names=NotImplemented, select_highest=NotImplemented)
    assert set(build_all(nothing)) == set(METHODS) >= {"memory.top", "http.get", "http.post", "ai"}


def test_form_and_reference_show_every_capability():
    assert {kind.name for kind in settings_form.list_capabilities()} == set(KINDS)
    shown = {entry.path for section in REFERENCE for entry in section.entries}
    assert {entry.path for kind in KINDS.values() for entry in kind.reference} <= shown


def test_the_order_of_a_documents_permissions_never_changes():
    first = ["memory", "http", "ai", "media", "schedule"]
    assert list(Grants.model_fields)[: len(first)] == first


def test_a_new_capability_is_one_new_file(tmp_path):
    module = tmp_path / "dice.py"
    module.write_text(SCRATCH)
    assert run_with_module("app.brains.capabilities", module, USE_SCRATCH).splitlines() == [
        "{'sides': 8} ['dice']",
        "[('dice', 'Throw dice')]",
        "[('Chance', 'ctx.dice.throw(2)'), ('Chance', 'ctx.describe_dice(\"red\")')]",
        (
            "[('ctx.dice', 'property', ''), ('ctx.describe_dice', 'method', 'describe_dice(label)'), "
            "('ctx.dice.throw', 'method', 'throw(count=1)')]"
        ),
        "['[8] [8, 8, 8]']",
        "['red']",
        "A run may use ctx.dice at most 2 times.",
        "This brain has no permission to throw dice.",
        "ctx.dice.throw() is given too many values.",
        "“trow” is not known here: ctx.dice has no such name.",
        "['Line 1: “ctx.dice” is used, but this brain may not throw dice.']",
        "['Line 1: “ctx.dice” has no “trow”.', 'Line 1: “ctx.dice” is used, but this brain may not throw dice.']",
        "True True",
    ]


PART_OF_CTX = "cannot have ctx.reply: 'ctx' has it"


def test_a_call_cannot_take_the_place_of_what_every_script_has(tmp_path):
    module = tmp_path / "dice.py"
    module.write_text(SCRATCH.replace('"describe_dice"', '"reply"'))
    with pytest.raises(AssertionError, match=PART_OF_CTX):
        run_with_module("app.brains.capabilities", module, "")
