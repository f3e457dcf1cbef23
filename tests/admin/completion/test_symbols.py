"""What the code editor offers: nothing missing, nothing that is not there, and each with words."""

import datetime as dt
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
from admin_browser import ECHO, Browser, save_script
from jinja2.runtime import LoopContext

from app.accounts import Role
from app.admin import completions, meanings
from app.admin.mending import mark_of
from app.admin.vocabulary import Word, script_words, signature, template_words
from app.brains.confined import context, facades, guards, imports, jinja_policy, memory_view, names, patterns
from app.brains.problems import Problem
from app.brains.runtime import Sender, Turn, compile_program
from app.brains.scene import Scene
from app.brains.triggers.contract import Match

SCRIPT = {word.path: word for word in script_words()}
TEMPLATE = {word.path: word for word in template_words()}
MODULES = (facades.JSON, facades.MATH, patterns.RE, imports.Clock([0, 0, "UTC"]).module())


def members(table: Mapping[str, Word], owner: str) -> set[str]:
    return {path.rpartition(".")[2] for path in table if path.rpartition(".")[0] == owner}


def scene() -> Scene:
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
    return Scene(program, turn, program.entries[0], Match(), {}, {}, 0)


def paths(data: Mapping[str, Any], before: str = "") -> Iterator[str]:
    for name, value in data.items():
        yield f"{before}{name}"
        if isinstance(value, Mapping):
            yield from paths(value, f"{before}{name}.")


def test_every_member_of_ctx_is_offered_with_its_words_and_real_signature():
    assert members(SCRIPT, "ctx") == guards.ATTRIBUTES[context.Context]
    kinds = {"memory": memory_view.Memory, "http": context.Http, "random": facades.Random}
    for part, kind in kinds.items():
        assert members(SCRIPT, f"ctx.{part}") == guards.ATTRIBUTES[kind]
    assert [word.path for word in SCRIPT.values() if word.path.startswith("ctx") and not word.words] == []
    assert SCRIPT["ctx.reply"].call == "reply(text, buttons=None, list=None, quote=False, **margins)"
    assert SCRIPT["ctx.memory.get"].call == 'get(key, default=None, scope="contact")'
    assert SCRIPT["ctx.reply"].example.startswith('ctx.reply("Hello")\nctx.reply(')


def test_the_fields_of_what_came_in_are_those_of_the_real_scene():
    data = scene().prompt_data({})
    real = {path for path in paths(data) if path.split(".")[0] not in {"memory", "now", "vars"}}
    assert real == set(meanings.FIELDS)
    now = {f"now.{name}" for name in data["now"]}
    assert now == {path for path in meanings.TEMPLATE_FIELDS if path.startswith("now.")}
    assert set(meanings.FIELDS) | set(meanings.TEMPLATE_FIELDS) <= set(TEMPLATE)
    assert {f"ctx.{path}" for path in meanings.FIELDS} <= set(SCRIPT)


def test_what_python_brings_is_offered_and_nothing_that_a_script_cannot_have():
    top = {
        path
        for path, word in SCRIPT.items()
        if "." not in path and word.kind not in {"namespace", "variable"}
    }
    assert top == set(names.BUILTINS)
    for module in MODULES:
        assert members(SCRIPT, module.title) == set(module.members)
    assert members(SCRIPT, "random") == guards.ATTRIBUTES[facades.Random]
    for kind in (str, list, dict):
        assert members(SCRIPT, f"<{kind.__name__}>") == guards.ATTRIBUTES[kind] | set(
            guards.GUARDED.get(kind, ())
        )
    moment = guards.ATTRIBUTES[dt.datetime] | set(guards.GUARDED[dt.datetime])
    assert members(SCRIPT, "ctx.now") == moment == set(meanings.MOMENT)
    assert members(SCRIPT, "ctx.http.get()") == guards.ATTRIBUTES[context.Response] == set(meanings.RESPONSE)
    assert set(meanings.PYTHON) <= set(SCRIPT)
    assert [word.path for word in SCRIPT.values() if word.kind != "constant" and not word.words] == []


