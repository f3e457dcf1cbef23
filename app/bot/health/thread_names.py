"""Names of this process's threads for the system, so that `top -H` and profilers tell them apart (Linux)."""

import contextlib
import threading
from pathlib import Path
from typing import Final

# The kernel keeps 15 bytes (proc(5), /proc/PID/task/TID/comm).
MAX_NAME: Final = 15
_TASKS: Final = Path("/proc/self/task")


def show_thread_names(tasks: Path = _TASKS) -> None:
    """Give every thread but the first, whose name is the process's, its Python name at the system."""
    for thread in threading.enumerate():
        if thread is threading.main_thread():
            continue
        # Another system than Linux, or a thread that has just ended.
        with contextlib.suppress(OSError):
            (tasks / str(thread.native_id) / "comm").write_bytes(thread.name.encode()[:MAX_NAME])
