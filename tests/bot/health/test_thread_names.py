"""Threads have their names at the system."""

import threading
from pathlib import Path

from app.bot.health.thread_names import show_thread_names


def test_the_system_knows_a_thread_by_its_name(tmp_path: Path) -> None:
    entered, leave = threading.Event(), threading.Event()

    def wait() -> None:
        entered.set()
        leave.wait(10)

    thread = threading.Thread(target=wait, name="heart-of-worker-Ä-long")
    thread.start()
    entered.wait(10)
    try:
        show_thread_names()
        name = Path(f"/proc/self/task/{thread.native_id}/comm").read_bytes()
        # 15 bytes, also where that cuts a letter.
        assert name.rstrip(b"\n") == "heart-of-worker-Ä".encode()[:15]
        show_thread_names(tmp_path / "another system")
    finally:
        leave.set()
        thread.join()
