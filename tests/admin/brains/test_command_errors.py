"""Errors of commands: grouped on their page, counted beside their command, settled and opened again."""

from collections.abc import Callable
from typing import Any

import pytest
from admin_browser import Browser
from flask import Flask

from app.accounts import Role
from app.bot import faults
from app.bot.channels import simulator
from app.bot.channels.contract import Person
from app.bot.channels.simulator import Envelope
from app.bot.models import Connection
from app.brains.sandbox import Fault
from app.web import House

ERRORS = "/brains/demo/errors/"


@pytest.fixture
def fail(app: Flask, house: House, phone: Connection, brain: Any) -> Callable[..., None]:
    """Let a command have failed, so many times, on a message."""
    person = Person(phone="15550100001", name="Ada")
    item = simulator.text(Envelope("in.1", person, house.clock()), "!echo")
    with app.app_context():
        app.extensions["bot"].accept_local(phone.id, [item])

    def record(
        times: int = 1, command_id: str = "echo", message: str = "“Nothing” cannot be <added>."
    ) -> None:
        problem = Fault(
            "error",
            message,
            "Give it a first value.",
            2,
            5,
            9,
            ("1: a = 1", "2: b = None + a", "3: ctx.reply(b)"),
        )
        case = faults.Case(brain.id, command_id, brain.live_version_id, 1, 1, phone.id, house.clock())
        house.database.write(lambda s: faults.record(s.connection(), [(case, problem)] * times))

    return record


def test_no_errors_says_so(owner: Browser, brain: Any):
    assert brain
    assert "No errors" in owner.get(ERRORS).text


def test_an_error_is_shown_with_its_lines_count_version_and_message(
    owner: Browser, fail: Callable[..., None]
):
    fail(3)
    page = owner.get(ERRORS).text
    assert "“Nothing” cannot be &lt;added&gt;." in page
    assert "Give it a first value." in page
    assert "3 times" in page
    assert "version 1" in page
    assert "/chats/1#m1" in page
    assert "/brains/demo/commands/echo?line=2" in page
    assert "The error is in line </span>2" in page


def test_the_list_of_commands_the_editor_and_the_board_point_at_it(owner: Browser, fail: Callable[..., None]):
    fail()
    fail(message="Another one.")
    assert "2<span" in owner.get("/brains/demo").text
    editor = owner.get("/brains/demo/commands/echo").text
    assert "Goes wrong in live chats" in editor
    assert "Another one." in editor
    assert "Goes wrong" not in owner.get("/brains/demo/commands/menu").text
    board = owner.get("/dashboard").text
    assert "Commands that fail lately" in board
    assert "Another one." in board


def test_a_settled_error_leaves_comes_back_by_undo_and_by_itself(owner: Browser, fail: Callable[..., None]):
    fail()
    settled = owner.post(f"{ERRORS}1/settle", htmx=True).text
    assert "No errors" in settled
    assert "/brains/demo/errors/1/reopen" in settled
    assert "“Nothing” cannot" in owner.get(f"{ERRORS}?settled=yes").text
    owner.post(f"{ERRORS}1/reopen")
    assert "“Nothing” cannot" in owner.get(ERRORS).text
    owner.post(f"{ERRORS}1/settle")
    fail()
    assert "2 times" in owner.get(ERRORS).text


def test_an_error_of_a_removed_command_is_still_shown(owner: Browser, fail: Callable[..., None]):
    fail(command_id="gone")
    assert "A command that is no longer in the draft" in owner.get(ERRORS).text
    assert "Removed" in owner.get("/dashboard").text


def test_an_error_of_another_brain_cannot_be_settled_here(owner: Browser, fail: Callable[..., None]):
    fail()
    owner.post("/brains/", title="Other", start="blank")
    owner.post("/brains/other/errors/1/settle")
    assert "“Nothing” cannot" in owner.get(ERRORS).text


def test_viewers_read_and_do_not_settle(sign_in: Callable[[Role], Browser], fail: Callable[..., None]):
    fail()
    viewer = sign_in(Role.VIEWER)
    page = viewer.get(ERRORS)
    assert page.status_code == 200
    assert "/settle" not in page.text
    assert viewer.post(f"{ERRORS}1/settle").status_code == 403


def test_the_board_says_how_commands_are_locked_in(owner: Browser):
    board = owner.get("/dashboard").text
    assert "Sandbox" in board
    assert "ocked in" in board
