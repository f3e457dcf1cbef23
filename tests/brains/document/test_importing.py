"""An import worked out before it happens: what it makes, what it asks for, and what is refused."""

from itertools import count
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from app.brains.document import merge, permission_requests, yaml_format
from app.brains.document.gallery import build_demo_document, load_samples
from app.brains.document.importing import ADD, ImportRequest, build_plan
from app.brains.document.schema import hash_content
from app.brains.document.yaml_format import InvalidImport, dump_yaml, load_yaml

API = {"http": {"allow": ["api.example.com", "b.example.com"]}}


def build_command(own: str, name: str = "", **more: Any) -> dict[str, Any]:
    action = {"kind": "reply", "template": own}
    trigger = {"kind": "exact", "texts": [own]}
    return {"id": own, "name": name or own.upper(), "trigger": trigger, "action": action, **more}


def build_brain(*commands: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"brain": "shop", "title": "Shop", "commands": list(commands), **more}


def numbers():
    numbered = count(1)
    return lambda: f"new{next(numbered)}"


def list_keys(wanted: Any, has: Any, *, keep: bool = False) -> list[str]:
    return [each.key for each in permission_requests.find_requests(wanted, has, keep=keep).requests]


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
    assert list_keys(wanted, has) == asked


def test_another_provider_is_not_asked_for_where_commands_are_only_added():
    assert list_keys({"ai": {"provider": "dear"}}, {"ai": {}}, keep=True) == []


def test_requests_are_told_in_words_with_what_there_is_now():
    asked = permission_requests.find_requests(
        {**API, "ai": {"monthly_tokens": 5000}}, {"ai": {"monthly_tokens": 100}}, keep=False
    )
    assert [(each.description, each.current) for each in asked.requests[1:]] == [
        ("External requests to b.example.com", "not allowed now"),
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
    assert permission_requests.compute_grants(wanted, has, given, keep=keep) == settled


def test_less_than_a_brain_has_is_taken_as_it_is_written():
    has = {"ai": {"monthly_tokens": 500, "provider": "own"}, "memory": {"max_entries": 80}}
    wanted = {"ai": {"monthly_tokens": 50, "provider": "own"}, "memory": {"max_entries": 10}, "media": None}
    assert permission_requests.compute_grants(wanted, has, (), keep=False) == wanted
    assert permission_requests.compute_grants({}, has, (), keep=False) == {}


def test_a_permission_that_cannot_be_read_is_never_given():
    wanted = {"http": {"allow": ["evil.example.com", "no host!"]}, "ai": {"monthly_tokens": -1}, "wifi": {}}
    asked = permission_requests.find_requests(wanted, None, keep=False)
    assert (asked.requests, asked.unreadable) == ((), ("http", "ai", "wifi"))
    assert permission_requests.compute_grants(wanted, None, {"http:evil.example.com", "ai"}, keep=False) == {}


def test_a_file_with_all_it_asks_for_becomes_the_draft_unchanged():
    for document in (build_demo_document(), *(dict(each.document) for each in load_samples())):
        asked = {each.key for each in build_plan(ImportRequest(document), numbers()).permission_requests}
        made = build_plan(ImportRequest(document, granted_keys=asked), numbers()).document
        assert yaml_format.dump_yaml(made) == yaml_format.dump_yaml(document)
        again = build_plan(ImportRequest(document, draft=made), numbers())
        assert (again.permission_requests, hash_content(again.document)) == ((), hash_content(document))


def test_a_draft_keeps_all_it_has_when_commands_are_added():
    draft = build_brain(
        build_command("a"), settings={"prefixes": ["?"]}, tests=[{"name": "t", "steps": [{"user": "a"}]}]
    )
    made = build_plan(
        ImportRequest(build_brain(build_command("b"), settings={"prefixes": ["!"]}), draft, ADD), numbers()
    )
    assert made.document == {**draft, "commands": [build_command("a"), build_command("b")]}
    assert (made.count, made.notes) == (
        1,
        ("Not taken over: the settings of the file. They belong to a whole brain.",),
    )


def test_clashes_get_ids_and_names_of_their_own_and_are_told():
    draft = build_brain(build_command("a", "Hello"), build_command("b", "Echo"))
    file = build_brain(
        build_command("b", "hello", enabled=False),
        build_command("c", "Fine"),
        build_command("a", "Hello", enabled=True),
    )
    merged = merge.add_commands(draft, file, numbers())
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
    file = build_brain(
        {**build_command("q", group="Shop"), "action": ask},
        prompts=[{"name": "helper", "user": "New?"}, {"name": "other", "user": "Same?", "system": ""}],
        groups=[{"name": "shop", "errors_to": "+1"}, {"name": "Unused"}],
    )
    prompts = [{"name": "helper", "user": "Old?"}, {"name": "other", "user": "Same?"}]
    merged = merge.add_commands(build_brain(build_command("a"), prompts=prompts), file, numbers())
    assert merged.document["prompts"] == [*prompts, {"name": "helper-2", "user": "New?"}]
    assert merged.document["commands"][1]["action"] == {"kind": "prompt", "prompt": "helper-2"}
    assert merged.document["groups"] == [{"name": "shop", "errors_to": "+1"}]
    assert merged.notes == ("There is another prompt “helper” already: the new one becomes “helper-2”.",)


def build_script_command(own: str, source: str) -> dict[str, Any]:
    return {**build_command(own), "action": {"kind": "script", "source": source}}


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
    draft = build_brain(
        build_command("plain", group="a"),
        {**build_command("asks"), "action": {"kind": "prompt", "prompt": "p"}},
        build_script_command("says", 'ctx.reply(ctx.ai("q"))'),
        build_script_command("web", 'ctx.http.get("https://api.example.com")'),
        prompts=[{"name": "p", "user": "P"}, {"name": "q", "user": "Q"}],
        groups=[{"name": "A"}, {"name": "B"}],
        grants={"media": None, "ai": {}, **API},
        tests=[{"name": "t", "steps": [{"user": "hi"}]}],
    )
    chosen = merge.extract_commands(draft, ids)
    assert [each["id"] for each in chosen["commands"]] == sorted(ids)
    assert [each["name"] for each in chosen.get("prompts", [])] == prompts
    assert [each["name"] for each in chosen.get("groups", [])] == groups
    assert chosen["grants"] == grants
    assert "tests" not in chosen
    assert yaml_format.dump_yaml(
        yaml_format.load_yaml(yaml_format.dump_yaml(chosen))
    ) == yaml_format.dump_yaml(chosen)


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
            {"commands": [{**build_command("a"), "action": {"kind": "reply", "variants": 5}}]},
            "commands.0.action.variants: This must be a list",
        ),
    ],
)
def test_a_file_whose_parts_no_page_could_show_is_refused(file: dict[str, Any], said: str):
    with pytest.raises(InvalidImport, match=said):
        build_plan(ImportRequest({"brain": "shop", "title": "Shop", **file}), numbers())


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
    with pytest.raises(InvalidImport) as refused:
        yaml_format.load_yaml(text)
    assert (refused.value.line, refused.value.column) == (line, column)
    assert shown in refused.value.excerpt
    assert str(refused.value).startswith(f"Line {line}, column {column}: ")


