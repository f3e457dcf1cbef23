"""Runs a file of attacks: `python -m tests.escapes FILE.jsonl [--mode sticky|strict|os-only]`.

Prints a line for each escape, and `N escaped of M` last; ends with 0 only when N is 0.
"""

import argparse
import sys
from pathlib import Path

from tests.escapes.attack_runner import AttackTarget, run_attacks
from tests.escapes.corpus import CorpusError, read
from tests.escapes.target_process import HarnessError

_SHARES = 2
_ASKED = ("sticky", "strict", "os-only")


def main(arguments: list[str]) -> int:
    """Run all attacks of a file in the modes that were asked for; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.escapes", description=__doc__)
    parser.add_argument("corpus", type=Path, help="a file of attacks, one JSON object a line")
    parser.add_argument("--mode", choices=_ASKED, help="run in this mode only (default: in all three)")
    chosen = parser.parse_args(arguments)
    try:
        snippets = read(chosen.corpus)
        posts = [AttackTarget(mode) for mode in ([chosen.mode] if chosen.mode else _ASKED)]
        reports = run_attacks(snippets, posts, at_once=4, shares=_SHARES) if snippets else []
    except (CorpusError, HarnessError) as error:
        print(f"Nothing was proven: {error}", file=sys.stderr)
        return 2
    escaped = set()
    for report in reports:
        print(f"{report.post} ({report.level}): {len(report.escapes)} escaped of {len(report.verdicts)}")
        for index, verdict in sorted(report.verdicts.items()):
            if verdict.reasons:
                escaped.add(index)
                print(f"  {verdict.id}: {'; '.join(verdict.reasons)}")
    print(f"{len(escaped)} escaped of {len(snippets)}")
    return 1 if escaped else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
