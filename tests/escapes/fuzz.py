"""Fuzzes the sandbox with what grows out of the corpora: `python -m tests.escapes.fuzz [--seconds N] [--seed S]`.

The same seed gives the same attacks. Ends with 0 only when nothing got out; an attack that did is saved, in the
format of the corpora.
"""

import argparse
import hashlib
import json
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tests.escapes.attack_runner import HOST_DIED, write_corpus
from tests.escapes.corpus import OWN, SHARED, CorpusError, read
from tests.escapes.target_process import HarnessError, TargetProcess

_WORKER = Path(__file__).with_name("fuzz_worker.py")
MODES = ("sticky", "strict", "os-only")


@dataclass
class FuzzReport:
    """What fuzzing one mode gave: how runs ended, and the attacks that got something out, each with its reasons."""

    mode: str
    endings: Counter[str] = field(default_factory=Counter)
    finds: list[tuple[dict[str, Any], list[str]]] = field(default_factory=list)

    @property
    def runs(self) -> int:
        """How many attacks were run."""
        return self.endings.total()


def fuzz(seconds: float, seed: str) -> list[FuzzReport]:
    """Fuzz all modes at once for so many seconds. Raises CrewError."""
    seeds = [snippet for path in (SHARED, OWN) if path.exists() for snippet in read(path)]
    with TemporaryDirectory(prefix="escapes-") as folder, ThreadPoolExecutor(len(MODES)) as threads:
        corpus = str(write_corpus(seeds, Path(folder)))
        return list(threads.map(lambda mode: _fuzz_mode(mode, corpus, seconds, seed), MODES))


def _fuzz_mode(mode: str, corpus: str, seconds: float, seed: str) -> FuzzReport:
    hunt, ends, part = FuzzReport(mode), time.monotonic() + seconds, 0
    # Again with another seed where an attack ended the host itself.
    while (left := ends - time.monotonic()) > 0:
        order = {"corpus": corpus, "mode": mode, "seed": f"{seed}-{part}" if part else seed, "seconds": left}
        current = None
        for said in TargetProcess(_WORKER, order).listen():
            if "begin" in said:
                current = said["begin"]
                continue
            hunt.endings[said["ending"]] += 1
            if said["reasons"] and current:
                hunt.finds.append((current, said["reasons"]))
            current = None
        if current:
            hunt.finds.append((current, list(HOST_DIED)))
        part += 1
    return hunt


def save(find: tuple[dict[str, Any], list[str]], mode: str, folder: Path) -> Path:
    """Write an attack that got out to a file of its own; return the path."""
    attack, reasons = find
    line = json.dumps({**attack, "probe": f"any: {'; '.join(reasons)}", "source_note": f"fuzzer, {mode}"})
    path = (
        folder
        / f"found-{hashlib.sha256(attack['code'].encode('utf-8', 'surrogatepass')).hexdigest()[:12]}.jsonl"
    )
    path.write_text(line + "\n")
    return path


def main(arguments: list[str]) -> int:
    """Fuzz, print what came of it, and return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.escapes.fuzz", description=__doc__)
    parser.add_argument("--seconds", type=float, default=3600.0)
    parser.add_argument("--seed", default="1")
    parser.add_argument(
        "--out", type=Path, default=Path(__file__).parent, help="folder for attacks that got out"
    )
    chosen = parser.parse_args(arguments)
    try:
        hunts = fuzz(chosen.seconds, chosen.seed)
    except (CorpusError, HarnessError) as error:
        print(f"Nothing was proven: {error}", file=sys.stderr)
        return 2
    for hunt in hunts:
        endings = ", ".join(f"{ending} {count}" for ending, count in hunt.endings.most_common())
        print(f"{hunt.mode}: {hunt.runs} attacks, {hunt.runs / chosen.seconds:.0f} a second ({endings})")
        for find in hunt.finds:
            print(f"  got out: {'; '.join(find[1])} -> {save(find, hunt.mode, chosen.out)}")
    found = sum(len(hunt.finds) for hunt in hunts)
    print(f"{found} escaped of {sum(hunt.runs for hunt in hunts)}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
