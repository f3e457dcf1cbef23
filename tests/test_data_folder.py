"""Nobody else of the machine reads the data folder: fresh, mended, and told by the doctor."""

import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from flask import Flask

from app import create_app, data_folder
from app.settings import ROOT, Settings


def get_mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@contextmanager
def opened(folder: Path) -> Iterator[Flask]:
    """The application on a data folder."""
    app = create_app(
        Settings(brainbox_data=folder, secret_key="a secret key for tests", redis_url="", database_url="")
    )
    try:
        yield app
    finally:
        close(app)


def close(app: Flask) -> None:
    services = app.extensions["services"]
    services.close()
    services.database.writer.close()
    services.database.engine.dispose()


def list_modes(folder: Path) -> dict[str, int]:
    return {path.name: get_mode(path) for path in folder.iterdir()}


def test_a_fresh_installation_is_private(tmp_path: Path):
    folder = tmp_path / "new" / "data"
    env = {**os.environ, "BRAINBOX_DATA": str(folder), "DATABASE_URL": "", "REDIS_URL": "", "SECRET_KEY": ""}
    subprocess.run(
        [sys.executable, "-m", "flask", "--app", "wsgi", "db", "upgrade"],
        env=env,
        cwd=ROOT,
        check=True,
        capture_output=True,
        timeout=120,
    )
    assert get_mode(folder) == 0o700
    modes = list_modes(folder)
    assert {"brainbox.db", "secret_key"} <= modes.keys()
    assert {name for name, mode in modes.items() if mode & 0o077} == set()


def test_an_older_installation_is_mended(tmp_path: Path):
    folder = tmp_path / "data"
    (folder / "media").mkdir(parents=True)
    for name in ("brainbox.db", "brainbox.db-wal", "brainbox.db.2026-01-01.bak", "backup.dump", "write.lock"):
        (folder / name).write_bytes(b"")
        (folder / name).chmod(0o644)
    (folder / "notes.txt").write_text("somebody's own")
    (folder / "notes.txt").chmod(0o644)
    folder.chmod(0o755)
    assert len(data_folder.find_exposed(folder)) == 7
    with opened(folder):
        pass
    assert data_folder.find_exposed(folder) == []
    assert list_modes(folder)["brainbox.db-wal"] == 0o600
    assert list_modes(folder)["media"] == 0o700
    assert list_modes(folder)["notes.txt"] == 0o644


def test_a_link_is_not_followed(tmp_path: Path):
    folder, outside = tmp_path / "data", tmp_path / "outside"
    folder.mkdir()
    outside.write_text("x")
    outside.chmod(0o644)
    (folder / "old.db").symlink_to(outside)
    data_folder.set_private_modes(folder)
    assert get_mode(outside) == 0o644


def test_the_doctor_tells_what_others_can_read(tmp_path: Path):
    with opened(tmp_path) as app:
        run = app.test_cli_runner().invoke
        assert "is private" in run(args=["doctor"]).output
        tmp_path.chmod(0o755)
        told = run(args=["doctor"])
        assert f"can reach {tmp_path}" in told.output
        assert "chmod -R go-rwx" in told.output
        assert told.exit_code == 1
