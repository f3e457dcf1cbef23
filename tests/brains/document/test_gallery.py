"""The gallery: every sample passes its own tests, reads well, and comes back from YAML byte for byte."""

from typing import Any

import pytest

from app.brains import exchange
from app.brains.gallery import Sample, matching, samples
from app.brains.problems import problems
from app.brains.testing import GREEN, Suite, run_tests


def slug(sample: Sample) -> str:
    return sample.slug


def test_there_are_at_least_twelve_with_names_of_their_own():
    found = [each.slug for each in samples()]
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


@pytest.mark.parametrize("sample", samples(), ids=slug)
def test_a_sample_passes_its_own_tests(sandbox: Any, sample: Sample):
    results = list(run_tests(Suite(sample.document), sandbox))
    assert [(each.name, each.problem) for each in results if each.status != GREEN] == []
    assert len(results) >= 3
    assert not [step.note for each in results for step in each.steps if "24 hours" in step.note]


@pytest.mark.parametrize("sample", samples(), ids=slug)
def test_a_sample_has_no_problem(sandbox: Any, sample: Sample):
    assert problems(sample.document, lambda sources: sandbox.check("draft:0", sources)) == []


@pytest.mark.parametrize("sample", samples(), ids=slug)
def test_a_sample_comes_back_byte_for_byte(sample: Sample):
    exported = exchange.dump(sample.document)
    assert exchange.dump(exchange.load(exported)) == exported
    assert exchange.load(exported) == exchange.load(exchange.dump(exchange.load(exported)))


@pytest.mark.parametrize("sample", samples(), ids=slug)
def test_a_sample_is_explained(sample: Sample):
    assert sample.summary.endswith(".")
    assert len(sample.shows) >= 3
    assert sample.text.count("#") >= 4


def test_a_search_looks_in_all_that_describes_a_sample():
    assert [each.slug for each in matching("stars")] == ["feedback-collector"]
    assert [each.slug for each in matching("HTTP stubs weather")] == ["weather"]
    assert matching("no such thing") == []
    assert len(matching("")) == len(samples())
