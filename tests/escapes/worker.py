"""Entry of a process that is attacked, `python worker.py ORDER`: it is the host, with the secrets, of one mode.

ORDER is JSON: {"site", "corpus", "mode", "indices"}. Writes a JSON line before and after each attack, so that
whoever started it knows which one killed it.
"""

import json
import os
import sys
from dataclasses import asdict
from pathlib import Path
from types import ModuleType
from typing import Any

_ROOT = Path(__file__).resolve().parents[2]


def write_line(**words: Any) -> None:
    """Write one line."""
    sys.stdout.write(json.dumps(words) + "\n")
    sys.stdout.flush()


def stub_app_package(site: str) -> None:
    """Make the application's domain importable without importing the web framework, by any interpreter."""
    app = ModuleType("app")
    app.__path__ = [str(_ROOT / "app")]
    sys.modules["app"] = app
    sys.path[:0] = [str(_ROOT), site]


def main(order: dict[str, Any]) -> None:
    """Be attacked by the snippets of `indices`, one after the other."""
    stub_app_package(order["site"])
    from tests.escapes.corpus import read  # noqa: PLC0415  the path is set above
    from tests.escapes.harness import AttackedSandbox  # noqa: PLC0415  the path is set above
    from tests.escapes.modes import CONTROLS, MODES  # noqa: PLC0415  the path is set above
    from tests.escapes.oracle import Secret  # noqa: PLC0415  the path is set above
    from tests.escapes.process_monitor import listen  # noqa: PLC0415  the path is set above

    snippets = read(Path(order["corpus"]))
    mode = {**MODES, **CONTROLS}[order["mode"]]
    attacked = AttackedSandbox(mode, Secret(os.environ["CANARY"]), listen())
    try:
        write_line(level=attacked.level.name, uid=os.getuid())
        for index in order["indices"]:
            write_line(begin=index)
            write_line(end=index, verdict=asdict(attacked.attack(snippets[index])))
    finally:
        attacked.close()


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
