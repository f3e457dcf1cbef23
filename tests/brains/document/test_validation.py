import json
import re
from functools import partial
from pathlib import Path

import pytest

from app.brains import limits
from app.brains.document.gallery import build_demo_document
from app.brains.document.schema import Document, format_canonical, hash_content
from app.brains.document.validation import InvalidDocument, find_problems, parse_document, split_off_invalid
from app.brains.document.yaml_format import InvalidImport, dump_yaml, load_yaml

BEFORE_SCRIPTS = Path(__file__).parent / "document_before_scripts.json"
ECHO = {"kind": "command", "words": ["echo"]}


def find_places(document):
    return {(problem.path, problem.command_id) for problem in find_problems(document)}


def test_the_demo_brain_has_no_problems(sandbox):
    assert find_problems(build_demo_document(), partial(sandbox.check, "draft:1")) == []


def test_the_hash_of_a_document_from_before_scripts_is_what_it_was():
    digest = "9eedc79b267b265f69946e42e0d493204a57aa8a6c1fddf2a0f8eb8ca0ad33aa"
    document = json.loads(BEFORE_SCRIPTS.read_text())
    assert hash_content(document) == digest
    spelt_out = {**document, "grants": {"memory": {"max_entries": 50}, "http": None}, "groups": []}
    assert hash_content(spelt_out) == digest


def test_order_of_fields_makes_no_difference_to_the_hash(brain):
    document = brain((ECHO, "hi"))
    backwards = json.loads(json.dumps(document), object_pairs_hook=lambda pairs: dict(reversed(pairs)))
    assert hash_content(document) == hash_content(backwards)


def test_writing_out_a_default_makes_no_difference_to_the_hash(brain):
    document = brain((ECHO, "hi"))
    document["commands"][0]["enabled"] = True
    assert hash_content(document) == hash_content(brain((ECHO, "hi")))
    assert format_canonical(document) == format_canonical(Document.model_validate(document))


def test_another_text_is_another_hash(brain):
    assert hash_content(brain((ECHO, "hi"))) != hash_content(brain((ECHO, "ho")))


def test_a_document_that_is_no_document_has_problems_rather_than_a_crash():
    for data in ({}, {"commands": 3}, {"commands": [None, 7]}, {"commands": {"a": 1}}, {"settings": []}):
        assert find_problems(data, lambda sources: [None] * len(sources))


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"trigger": {"kind": "nope"}}, "trigger"),
        ({"trigger": {"kind": "regex", "pattern": "(a"}}, "trigger"),
        ({"trigger": {"kind": "command", "words": []}}, "trigger.words"),
        ({"trigger": {"kind": "command", "words": ["two words"]}}, "trigger.words.0"),
        ({"trigger": {"kind": "contains", "texts": ["a"] * 51}}, "trigger.texts"),
        ({"action": {"template": "a", "variants": ["b"]}}, "action"),
        ({"action": {}}, "action"),
        ({"action": {"variants": ["x"] * 21}}, "action.variants"),
        ({"action": {"template": "x" * 20_001}}, "action.template"),
        ({"action": {"template": "a", "buttons": ["{{ args.x }}"]}}, "action.buttons"),
        ({"action": {"template": "a", "buttons": ["Yes", "yes"]}}, "action.buttons"),
        ({"action": {"template": "a", "buttons": ["a", "b", "c", "d"]}}, "action.buttons"),
        ({"action": {"template": "a", "buttons": ["x" * 21]}}, "action.buttons.0"),
        ({"restrict": {"cooldown": {"seconds": 0}}}, "restrict.cooldown.seconds"),
        ({"restrict": {"chats": "some"}}, "restrict.chats"),
        ({"arguments": [{"name": "Bad Name"}]}, "arguments.0.name"),
        ({"arguments": [{"name": "a", "type": "rest"}, {"name": "b"}]}, "arguments"),
        ({"arguments": [{"name": "a", "required": False}, {"name": "b"}]}, "arguments"),
        ({"arguments": [{"name": "a"}, {"name": "a"}]}, "arguments"),
        ({"arguments": [{"name": "a", "type": "choice"}]}, "arguments.0.choices"),
        ({"arguments": [{"name": "a", "choices": ["x"]}]}, "arguments.0.choices"),
        ({"arguments": [{"name": "a", "minimum": 3, "maximum": 2}]}, "arguments.0"),
        ({"arguments": [{"name": "a", "type": "int", "required": False, "default": "x"}]}, "arguments.0"),
        ({"trigger": {"kind": "fallback"}, "arguments": [{"name": "a"}]}, ""),
        ({"surprise": 1}, "surprise"),
    ],
)
def test_a_wrong_command_names_the_place_and_the_command(brain, change, path):
    document = brain({"trigger": ECHO, "action": {"template": "x"}, **change})
    place = ".".join(filter(None, ("commands.0", path)))
    assert (place, "c0") in find_places(document)
    assert all(
        not problem.message[0].islower() and problem.message.endswith(".")
        for problem in find_problems(document)
    )


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"action": {"kind": "script"}}, "action.source"),
        ({"action": {"kind": "script", "source": ""}}, "action.source"),
        ({"action": {"kind": "script", "source": "x" * 16_385}}, "action.source"),
        ({"action": {"kind": "script", "source": "x", "template": "y"}}, "action.template"),
        ({"action": {"kind": "sing"}}, "action"),
        ({"action": {"kind": None}}, "action"),
        ({"errors_to": ""}, "errors_to"),
        ({"group": ""}, "group"),
    ],
)
def test_a_wrong_script_or_group_names_the_place_and_the_command(brain, change, path):
    document = brain({"trigger": ECHO, "action": {"template": "x"}, **change})
    assert (f"commands.0.{path}", "c0") in find_places(document)


