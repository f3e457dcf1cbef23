"""A sandbox shared by the tests of the brains, and turns to run."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from app.brains.sandbox import Sandbox
from app.brains.turn import Sender, Turn

NOON = 1_767_268_800_000  # 2026-01-01T12:00Z, a Thursday


@pytest.fixture(scope="session")
def sandbox() -> Iterator[Sandbox]:
    made = Sandbox(2)
    yield made
    made.close()


@pytest.fixture(scope="session")
def turn() -> Callable[..., Turn]:
    def make(text: str = "", **changes: Any) -> Turn:
        values: dict[str, Any] = {
            "message_id": 1,
            "kind": "text",
            "text": text,
            "sender": Sender("user.1", "Ama", "233201234567"),
            "contact_id": 7,
            "chat_id": 3,
            "at": NOON,
            "now": NOON,
            "seed": 0,
        }
        return Turn(**{**values, **changes})

    return make


@pytest.fixture(scope="session")
def brain() -> Callable[..., dict[str, Any]]:
    """Make a document of commands given as (trigger, template) or as dictionaries."""

    def make(*commands: Any, **settings: Any) -> dict[str, Any]:
        listed = []
        for index, given in enumerate(commands):
            command = given
            if isinstance(given, tuple):
                trigger, action = given
                if isinstance(action, str):
                    action = {"template": action}
                command = {"trigger": trigger, "action": action}
            filled = {"id": f"c{index}", "name": f"command {index}", **command}
            listed.append({**filled, "action": {"kind": "reply", **filled["action"]}})
        return {"brain": "test", "title": "Test", "settings": settings, "commands": listed}

    return make


@pytest.fixture
def own():
    """Make sandboxes that are closed afterwards, whatever happens."""
    made = []

    def make(children=1, **options: Any):
        made.append(Sandbox(children, **options))
        return made[-1]

    yield make
    for sandbox in made:
        sandbox.close()
