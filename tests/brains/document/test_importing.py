"""An import worked out before it happens: what it makes, what it asks for, and what is refused."""

from itertools import count
from typing import Any

import pytest

from app.brains import exchange, merging, permits
from app.brains.document import content_hash
from app.brains.exchange import ImportRefused
from app.brains.gallery import demo_document, samples
from app.brains.importing import ADD, Wish, plan

API = {"http": {"allow": ["api.example.com", "b.example.com"]}}


def command(own: str, name: str = "", **more: Any) -> dict[str, Any]:
    action = {"kind": "reply", "template": own}
    trigger = {"kind": "exact", "texts": [own]}
    return {"id": own, "name": name or own.upper(), "trigger": trigger, "action": action, **more}


def brain(*commands: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"brain": "shop", "title": "Shop", "commands": list(commands), **more}


def numbers():
    numbered = count(1)
    return lambda: f"new{next(numbered)}"


def keys(wanted: Any, has: Any, *, keep: bool = False) -> list[str]:
    return [each.key for each in permits.asked(wanted, has, keep=keep).permits]


@pytest.mark.parametrize(
    ("wanted", "has", "asked"),
    [
        (None, None, []),
        ({"memory": {"max_entries": 50}, "media": {}}, None, []),  # what every new brain may do
        (API, None, ["http:api.example.com", "http:b.example.com"]),
        (API, {"http": {"allow": ["b.example.com"]}}, ["http:api.example.com"]),
        ({"ai": {}}, None, ["ai"]),
        ({"ai": {"monthly_tokens": 5}}, {"ai": {"monthly_tokens": 6}}, []),
        ({"ai": {"monthly_tokens": None}}, {"ai": {"monthly_tokens": 6}}, ["ai"]),
        ({"ai": {"monthly_tokens": 5}}, {"ai": {"monthly_tokens": None}}, []),
        ({"ai": {"provider": "dear"}}, {"ai": {}}, ["ai"]),
        ({"memory": {"max_entries": 60}}, {"memory": {"max_entries": 55}}, ["memory"]),
        (None, {"memory": None, "media": None, "schedule": None}, ["memory", "media", "schedule"]),
    ],
)
def test_a_file_asks_only_for_what_a_brain_may_not_do_already(wanted: Any, has: Any, asked: list[str]):
    assert keys(wanted, has) == asked


def test_another_provider_is_not_asked_for_where_commands_are_only_added():
    assert keys({"ai": {"provider": "dear"}}, {"ai": {}}, keep=True) == []


def test_requests_are_told_in_words_with_what_there_is_now():
    asked = permits.asked(
        {**API, "ai": {"monthly_tokens": 5000}}, {"ai": {"monthly_tokens": 100}}, keep=False
    )
    assert [(each.words, each.now) for each in asked.permits[1:]] == [
        ("Ask the web service b.example.com", "not allowed now"),
        ("Ask the AI, up to 5,000 tokens a month", "up to 100 tokens a month now"),
    ]


@pytest.mark.parametrize(
    ("given", "keep", "settled"),
    [
        (set(), False, {"memory": {"max_entries": 60}, "schedule": None}),
        ({"ai"}, False, {"memory": {"max_entries": 60}, "ai": {"monthly_tokens": 900}, "schedule": None}),
        (
            {"http:b.example.com", "memory"},
            False,
            {"memory": {"max_entries": 90}, "http": {"allow": ["b.example.com"]}, "schedule": None},
        ),
        (
            {"http:a.example.com", "nonsense"},
            True,
            {
                "memory": {"max_entries": 60},
                "http": {"allow": ["old.example.com", "a.example.com"]},
                "schedule": None,
            },
        ),
        (
            {"ai", "memory"},
            True,
            {
                "memory": {"max_entries": 90},
                "http": {"allow": ["old.example.com"]},
                "ai": {"monthly_tokens": 900},
                "schedule": None,
            },
        ),
    ],
)
def test_only_what_is_given_is_given(given: set[str], keep: bool, settled: dict[str, Any]):
    wanted = {
        "memory": {"max_entries": 90},
        "http": {"allow": ["a.example.com", "b.example.com"]},
        "ai": {"monthly_tokens": 900},
        "schedule": {"max_pending": 20},
    }
    has = {"memory": {"max_entries": 60}, "http": {"allow": ["old.example.com"]}, "schedule": None}
    assert permits.settled(wanted, has, given, keep=keep) == settled


