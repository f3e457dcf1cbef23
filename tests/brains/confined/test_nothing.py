"""What was left out never reaches a customer as the word None."""

import pytest

from app.brains.confined.jinja_policy import build_environment


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("Hi {{ args.name }}!", "Hi !"),
        ("{{ args.name|default('you') }}", "you"),
        ("{{ args.name|d('you', true) }}", "you"),
        ("{{ args.name or 'you' }}", "you"),
        ("{{ 'Hi ' ~ args.name ~ '!' }}", "Hi !"),
        ("{{ args.name|upper }}|{{ args.name|title }}|{{ args.name|trim }}|{{ args.name|string }}", "|||"),
        ("{{ args.name|replace('a', 'b') }}{{ args.name|length }}", "0"),
        ("{% if args.name is none %}none{% endif %}", "none"),
        ("{% set who = args.name %}{{ who }}", ""),
        ("{{ args.zero }}{{ args.no }}", "0False"),
        ("{{ [args.name, 'Ada', none]|join(', ') }}", "Ada"),
        ("{{ ['a', 'b']|join(args.name) }}{{ [args.name]|join }}", "ab"),
        ("{{ [{'n': 'x'}, {'n': none}]|join('-', attribute='n') }}", "x"),
        ("{{ 'a-b-a'|replace('a', args.name) }}{{ 'ab'|replace(args.name, 'x') }}", "-b-ab"),
        ("{{ 'aaa'|replace('a', 'b', 2) }}{{ [1, 2]|join('|') }}", "bba1|2"),
    ],
)
def test_an_argument_left_out_is_empty(template, text):
    made = build_environment().from_string(template)
    assert made.render(args={"name": None, "zero": 0, "no": False}) == text