@pytest.mark.parametrize(
    ("grants", "path"),
    [
        ({"http": {}}, "grants.http.allow"),
        ({"http": {"allow": []}}, "grants.http.allow"),
        ({"http": {"allow": ["*.example.com"]}}, "grants.http.allow.0"),
        ({"http": {"allow": ["https://example.com"]}}, "grants.http.allow.0"),
        ({"http": {"allow": ["example.com:443"]}}, "grants.http.allow.0"),
        ({"http": {"allow": ["127.0.0.1"]}}, "grants.http.allow.0"),
        ({"http": {"allow": ["localhost"]}}, "grants.http.allow.0"),
        ({"http": {"allow": ["API.example.com"]}}, "grants.http.allow.0"),
        ({"http": {"allow": ["a.example.com"] * 21}}, "grants.http.allow"),
        ({"memory": {"max_entries": 0}}, "grants.memory.max_entries"),
        ({"memory": {"max_entries": 501}}, "grants.memory.max_entries"),
        ({"ai": {"monthly_tokens": 0}}, "grants.ai.monthly_tokens"),
        ({"schedule": {"max_pending": 21}}, "grants.schedule.max_pending"),
        ({"root": {}}, "grants.root"),
    ],
)
def test_wrong_grants_are_named(brain, grants, path):
    assert (path, None) in find_places({**brain((ECHO, "hi")), "grants": grants})


def test_grants_are_memory_media_and_schedule_until_somebody_says_otherwise(brain):
    document = brain((ECHO, "hi"))
    assert parse_document(document).grants.names == {"memory", "media", "schedule"}
    chosen = {"memory": None, "http": {"allow": ["api.example.com", "xn--bcher-kva.example"]}, "ai": {}}
    assert parse_document({**document, "grants": chosen}).grants.names == {"http", "ai", "media", "schedule"}


def test_a_failing_command_tells_its_own_person_or_its_groups(brain):
    grouped = {"trigger": ECHO, "action": {"template": "x"}, "group": "sales"}
    document = brain(
        grouped, {**grouped, "errors_to": "+233 20 1"}, (ECHO, "x"), {**grouped, "group": "Quiet"}
    )
    document["groups"] = [{"name": "Sales", "errors_to": "233555"}, {"name": "quiet"}]
    checked = parse_document(document)
    told = [checked.find_error_recipient(f"c{n}") for n in range(5)]
    assert told == ["233555", "+233 20 1", None, None, None]


def test_a_group_must_exist_and_its_name_is_its_own(brain):
    assert find_problems(brain({"trigger": ECHO, "action": {"template": "x"}, "group": "nowhere"}))
    twice = {**brain((ECHO, "x")), "groups": [{"name": "A"}, {"name": "a"}]}
    assert "groups have the name" in find_problems(twice)[0].message


@pytest.mark.parametrize(
    ("settings", "path"),
    [
        ({"timezone": "Mars/Olympus"}, "settings.timezone"),
        ({"timezone": "../../etc/passwd"}, "settings.timezone"),
        ({"prefixes": ["a b"]}, "settings.prefixes.0"),
        ({"language": "English"}, "settings.language"),
        ({"max_commands_per_message": 2}, "settings.max_commands_per_message"),
    ],
)
def test_wrong_settings_are_named(brain, settings, path):
    assert (path, None) in find_places(brain((ECHO, "hi"), **settings))


def test_an_empty_time_zone_is_asked_for_in_words(brain):
    (problem,) = find_problems(brain((ECHO, "hi"), timezone=""))
    assert problem.message == "Write a time zone, such as Africa/Accra."


def test_ids_and_names_must_differ(brain):
    same = {"trigger": ECHO, "action": {"template": "x"}}
    assert find_problems(brain({**same, "id": "a"}, {**same, "id": "a"}))
    assert find_problems(brain({**same, "name": "A"}, {**same, "name": "a"}))


def test_five_hundred_commands_are_allowed_and_one_more_is_not(brain):
    full = brain(*[(ECHO, "x")] * limits.COMMANDS)
    assert find_problems(full) == []
    assert ("commands", None) in find_places(brain(*[(ECHO, "x")] * (limits.COMMANDS + 1)))


