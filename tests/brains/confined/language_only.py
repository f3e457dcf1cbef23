"""Runs snippets with nothing but the language layer around them.

`python -m tests.brains.confined.language_only FILE.jsonl`.

Each snippet has a forked process of its own with limits of memory and time, since bombs are not this layer's to hold.
Prints a JSON list of what came out of each: its id, and all texts that left it.
"""

import json
import os
import resource
import select
import signal
import sys
import time
from pathlib import Path
from typing import Any

from app.brains.capabilities import CALLS
from app.brains.confined import grammar, script
from app.brains.confined.language import CallError, OutOfTimeError
from app.brains.confined.report import describe

_MEMORY = 256 * 1024 * 1024
_SECONDS = 0.25
_PATIENCE = 2.0
_CALLS = 16


def _ring(_number: int, _frame: Any) -> None:
    raise OutOfTimeError


def run_snippet(source: str) -> dict[str, Any]:
    """Compile and run one snippet; return all that leaves it."""
    asked: list[Any] = []

    def call(method: str, arguments: Any) -> Any:
        if len(asked) == _CALLS:
            raise CallError("too many calls")
        asked.append([method, arguments])
        return {"status": 200, "text": "hello", "headers": {}} if method.startswith("http") else "hello"

    grants = ["memory", "http", "ai", "media", "schedule"]
    data = {**script.build_sample(), "grants": grants, "calls": CALLS}
    script.OUTPUT.clear()
    left: dict[str, Any] = {}
    try:
        signal.setitimer(signal.ITIMER_REAL, _SECONDS, _SECONDS / 25)
        code, _ = grammar.compile_script(source)
        left["ok"] = script.LANGUAGE.run(script.LANGUAGE.load(code), data, call)
    except BaseException as error:  # noqa: BLE001  the border of the snippet
        signal.setitimer(signal.ITIMER_REAL, 0)
        left["error"] = describe(error, script.SCRIPT_FILE)
        left["fx"] = script.LANGUAGE.effects
    signal.setitimer(signal.ITIMER_REAL, 0)
    return {**left, "output": script.OUTPUT.text, "calls": asked}


def _in_a_process(snippet: dict[str, Any]) -> list[dict[str, Any]] | None:
    """Run a snippet, the one that follows it, and a harmless one; None when the process died."""
    ours, theirs = os.pipe()
    pid = os.fork()
    if pid == 0:
        resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
        signal.signal(signal.SIGALRM, _ring)
        sources = [snippet["code"], snippet.get("then") or "pass", 'ctx.reply("alive")']
        os.write(theirs, json.dumps([run_snippet(source) for source in sources]).encode())
        os._exit(0)
    os.close(theirs)
    said, deadline = b"", time.monotonic() + _PATIENCE
    while select.select([ours], [], [], max(0.0, deadline - time.monotonic()))[0]:
        piece = os.read(ours, 65_536)
        if not piece:
            break
        said += piece
    os.close(ours)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    return json.loads(said) if said.endswith(b"]") else None


if __name__ == "__main__":
    listed = [json.loads(line) for line in Path(sys.argv[1]).read_text().splitlines()]
    results = [[each["id"], _in_a_process(each)] for each in listed if each["language"] == "python"]
    print(json.dumps(results))
