"""A text filled here is the one a sandbox process renders, and whatever may not be goes there."""

import random

import pytest

from app.brains import limits
from app.brains.runtime.program import compile_program
from app.brains.runtime.runtime import RunRequest, Runtime
from app.brains.sandbox import Sandbox
from app.brains.text_fill import read_text_fill
from app.brains.turn import Sender
from tests.brains.text_fill_fuzz import build_cases, compare


def test_random_templates_come_out_alike_here_and_in_a_sandbox_process(sandbox: Sandbox):
    rng, compared = random.Random(5), 0
    for _ in range(12):
        here, different = compare(build_cases(rng), Runtime(sandbox))
        assert not different
        compared += here
    assert compared > 100


@pytest.mark.parametrize(
    "template",
    [
        "{{ args.word }}", "a {{args.word}} b }} %} #}", "{{ message.text }}\u2028{{ sender.name }}",
        "{{ sender.phone }}",
        "{{ sender.id }} {{ args.items }} {{ args.if }}", "\n{{ args.word }}\n.",
    ],
)  # fmt: skip
def test_known_texts_in_a_text_are_filled_here(template: str):
    assert read_text_fill(template)


@pytest.mark.parametrize(
    "template",
    [
        "Hello", "{{ args }}", "{{ args.word|upper }}", "{{ args['word'] }}", "{{- args.word }}", "{{ args.word -}}",
        "{{ args.word }}\n", "a\r{{ args.word }}", "{{ args.word }}{% if 1 %}{% endif %}",
        "{{ args.word }} {# note #}",
        "{{{ args.word }}", "{{ message.kind }}", "{{ message.data }}", "{{ chat.id }}", "{{ memory.n }}",
        "{{ now.date }}",
        "{{ args.word ~ 'a' }}", "{{ args.word.x }}", "{{ args . word }}", "{{ args.wörd }}", "{{ args.word }}" * 51,
        "{{ 1 }}",
    ],
)  # fmt: skip
def test_anything_else_is_left_to_a_sandbox_process(template: str):
    assert read_text_fill(template) is None


def test_a_value_that_is_no_text_is_missing_or_too_long_is_left_to_a_sandbox_process(turn):
    fill = read_text_fill("{{ args.word }} {{ message.text }}")
    assert fill
    assert fill.fill(turn("b"), {"word": "a"}) == "a b"
    assert fill.fill(turn("b"), {"word": 5}) is None
    assert fill.fill(turn("b"), {}) is None
    assert fill.fill(turn("b"), {"word": "a" * limits.OUTPUT_CHARS}) is None
    phone = read_text_fill("{{ sender.phone }}")
    assert phone
    assert phone.fill(turn(sender=Sender("u", "Ama", None)), {}) == ""


@pytest.mark.parametrize(("measure", "is_filled"), [(False, True), (True, False)])
def test_the_trace_says_where_the_text_was_filled(
    sandbox: Sandbox, turn, brain, *, measure: bool, is_filled: bool
):
    program = compile_program(1, 1, brain(({"kind": "fallback"}, "Hello {{ sender.name }}")))
    (outcome,) = Runtime(sandbox).run_many([RunRequest(program, turn("x"), measure=measure)])
    assert outcome.effects[0].text == "Hello Ama"
    assert outcome.trace.is_filled == is_filled
    assert outcome.trace.to_json().get("filled", False) == is_filled
