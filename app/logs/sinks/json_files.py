"""Files of JSON lines in the data folder, rotated by size and age; errors in files of their own, kept longer."""

import json
import os
import re
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, ClassVar, Final

from pydantic import AfterValidator, Field

from app.clock import DAY_MS
from app.data_folder import create_private
from app.logs.event import LogEvent
from app.logs.severity import ERROR
from app.logs.sinks.contract import SinkConfig, SinkContext, SinkError
from app.logs.sinks.event_format import build_object
from app.text import to_json

FOLDER: Final = "logs"
_NAME: Final = re.compile(r"[a-z][a-z0-9_-]{0,39}")
_TAIL_BYTES: Final = 512 * 1024


def _check_name(value: str) -> str:
    if not _NAME.fullmatch(value):
        raise ValueError(
            "Use up to 40 small letters, digits, dashes and underscores, a letter first, such as events."
        )
    return value


class JsonFilesConfig(SinkConfig):
    """Name, size and age of the files."""

    file: Annotated[
        str,
        Field(title="Name of the files", description="Small letters, digits and dashes."),
        AfterValidator(_check_name),
    ] = "events"
    megabytes: Annotated[
        int, Field(ge=1, le=1024, title="Megabytes a file", description="Then the next is begun.")
    ] = 20
    days: Annotated[int, Field(ge=1, le=3650, title="Days kept")] = 14
    error_days: Annotated[int, Field(ge=1, le=3650, title="Days errors are kept")] = 90


class JsonFilesSink:
    """Appends events to files in the data folder."""

    kind: ClassVar[str] = "json_files"
    title: ClassVar[str] = "JSON files"
    description: ClassVar[str] = "Files in the folder “logs” of the data folder, for tools on this machine."
    icon: ClassVar[str] = "file"
    test_hint: ClassVar[str] = ""
    Config: ClassVar = JsonFilesConfig
    secrets: ClassVar[frozenset[str]] = frozenset()
    sample_config: ClassVar = {"file": "events"}

    def __init__(self, config: JsonFilesConfig, context: SinkContext) -> None:
        folder = context.data / FOLDER
        size = config.megabytes * 1024 * 1024
        self._files = _RotatingFile(folder, config.file, size, config.days * DAY_MS)
        self._errors = _RotatingFile(folder, f"{config.file}-errors", size, config.error_days * DAY_MS)

    @staticmethod
    def open(config: JsonFilesConfig, context: SinkContext) -> "JsonFilesSink":
        """Return a sink with these settings."""
        return JsonFilesSink(config, context)

    def send(self, events: Sequence[LogEvent]) -> int:
        """Append a batch and return when it is on disk; raises SinkError."""
        try:
            self._files.append(events)
            self._errors.append([event for event in events if event.level >= ERROR])
        except OSError as error:
            reason = (error.strerror or "the disk does not take it").lower()
            raise SinkError(f"The files cannot be written: {reason}.") from error
        return 0

    def close(self) -> None:
        """Hold nothing open."""


class _RotatingFile:
    """Files of JSON lines named for their day (UTC) and a number; a full one is followed by the next number."""

    def __init__(self, folder: Path, name: str, max_bytes: int, keep_ms: int) -> None:
        self._folder = folder
        self._name = name
        self._max_bytes = max_bytes
        self._keep_ms = keep_ms
        self._is_checked = False

    def append(self, events: Sequence[LogEvent]) -> None:
        """Append events and sync; what was written before a crash is not written again. Raises OSError."""
        if not events:
            return
        self._folder.mkdir(mode=0o700, exist_ok=True)
        if not self._is_checked:
            events = self._skip_written(events)
            self._is_checked = True
        now = time.time()
        self._delete_old(now * 1000)
        path = self._choose_path(time.strftime("%Y%m%d", time.gmtime(now)))
        create_private(path)
        lines = "".join(f"{to_json(build_object(event))}\n" for event in events)
        try:
            with path.open("ab") as file:
                file.write(lines.encode())
                file.flush()
                os.fsync(file.fileno())
        except OSError:
            # A part may be written: looked at again before the next try.
            self._is_checked = False
            raise

    def _list_files(self) -> list[Path]:
        return sorted(self._folder.glob(f"{self._name}-[0-9]*.jsonl"))

    def _choose_path(self, day: str) -> Path:
        of_day = [path for path in self._list_files() if path.name.startswith(f"{self._name}-{day}-")]
        if of_day and of_day[-1].stat().st_size < self._max_bytes:
            return of_day[-1]
        return self._folder / f"{self._name}-{day}-{len(of_day) + 1:04}.jsonl"

    def _skip_written(self, events: Sequence[LogEvent]) -> Sequence[LogEvent]:
        """Cut off half a line, and return the events behind the last that stands in the files already."""
        files = self._list_files()
        if not files:
            return events
        with files[-1].open("r+b") as file:
            size = file.seek(0, os.SEEK_END)
            begin = max(0, size - _TAIL_BYTES)
            file.seek(begin)
            tail = file.read()
            whole = tail.rfind(b"\n") + 1
            if whole < len(tail):
                file.truncate(begin + whole)
        last = tail[:whole].rstrip(b"\n").rpartition(b"\n")[2]
        try:
            last_id = json.loads(last)["id"] if last else ""
        except (ValueError, KeyError, TypeError):
            return events
        ids = [event.event_id for event in events]
        return events[ids.index(last_id) + 1 :] if last_id in ids else events

    def _delete_old(self, now: float) -> None:
        for path in self._list_files():
            if now - path.stat().st_mtime * 1000 > self._keep_ms:
                path.unlink(missing_ok=True)
