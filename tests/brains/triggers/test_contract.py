"""Every kind of trigger keeps the seam, and takes any text without failing."""

import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from werkzeug.datastructures import MultiDict

from app.admin.workbench import command_form, command_view
from app.brains.triggers import KINDS
from app.brains.triggers.contract import Match, TriggerConfig, build_match_input
from app.brains.turn import Sender, Turn
from tests.brains.scratch import run_with_module


def build_config(kind, **changes: Any):
    return KINDS[kind].Config.model_validate({"kind": kind, **KINDS[kind].sample_settings, **changes})


def build_input(text, prefixes=("!",), **changes: Any):
    return build_match_input(Turn(1, "text", text, Sender("u"), 1, 0, 0, 0, **changes), prefixes)


def matches(kind, text, **changes: Any):
    return KINDS[kind].match(build_config(kind, **changes), build_input(text))


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_of_trigger_keeps_the_contract(kind):
    trigger = KINDS[kind]
    assert trigger.kind == kind
    assert trigger.title
    assert issubclass(trigger.Config, TriggerConfig)
    assert trigger.explain(build_config(kind)).startswith("expects ")
    assert trigger.traits.field in {"", *trigger.Config.model_fields}
    is_written = trigger.traits.takes_arguments and not trigger.traits.is_internal
    assert trigger.sample(build_config(kind), "!") or not is_written


@pytest.mark.parametrize("kind", KINDS)
def test_the_editor_draws_every_field_in_words_and_reads_it_back(kind):
    settings_given = build_config(kind).model_dump(mode="json")
    fields = command_view.list_trigger_fields(settings_given)
    assert {field.name for field in fields} == set(KINDS[kind].Config.model_fields) - {"kind"}
    assert all(KINDS[kind].Config.model_fields[field.name].title == field.label for field in fields)
    form = MultiDict({f"t_{field.name}": str(field.value) for field in fields if field.value is not False})
    assert KINDS[kind].Config.model_validate(command_form.read_trigger(form, kind)) == build_config(kind)


@pytest.mark.parametrize("kind", KINDS)
@given(text=st.text(max_size=300), choice=st.none() | st.text(max_size=30))
@settings(max_examples=60, deadline=None)
def test_any_text_matches_or_not_but_never_fails(kind, text, choice):
    said = build_match_input(Turn(1, "text", text, Sender("u"), 1, 0, 0, 0, choice_id=choice), ("!", "/"))
    found = KINDS[kind].match(build_config(kind), said)
    assert found is None or isinstance(found, Match)


@pytest.mark.parametrize("kind", KINDS)
def test_matching_a_very_long_text_takes_little_time(kind):
    said = build_input("hi" * 30_000 + " order " * 9_000)
    started = time.perf_counter()
    KINDS[kind].match(build_config(kind), said)
    assert time.perf_counter() - started < 0.5


@given(
    st.sampled_from(["echo", "ECHO", "say", "SAY"]),
    st.text(alphabet=st.characters(exclude_categories=["Cs", "Cc"])),
)
def test_a_command_word_leaves_the_rest_for_its_arguments(word, rest):
    found = matches("command", f"!{word} {rest}")
    assert found
    assert found.rest == rest.strip()


@pytest.mark.parametrize("text", ["echo hi", "! ", "!", "!echoes", "?echo", "hello !echo"])
def test_other_texts_are_no_command(text):
    assert matches("command", text) is None


def test_the_longest_prefix_wins_and_a_space_may_follow_it():
    assert build_input("!!echo hi", ("!", "!!")).word == "echo"
    assert build_input("! echo hi").word == "echo"
    assert build_input("echo hi", ("",)).word == "echo"


