"""Prompts: what is asked, by commands and by scripts; what people write is data; replays ask nobody."""

from concurrent.futures import Future
from typing import Any

import pytest

from app.brains import limits
from app.brains.ai.contract import AiAnswer, ProviderError
from app.brains.capabilities.ai import Ai
from app.brains.capabilities.contract import CallRefusal
from app.brains.document.schema import Document
from app.brains.document.validation import find_problems
from app.brains.effects.model import Reply
from app.brains.runtime.program import compile_program
from app.brains.runtime.prompts import build_past_messages, build_plain_call
from app.brains.runtime.replay import replay
from app.brains.runtime.runtime import RunRequest, Runtime

ASSISTANT = {
    "name": "assistant",
    "system": "You help {{ sender.name }}. {{ vars.tone|default('') }}",
    "user": "{{ message.text }}",
    "temperature": 0.5,
}


class FakeModel:
    """A provider that notes what it is asked."""

    def __init__(self, text: str = "fine", fails: str = "") -> None:
        self.text, self.fails = text, fails
        self.asked: list[Any] = []

    def complete(self, request: Any) -> AiAnswer:
        self.asked.append(request)
        if self.fails:
            raise ProviderError("upstream", self.fails)
        return AiAnswer(self.text, "p", "m", 1, 1)


def build_document(*commands: dict[str, Any], prompts: Any = (ASSISTANT,), **more: Any) -> dict[str, Any]:
    listed = [
        {"id": f"c{n}", "name": f"c{n}", "trigger": {"kind": "fallback"}, **command}
        for n, command in enumerate(commands)
    ]
    return {
        "brain": "test", "title": "Test", "grants": {"ai": {}}, "prompts": list(prompts), "commands": listed, **more,
    }  # fmt: skip


def build_prompt_command(name: str = "assistant", **more: Any) -> dict[str, Any]:
    return {"action": {"kind": "prompt", "prompt": name, **more}}


def build_script_command(source: str, **more: Any) -> dict[str, Any]:
    return {"action": {"kind": "script", "source": source}, **more}


@pytest.fixture
def run(sandbox, turn):
    def go(data: dict[str, Any], model: Any, text: str = "Hi", **changes: Any):
        program = compile_program(1, 1, data)
        request = RunRequest(program, turn(text, **changes), {"ai": Ai(model)})
        (ending,) = Runtime(sandbox).run_many([request])
        return ending.result(20) if isinstance(ending, Future) else ending

    return go


def test_a_prompt_is_rendered_asked_and_answered(run):
    model = FakeModel()
    outcome = run(build_document(build_prompt_command()), model, "Where is it?")
    assert outcome.effects == (Reply("fine"),)
    (asked,) = model.asked
    assert asked.messages == [
        {"role": "system", "content": "You help Ama."},
        {"role": "user", "content": "Where is it?"},
    ]
    assert (asked.temperature, asked.max_tokens, asked.model) == (0.5, 400, None)


@pytest.mark.parametrize(
    "text",
    ["{{ 7 * 7 }}", "{% for x in range(9) %}a{% endfor %}", "{prompt} {{ sender }}", "<|im_start|>system"],
)
def test_what_a_person_writes_is_never_read_as_a_template(run, text):
    model = FakeModel()
    run(build_document(build_prompt_command()), model, text)
    assert model.asked[0].messages[-1]["content"] == text
    model = FakeModel()
    run(
        build_document(
            build_script_command('ctx.reply(ctx.ai("Say {a} and {b}", a=ctx.message.text, b="{a}"))')
        ),
        model,
        text,
    )
    assert model.asked[0].messages[-1]["content"] == f"Say {text} and {{a}}"


def test_a_script_asks_a_prompt_by_its_name_with_values(run):
    model = FakeModel("Sure")
    source = 'ctx.reply(ctx.ai("assistant", tone="Be {{ kind }}."))'
    assert run(build_document(build_script_command(source)), model).effects == (Reply("Sure"),)
    assert model.asked[0].messages[0]["content"] == "You help Ama. Be {{ kind }}."


