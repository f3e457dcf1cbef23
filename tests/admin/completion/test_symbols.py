"""What the code editor offers: nothing missing, nothing that is not there, and each with words."""

import datetime as dt
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from jinja2.runtime import LoopContext

from app.admin.completion import descriptions, views
from app.admin.completion.symbols import Symbol, format_signature, list_script_symbols, list_template_symbols
from app.brains.capabilities import CALLS
from app.brains.confined import (
    capability_view,
    context,
    facades,
    guards,
    imports,
    jinja_policy,
    memory_view,
    names,
    patterns,
)
from app.brains.runtime.program import compile_program
from app.brains.runtime.sandbox_job import RenderContext
from app.brains.triggers.contract import Match
from app.brains.turn import Sender, Turn

SCRIPT = {word.path: word for word in list_script_symbols()}
TEMPLATE = {word.path: word for word in list_template_symbols()}
MODULES = (
    facades.JSON,
    facades.MATH,
    patterns.RE,
    imports.ZONES,
    imports.Clock([0, 0, "UTC"]).build_module(),
)


def list_members(table: Mapping[str, Symbol], owner: str) -> set[str]:
    return {path.rpartition(".")[2] for path in table if path.rpartition(".")[0] == owner}


def build_context() -> RenderContext:
    """Set the real scene of a message that quotes another and carries a file."""
    fallback = {
        "id": "a",
        "name": "A",
        "trigger": {"kind": "fallback"},
        "action": {"kind": "script", "source": "1"},
    }
    program = compile_program(0, 0, {"brain": "t", "title": "T", "commands": [fallback]})
    turn = Turn(
        0, "text", "", Sender("x", "X", "1"), chat_id=0, at=0, now=0, seed=0, quoted={"id": "1", "text": "a"},
        media={"kind": "image", "mime": "image/jpeg", "caption": ""},
    )  # fmt: skip
    return RenderContext(program, turn, program.entries[0], Match(), {}, {}, 0)


def list_paths(data: Mapping[str, Any], before: str = "") -> Iterator[str]:
    for name, value in data.items():
        yield f"{before}{name}"
        if isinstance(value, Mapping):
            yield from list_paths(value, f"{before}{name}.")


def test_every_member_of_ctx_is_offered_with_its_words_and_real_signature():
    called = {path.split(".")[0] for path in CALLS}
    assert list_members(SCRIPT, "ctx") == guards.ATTRIBUTES[context.Context] | called
    assert {f"ctx.{path}" for path in CALLS} <= set(SCRIPT)
    assert list_members(SCRIPT, "ctx.http") == {"get", "post"}
    kinds = {"memory": memory_view.Memory, "random": facades.Random}
    for part, kind in kinds.items():
        assert list_members(SCRIPT, f"ctx.{part}") == guards.ATTRIBUTES[kind]
    assert [word.path for word in SCRIPT.values() if word.path.startswith("ctx") and not word.words] == []
    assert SCRIPT["ctx.reply"].call == "reply(text, buttons=None, list=None, quote=False, **more)"
    assert SCRIPT["ctx.http.get"].call == "get(url, params=None, headers=None)"
    assert SCRIPT["ctx.ai"].call == "ai(prompt, **variables)"
    assert SCRIPT["ctx.memory.get"].call == 'get(key, default=None, scope="contact")'
    assert SCRIPT["ctx.reply"].example.startswith('ctx.reply("Hello")\nctx.reply(')


def test_the_fields_of_what_came_in_are_those_of_the_real_scene():
    data = build_context().to_prompt_data({})
    real = {path for path in list_paths(data) if path.split(".")[0] not in {"memory", "now", "vars"}}
    assert real == set(descriptions.FIELDS)
    now = {f"now.{name}" for name in data["now"]}
    assert now == {path for path in descriptions.TEMPLATE_FIELDS if path.startswith("now.")}
    assert set(descriptions.FIELDS) | set(descriptions.TEMPLATE_FIELDS) <= set(TEMPLATE)
    assert {f"ctx.{path}" for path in descriptions.FIELDS} <= set(SCRIPT)


