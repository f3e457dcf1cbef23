"""Language “script”: runs compiled scripts, each with a fresh namespace."""

from __future__ import annotations

import marshal

from .context import Context
from .names import BUILTINS, GUARDS, OUTPUT

TYPE_CHECKING = False  # typing.TYPE_CHECKING without the import
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import CodeType
    from typing import Any

SCRIPT_FILE = "<command>"
_WORLD: dict[str, Any] = {**BUILTINS, **GUARDS}

# The grammar's own output, written by hand: the process that runs scripts cannot compile them. It touches what
# Python loads lazily (strptime, regular expressions, JSON, errors) while files can still be read.
_WARM_UP = """\
re = _import_("re")
json = _import_("json")
datetime = _getattr_(_import_("datetime"), "datetime")
def shout(text):
    return _getattr_(text, "upper")()
found = _getattr_(re, "search")(r"(\\w+) (?P<rest>.*)", _getattr_(_getattr_(ctx, "message"), "text"))
for word in _getiter_(_getattr_(_getitem_(found, "rest"), "split")(" ")):
    total = _mul_(2, 21)
    print(shout(word), f"{_format_(1.5, -1, '>8.2f')}")
_getattr_(re, "sub")("a", r"\\g<0>b", "banana")
_getattr_(ctx, "reply")(f"é {_getattr_(json, 'dumps')({'a': [1, 2.5, None]})}")
_getattr_(ctx, "reply")("Well?", buttons=["Yes", "No"])
_getattr_(_getattr_(ctx, "memory"), "set")("seen", {"n": _getattr_(json, "loads")("[1]")})
_getattr_(_getattr_(ctx, "memory"), "get")("seen")
_getattr_(_getattr_(ctx, "random"), "choice")([1, 2])
_getattr_(datetime, "strptime")("2026-01-02", "%Y-%m-%d")
_getattr_(_getattr_(datetime, "now")(), "strftime")("%A %d %B")
_getattr_(_getattr_(datetime, "now")(), "astimezone")("Africa/Accra")
_getattr_(_getattr_(ctx, "args"), "name")
try:
    _getattr_(json, "loads")("{")
except ValueError as error:
    print(error)
"""
# What most scripts do, and no more: each fresh child runs it once, and every page it touches is a copy of its own.
_FRESH_CHILD_SCRIPT = """\
text = _getattr_(_getattr_(ctx, "message"), "text")
for word in _getiter_(_getattr_(text, "split")(" ")):
    print(_getattr_(word, "upper")(), f"{word}")
_getattr_(_import_("re"), "search")(r"(\\w+) (?P<rest>.*)", text)
_getattr_(_getattr_(ctx, "memory"), "set")("seen", _getattr_(_getattr_(ctx, "memory"), "get")("seen"))
_getattr_(ctx, "reply")(f"Hello {_getattr_(_getattr_(ctx, 'sender'), 'name')}")
"""
_WARM_UP_ERRORS = (
    '_getattr_(ctx, "repyl")("x")',
    "def f(n):\n    return f(n + 1)\nf(0)",
    'int("x") + nobody',
)


class ScriptLanguage:
    """Script language; `effects` and `output` are those of the latest run."""

    name = "script"
    file = SCRIPT_FILE

    def __init__(self) -> None:
        self.output = OUTPUT
        self.effects: list[Any] = []

    def load(self, code: bytes) -> CodeType:
        """Load compiled code for running."""
        return marshal.loads(code)  # noqa: S302  compiled by the grammar, in a process as confined as this one

    def run(
        self, runnable: CodeType, data: Mapping[str, Any], call: Callable[[str, Any], Any]
    ) -> dict[str, Any]:
        """Run once: return effects, result and reads; raises whatever the script raises."""
        context = Context(data, call)
        self.effects = context.effects
        world = _WORLD.copy()
        world["__builtins__"] = {}
        world["ctx"] = context
        world["_import_"] = context.imports.load
        exec(runnable, world)  # noqa: S102  what this process is for
        # Functions of the script and its world hold each other: let go at once, not at the next collection.
        world.clear()
        return {"fx": context.effects, "ret": context.returned, "reads": context.list_reads()}

    def warm_up(self) -> list[tuple[bytes, dict[str, Any]]]:
        """Return harmless compiled scripts with data."""
        sources = (_WARM_UP, *_WARM_UP_ERRORS, _FRESH_CHILD_SCRIPT)
        return [(marshal.dumps(compile(source, SCRIPT_FILE, "exec")), build_sample()) for source in sources]


def build_sample() -> dict[str, Any]:
    """Return sample data as a script receives it."""
    return {
        "message": {
            "text": "hello big world",
            "kind": "text",
            "id": "m",
            "timestamp": 0.0,
            "quoted": None,
            "media": None,
            "data": {},
            "language": "",
        },
        "args": {"name": "Ama"},
        "sender": {"id": "u", "name": "Ama", "phone": "233201234567"},
        "chat": {"id": 1, "is_group": False},
        "match": {
            "text": "hello",
            "groups": [],
            "named": {},
            "intent": "",
            "confidence": 0.0,
            "entities": {},
            "candidates": [],
        },
        "command": {"name": "hello"},
        "clock": [0.0, 0, "UTC"],
        "seed": 1,
        "memory": {"contact": {}, "chat": {}, "brain": {}},
        "grants": ["memory"],
        "commands": ["hello"],
    }


LANGUAGE = ScriptLanguage()