MARKDOWN = "# Hours\n**Open** [here](https://example.com) `**code**`"
SHOWN = "*Hours*\n*Open* here (https://example.com) `**code**`"


def test_a_script_sends_what_a_prompt_command_sends(run):
    script = run(build_document(build_script_command('ctx.reply(ctx.ai("Ask"))')), FakeModel(MARKDOWN))
    prompt = run(build_document(build_prompt_command()), FakeModel(MARKDOWN))
    assert script.effects == prompt.effects == (Reply(SHOWN),)


@pytest.mark.parametrize("answer", ['{"name": "**Ada**", "n": [1]}', ' ["[a](https://b.example)"]'])
def test_an_answer_that_is_json_is_handed_to_a_script_as_it_is(run, answer):
    source = 'import json\ntext = ctx.ai("Ask")\njson.loads(text)\nctx.reply(text)'
    outcome = run(build_document(build_script_command(source)), FakeModel(answer))
    assert [each.text.strip() for each in outcome.effects] == [answer.strip()]


def test_runs_with_an_answer_of_the_ai_are_repeated_as_they_were(run, sandbox, turn):
    data = build_document(build_script_command('ctx.reply(ctx.ai("Ask"))'))
    outcome = run(data, FakeModel(MARKDOWN))
    program = compile_program(1, 1, data)
    assert outcome.journal["calls"][0]["v"] == MARKDOWN
    assert replay(program, turn("Hi"), outcome.journal, sandbox).digest == outcome.digest
    # A run from before answers were formatted has no mark.
    (call,) = outcome.journal["calls"]
    before = {**outcome.journal, "calls": [{name: call[name] for name in ("m", "a", "ok", "v")}]}
    again = replay(program, turn("Hi"), before, sandbox)
    assert again.effects == (Reply(MARKDOWN),)
    assert again.journal["calls"] == before["calls"]


def test_a_command_can_call_one_that_asks(run):
    source = 'ctx.call("c1")\nctx.reply("done")'
    data = build_document(build_script_command(source), build_prompt_command())
    assert run(data, FakeModel()).effects == (Reply("fine"), Reply("done"))


def test_past_turns_go_along_and_are_kept_for_a_replay(run, sandbox, turn):
    data = build_document(build_prompt_command(), prompts=[{**ASSISTANT, "memory": {"turns": 1}}])
    past = (("user", "one"), ("assistant", "first"), ("user", "two"), ("assistant", "second"))
    model = FakeModel()
    outcome = run(data, model, "three", past=past)
    assert [each["content"] for each in model.asked[0].messages[1:]] == ["two", "second", "three"]
    again = replay(compile_program(1, 1, data), turn("three"), outcome.journal, sandbox)
    assert (again.digest, again.effects) == (outcome.digest, outcome.effects)
    assert len(model.asked) == 1


def test_a_replay_of_another_prompt_says_so_and_asks_nobody(run, sandbox, turn):
    outcome = run(build_document(build_prompt_command()), FakeModel(), "Hi")
    changed = build_document(build_prompt_command(), prompts=[{**ASSISTANT, "system": "Other"}])
    again = replay(compile_program(1, 1, changed), turn("Hi"), outcome.journal, sandbox)
    assert again.status == "failed"


def test_past_messages_alternate_and_have_a_limit():
    past = [("assistant", "note"), ("user", "a"), ("user", "b"), ("assistant", "c"), ("user", "d")]
    assert [m["content"] for m in build_past_messages(past, 9)] == ["note", "a\nb", "c", "d"]
    assert [m["content"] for m in build_past_messages(past, 2)] == ["a\nb", "c", "d"]
    assert build_past_messages(past, 0) == []
    long = [("user", "x" * limits.AI_PAST_CHARS), ("assistant", "y"), ("user", "z")]
    assert [m["content"] for m in build_past_messages(long, 9)] == ["y", "z"]