@pytest.mark.parametrize("value", [".nan", ".inf", "!!binary aGk=", "!!set {a, b}"])
def test_values_that_no_brain_can_keep_are_refused(value: str):
    with pytest.raises(InvalidImport, match="texts, whole and decimal numbers"):
        yaml_format.load_yaml(f"brain: shop\ntitle: {value}\n")


def test_a_date_is_a_text():
    assert yaml_format.load_yaml("title: 2026-01-02")["title"] == "2026-01-02"


@pytest.mark.parametrize(
    "word", ["12:30", "yes", "no", "on", "off", "y", "0o17", "1_000", "007", "0x1F", "2024-01-02", "1e5"]
)
def test_words_stay_words(word):
    text = (
        f"title: t\ncommands: [{{trigger: {{words: [{word}]}}, arguments: [{{name: a, default: {word}}}]}}]"
    )
    [command] = load_yaml(text)["commands"]
    assert command["trigger"]["words"] == [word]
    assert command["arguments"][0]["default"] == word
    assert load_yaml(dump_yaml({"title": word}))["title"] == word


@pytest.mark.parametrize("word", ["1.10", "true", "42", "False", "+233201234567"])
def test_where_a_word_is_expected_what_looks_like_a_value_stays_as_written(word):
    listed = f"{{name: a, type: word, default: {word}}}, {{name: b, type: number, default: {word}}}"
    text = f"title: t\narguments: [{listed}]"
    first, second = load_yaml(text)["arguments"]
    assert first["default"] == word
    assert second["default"] == yaml.safe_load(word)
    assert load_yaml(f"title: t\nwords: [{word}]")["words"] == [word]
    assert load_yaml(f"title: t\nrestrict: {{allow: [{word}], deny: {word}}}")["restrict"] == {
        "allow": [word], "deny": word,
    }  # fmt: skip


def test_a_number_that_no_field_could_hold_is_refused_with_its_line():
    with pytest.raises(InvalidImport, match="Line 2, column 8: This number is too large"):
        load_yaml(f"title: t\nlimit: {'9' * 30}")


@given(st.text(max_size=20))
@settings(max_examples=200, deadline=None)
def test_any_text_comes_back_as_the_text_it_was(text):
    text = "".join(each for each in text if each.isprintable())
    assert load_yaml(dump_yaml({"title": text}))["title"] == text
