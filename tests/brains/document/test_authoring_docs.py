"""The pages for authors: every field of the brain file is named, and every example is a brain that works."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import BaseModel

from app.admin.completion import descriptions
from app.brains.document import yaml_format
from app.brains.document.schema import ACTIONS, Document
from app.brains.document.validation import find_problems
from app.brains.testing import GREEN, Suite, run_tests
from app.brains.triggers import KINDS

DOCS = Path(__file__).resolve().parents[3] / "docs"
AUTHORING = (DOCS / "authoring.md").read_text()
TEMPLATES = (DOCS / "templates.md").read_text()
SCRIPTS = (DOCS / "scripts.md").read_text()
EXAMPLES = re.findall(r"```yaml\n(.*?)```", AUTHORING, re.DOTALL)
NAMED = set(re.findall(r"`([\w.-]+)`", AUTHORING))


def list_models(
    annotation: Any, found: dict[type[BaseModel], None] | None = None
) -> dict[type[BaseModel], None]:
    """Return all models a model is made of."""
    found = {} if found is None else found
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        if annotation not in found:
            found[annotation] = None
            for field in annotation.model_fields.values():
                list_models(field.annotation, found)
        return found
    for part in get_args(annotation):
        list_models(part, found)
    return found


def list_fields() -> Iterator[tuple[str, str]]:
    for model in list_models(Document):
        for name, field in model.model_fields.items():
            yield f"{model.__module__.rpartition('.')[2]}.{model.__name__}", field.alias or name


@pytest.mark.parametrize(("model", "field"), list_fields())
def test_every_field_of_the_brain_file_is_named(model: str, field: str):
    assert field in NAMED or field == "kind", model


def test_every_kind_of_trigger_and_action_is_named():
    assert set(KINDS) | set(ACTIONS) <= NAMED
    for name, kind in KINDS.items():
        row = next(line for line in AUTHORING.splitlines() if line.startswith(f"| `{name}`"))
        assert ("takes arguments" in row) is kind.traits.takes_arguments
        assert all(f"`{field}`" in row for field in kind.Config.model_fields if field != "kind")


@pytest.mark.parametrize("text", EXAMPLES, ids=lambda text: text.partition("\n")[0])
def test_every_example_is_valid_and_its_tests_pass(sandbox: Any, text: str):
    document = yaml_format.load_yaml(text)
    assert find_problems(document, lambda sources: sandbox.check("draft:docs", sources)) == []
    results = list(run_tests(Suite(document), sandbox)) if document.get("tests") else []
    assert [(each.name, each.problem) for each in results if each.status != GREEN] == []


def test_the_examples_use_most_of_the_schema():
    assert len(EXAMPLES) >= 4


@pytest.mark.parametrize(
    "name",
    [
        *descriptions.FIELDS,
        *descriptions.TEMPLATE_FIELDS,
        *descriptions.FILTERS,
        *descriptions.BLOCKS,
        *descriptions.LOOP,
    ],
)
def test_every_variable_filter_and_block_of_templates_is_named(name: str):
    assert f"| `{name}` |" in TEMPLATES


@pytest.mark.parametrize(
    "words", ["## Time zones", "## Groups", "zoneinfo", 'at="09:00"', "fold=1", "`chats: group`"]
)
def test_zones_and_groups_stand_on_the_page_of_scripts(words: str):
    assert words.strip("`") in SCRIPTS
