import json
from pathlib import Path

import pytest

from app.brains import limits
from app.brains.document import Document, canonical, content_hash
from app.brains.exchange import ImportRefused, dump, load
from app.brains.gallery import demo_document
from app.brains.problems import InvalidDocument, parse_document, problems

ECHO = {"kind": "command", "words": ["echo"]}


def found(document):
    return {(problem.path, problem.command_id) for problem in problems(document)}


def test_the_demo_brain_has_no_problems(sandbox):
    assert problems(demo_document(), sandbox.check_templates) == []


def test_order_of_fields_makes_no_difference_to_the_hash(brain):
    document = brain((ECHO, "hi"))
    backwards = json.loads(json.dumps(document), object_pairs_hook=lambda pairs: dict(reversed(pairs)))
    assert content_hash(document) == content_hash(backwards)


def test_writing_out_a_default_makes_no_difference_to_the_hash(brain):
    document = brain((ECHO, "hi"))
    document["commands"][0]["enabled"] = True
    assert content_hash(document) == content_hash(brain((ECHO, "hi")))
    assert canonical(document) == canonical(Document.model_validate(document))


def test_another_text_is_another_hash(brain):
    assert content_hash(brain((ECHO, "hi"))) != content_hash(brain((ECHO, "ho")))


def test_a_document_that_is_no_document_has_problems_rather_than_a_crash():
    for data in ({}, {"commands": 3}, {"commands": [None, 7]}, {"commands": {"a": 1}}, {"settings": []}):
        assert problems(data, lambda sources: [None] * len(sources))


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
        ({"arguments": [{"name": "a", "type": "choice"}]}, "arguments.0"),
        ({"arguments": [{"name": "a", "minimum": 3, "maximum": 2}]}, "arguments.0"),
        ({"arguments": [{"name": "a", "type": "int", "required": False, "default": "x"}]}, "arguments.0"),
        ({"trigger": {"kind": "fallback"}, "arguments": [{"name": "a"}]}, ""),
        ({"surprise": 1}, "surprise"),
    ],
)
def test_a_wrong_command_names_the_place_and_the_command(brain, change, path):
    document = brain({"trigger": ECHO, "action": {"template": "x"}, **change})
    place = ".".join(filter(None, ("commands.0", path)))
    assert (place, "c0") in found(document)
    assert all(
        not problem.message[0].islower() and problem.message.endswith(".") for problem in problems(document)
    )


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
    assert (path, None) in found(brain((ECHO, "hi"), **settings))


def test_ids_and_names_must_differ(brain):
    same = {"trigger": ECHO, "action": {"template": "x"}}
    assert problems(brain({**same, "id": "a"}, {**same, "id": "a"}))
    assert problems(brain({**same, "name": "A"}, {**same, "name": "a"}))


def test_five_hundred_commands_are_allowed_and_one_more_is_not(brain):
    full = brain(*[(ECHO, "x")] * limits.COMMANDS)
    assert problems(full) == []
    assert ("commands", None) in found(brain(*[(ECHO, "x")] * (limits.COMMANDS + 1)))


def test_variants_share_the_space_of_a_command(brain):
    assert problems(brain((ECHO, {"variants": ["x" * 15_000, "y" * 15_000]})))


def test_a_brain_without_a_living_command_cannot_be_published(brain):
    assert ("commands", None) in found(brain())
    assert ("commands", None) in found(
        brain({"trigger": ECHO, "action": {"template": "x"}, "enabled": False})
    )


def test_a_broken_template_is_named_with_its_line_beside_other_problems(brain, sandbox):
    broken = {"variants": ["fine", "one\n{% if %}"]}
    document = brain((ECHO, "fine"), (ECHO, broken), timezone="nowhere")
    listed = {problem.path: problem for problem in problems(document, sandbox.check_templates)}
    assert set(listed) == {"settings.timezone", "commands.1.action.variants.1"}
    broken = listed["commands.1.action.variants.1"]
    assert (broken.line, broken.command_id) == (2, "c1")
    assert broken.message.startswith("Line 2: ")


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
    for document in (demo_document(), odd):
        text = dump(document)
        assert dump(load(text)) == text
        assert content_hash(load(text)) == content_hash(document)


def test_a_wrong_draft_is_exported_as_it_stands():
    assert load(dump({"title": 3, "commands": "?"})) == {"title": 3, "commands": "?"}


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
    with pytest.raises(ImportRefused):
        load(text)


def test_the_pure_domain_does_not_read_templates_itself():
    root = Path(__file__).parents[2] / "app" / "brains"
    readers = [
        path.name
        for path in root.rglob("*.py")
        if "jinja2" in path.read_text() and "confined" not in path.parts
    ]
    assert readers == ["process.py"]  # it only looks up where the package lies