def test_an_answer_too_long_for_a_message_is_cut_where_words_end(run):
    outcome = run(build_document(build_prompt_command()), FakeModel("word " * 1_600))
    texts = [effect.text for effect in outcome.effects]
    assert len(texts) == 2
    assert all(len(text) <= limits.REPLY_CHARS and text.endswith("word") for text in texts)
    assert " ".join(texts) == ("word " * 1_600).strip()


def test_without_an_answer_the_command_fails_or_says_something_else(run):
    failed = run(build_document(build_prompt_command()), FakeModel(fails="It sleeps."))
    assert (failed.status, failed.sandbox_error.kind, failed.error) == ("failed", "call", "It sleeps.")
    said = run(build_document(build_prompt_command(otherwise="Ask me later.")), FakeModel(fails="It sleeps."))
    assert said.effects == (Reply("Ask me later."),)
    assert "It sleeps." in said.trace.reason


def test_without_the_grant_nobody_is_asked(run):
    model = FakeModel()
    outcome = run(build_document(build_prompt_command(), grants={}), model)
    assert outcome.status == "failed"
    assert "Switch “ai” on" in outcome.error
    assert model.asked == []


def test_a_prompt_with_an_error_names_part_and_line(run):
    outcome = run(
        build_document(build_prompt_command(), prompts=[{**ASSISTANT, "system": "\n{{ nobody.there }}"}]),
        FakeModel(),
    )
    assert (outcome.status, outcome.sandbox_error.line, outcome.trace.part) == ("failed", 2, "system")
    source = 'ctx.ai("assistant")'
    data = build_document(build_script_command(source), prompts=[{**ASSISTANT, "user": "{{ vars.x }}"}])
    assert "“assistant” failed (user, line 1)" in run(data, FakeModel()).error


def test_an_empty_prompt_asks_nobody(run):
    model = FakeModel()
    assert "came out empty" in run(build_document(build_prompt_command()), model, "  ").error
    assert model.asked == []


def test_a_question_that_is_too_long_is_refused():
    with pytest.raises(CallRefusal):
        build_plain_call({"prompt": "{a}{a}", "variables": {"a": "x" * 20_000}})
    with pytest.raises(CallRefusal):
        build_plain_call({"prompt": "a", "variables": {str(n): n for n in range(26)}})


def test_problems_of_prompts_are_named(sandbox):
    data = build_document(build_prompt_command("nobody"), prompts=[{**ASSISTANT, "user": "{{ oh"}])
    found = {
        each.path: each for each in find_problems(data, lambda sources: sandbox.check("draft:1", sources))
    }
    assert found["commands.0.action.prompt"].command_id == "c0"
    assert found["prompts.0.user"].line == 1
    twice = find_problems(build_document(build_prompt_command(), prompts=[ASSISTANT, ASSISTANT]))
    assert "two prompts have the name" in twice[0].message.lower()


def test_an_unknown_prompt_fails_with_words(run):
    assert "does not exist" in run(build_document(build_prompt_command("nobody")), FakeModel()).error


def test_a_brain_that_never_asks_wants_no_past(brain):
    plain = compile_program(1, 1, brain(({"kind": "fallback"}, "hello")))
    assert plain.past_turns == 0
    asks = compile_program(
        1, 1, build_document(build_prompt_command(), prompts=[{**ASSISTANT, "memory": {"turns": 3}}])
    )
    assert asks.past_turns == 3


def test_prompts_stay_as_written():
    data = build_document(
        build_prompt_command(otherwise="x"), prompts=[{**ASSISTANT, "memory": {"turns": 3}, "model": "m"}]
    )
    stored = Document.model_validate(data).model_dump(mode="json", exclude_defaults=True)
    assert stored["prompts"] == data["prompts"]
