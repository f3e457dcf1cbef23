"""A sandbox shared by the tests of the brains, and turns to run."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from app.brains.capabilities import CALLS
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


@pytest.fixture(scope="session")
def script_data() -> Callable[[], dict[str, Any]]:
    """Make what a script or a template sees of a plain message."""

    def make() -> dict[str, Any]:
        return {
            "message": {
                "text": "hello",
                "kind": "text",
                "id": "m1",
                "timestamp": 1.7e9,
                "quoted": None,
                "media": None,
            },
            "args": {},
            "sender": {"id": "user.1", "name": "Ama", "phone": "233201234567"},
            "chat": {"id": 3, "is_group": False},
            "match": {"text": "", "groups": [], "named": {}},
            "command": {"name": "try"},
            "clock": [1.7e9, 0, "UTC"],
            "now": {"iso": "2026-01-01T12:00:00+00:00", "hour": 12},
            "seed": 7,
            "memory": {"contact": {}, "chat": {}, "brain": {}},
            "grants": ["memory", "http", "ai", "media", "schedule"],
            "calls": CALLS,
            "commands": ["try"],
        }

    return make


@pytest.fixture
def write_hostile_zygote(tmp_path):
    """Write a zygote whose children do not what ours do, but `act` when the first job comes."""

    def write(act):
        entry = tmp_path / "zygote.py"
        entry.write_text(
            "import array, json, os, socket, time\n"
            "control = socket.socket(fileno=0)\n"
            "os.write(0, json.dumps({'ready': {'seccomp': 1}}).encode())\n"
            "while True:\n"
            "    order, sent, _, _ = control.recvmsg(4096, socket.CMSG_SPACE(4))\n"
            "    if not order:\n"
            "        os._exit(0)\n"
            "    if order != b'F':\n"
            "        ends = [[int(pid), os.waitpid(int(pid), 0)[1], 0] for pid in order[1:].split()]\n"
            "        os.write(0, json.dumps({'ends': ends}).encode())\n"
            "        continue\n"
            "    descriptor = array.array('i', sent[0][2][:4])[0]\n"
            "    pid = os.fork()\n"
            "    if pid == 0:\n"
            "        os.dup2(descriptor, 0)\n"
            "        # A compilation is answered as ours would: the attack comes with the run.\n"
            "        packet = os.read(0, 200000)\n"
            "        if b'compile' in packet:\n"
            "            os.write(0, b'Cxx')\n"
            '            os.write(0, b\'{"n": 0, "ok": {}}\')\n'
            "            os._exit(0)\n"
            "        os.read(0, 200000)\n"
            f"        {act}\n"
            "        os._exit(0)\n"
            "    os.close(descriptor)\n"
            "    pidfd = os.pidfd_open(pid)\n"
            "    rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array('i', [pidfd]))]\n"
            "    control.sendmsg([json.dumps({'child': pid}).encode()], rights)\n"
            "    os.close(pidfd)\n"
        )
        return entry

    return write


@pytest.fixture
def make_sandbox():
    """Make sandboxes that are closed afterwards, whatever happens."""
    made = []

    def make(children=1, **options: Any):
        made.append(Sandbox(children, **options))
        return made[-1]

    yield make
    for sandbox in made:
        sandbox.close()
