"""Calls that the host declares: bound as Python binds, handed on as plain data, and closed to a script."""

import inspect
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.brains.capabilities.script_call import CallParameter, ScriptCall
from app.brains.confined import capability_view, grammar, guards, script
from app.brains.confined.language import CallError, LimitReachedError

CALL = ScriptCall(
    "dice.throw",
    "Throws dice",
    "ctx.dice.throw(2)",
    (
        CallParameter("count", is_required=True),
        CallParameter("label", "text", "The name", 5, default="red"),
        CallParameter("more"),
    ),
)
OPEN = ScriptCall("roll", "Rolls", "ctx.roll()", (CallParameter("names", "rest"),))
CALLS = {call.path: call.to_plain("dice", "throw dice") for call in (CALL, OPEN)}


def throw(count: Any, label: Any = "red", more: Any = None) -> None:
    """Show how Python itself binds the arguments of the call."""


def ask(*args: Any, **named: Any) -> dict[str, Any]:
    """Return the arguments that reach the host."""
    asked: list[dict[str, Any]] = []
    members = capability_view.build_members(CALLS, lambda *call: asked.append(call[-1]))
    guards.read_attribute(members["dice"], "throw")(*args, **named)
    return asked[0]


def run(source: str, grants: tuple[str, ...] = ("dice",)) -> list[str]:
    data = {**script.build_sample(), "grants": grants, "calls": CALLS}
    code, _ = grammar.compile_script(source)
    left = script.LANGUAGE.run(script.LANGUAGE.load(code), data, lambda _method, arguments: arguments)
    return [fields["text"] for _, fields in left["fx"]]


VALUES = st.integers(0, 9)
NAMES = st.sampled_from(["count", "label", "more", "other", "self", "args", "shown"])


@given(st.lists(VALUES, max_size=5), st.dictionaries(NAMES, VALUES, max_size=4))
def test_arguments_are_bound_as_python_binds_them(args: list[int], named: dict[str, int]):
    try:
        bound = inspect.signature(throw).bind(*args, **named)
    except TypeError:
        with pytest.raises(TypeError, match=r"^ctx\.dice\.throw\(\) "):
            ask(*args, **named)
        return
    bound.apply_defaults()
    expected = {name: value for name, value in bound.arguments.items() if value is not None}
    assert ask(*args, **named) == {**expected, "label": str(expected["label"])}


def test_what_is_optional_and_none_does_not_reach_the_host():
    assert ask(None, label=None, more=None) == {"count": None}


@pytest.mark.parametrize(
    ("named", "error", "words"),
    [
        ({"count": {1, 2}}, TypeError, "count cannot hold a set"),
        ({"count": 1, "label": "  "}, ValueError, "The name is empty"),
        ({"count": 1, "label": "purple"}, LimitReachedError, "The name has 6 characters; 5 are allowed"),
        ({"count": 1, "label": []}, TypeError, "The name must be a text"),
        ({"count": 2**70}, LimitReachedError, "64 bits"),
    ],
)
def test_what_is_no_plain_data_within_bounds_stays_here(named: dict[str, Any], error: type, words: str):
    with pytest.raises(error, match=words):
        ask(**named)


def test_named_values_beyond_the_declared_ones_go_together():
    assert run("ctx.reply(str(ctx.roll(a=1, names=2)))") == ["{'names': {'a': 1, 'names': 2}}"]
    with pytest.raises(TypeError, match=r"takes 0 positional arguments but 1 were given"):
        run("ctx.roll(1)")


def test_a_call_that_is_not_granted_is_refused_before_the_host_is_asked():
    with pytest.raises(CallError, match="This brain has no permission to throw dice"):
        run("ctx.dice.throw(1)", grants=())


@pytest.mark.parametrize(
    "read",
    [
        *("ctx.members", "ctx.dice.members", "ctx.dice.title", "ctx.dice.throw.title", "ctx.roll.title"),
        *("ctx.other", "ctx.dice.other", "ctx.dice.throw.func", "ctx.dice.keys", "ctx.dice.get"),
    ],
)
def test_nothing_but_the_declared_names_can_be_read(read: str):
    with pytest.raises(guards.UnknownAttributeError):
        run(f"ctx.log({read})")
    owner, _, name = read.rpartition(".")
    assert run(f'ctx.reply(str(hasattr({owner}, "{name}")))') == ["False"]


@pytest.mark.parametrize("name", ["_ask", "_declared", "_path", "__call__", "__class__", "__init__"])
def test_the_inside_of_a_call_cannot_be_reached_by_its_name(name: str):
    assert run(f'ctx.reply(str([hasattr(each, "{name}") for each in (ctx, ctx.dice, ctx.roll)]))') == [
        "[False, False, False]"
    ]


def test_calls_and_their_groups_show_their_names_instead_of_addresses():
    assert run('ctx.reply(f"{ctx.dice} {ctx.dice.throw} {ctx.roll}")') == [
        "<ctx.dice> <ctx.dice.throw> <ctx.roll>"
    ]


@pytest.mark.parametrize(
    "write", ["ctx.dice['throw'] = 1", "for each in ctx.dice: pass", "ctx.dice['throw']"]
)
def test_a_group_of_calls_is_no_data(write: str):
    with pytest.raises(TypeError):
        run(write)


@pytest.mark.parametrize("path", ["", "Dice", "a.b.c", "_a", "a._b", "a b", "a.", "__class__"])
def test_a_path_that_no_script_can_write_is_refused(path: str):
    with pytest.raises(ValueError, match="cannot be called"):
        ScriptCall(path, "Words", "ctx.x()")
