"""Imports of libraries without the optional parts nothing here uses, and rarer garbage collection.

A process that serves imports this before anything else: it saves a third of its start, and 17 MB. Each of these
libraries does without what it cannot import.
"""

import gc
import sys
from importlib import import_module
from typing import Final

# HTTP and WebSocket clients of Engine.IO, pretty tracebacks of structlog, queues of Huey in other databases.
_UNUSED: Final = ("requests", "websocket", "rich", "better_exceptions", "psycopg", "cysqlite")

# Objects made until the next look for cycles, and looks until one that goes further: loading makes many, none of them
# garbage, and the pipeline leaves hardly any cycles.
gc.set_threshold(20_000, 20, 50)

_hidden = [name for name in _UNUSED if name not in sys.modules]
sys.modules.update(dict.fromkeys(_hidden))  # type: ignore[arg-type]  None is how an import is refused
try:
    for _name in ("engineio", "huey", "structlog"):
        import_module(_name)
finally:
    for _name in _hidden:
        del sys.modules[_name]
