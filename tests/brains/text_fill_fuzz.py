"""Random templates filled here and rendered in a sandbox process: `python -m tests.brains.text_fill_fuzz`.

Prints a line for each difference, and how many were compared; ends with 1 if there was one.
"""

import argparse
import random
import sys
import time
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, NamedTuple

from app.brains.document.validation import InvalidDocument
from app.brains.runtime.outcome import Outcome
from app.brains.runtime.program import Program, compile_program
from app.brains.runtime.runtime import RunRequest, Runtime
from app.brains.sandbox import Sandbox
from app.brains.turn import Sender, Turn

TEMPLATES, TURNS = 16, 8  # of a batch, and of each template
_ARGUMENTS = (
    "text",
    "name",
    "word",
    "items",
    "get",
    "keys",
    "values",
    "in",
    "is",
    "if",
    "not",
    "none",
    "x1",
    "self",
)
_NAMES = (*_ARGUMENTS, "phone", "id", "number", "True", "_x", "Word", "kind")
_PIECES = (
    "{", "}", "{{", "}}", "{%", "%}", "{#", "#}", "-", "+", " ", "\n", "\r", "\t", "\\", "'", '"', "|", ".", "#", "%",
    "Hello", "é", "\u200f", "\u2028", "\x85", "\x0b", "\U0001f642", "مرحبا", "e\u0301",
    "\ufeff", "\x1f", "0", "{ {", "} }", "raw",
)  # fmt: skip
_ODD = (
    "",
    " ",
    "\n",
    "\r\n",
    "{{ args.word }}",
    "{% raw %}",
    "\u202e",
    "\0",
    "\x1b",
    "\ud800",
    "A" * 5000,
    "\u2029",
    "<b>",
)


class Case(NamedTuple):
    """A template with the texts it is filled with."""

    template: str
    turn: Turn


def build_cases(rng: random.Random) -> Iterator[Case]:
    """Yield templates of pieces and places, each with several turns to fill it from."""
    for _ in range(TEMPLATES):
        is_strange = rng.random() < 0.5
        template = "".join(_build_part(rng, is_strange=is_strange) for _ in range(rng.randint(1, 7)))
        yield from (Case(template, _build_turn(rng)) for _ in range(TURNS))


def _build_turn(rng: random.Random) -> Turn:
    sender = Sender(_build_value(rng) or "u", _build_value(rng), rng.choice((None, _build_value(rng))))
    arguments = {name: _build_value(rng) for name in _ARGUMENTS if rng.random() < 0.9}
    arguments["number"] = str(rng.randint(0, 99))
    return Turn(
        1, "text", _build_value(rng), sender, 3, 1_767_268_800_000, 1_767_268_800_000, rng.getrandbits(30),
        command_id="c0", arguments=arguments,
    )  # fmt: skip


def _build_part(rng: random.Random, *, is_strange: bool) -> str:
    if rng.random() < 0.5:
        harmless = rng.choice(("some text ", "é} ", "}}", "%} #} ", "\n", "- ", "\u200f", "'\"\\\\"))
        return "".join(rng.choice(_PIECES) for _ in range(rng.randint(1, 4))) if is_strange else harmless
    field = rng.choice(_NAMES)
    if not is_strange:
        variable, space = rng.choice(("args", "args", "message", "sender")), rng.choice(("", " ", "  "))
        return f"{{{{{space}{variable}.{field}{space}}}}}"
    variable = rng.choice(("args", "args", "message", "sender", "chat"))
    before, after = (rng.choice(("", " ", " ", "\t", "\n", "-", "+")) for _ in range(2))
    joint = rng.choice((".", ".", ".", ".", " .", ". ", ".."))
    ending = "" if rng.random() < 0.9 else rng.choice(("|upper", " ~ 'a'", ".x", "[0]", "}"))
    return f"{{{{{before}{variable}{joint}{field}{ending}{after}}}}}"


def _build_value(rng: random.Random) -> str:
    if rng.random() < 0.3:
        return rng.choice(_ODD)
    return "".join(
        chr(rng.choice((rng.randint(32, 126), rng.randint(1, 0xD7FF)))) for _ in range(rng.randint(0, 12))
    )


def compare(cases: Iterator[Case], runtime: Runtime) -> tuple[int, list[Case]]:
    """Run cases both ways; return how many were filled here, and those that came out otherwise."""
    requests = [RunRequest(program, case.turn) for case in cases if (program := _compile(case.template))]
    filled = _run(runtime, requests)
    rendered = _run(runtime, [RunRequest(each.program, each.turn, measure=True) for each in requests])
    compared, different = 0, []
    for request, one, other in zip(requests, filled, rendered, strict=True):
        if one.trace.is_filled:
            compared += 1
            if (one.digest, one.effects, one.status) != (other.digest, other.effects, other.status):
                action: Any = request.program.entries[0].command.action
                different.append(Case(action.texts[0], request.turn))
    return compared, different


@lru_cache(TEMPLATES)
def _compile(template: str) -> Program | None:
    arguments = [
        {"name": name, "type": "int" if name == "number" else "word", "required": False}
        for name in (*_ARGUMENTS, "number")
    ]
    command = {
        "id": "c0", "name": "c", "trigger": {"kind": "command", "words": ["c"]}, "arguments": arguments,
        "action": {"kind": "reply", "template": template},
    }  # fmt: skip
    try:
        return compile_program(
            1, 1, {"brain": "test", "title": "Test", "settings": {}, "commands": [command]}
        )
    except InvalidDocument:
        return None


def _run(runtime: Runtime, requests: list[RunRequest]) -> list[Outcome]:
    return [each for each in runtime.run_many(requests) if isinstance(each, Outcome)]


def main() -> int:
    """Compare until the time is over."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    rng, sandbox = random.Random(args.seed), Sandbox(2)
    compared = tried = wrong = 0
    end = time.monotonic() + args.seconds
    try:
        while time.monotonic() < end:
            here, different = compare(build_cases(rng), Runtime(sandbox))
            tried, compared, wrong = tried + TEMPLATES * TURNS, compared + here, wrong + len(different)
            for case in different:
                print(repr(case), flush=True)
    finally:
        sandbox.close()
    print(f"{tried:,} turns, {compared:,} filled here and compared, {wrong} different")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