@pytest.mark.parametrize(
    ("kind", "text", "changes", "fired"),
    [
        ("exact", " HI THERE ", {}, True),
        ("exact", "hi there!", {}, False),
        ("exact", "hi there", {"ignore_case": False}, False),
        ("exact", "Hi there", {"ignore_case": False}, True),
        ("exact", "cafe\u0301", {"texts": ["CAFÉ"]}, True),
        ("starts_with", "Hey, you", {}, True),
        ("starts_with", "oh hey", {}, False),
        ("contains", "oh HI!", {}, True),
        ("contains", "this is", {}, False),
        ("contains", "this is", {"whole_word": False}, True),
        ("contains", "this, hi", {}, True),
        ("contains", "die STRASSE", {}, True),
        ("contains", "oh HI", {"ignore_case": False}, False),
        ("regex", "My ORDER 12", {}, True),
        ("regex", "my order", {}, False),
        ("regex", "MY ORDER 12", {"ignore_case": False}, False),
        ("exact", "I don’t know", {"texts": ["i don't know"]}, True),
        ("exact", "I don't know", {"texts": ["i don’t know"], "ignore_case": False}, False),
        ("exact", "I don't know", {"texts": ["I don’t know"], "ignore_case": False}, True),
        ("contains", "I don´t know", {"texts": ["don't"], "whole_word": True}, True),
        ("contains", "say “hi”", {"texts": ['"hi"'], "whole_word": False}, True),
        ("exact", "٣", {"texts": ["3"]}, True),
        ("exact", "3", {"texts": ["३"]}, True),
        ("exact", "３", {"texts": ["3"], "ignore_accents": True}, True),
        ("regex", "My order ١٢", {}, True),
        ("regex", "I don’t", {"pattern": "don't"}, True),
        ("regex", "I don’t", {"pattern": "don’t"}, True),
        ("regex", "I don't", {"pattern": "don’t"}, False),
        ("regex", "٣", {"pattern": "^[٠-٩]$"}, True),
        ("fallback", "", {}, True),
    ],
)
def test_texts_that_fire_and_texts_that_do_not(kind, text, changes, fired):
    assert (matches(kind, text, **changes) is not None) is fired


def test_a_beginning_leaves_the_rest_for_arguments_and_the_longest_wins():
    found = matches("starts_with", "HEY YOU  there")
    assert found
    assert (found.rest, found.text) == ("there", "HEY YOU")


def test_a_pattern_hands_its_captures_on():
    found = matches("regex", "order 12 please")
    assert found
    assert (found.groups, found.named, found.text) == (("12", ""), {"number": "12"}, "order 12")


@pytest.mark.parametrize("pattern", ["(", "a{2000}", r"(?=x)", r"\1", "[z-a]"])
def test_a_pattern_that_cannot_be_read_is_refused_with_a_reason(pattern):
    with pytest.raises(ValueError, match="the pattern cannot be read"):
        build_config("regex", pattern=pattern)


def test_a_pattern_that_explodes_elsewhere_is_harmless():
    said = build_input("a" * 4_000 + "!")
    started = time.perf_counter()
    assert KINDS["regex"].match(build_config("regex", pattern="(a+)+$"), said) is None
    assert time.perf_counter() - started < 0.2


@pytest.mark.parametrize("chosen", [{"choice_id": "MENU"}, {"choice_title": "yes please"}])
def test_a_button_fires_on_its_id_and_on_its_title(chosen):
    assert KINDS["button"].match(build_config("button"), build_input("whatever", **chosen))
    assert KINDS["button"].match(build_config("button"), build_input("menu")) is None


@pytest.mark.parametrize(
    ("pattern", "text", "groups"),
    [
        ("iptal (.*)", "İPTAL Éva", ("Éva",)),
        ("^iptal$", "\u200eİptal", ()),
        ("strasse (\\d+)", "STRAẞE 12", ("12",)),
    ],
)
def test_a_pattern_that_ignores_case_knows_the_capitals_of_every_script(pattern, text, groups):
    found = matches("regex", text, pattern=pattern)
    assert found
    assert found.groups == groups
    assert matches("regex", text, pattern=pattern, ignore_case=False) is None


