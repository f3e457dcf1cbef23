"""A new file in a package that discovers its modules, seen by a fresh process: no other file is touched."""

import subprocess
import sys
from pathlib import Path

from app.settings import ROOT

_PROLOGUE = """
import importlib.util, sys
spec = importlib.util.find_spec({package!r})
spec.submodule_search_locations.append({folder!r})
made = importlib.util.module_from_spec(spec)
sys.modules[{package!r}] = made
spec.loader.exec_module(made)
"""


def run_with_module(package: str, module: Path, code: str) -> str:
    """Run code in a process where `package` has one more module; returns what it prints."""
    prologue = _PROLOGUE.format(package=package, folder=str(module.parent))
    done = subprocess.run(
        [sys.executable, "-c", prologue + code],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
