"""The 24-hour window closes in every way a brain is played: tests fail, phones say so, and nothing is sent live."""

from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from sqlalchemy import select

from app.bot.models import Message
from app.brains import playground as pg
from app.brains.document.test_cases import BrainTest
from app.brains.lint import review
from app.brains.runtime.program import compile_program
from app.brains.testing.player import Player
from tests.parity.installation import CLOUD, SIMULATOR, Installation, running_installation
from tests.parity.live_chat import LiveChat

DOCUMENT: dict[str, Any] = yaml.safe_load("""
brain: late
title: Late
grants: {schedule: {}}
commands:
  - id: remind
    name: Remind
    trigger: {kind: exact, texts: [remind]}
    action:
      kind: script
      source: |
        ctx.schedule("Tell", after=48 * 3600)
        ctx.reply("In two days")
  - id: tell
    name: Tell
    trigger: {kind: none}
    action: {kind: reply, template: It is time}
""")
WINDOW_CODES = {CLOUD: "131047", SIMULATOR: "window_closed"}
CASE = BrainTest.model_validate(
    {
        "name": "reminds",
        "steps": [{"user": "remind"}, {"bot": "In two days"}, {"wait": "50h"}, {"bot": "It is time"}],
    }
)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    folder = tmp_path_factory.mktemp("window")
    with running_installation(f"sqlite:///{folder / 'test.db'}", folder) as made:
        yield made


def test_a_test_fails_on_an_answer_after_the_window(home: Installation):
    results = Player(compile_program(0, 1, DOCUMENT), CASE, home.services.sandbox).run()
    assert [each.ok for each in results] == [True, True, False, True]
    assert "24 hours" in results[2].why


def test_the_lint_warns_of_an_answer_after_the_window(home: Installation):
    found = review(DOCUMENT, home.services.sandbox, "draft:1")
    assert [(each.code, each.path) for each in found] == [("window-closed", "commands.0.action.source")]


def test_the_playground_marks_an_answer_after_the_window(home: Installation):
    state, programs = pg.create("Ada", "15550100001"), {pg.DRAFT: compile_program(0, 1, DOCUMENT)}
    for given in ({"kind": "text", "text": "remind", "at": 0}, {"kind": "wait", "ms": 1, "at": 180_000_000}):
        state = pg.act(state, {"phone": "p1", **given}, programs, home.services.sandbox)
    runs = [run for line in pg.list_lines(state, "p1") for run in line.answers[pg.DRAFT]]
    assert [run["closed"] for run in runs] == [False, True]


@pytest.mark.parametrize("channel", [CLOUD, SIMULATOR])
def test_nothing_is_sent_after_the_window(home: Installation, channel: str):
    chat = LiveChat(home, channel, DOCUMENT, CASE)
    with pytest.raises(AssertionError, match="step 4"):
        chat.play()
    with home.services.database.read() as session:
        query = select(Message).where(Message.connection_id == chat.connection_id, Message.direction == "out")
        sent, late = session.scalars(query.order_by(Message.id)).all()
    assert (sent.text, sent.state) == ("In two days", "sent")
    assert (late.text, late.state, late.error_code) == ("It is time", "failed", WINDOW_CODES[channel])
    assert len(chat.list_sent()) == (channel == CLOUD)
    assert {each.kind for each in chat.rehearse()} == {"same"}