SCRATCH = '''
"""Fires on messages of so many characters."""

from typing import Annotated, Literal

from pydantic import Field

from app.brains.triggers.contract import Match, Sample, Traits, TriggerConfig, build_text_turn

kind = "length"
title = "Length"
traits = Traits(order=55, field="least")
sample_settings = {"least": 3, "sizes": ["3"]}


class Config(TriggerConfig):
    """How many characters."""

    kind: Literal["length"]
    least: int = Field(title="Shortest", description="In characters, spaces included.", ge=0)
    most: int | None = Field(default=None, title="Longest")
    sizes: Annotated[tuple[str, ...], Field(title="Exact sizes")] = ()
    odd: bool = Field(default=False, title="Odd ones only", description="1, 3, 5 and so on.")


def match(config, match_input):
    return Match() if len(match_input.text) >= config.least else None


def explain(config):
    return "expects a message of some length"


def sample(config, prefix):
    return "x" * config.least


def list_samples(config, prefixes):
    return [Sample(str(config.least), "least", (build_text_turn("x" * config.least),))]
'''
SHOW_SCRATCH = """
from types import SimpleNamespace

from flask import Flask, render_template
from werkzeug.datastructures import MultiDict

from app.admin.brains.compare import get_label
from app.admin.workbench import command_form, command_view
from app.brains.examples import suggest_messages
from app.brains.lint import lint
from app.brains.runtime.program import compile_program
from app.brains.runtime.selection.command_choice import choose
from app.brains.triggers.contract import build_text_turn

kinds = [kind for kind, _ in command_view.list_trigger_kinds({}, "")]
print(kinds.index("button") < kinds.index("length") < kinds.index("regex"))
form = MultiDict({"t_least": " 3 ", "t_most": "", "t_sizes": "3\\n4", "t_odd": "on"})
trigger = command_form.read_trigger(form, "length")
print(trigger)
print([(field.label, field.type, field.value, field.help) for field in command_view.list_trigger_fields(trigger)])
print(command_view.get_trigger_help(trigger), command_view.describe_trigger({"trigger": trigger}))
print(get_label("trigger.least"))
command = {"id": "c", "name": "C", "trigger": trigger, "action": {"kind": "reply", "template": "Hi"}}
document = {"brain": "b", "title": "B", "commands": [command]}
print(suggest_messages(document))
print(choose(compile_program(0, 0, document), build_text_turn("abc"))[0].entry.command.id)
print([finding.code for finding in lint(document, lambda sources: [() for _ in sources])])

editor = SimpleNamespace(
    command=command,
    trigger_kinds=command_view.list_trigger_kinds({}, ""),
    trigger_fields=command_view.list_trigger_fields(trigger),
    trigger_help=command_view.get_trigger_help(trigger),
)
app = Flask("app", root_path="app")
app.jinja_env.globals["url_for"] = lambda *_names, **_values: "#"
with app.app_context():
    page = render_template("workbench/trigger.html", editor=editor, brain=SimpleNamespace(slug="b"))
print([each in page for each in (
    '<option value="length" selected>Length</option>',
    '<label class="form-label" for="t_least">Shortest</label>',
    'name="t_least" value="3" maxlength="1000" aria-describedby="t_least_help trigger-help" inputmode="numeric"',
    '<p class="form-hint" id="t_least_help">In characters, spaces included.</p>',
    'name="t_odd" checked',
    "1, 3, 5 and so on.",
)])
"""


def test_a_new_kind_is_one_new_file(tmp_path):
    module = tmp_path / "length.py"
    module.write_text(SCRATCH)
    assert run_with_module("app.brains.triggers", module, SHOW_SCRATCH).splitlines() == [
        "True",
        "{'kind': 'length', 'least': 3, 'sizes': ['3', '4'], 'odd': True}",
        (
            "[('Shortest', 'number', 3, 'In characters, spaces included.'), ('Longest', 'number', '', ''), "
            "('Exact sizes', 'lines', '3\\n4', ''), ('Odd ones only', 'flag', True, '1, 3, 5 and so on.')]"
        ),
        "How many characters. Length: 3",
        "Shortest",
        "['xxx']",
        "c",
        "[]",
        "[True, True, True, True, True, True]",
    ]


@pytest.mark.parametrize("kind", KINDS)
def test_the_samples_of_a_kind_fire_it(kind):
    trigger, made = KINDS[kind], build_config(kind)
    samples = trigger.list_samples(made, ("!",))
    assert samples or trigger.traits.is_internal
    for sample in samples:
        assert sample.turns
        assert all(trigger.match(made, build_match_input(turn, ("!",))) for turn in sample.turns)
    text = trigger.sample(made, "!")
    if text:
        pressed = build_input(text, choice_title=text)
        assert trigger.match(made, pressed)


