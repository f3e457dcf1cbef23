"""What a template can do in the sandbox, and what it says when it cannot."""

from typing import Any

import pytest

from app.brains.confined import script, template
from app.brains.confined.language import LanguageError, LimitReachedError, OutOfTimeError
from app.brains.confined.report import describe


def render(source, **changes: Any):
    code, _ = template.compile_template(source)
    return template.LANGUAGE.run(
        template.LANGUAGE.load(code), {**script.build_sample(), **changes}, lambda *_: None
    )["text"]


def describe_failure(source):
    with pytest.raises(Exception) as caught:
        render(source)
    return describe(caught.value, template.TEMPLATE_FILE)


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("Hello {{ sender.name }}", "Hello Ama"),
        ("{{ args.name|upper }}", "AMA"),
        ("{{ memory.visits }} {{ chat.memory.topic }} {{ brain.memory.open }}", "3 soup True"),
        ("{{ memory.nothing|default('-') }}", "-"),
        ("{{ chat.id }} {{ memory.deep.deeper|default('-') }}", "1 -"),
        ("{% for x in range(3) %}{{ loop.index }}{% endfor %}", "123"),
        ("{{ clock is defined }}{{ seed is defined }}{{ grants is defined }}", "FalseFalseFalse"),
        ("{{ sender.get }}", "<built-in method get of dict object at 0x0>"),
    ],
)
def test_a_template_is_rendered(source, text):
    memory = {"contact": {"visits": 3}, "chat": {"topic": "soup"}, "brain": {"open": True}}
    assert render(source, memory=memory) == text


def test_compiled_code_can_be_loaded_again_and_again():
    code, count = template.compile_template("{{ sender.name }}")
    assert count > 2
    loaded = [template.LANGUAGE.load(code) for _ in range(2)]
    assert [template.LANGUAGE.run(each, script.build_sample(), lambda *_: None) for each in loaded] == [
        {"text": "Ama"}
    ] * 2


@pytest.mark.parametrize(
    ("source", "line"),
    [
        ("one\n\n{{ sender.nmae }}", 3),
        ("{% if true %}\n  {{ 1 / 0 }}\n{% endif %}", 2),
        ("{% for x in [1] %}\na\n{{ x.y.z }}\n{% endfor %}", 3),
        ("{% macro m(x) %}\n{{ x + 1 }}\n{% endmacro %}\n{{ m('a') }}", 2),
    ],
)
def test_an_error_has_the_templates_own_line(source, line):
    assert describe_failure(source)["trace"][-1][1:] == [line, None, None]


def test_a_missing_name_is_told_with_what_there_is():
    assert describe_failure("{{ sendr.name.first }}")["name"] == "sendr"
    assert "sender" in describe_failure("{{ sendr }}")["known"]
    assert describe_failure("{{ sender.nmae }}")["known"] == ["id", "name", "phone"]
    assert describe_failure("{{ memory.visits }}")["known"] == []


@pytest.mark.parametrize(
    ("source", "kind", "line"),
    [
        ("a\n{{ (", "syntax", 2),
        ("a\n{% include 'x' %}", "rule", 2),
        ("{{ " + "(" * 50 + ")" * 50 + " }}", "limit", 1),
        ("\n{{ 1" + "|string" * 60 + " }}", "limit", 2),
        ("x" * 30_000, "limit", None),
        ("{{ 1 }}" * 4_000, "limit", None),
    ],
)
def test_a_refusal_says_its_kind_and_line(source, kind, line):
    with pytest.raises(LanguageError) as caught:
        template.compile_template(source)
    assert caught.value.kind == kind
    assert line is None or caught.value.line == line


@pytest.mark.parametrize(
    "source",
    [
        "{{ 'a' * 10 ** 7 }}",
        "{{ 9 ** 99999 }}",
        "{% for x in range(10 ** 6) %}{% endfor %}",
        "{% for x in range(9999) %}{{ 'a' * 99 }}{% endfor %}",
    ],
)
def test_a_template_has_bounds(source):
    with pytest.raises(LimitReachedError):
        render(source)


def test_a_time_limit_that_rings_between_two_pieces_still_has_a_line():
    code, _ = template.compile_template("one\n{% for x in range(9) %}\n{{ x }}\n{% endfor %}")

    loaded = template.LANGUAGE.load(code)
    stream = loaded.generate(template.build_variables(script.build_sample()))
    next(stream)
    next(stream)
    with pytest.raises(OutOfTimeError) as caught:
        stream.throw(OutOfTimeError())
    assert describe(caught.value, template.TEMPLATE_FILE)["trace"][-1][1] in {2, 3}
