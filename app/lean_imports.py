"""Imports of libraries without the optional parts nothing here uses, and rarer garbage collection.

A process that serves imports this before anything else: it saves a third of its start, and 17 MB, embedded 27. Each of
these libraries does without what it cannot import.
"""

import gc
import os
import sys
from importlib import import_module
from typing import Final

# HTTP and WebSocket clients of Engine.IO, pretty tracebacks of structlog, queues of Huey in other databases.
_UNUSED: Final = ("requests", "websocket", "rich", "better_exceptions", "psycopg", "cysqlite")

# Objects made until the next look for cycles, and looks until one that goes further: loading makes many, none of them
# garbage, and the pipeline leaves hardly any cycles.
gc.set_threshold(20_000, 20, 50)


def _import_without(libraries: tuple[str, ...], unused: tuple[str, ...]) -> None:
    hidden = [name for name in unused if name not in sys.modules]
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]  None is how an import is refused
    try:
        for name in libraries:
            import_module(name)
    finally:
        for name in hidden:
            del sys.modules[name]


# Socket.IO's own queues are not used (docs/decisions/0005), and embedded there is no Redis at all.
_import_without(("engineio", "socketio", "structlog"), (*_UNUSED, "redis"))
_import_without(("huey",), _UNUSED if os.environ.get("REDIS_URL") else (*_UNUSED, "redis"))
