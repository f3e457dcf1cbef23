"""The pure parts of the try panel: the marked excerpt, the budget card, effects in words, settings read back."""

import pytest
from werkzeug.datastructures import MultiDict

from app.admin import budget, confinement, effect_words, excerpts, settings_form
from app.admin.script_reference import REFERENCE
from app.brains import effects, limits
from app.brains.confined import context, memory_view
from app.brains.confined.guards import ATTRIBUTES
from app.brains.sandbox import Level

LINES = ("2: a = 1", "3:     b = ctx.repyl(a)", "4: ")


@pytest.mark.parametrize(
    ("column", "end", "marked"),
    [(9, 18, "ctx.repyl"), (9, None, "ctx.repyl"), (9, 9, "ctx.repyl"), (None, None, "b = ctx.repyl(a)"),
     (900, 950, ""), (18, 19, "(")],
)  # fmt: skip
def test_the_faulty_part_of_a_line_is_marked(column: int | None, end: int | None, marked: str):
    before, faulty, after = excerpts.code_lines(LINES, 3, column, end)
    assert (before.number, before.before, before.faulty) == (2, "a = 1", False)
    assert faulty.marked == marked
    assert faulty.before + faulty.marked + faulty.after == "    b = ctx.repyl(a)"
    assert (after.number, after.before) == (4, "")


def test_an_excerpt_that_is_none_shows_nothing():
    assert excerpts.code_lines(("no number",), 1) == []


def test_the_budget_card_has_a_line_for_each_limit_and_a_dash_for_what_is_unknown():
    lines = {line.title: line for line in budget.card({"cpu_ms": 220.0, "effects": 40, "memory_mb": 0.4})}
    assert len(lines) == len(limits.CARD)
    assert (lines["Time"].used, lines["Time"].allowed, lines["Time"].tone) == ("220", "250", "warn")
    assert (lines["Effects"].share, lines["Effects"].tone) == (100, "bad")
    assert (lines["Memory"].used, lines["Memory"].share) == ("0.40", 1)
    assert lines["Printed text"].used == "–"


def test_every_effect_has_words():
    decided = [
        effects.Remember("brain", "open", value=True, ttl=None),
        effects.Increment("chat", "points", -2),
        effects.Forget("contact", "city"),
        effects.Cancel("tea"),
        effects.Handoff(),
        effects.Schedule("c1", 5_400_000, {"n": 1}),
        effects.Cool("c1", "contact:7", 60_000),
        effects.React("👍"),
        effects.React(""),
    ]
    assert [each.words for each in effect_words.shown(decided, {"c1": "Remind"}, 0)] == [
        "Remembers open = true for everybody",
        "Takes 2 from points for this chat",
        "Forgets city for this contact",
        "Cancels what is scheduled as “tea”",
        "Hands over to a person",
        "Runs “Remind” in 1 h 30 min with n = 1",
        "Rests for this contact for 1 min",
    ]
    assert effect_words.reactions(decided) == []
    assert effect_words.value_words("x" * 500).endswith("…")


def test_the_reference_names_what_a_script_has_and_leaves_nothing_out():
    shown = {entry.path for section in REFERENCE for entry in section.entries}
    assert {path.split(".")[0] for path in shown} == ATTRIBUTES[context.Context]
    for path, kind in (("memory", memory_view.Memory), ("http", context.Http)):
        methods = {name.partition(".")[2] for name in shown if name.startswith(f"{path}.")}
        assert methods == ATTRIBUTES[kind]
    for section in REFERENCE:
        for entry in section.entries:
            assert f"ctx.{entry.path}" in entry.example


def test_grants_are_read_and_fields_the_form_does_not_know_stay():
    form = MultiDict(
        {"part": "grants", "grant_memory": "on", "memory_entries": "80", "grant_http": "on", "strict": "on",
         "http_allow": "API.example.com\n\n other.example.org "}
    )  # fmt: skip
    draft = settings_form.edited(form)(
        {"title": "T", "settings": {"language": "en"}, "grants": {"memory": {"new": 1}, "media": {}}}
    )
    assert draft["settings"] == {"language": "en", "strict": True}
    assert draft["grants"] == {
        "memory": {"new": 1, "max_entries": 80},
        "http": {"allow": ["api.example.com", "other.example.org"]},
        "ai": None,
        "media": None,
        "schedule": None,
    }
    shown = settings_form.grants_of(draft)
    assert (shown["memory"]["given"], shown["media"]["given"], shown["ai"]["monthly_tokens"]) == (
        True,
        False,
        1_000_000,
    )


def test_what_is_not_written_is_shown_as_given_or_not_as_a_brain_has_it():
    shown = settings_form.grants_of({})
    assert [name for name, each in shown.items() if each["given"]] == ["memory", "media", "schedule"]


class _Fixed:
    """A sandbox of a known level: kernels that lack a wall are not at hand."""

    mode = "strict"

    def __init__(self, name: str) -> None:
        self._name = name

    def level(self) -> Level:
        return Level(
            self._name,
            namespaces=False,
            landlock=0,
            seccomp=self._name != "none",
            notes=("no user namespaces",),
        )


@pytest.mark.parametrize(
    ("name", "tone"), [("full", "good"), ("hardened", "good"), ("basic", "warn"), ("none", "bad")]
)
def test_a_missing_wall_is_named_with_what_to_do(name: str, tone: str):
    told = confinement.told(_Fixed(name))  # pyright: ignore[reportArgumentType]
    assert told.tone == tone
    assert told.missing == ("no user namespaces",)
    assert bool(told.remedy) == (name != "full")
    assert told.mode == "Every run gets a process of its own."
