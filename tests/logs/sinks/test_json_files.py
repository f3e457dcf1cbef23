"""Files of JSON lines: rotated by size and day, errors apart and longer, nothing twice after a crash."""

import json
import os
import time
from pathlib import Path
from typing import Any

import pytest

from app.logs.sinks.contract import SinkContext, SinkError
from app.logs.sinks.json_files import JsonFilesConfig, JsonFilesSink
from tests.logs.conftest import make_event


def open_sink(folder: Path, **config: Any) -> JsonFilesSink:
    return JsonFilesSink.open(JsonFilesConfig(**config), SinkContext("i", folder))


def read_ids(folder: Path, name: str = "events") -> list[str]:
    files = sorted(folder.glob(f"logs/{name}-2*.jsonl"))
    return [json.loads(line)["id"] for path in files for line in path.read_text().splitlines()]


def test_errors_stand_in_files_of_their_own_too(tmp_path: Path):
    open_sink(tmp_path).send([make_event(1), make_event(2, level=17), make_event(3)])
    assert read_ids(tmp_path) == ["e1", "e2", "e3"]
    assert read_ids(tmp_path, "events-errors") == ["e2"]


def test_a_full_file_is_followed_by_the_next(tmp_path: Path):
    sink = open_sink(tmp_path, megabytes=1)
    for number in range(5):
        sink.send([make_event(number * 100 + each, text="x" * 10_000) for each in range(60)])
    files = sorted(tmp_path.glob("logs/events-2*.jsonl"))
    assert [path.stem[-4:] for path in files] == ["0001", "0002", "0003"]
    assert len(read_ids(tmp_path)) == 300


def test_old_files_go_and_those_of_errors_stay_longer(tmp_path: Path):
    sink = open_sink(tmp_path, days=1, error_days=9)
    sink.send([make_event(1, level=17)])
    for path in tmp_path.glob("logs/*.jsonl"):
        os.utime(path, (time.time() - 2 * 86_400,) * 2)
        path.rename(path.with_name(path.name.replace("-20", "-200", 1)[:-11] + "01-0001.jsonl"))
    open_sink(tmp_path, days=1, error_days=9).send([make_event(2, level=17)])
    assert read_ids(tmp_path) == ["e2"]
    assert read_ids(tmp_path, "events-errors") == ["e1", "e2"]


@pytest.mark.parametrize("cut", [0, 1, 40])
def test_after_a_crash_the_rest_of_a_batch_is_written_and_half_a_line_is_gone(tmp_path: Path, cut: int):
    batch = [make_event(n) for n in range(1, 6)]
    open_sink(tmp_path).send(batch[:3])
    (path,) = tmp_path.glob("logs/events-2*.jsonl")
    content = path.read_bytes()
    path.write_bytes(content[: len(content) - cut])
    # The place in the store was not written down: the whole batch comes again.
    open_sink(tmp_path).send(batch)
    assert read_ids(tmp_path) == ["e1", "e2", "e3", "e4", "e5"]


def test_files_are_private(tmp_path: Path):
    open_sink(tmp_path).send([make_event(1)])
    (path,) = tmp_path.glob("logs/events-2*.jsonl")
    assert path.stat().st_mode & 0o077 == 0
    assert path.parent.stat().st_mode & 0o077 == 0


def test_a_folder_that_cannot_be_written_is_told_in_words(tmp_path: Path):
    (tmp_path / "logs").write_text("in the way")
    with pytest.raises(SinkError, match="cannot be written: file exists"):
        open_sink(tmp_path).send([make_event(1)])
