"""The gallery: every sample passes its own tests, reads well, and comes back from YAML byte for byte."""

from typing import Any

import pytest

from app.brains.document import yaml_format
from app.brains.document.gallery import Sample, load_samples, search_samples
from app.brains.document.validation import find_problems
from app.brains.testing import GREEN, Suite, run_tests


def slug(sample: Sample) -> str:
    return sample.slug


def test_there_are_at_least_twelve_with_names_of_their_own():
    found = [each.slug for each in load_samples()]
    assert len(found) >= 12
    assert len(set(found)) == len(found)
    assert set(found) >= {
        "support-desk",
        "order-status",
        "appointment-reminder",
        "quiz",
        "faq",
        "notes",
        "poll",
    }
    assert set(found) >= {
        "group-moderation",
        "shop-catalogue",
        "feedback-collector",
        "weather",
        "ai-assistant",
    }


@pytest.mark.parametrize("sample", load_samples(), ids=slug)
def test_a_sample_passes_its_own_tests(sandbox: Any, sample: Sample):
    results = list(run_tests(Suite(sample.document), sandbox))
    assert [(each.name, each.problem) for each in results if each.status != GREEN] == []
    assert len(results) >= 3
    assert not [step.note for each in results for step in each.steps if "24 hours" in step.note]


@pytest.mark.parametrize("sample", load_samples(), ids=slug)
def test_a_sample_has_no_problem(sandbox: Any, sample: Sample):
    assert find_problems(sample.document, lambda sources: sandbox.check("draft:0", sources)) == []


@pytest.mark.parametrize("sample", load_samples(), ids=slug)
def test_a_sample_comes_back_byte_for_byte(sample: Sample):
    exported = yaml_format.dump_yaml(sample.document)
    assert yaml_format.dump_yaml(yaml_format.load_yaml(exported)) == exported
    assert yaml_format.load_yaml(exported) == yaml_format.load_yaml(
        yaml_format.dump_yaml(yaml_format.load_yaml(exported))
    )


@pytest.mark.parametrize("sample", load_samples(), ids=slug)
def test_a_sample_is_explained(sample: Sample):
    assert sample.summary.endswith(".")
    assert len(sample.shows) >= 3
    assert sample.text.count("#") >= 4


def test_a_search_looks_in_all_that_describes_a_sample():
    assert [each.slug for each in search_samples("stars")] == ["feedback-collector"]
    assert [each.slug for each in search_samples("HTTP stubs weather")] == ["weather"]
    assert search_samples("no such thing") == []
    assert len(search_samples("")) == len(load_samples())
