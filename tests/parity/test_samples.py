"""Every test of every sample has the same effects whichever way it is played, direct or in a group, beyond a day too.

The ways: `brain test`, playground, simulator, signed webhooks with a fake Graph, and the test on past messages. Each is
held against `brain test` with the same chance.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, text

from app.brains.document.gallery import load_samples
from app.brains.document.schema import Document
from app.brains.document.test_cases import BrainTest
from app.brains.document.understanding import train_draft
from app.brains.document.yaml_format import load_yaml
from app.brains.runtime.program import compile_program
from app.brains.runtime.rehearsal import SAME
from tests.parity.brain_doors import PlaygroundChat, play_test
from tests.parity.installation import CLOUD, SIMULATOR, Installation, running_installation
from tests.parity.live_chat import LiveChat
from tests.parity.observation import Observation
from tests.parity.sent import describe_effect, describe_sent

OWN = [load_yaml(path.read_text()) for path in sorted((Path(__file__).parent / "brains").glob("*.yaml"))]
SAMPLES = {sample.slug: sample.document for sample in load_samples()} | {each["brain"]: each for each in OWN}
# Groups, handoffs, schedules and memory of every scope.
ON_POSTGRES = {"clinic-appointments", "group-moderation", "group-people", "everything", "support-desk"}
CASES = [
    pytest.param(slug, case, id=f"{slug}-{case.name}")
    for slug, document in SAMPLES.items()
    for case in Document.model_validate(document).tests
]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """One installation on SQLite for all samples."""
    folder = tmp_path_factory.mktemp("parity")
    with running_installation(f"sqlite:///{folder / 'test.db'}", folder) as made:
        yield made


@pytest.fixture(scope="module")
def postgres_home(postgres_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """The same on PostgreSQL."""
    server = create_engine(postgres_url, isolation_level="AUTOCOMMIT")
    with server.connect() as connection:
        connection.execute(text("CREATE DATABASE parity"))
    server.dispose()
    with running_installation(
        postgres_url.rsplit("/", 1)[0] + "/parity", tmp_path_factory.mktemp("parity")
    ) as made:
        yield made


def seed_steps(case: BrainTest, seen: Observation) -> BrainTest:
    """Give each step the chance it had there."""
    steps = [
        step.model_copy(update={"seed": seen.seeds[number]}) if number in seen.seeds else step
        for number, step in enumerate(case.steps, 1)
    ]
    return case.model_copy(update={"steps": tuple(steps)})


def compare_with_test(home: Installation, document: Any, case: BrainTest, seen: Observation) -> None:
    """Hold what was seen against `brain test`."""
    program = compile_program(0, 1, document, train_draft)
    expected = play_test(program, seed_steps(case, seen), home.services.sandbox)
    expected.seeds = seen.seeds
    assert seen == expected


def compare_sent(chat: LiveChat, seen: Observation) -> None:
    """Hold the requests that WhatsApp got against the effects that were decided."""
    decided = [each for number in sorted(seen.steps) for each in seen.steps[number]]
    shown = [text for text in map(describe_effect, decided) if text]
    assert [describe_sent(request) for request in chat.list_sent()] == shown


def check_over_webhooks(home: Installation, slug: str, case: BrainTest) -> None:
    """Play a test over signed webhooks; effects, requests to WhatsApp and rehearsal are those of the test."""
    chat = LiveChat(home, CLOUD, SAMPLES[slug], case)
    seen = chat.play()
    compare_with_test(home, SAMPLES[slug], case, seen)
    compare_sent(chat, seen)
    assert {(each.kind, each.notes) for each in chat.rehearse()} <= {(SAME, ())}


@pytest.mark.parametrize(("slug", "case"), CASES)
def test_a_sample_does_over_signed_webhooks_what_its_tests_say(
    home: Installation, slug: str, case: BrainTest
):
    check_over_webhooks(home, slug, case)


@pytest.mark.parametrize(("slug", "case"), [each for each in CASES if each.values[0] in ON_POSTGRES])
def test_a_sample_does_on_postgresql_what_its_tests_say(
    postgres_home: Installation, slug: str, case: BrainTest
):
    check_over_webhooks(postgres_home, slug, case)


@pytest.mark.parametrize(("slug", "case"), CASES)
def test_a_sample_does_on_the_simulated_phone_what_its_tests_say(
    home: Installation, slug: str, case: BrainTest
):
    compare_with_test(home, SAMPLES[slug], case, LiveChat(home, SIMULATOR, SAMPLES[slug], case).play())


@pytest.mark.parametrize(("slug", "case"), CASES)
def test_a_sample_does_in_the_playground_what_its_tests_say(home: Installation, slug: str, case: BrainTest):
    program = compile_program(0, 1, SAMPLES[slug], train_draft)
    compare_with_test(home, SAMPLES[slug], case, PlaygroundChat(program, case, home.services.sandbox).play())