def test_variants_share_the_space_of_a_command(brain):
    assert find_problems(brain((ECHO, {"variants": ["x" * 15_000, "y" * 15_000]})))


def test_a_brain_without_a_living_command_cannot_be_published(brain):
    assert ("commands", None) in find_places(brain())
    assert ("commands", None) in find_places(
        brain({"trigger": ECHO, "action": {"template": "x"}, "enabled": False})
    )


def test_a_broken_template_is_named_with_its_line_beside_other_problems(brain, sandbox):
    broken = {"variants": ["fine", "one\n{% if %}"]}
    document = brain((ECHO, "fine"), (ECHO, broken), timezone="nowhere")
    listed = {problem.path: problem for problem in find_problems(document, partial(sandbox.check, "draft:1"))}
    assert set(listed) == {"settings.timezone", "commands.1.action.variants.1"}
    broken = listed["commands.1.action.variants.1"]
    assert (broken.line, broken.command_id) == (2, "c1")
    assert broken.message.startswith("Line 2: ")


def test_a_broken_script_is_named_with_its_line_and_columns(brain, sandbox):
    scripts = ["ctx.reply('fine')", "x = 1\nx.__class__", "if"]
    document = brain(*({"trigger": ECHO, "action": {"kind": "script", "source": text}} for text in scripts))
    listed = {problem.path: problem for problem in find_problems(document, partial(sandbox.check, "draft:1"))}
    assert set(listed) == {"commands.1.action.source", "commands.2.action.source"}
    broken = listed["commands.1.action.source"]
    assert (broken.line, broken.command_id) == (2, "c1")
    assert broken.column is not None
    assert broken.fix
    assert broken.excerpt == ("1: x = 1", "2: x.__class__")


def test_parsing_a_wrong_document_raises_with_all_problems(brain):
    with pytest.raises(InvalidDocument) as caught:
        parse_document(brain(({"kind": "nope"}, "x"), timezone="nowhere"))
    assert len(caught.value.problems) == 2


def test_export_import_export_gives_the_same_bytes(brain):
    odd = brain(
        (ECHO, "line one\n  line two \n\n{{ args.x }}: #1 'quoted' \"twice\"\ttab"),
        (ECHO, "yes"),
        (ECHO, " 1.0 "),
    )
    script = brain({"trigger": ECHO, "action": {"kind": "script", "source": "x = 1\n\nctx.reply(f'{x}')\n"}})
    script |= {"grants": {"http": {"allow": ["api.example.com"]}, "media": None}, "groups": [{"name": "A"}]}
    for document in (build_demo_document(), odd, script):
        text = dump_yaml(document)
        assert dump_yaml(load_yaml(text)) == text
        assert hash_content(load_yaml(text)) == hash_content(document)


def test_a_wrong_draft_is_exported_as_it_stands():
    assert load_yaml(dump_yaml({"title": 3, "commands": "?"})) == {"title": 3, "commands": "?"}


@pytest.mark.parametrize(
    "text",
    [
        "a: &x [1]\nb: *x",
        "- 1",
        "a: 1\na: 2",
        "a: [",
        "a: !!python/object/apply:os.system ['true']",
        "a: " + "[" * 60 + "]" * 60,
        "a: '" + "x" * limits.IMPORT_BYTES + "'",
        "3: x",
        "",
        "\x00",
    ],
)
def test_a_file_that_could_harm_or_mislead_is_refused(text):
    with pytest.raises(InvalidImport):
        load_yaml(text)


def test_the_pure_domain_does_not_read_templates_itself():
    root = Path(__file__).parents[3] / "app" / "brains"
    readers = [
        path.name
        for path in root.rglob("*.py")
        if re.search("jinja2|RestrictedPython", path.read_text()) and "confined" not in path.parts
    ]
    assert readers == ["zygote.py"]  # it only looks up where the package lies


def test_what_is_not_filled_in_is_told_apart_from_what_is_wrong():
    command = {"id": "a", "name": "A", "trigger": {"kind": "command", "words": ["two words"]}}
    document = {
        "brain": "b",
        "title": "B",
        "commands": [{**command, "action": {"kind": "reply", "template": ""}}],
    }
    found = {problem.message: problem.is_unfinished for problem in find_problems(document)}
    assert found == {"A keyword of a command is one word, without spaces.": False, "Write an answer.": True}


def test_invalid_commands_are_split_off_and_the_rest_is_valid():
    good = {
        "id": "a",
        "name": "A",
        "trigger": {"kind": "fallback"},
        "action": {"kind": "reply", "template": "Hi"},
    }
    bad = {"id": "b", "name": "", "trigger": {"kind": "contains", "texts": []}}
    usable, left_out = split_off_invalid({"brain": "b", "title": "B", "commands": [bad, good]})
    assert (usable["commands"], left_out) == ([good], [bad])
    assert find_problems(usable) == []