def test_less_than_a_brain_has_is_taken_as_it_is_written():
    has = {"ai": {"monthly_tokens": 500, "provider": "own"}, "memory": {"max_entries": 80}}
    wanted = {"ai": {"monthly_tokens": 50, "provider": "own"}, "memory": {"max_entries": 10}, "media": None}
    assert permits.settled(wanted, has, (), keep=False) == wanted
    assert permits.settled({}, has, (), keep=False) == {}


def test_a_permission_that_cannot_be_read_is_never_given():
    wanted = {"http": {"allow": ["evil.example.com", "no host!"]}, "ai": {"monthly_tokens": -1}, "wifi": {}}
    asked = permits.asked(wanted, None, keep=False)
    assert (asked.permits, asked.unreadable) == ((), ("http", "ai", "wifi"))
    assert permits.settled(wanted, None, {"http:evil.example.com", "ai"}, keep=False) == {}


def test_a_file_with_all_it_asks_for_becomes_the_draft_unchanged():
    for document in (demo_document(), *(dict(each.document) for each in samples())):
        asked = {each.key for each in plan(Wish(document), numbers()).permits}
        made = plan(Wish(document, given=asked), numbers()).document
        assert exchange.dump(made) == exchange.dump(document)
        again = plan(Wish(document, draft=made), numbers())
        assert (again.permits, content_hash(again.document)) == ((), content_hash(document))


def test_a_draft_keeps_all_it_has_when_commands_are_added():
    draft = brain(command("a"), settings={"prefixes": ["?"]}, tests=[{"name": "t", "steps": [{"user": "a"}]}])
    made = plan(Wish(brain(command("b"), settings={"prefixes": ["!"]}), draft, ADD), numbers())
    assert made.document == {**draft, "commands": [command("a"), command("b")]}
    assert (made.count, made.notes) == (
        1,
        ("Not taken over: the settings of the file. They belong to a whole brain.",),
    )


def test_clashes_get_ids_and_names_of_their_own_and_are_told():
    draft = brain(command("a", "Hello"), command("b", "Echo"))
    file = brain(
        command("b", "hello", enabled=False), command("c", "Fine"), command("a", "Hello", enabled=True)
    )
    merged = merging.added(draft, file, numbers())
    assert [(each["id"], each["name"]) for each in merged.document["commands"][2:]] == [
        ("new1", "hello 2"),
        ("c", "Fine"),
    ]
    assert merged.notes == (
        "There is another “hello” already: the new one becomes “hello 2”. Scripts that name it mean the old one.",
        "There already, word for word, and left out: “Hello”.",
    )


def test_prompts_and_groups_that_commands_need_come_along():
    ask = {"kind": "prompt", "prompt": "helper"}
    file = brain(
        {**command("q", group="Shop"), "action": ask},
        prompts=[{"name": "helper", "user": "New?"}, {"name": "other", "user": "Same?", "system": ""}],
        groups=[{"name": "shop", "errors_to": "+1"}, {"name": "Unused"}],
    )
    prompts = [{"name": "helper", "user": "Old?"}, {"name": "other", "user": "Same?"}]
    merged = merging.added(brain(command("a"), prompts=prompts), file, numbers())
    assert merged.document["prompts"] == [*prompts, {"name": "helper-2", "user": "New?"}]
    assert merged.document["commands"][1]["action"] == {"kind": "prompt", "prompt": "helper-2"}
    assert merged.document["groups"] == [{"name": "shop", "errors_to": "+1"}]
    assert merged.notes == ("There is another prompt “helper” already: the new one becomes “helper-2”.",)


def script(own: str, source: str) -> dict[str, Any]:
    return {**command(own), "action": {"kind": "script", "source": source}}