def test_the_editor_lists_kinds_in_an_order_without_ties():
    orders = [kind.traits.order for kind in KINDS.values()]
    assert len(orders) == len(set(orders))
    assert [kind for kind in KINDS.values() if kind.traits.is_last] == [KINDS["fallback"]]


@pytest.mark.parametrize(
    ("texts", "text", "rest"),
    [
        (["straße"], "STRASSE 12", "12"),
        (["STRASSE"], "straße 12", "12"),
        (["İptal"], "iptal lütfen Ağa", "lütfen Ağa"),
        (["cafe\u0301"], "Café  au lait", "au lait"),
        (["❤"], "❤\ufe0f you", "you"),
        (["予約"], "予約２名", "２名"),
        (["ok"], "\u200eO\u200dK then", "then"),
        (["order 12"], "Order ١٢ “now”", "“now”"),
        (["don't"], "Don’t ask ٣ times", "ask ٣ times"),
    ],
)
def test_what_follows_a_beginning_is_cut_from_what_was_written(texts, text, rest):
    found = matches("starts_with", text, texts=texts)
    assert found is not None
    assert found.rest == rest
    assert text.strip().startswith(found.text)


@pytest.mark.parametrize(
    "sign", ["\u200e", "\u200f", "\u202b", "\u2068", "\ufeff", "\u200b", "\u00ad", "\ufe0f"]
)
def test_signs_nobody_sees_stop_no_trigger(sign):
    assert matches("command", f"{sign}!{sign}echo{sign} a{sign}b").rest == f"a{sign}b"
    assert matches("exact", f"{sign}Hi {sign}there{sign}")
    assert matches("exact", f"{sign}Hi there", ignore_case=False)
    assert matches("contains", f"oh h{sign}i you")
    assert matches("starts_with", f"{sign}hey you")
    assert matches("regex", f"{sign}order 1", pattern=r"^order (\d)$").groups == ("1",)
    pressed = build_input("x", choice_id="y", choice_title=f"{sign}Yes please{sign}")
    assert KINDS["button"].match(build_config("button"), pressed)


def test_a_trigger_of_signs_nobody_sees_never_matches():
    for kind, field in (
        ("contains", "texts"),
        ("starts_with", "texts"),
        ("exact", "texts"),
        ("command", "words"),
    ):
        assert matches(kind, "!", **{field: ["\u200e"]}) is None


@pytest.mark.parametrize(
    ("word", "text", "fires"),
    [
        ("काम", "कामी", False),
        ("काम", "यह काम है", True),
        ("你好", "你好吗", True),
        ("กา", "กาแฟ", True),
        ("ок", "окно", False),
        ("hi", "hi_there", False),
        ("cafe", "cafe\u0301", False),
    ],
)
def test_whole_words_are_words_in_every_script(word, text, fires):
    assert bool(matches("contains", text, texts=[word])) is fires


def test_accents_count_unless_the_trigger_ignores_them():
    assert matches("exact", "creme brulee", texts=["Crème brûlée"]) is None
    assert matches("exact", "creme brulee", texts=["Crème brûlée"], ignore_accents=True)
    assert matches("starts_with", "Café noir", texts=["cafe"], ignore_accents=True).rest == "noir"


def test_groups_of_a_pattern_are_cut_from_what_was_written():
    found = matches("regex", "\u200eOrder ＃\u202a12\u202c", pattern=r"^order #(\d+)$")
    assert found.groups == ("12\u202c",)
    found = matches("regex", "Ship ١٢ of “it’s”", pattern=r"ship (?P<n>\d+) of \"(.*)\"$")
    assert (found.groups, found.named) == (("١٢", "it’s"), {"n": "١٢"})


def test_a_command_word_and_a_button_take_the_signs_of_any_keyboard():
    assert matches("command", "!what’s ٣", words=["what's"]).rest == "٣"
    assert matches("command", "!order١٢", words=["order12"])
    pressed = build_input("x", choice_id="", choice_title="I’m in")
    assert KINDS["button"].match(build_config("button", ids=["i'm in"]), pressed)
