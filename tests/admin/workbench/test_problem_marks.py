import pytest

from app.admin.workbench.problem_marks import build_mark
from app.brains.document.validation import ValidationProblem
from tests.admin.browser import ECHO, Browser, save_script


@pytest.mark.parametrize(
    ("source", "wrong", "right"),
    [
        ('x = 1\nctx.repyl("a")', "repyl", "reply"),
        ("\nctx.reply(ctx.args.txt)", "txt", "text"),
        ("\nctx.reply(message.text)", "message", "ctx.message"),
        ('\nctx.call("Ehco")', "Ehco", "Echo"),
    ],
)
@pytest.mark.usefixtures("demo_brain")
def test_a_problem_is_marked_at_its_place_with_what_was_meant(
    owner: Browser, source: str, wrong: str, right: str
):
    answer = save_script(owner, source)
    assert 'data-jump="source" data-line="2"' in answer
    assert 'data-mark="error"' in answer
    assert f'data-wrong="{wrong}" data-right="{right}"' in answer
    assert 'data-jump="source" data-line="2"' in owner.get(ECHO).text


def test_a_template_that_may_find_nothing_is_marked_with_a_default(owner: Browser, demo_brain: object):
    assert demo_brain
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
    mark = build_mark(
        ValidationProblem(path, "Prompt “a”, Line 3: “b” has no “c”.", "x", line, fix="Did you mean “d”?")
    )
    assert (mark.field if mark else "") == field
    if mark:
        assert (mark.message, mark.wrong_text, mark.replacement) == ("“b” has no “c”.", "c", "d")