def test_the_filters_and_the_loop_of_templates_are_the_real_ones():
    assert set(meanings.FILTERS) == jinja_policy.FILTERS
    assert members(TEMPLATE, "loop") == jinja_policy.ATTRIBUTES[LoopContext]
    environment = jinja_policy.environment()
    for shown, _words in [*meanings.FILTERS.values(), *meanings.BLOCKS.values()]:
        whole = {"{% for": f"{shown}{{% endfor %}}", "{% el": f"{{% if 1 %}}{shown}{{% endif %}}"}
        if "{% end" not in shown:
            environment.parse(next((text for start, text in whole.items() if shown.startswith(start)), shown))


@pytest.mark.parametrize(
    ("made", "shown"), [(len, "f(obj)"), (dt.datetime.now, "f(tz=None)"), (max, ""), (int, ""), (3, "")]
)
def test_a_signature_is_shown_without_types_and_only_where_it_is_known(made: Any, shown: str):
    assert signature("f", made) == shown


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


def offered(
    command: str = "", prompt: str = ""
) -> tuple[dict[str, str], dict[str, str], dict[str, list[str]]]:
    found = completions.offered(DRAFT, command, prompt)
    words = [{word["path"]: word.get("words", "") for word in found[kind]} for kind in ("script", "template")]
    return words[0], words[1], found["texts"]


def test_a_command_is_offered_its_own_arguments_and_what_the_brain_remembers():
    script, template, texts = offered("a")
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
    assert "ctx.args.city" not in offered("b")[0]


def test_a_prompt_is_offered_what_scripts_give_to_it():
    template = offered(prompt="mood")[1]
    assert template["vars.tone"] == template["vars.to"] == "Given by a script"
    assert template["vars.own"] == "Used in this prompt"


def test_the_table_is_for_who_is_signed_in_and_sent_only_when_it_has_changed(
    sign_in: Callable[[Role], Browser], brain: object
):
    assert brain
    viewer = sign_in(Role.VIEWER)
    answer = viewer.get("/brains/demo/completions.json?command=echo")
    assert "ctx.args.text" in {word["path"] for word in answer.json["script"]}
    same = {"If-None-Match": answer.headers["ETag"]}
    assert viewer.client.get("/brains/demo/completions.json?command=echo", headers=same).status_code == 304
    assert viewer.get("/brains/demo/completions.json?command=nothing").status_code == 200
    assert viewer.get("/brains/nothing/completions.json").status_code == 404
    viewer.post("/logout")
    assert viewer.get("/brains/demo/completions.json").status_code == 302


@pytest.mark.parametrize(
    ("source", "wrong", "right"),
    [
        ('x = 1\nctx.repyl("a")', "repyl", "reply"),
        ("\nctx.reply(ctx.args.txt)", "txt", "text"),
        ("\nctx.reply(message.text)", "message", "ctx.message"),
        ('\nctx.call("Ehco")', "Ehco", "Echo"),
    ],
)
@pytest.mark.usefixtures("brain")
def test_a_problem_is_marked_at_its_place_with_what_was_meant(
    owner: Browser, source: str, wrong: str, right: str
):
    answer = save_script(owner, source)
    assert 'data-jump="source" data-line="2"' in answer
    assert 'data-mark="error"' in answer
    assert f'data-wrong="{wrong}" data-right="{right}"' in answer
    assert 'data-jump="source" data-line="2"' in owner.get(ECHO).text


def test_a_template_that_may_find_nothing_is_marked_with_a_default(owner: Browser, brain: object):
    assert brain
    form = {"action_kind": "reply", "text": "Line\n{{ memory.city }}"}
    answer = save_script(owner, "", **form)
    assert 'data-jump="text-1" data-line="2"' in answer
    assert 'data-mark="warning"' in answer
    assert 'data-wrong="memory.city" data-right="memory.city|default(&#34;&#34;)"' in answer


@pytest.mark.parametrize(
    ("path", "line", "field"),
    [
        ("commands.0.action.source", 3, "source"),
        ("commands.0.action.variants.1", 1, "text-2"),
        ("prompts.0.system", 2, "system"),
        ("commands.0.action.source", None, ""),
        ("commands.0.trigger.pattern", 1, ""),
        ("prompts.0.name", 1, ""),
    ],
)
def test_only_what_has_a_line_in_a_field_is_a_mark(path: str, line: int | None, field: str):
    mark = mark_of(Problem(path, "Prompt “a”, Line 3: “b” has no “c”.", "x", line, fix="Did you mean “d”?"))
    assert (mark.field if mark else "") == field
    if mark:
        assert (mark.message, mark.wrong, mark.right) == ("“b” has no “c”.", "c", "d")