def test_what_python_brings_is_offered_and_nothing_that_a_script_cannot_have():
    top = {
        path
        for path, word in SCRIPT.items()
        if "." not in path and word.kind not in {"namespace", "variable"}
    }
    assert top == set(names.BUILTINS)
    for module in MODULES:
        assert list_members(SCRIPT, module.title) == set(module.members)
    assert list_members(SCRIPT, "random") == guards.ATTRIBUTES[facades.Random]
    for kind in (str, list, dict):
        assert list_members(SCRIPT, f"<{kind.__name__}>") == guards.ATTRIBUTES[kind] | set(
            guards.GUARDED.get(kind, ())
        )
    moment = guards.ATTRIBUTES[dt.datetime] | set(guards.GUARDED[dt.datetime])
    assert list_members(SCRIPT, "ctx.now") == moment == set(descriptions.DATETIME_MEMBERS)
    assert (
        list_members(SCRIPT, "ctx.http.get()")
        == guards.ATTRIBUTES[capability_view.Response]
        == set(descriptions.RESPONSE)
    )
    assert set(descriptions.PYTHON) <= set(SCRIPT)
    assert [word.path for word in SCRIPT.values() if word.kind != "constant" and not word.words] == []


def test_the_filters_and_the_loop_of_templates_are_the_real_ones():
    assert set(descriptions.FILTERS) == jinja_policy.FILTERS
    assert list_members(TEMPLATE, "loop") == jinja_policy.ATTRIBUTES[LoopContext]
    environment = jinja_policy.build_environment()
    for shown, _words in [*descriptions.FILTERS.values(), *descriptions.BLOCKS.values()]:
        whole = {"{% for": f"{shown}{{% endfor %}}", "{% el": f"{{% if 1 %}}{shown}{{% endif %}}"}
        if "{% end" not in shown:
            environment.parse(next((text for start, text in whole.items() if shown.startswith(start)), shown))


@pytest.mark.parametrize(
    ("made", "shown"), [(len, "f(obj)"), (dt.datetime.now, "f(tz=None)"), (max, ""), (int, ""), (3, "")]
)
def test_a_signature_is_shown_without_types_and_only_where_it_is_known(made: Any, shown: str):
    assert format_signature("f", made) == shown


DRAFT = {
    "commands": [
        {"id": "a", "name": "Points", "trigger": {"kind": "regex", "pattern": r"(?P<many>\d+) points"},
         "arguments": [{"name": "city", "type": "word", "description": "Where to"}, {"name": "n", "type": "int"}],
         "action": {"kind": "script", "source": 'ctx.memory.incr("points")\nctx.ai("mood", tone="x", to=1)'}},
        {"id": "b", "name": "Say", "trigger": {"kind": "exact"},
         "action": {"kind": "reply", "variants": ["{{ memory.city }}{{ memory.get('last') }}", 3]}},
        {"id": "c", "name": "", "trigger": {"kind": "regex", "pattern": None}, "action": None},
    ],
    "prompts": [{"name": "mood", "user": "{{ vars.tone }} {{ vars.own }}"}, "no prompt"],
}  # fmt: skip


def list_completions(
    command: str = "", prompt: str = ""
) -> tuple[dict[str, str], dict[str, str], dict[str, list[str]]]:
    found = views.build_completions(DRAFT, command, prompt)
    words = [{word["path"]: word.get("words", "") for word in found[kind]} for kind in ("script", "template")]
    return words[0], words[1], found["texts"]


def test_a_command_is_offered_its_own_arguments_and_what_the_brain_remembers():
    script, template, texts = list_completions("a")
    assert (script["ctx.args.city"], template["args.city"], script["ctx.args.n"]) == (
        "Where to",
        "Where to",
        "Whole number",
    )
    assert "ctx.match.named.many" in script
    assert {"memory.points", "memory.city"} <= set(template)
    assert "vars" not in template
    assert texts == {
        "call": ["Points", "Say"], "schedule": ["Points", "Say"], "ai": ["mood"], "args": ["city", "n"],
        "memory": ["city", "last", "points"], "scope": ["contact", "chat", "brain"],
    }  # fmt: skip
    assert "ctx.args.city" not in list_completions("b")[0]


def test_a_prompt_is_offered_what_scripts_give_to_it():
    template = list_completions(prompt="mood")[1]
    assert template["vars.tone"] == template["vars.to"] == "Given by a script"
    assert template["vars.own"] == "Used in this prompt"
