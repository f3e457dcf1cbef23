"""Texts that scripts and templates make: people's words stay as they are, and no address of an object gets out."""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.brains.confined import template
from tests.brains.confined.test_script import describe_failure, run
from tests.brains.confined.test_template import render

WORDS = st.one_of(
    st.from_regex(r"[a-z ]{0,6} at 0x[0-9a-fA-F]{1,12}[a-z ]{0,6}", fullmatch=True), st.text(max_size=20)
)
_ADDRESS = re.compile(r"0x[0-9a-fA-F]{4,}")
# Each is an object whose own text in Python has its address in it.
OBJECTS = (
    "print",
    "len",
    "ctx.reply",
    "ctx.memory.get",
    "'a'.upper",
    "[].append",
    "{}.items",
    "lambda: 1",
    "named",
    "map(str, [1])",
    "filter(None, [1])",
    "zip([1], [2])",
    "enumerate([1])",
    "reversed([1])",
    "(n for n in [1])",
    "re.search",
    "re.compile('a').search",
    "datetime.now",
    "ctx.now.strftime",
    "ctx.random.choice",
    "ctx.args.get",
    "str",
    "'a'.replace",
    "[1].index",
)
AROUND = (
    "{}",
    "[{}]",
    "({},)",
    "{{'a': {}}}",
    "{{{}: 1}}",
    "{{'a': [{{'b': {}}}]}}.values()",
    "{{'a': {}}}.items()",
    "{{{}}}",
    "frozenset([{}])",
    "slice({})",
    "ValueError({})",
    "KeyError({})",
    "ValueError('a', {})",
    "[ValueError([{}])]",
)
WRITTEN = (
    "str({})",
    "repr({})",
    "ascii({})",
    "f'{{{}}}'",
    "f'{{{}!r}}'",
    "f'{{{}!s:>9}}'",
    "'%s' % ({},)",
    "'%r' % [{}]",
    "'%(x)a' % {{'x': {}}}",
    "'-'.join(map(str, [{}]))",
    "[print({}), ''][1]",
)
_BEGINNING = "import re\nfrom datetime import datetime\ndef named():\n    pass\n"


@given(WORDS)
def test_words_that_look_like_an_address_leave_a_script_as_they_were(words: str):
    source = (
        "text = ctx.message.text\nctx.memory.set('x', {text: [text, str([text]), f'{text}', '%s' % text]})\n"
        "ctx.http.post('https://example.com', data=text)\nprint(text)\nctx.result([text, repr({text})])"
    )
    asked = []

    def call(_method, arguments):
        asked.append(arguments)
        return {"status": 200, "text": "", "headers": {}}

    message = {"text": words, "kind": "text", "id": "m", "timestamp": 0.0, "quoted": None, "media": None}
    left = run(source, call, message=message)
    assert left["ret"] == [words, repr({words})]
    assert left["fx"][0][3] == {words: [words, str([words]), words, words]}
    assert asked[0]["data"] == words


@given(WORDS)
def test_words_that_look_like_an_address_leave_a_template_as_they_were(words: str):
    source = "{{ message.text }}|{{ [message.text] }}|{{ message.text ~ '' }}"
    message = {"text": words, "kind": "text", "id": "m", "timestamp": 0.0}
    assert render(source, message=message) == f"{words}|{[words]}|{words}"
    fixed = "Pay at {{ '0xDEADBEEF' }} at 0xDEADBEEF"
    assert render(fixed) == "Pay at 0xDEADBEEF at 0xDEADBEEF"


@given(WORDS)
def test_words_that_look_like_an_address_stay_in_an_error(words: str):
    first = f"x{words}"
    message = {"text": first, "kind": "text", "id": "m", "timestamp": 0.0, "quoted": None, "media": None}
    assert describe_failure("raise ValueError(ctx.message.text)", message=message)["msg"] == first


@pytest.mark.parametrize("written", WRITTEN)
def test_no_object_shows_its_address_however_it_is_written(written: str):
    for around in AROUND:
        for made in OBJECTS:
            source = f"{_BEGINNING}made = {made}\nheld = {around.format('made')}\nctx.result({written.format('held')})"
            try:
                left = json.dumps(run(source))
            except (TypeError, ValueError) as error:
                left = str(error)
            assert not _ADDRESS.search(left), source


@pytest.mark.parametrize("made", OBJECTS)
@pytest.mark.parametrize(
    "failing",
    [
        "[1].index({})",
        "(1,).index({})",
        "{{}}[{}]",
        "{{}}.pop({})",
        "{{1}}.remove({})",
        "raise ValueError({})",
    ],
)
def test_no_error_shows_the_address_of_an_object(made: str, failing: str):
    source = f"{_BEGINNING}made = {made}\n"
    told = "except Exception as error:\n    ctx.result([str(error), repr(error)])"
    caught = f"try:\n    {failing.format('made')}\n{told}"
    assert not _ADDRESS.search(json.dumps(run(source + caught)))
    assert not _ADDRESS.search(json.dumps(describe_failure(source + failing.format("made"))))


def test_what_holds_itself_is_written_to_its_end():
    assert run("a = [print]\na.append(a)\nctx.result(str(a))")["ret"] == "[<function print at 0x0>, ...]"


def test_an_object_in_a_container_leaves_the_words_beside_it_alone():
    source = "ctx.result(str([print, 'Pay at 0xDEADBEEF']))"
    assert run(source)["ret"] == "[<function print at 0x0>, 'Pay at 0xDEADBEEF']"


@pytest.mark.parametrize(
    "source",
    [
        "{{ sender.get }}",
        "{{ [sender.get] }}",
        "{{ range }}{{ namespace }}",
        "{{ [1, 2]|select }}{{ [1]|reject }}{{ [1]|unique }}{{ [1, 2]|reverse }}{{ sender|items }}",
        "{{ message.text.upper ~ '' }}{{ message.text.split|string }}",
        "{% for x in [1] %}{{ loop }}{{ loop.cycle }}{{ loop.changed }}{% endfor %}",
        "{% macro m() %}{{ caller }}{{ m }}{% endmacro %}{% call m() %}{% endcall %}",
        "{{ self }}{{ [sender.items()] }}{{ {'a': sender.items}.values() }}",
        "{{ [sender.get]|join }}{{ sender.get|upper }}{{ sender.get|urlencode }}{{ sender.get|replace('a', 'b') }}",
        "{{ [[1].index]|first }}{{ namespace(a=sender.get) }}",
        "{{ [1, 2]|selectattr('x', 'undefined') }}{{ 'ab'|reverse }}",
    ],
)
def test_no_template_shows_an_address(source: str):
    assert not _ADDRESS.search(render(source))


def test_a_method_of_a_template_works_when_it_is_called():
    assert render("{{ 'a b'.split()|join('-') }}{{ [3, 4].index(4) }}{{ range(2)|list }}") == "a-b1[0, 1]"


def test_isinstance_knows_text_beside_other_types():
    source = "ctx.result([isinstance('a', str), isinstance('a', str | int), isinstance(1, (str, int))])"
    assert run(source)["ret"] == [True, True, True]
    assert run("ctx.result(isinstance(1, str))")["ret"] is False


def test_what_a_filter_leaves_over_is_a_list():
    compiled, _ = template.compile_template("{% if []|select %}yes{% else %}no{% endif %}")
    assert compiled
    assert render("{% if [0]|select %}yes{% else %}no{% endif %}") == "no"
