"""Has files of attacks run in all modes and as different users, and gathers what became of them."""

import json
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.escapes.corpus import Snippet
from tests.escapes.oracle import Verdict
from tests.escapes.target_process import TargetProcess

WORKER = Path(__file__).with_name("worker.py")
HOST_DIED = ("alive: the host process died or hung",)


@dataclass(frozen=True, slots=True)
class AttackTarget:
    """One mode under attack, by `ordinary` as a user without privileges."""

    mode: str
    ordinary: bool = False

    def __str__(self) -> str:
        return f"{self.mode} as {'root' if os.getuid() == 0 and not self.ordinary else 'an ordinary user'}"


@dataclass
class Report:
    """What became of one post: a verdict for each attack by its place, and the level its sandbox reached."""

    post: AttackTarget
    verdicts: dict[int, Verdict]
    level: str = ""

    @property
    def escapes(self) -> list[Verdict]:
        """The attacks that succeeded."""
        return [verdict for verdict in self.verdicts.values() if verdict.reasons]


def run_attacks(
    snippets: Sequence[Snippet], posts: Sequence[AttackTarget], at_once: int, shares: int = 1
) -> list[Report]:
    """Run all attacks at all posts, each post's in `shares` parts, `at_once` parts at a time. Raises CrewError."""
    with TemporaryDirectory(prefix="escapes-") as folder, ThreadPoolExecutor(at_once) as threads:
        corpus = write_corpus(snippets, Path(folder))
        parts = [(post, range(share, len(snippets), shares)) for post in posts for share in range(shares)]
        held = list(threads.map(lambda part: _run_part(part[0], snippets, corpus, part[1]), parts))
        reports = [_join(held[at : at + shares]) for at in range(0, len(held), shares)]
        for report in reports:
            _retry(report, snippets, corpus)
    return reports


def write_corpus(snippets: Sequence[Snippet], folder: Path) -> Path:
    """Write attacks into a file that every user can read; return its path."""
    folder.chmod(0o755)
    corpus = folder / "corpus.jsonl"
    corpus.write_text("".join(json.dumps(asdict(snippet)) + "\n" for snippet in snippets))
    return corpus


def _run_part(post: AttackTarget, snippets: Sequence[Snippet], corpus: Path, some: Sequence[int]) -> Report:
    report = Report(post, {})
    while left := [index for index in some if index not in report.verdicts]:
        hit = _one_worker(report, corpus, left)
        if hit is not None:
            report.verdicts[hit] = Verdict(snippets[hit].id, HOST_DIED, "crash", None, snippets[hit].probe)
    return report


def _join(parts: Sequence[Report]) -> Report:
    verdicts = {place: verdict for part in parts for place, verdict in part.verdicts.items()}
    return Report(parts[0].post, dict(sorted(verdicts.items())), parts[0].level)


def _retry(report: Report, snippets: Sequence[Snippet], corpus: Path) -> None:
    """Try alone what only took long: at first other attacks were running beside it."""
    for _ in range(2):
        slow = [index for index, verdict in report.verdicts.items() if verdict.only_slow]
        report.verdicts.update(_run_part(report.post, snippets, corpus, slow).verdicts)


def _one_worker(report: Report, corpus: Path, indices: list[int]) -> int | None:
    """Let one process be attacked; return the place of the attack it did not survive. Raises CrewError."""
    current = None
    order = {"corpus": str(corpus), "mode": report.post.mode, "indices": indices}
    for said in TargetProcess(WORKER, order, report.post.ordinary).listen():
        if "level" in said:
            report.level = said["level"]
        elif "begin" in said:
            current = said["begin"]
        else:
            report.verdicts[said["end"]] = Verdict.of(said["verdict"])
            current = None
    return current