@pytest.mark.parametrize(
    ("ids", "prompts", "groups", "grants"),
    [
        ({"plain"}, [], ["A"], {"media": None}),
        ({"asks"}, ["p"], [], {"media": None, "ai": {}}),
        ({"says"}, ["q"], [], {"media": None, "ai": {}}),
        ({"web"}, [], [], {"media": None, "http": API["http"]}),
    ],
)
def test_a_selection_takes_only_what_its_commands_can_use(
    ids: set[str], prompts: list[str], groups: list[str], grants: dict[str, Any]
):
    draft = brain(
        command("plain", group="a"),
        {**command("asks"), "action": {"kind": "prompt", "prompt": "p"}},
        script("says", 'ctx.reply(ctx.ai("q"))'),
        script("web", 'ctx.http.get("https://api.example.com")'),
        prompts=[{"name": "p", "user": "P"}, {"name": "q", "user": "Q"}],
        groups=[{"name": "A"}, {"name": "B"}],
        grants={"media": None, "ai": {}, **API},
        tests=[{"name": "t", "steps": [{"user": "hi"}]}],
    )
    chosen = merging.selection(draft, ids)
    assert [each["id"] for each in chosen["commands"]] == sorted(ids)
    assert [each["name"] for each in chosen.get("prompts", [])] == prompts
    assert [each["name"] for each in chosen.get("groups", [])] == groups
    assert chosen["grants"] == grants
    assert "tests" not in chosen
    assert exchange.dump(exchange.load(exchange.dump(chosen))) == exchange.dump(chosen)


@pytest.mark.parametrize(
    ("file", "said"),
    [
        ({"commands": "?"}, "“commands” must be a list"),
        ({"commands": [1]}, "“commands” must be a list of groups of fields"),
        ({"prompts": {"a": 1}}, "“prompts” must be a list"),
        ({"commands": [{"name": "x"}]}, "Command 1 needs an id"),
        ({"commands": [{"id": "a/b"}]}, "Command 1 needs an id"),
        ({"commands": [{"id": "a"}, {"id": "a"}]}, "Two commands have the id “a”"),
        ({"commands": [{"id": "a", "trigger": 5}]}, "commands.0.trigger: This must be a group of fields"),
        ({"settings": []}, "settings: This must be a group of fields"),
        ({"grants": 5}, "grants: This must be a group of fields"),
        (
            {"commands": [{**command("a"), "action": {"kind": "reply", "variants": 5}}]},
            "commands.0.action.variants: This must be a list",
        ),
    ],
)
def test_a_file_whose_parts_no_page_could_show_is_refused(file: dict[str, Any], said: str):
    with pytest.raises(ImportRefused, match=said):
        plan(Wish({"brain": "shop", "title": "Shop", **file}), numbers())


@pytest.mark.parametrize(
    ("text", "line", "column", "shown"),
    [
        ("a: 1\nb:\n  c: 2\n  c: 3\n", 4, 3, "4:   c: 3"),
        ("a: *b", 1, 4, "1: a: *b"),
        ("a: [1\nb: 2", 2, 2, "2: b: 2"),
        ("a: !odd 1", 1, 4, "1: a: !odd 1"),
    ],
)
def test_what_cannot_be_read_is_shown_at_its_line_and_column(text: str, line: int, column: int, shown: str):
    with pytest.raises(ImportRefused) as refused:
        exchange.load(text)
    assert (refused.value.line, refused.value.column) == (line, column)
    assert shown in refused.value.excerpt
    assert str(refused.value).startswith(f"Line {line}, column {column}: ")


@pytest.mark.parametrize("value", [".nan", ".inf", "!!binary aGk=", "!!set {a, b}"])
def test_values_that_no_brain_can_keep_are_refused(value: str):
    with pytest.raises(ImportRefused, match="texts, whole and decimal numbers"):
        exchange.load(f"brain: shop\ntitle: {value}\n")


def test_a_date_is_a_text():
    assert exchange.load("title: 2026-01-02")["title"] == "2026-01-02"
