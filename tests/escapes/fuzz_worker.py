"""Entry of a process that is fuzzed in one mode, `python fuzz_worker.py ORDER`.

ORDER is JSON: {"site", "corpus", "mode", "seed", "seconds"}. Says each attack before it is run.
"""

import json
import os
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
from worker import stub_app_package, write_line

_TRIES = 3


def main(order: dict[str, Any]) -> None:
    """Draw attacks and be attacked by them until the time is over."""
    stub_app_package(order["site"])
    from tests.escapes.corpus import read  # noqa: PLC0415  the path is set above
    from tests.escapes.harness import AttackedSandbox  # noqa: PLC0415  the path is set above
    from tests.escapes.modes import MODES  # noqa: PLC0415  the path is set above
    from tests.escapes.mutate import Mutator  # noqa: PLC0415  the path is set above
    from tests.escapes.oracle import Secret  # noqa: PLC0415  the path is set above
    from tests.escapes.process_monitor import listen  # noqa: PLC0415  the path is set above

    mutator = Mutator(read(Path(order["corpus"])), f"{order['seed']} {order['mode']}")
    attacked = AttackedSandbox(MODES[order["mode"]], Secret(os.environ["CANARY"]), listen())
    ends = time.monotonic() + order["seconds"]
    number = 0
    try:
        while time.monotonic() < ends:
            number += 1
            snippet = mutator.draw(number)
            write_line(begin=asdict(snippet))
            verdict = attacked.attack(snippet)
            # On a busy machine one slow answer means nothing.
            tries = 1
            while verdict.only_slow and tries < _TRIES:
                verdict, tries = attacked.attack(snippet), tries + 1
            write_line(end=number, ending=verdict.ending, reasons=verdict.reasons)
    finally:
        attacked.close()


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
