"""Proof that the harness sees: attacks where they must succeed, in namespaces that are thrown away."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.escapes.attack_runner import write_corpus
from tests.escapes.corpus import Snippet
from tests.escapes.target_process import HarnessError, TargetProcess, find_interpreter

_BARE = Path(__file__).with_name("unguarded.py")


def run_unguarded(snippets: Sequence[Snippet], at_once: int) -> list[list[str]]:
    """Run attacks without any guard; return the kinds of harm each did. Raises CrewError where that is not safe."""
    with TemporaryDirectory(prefix="escapes-") as folder:
        corpus = write_corpus(snippets, Path(folder))
        shares = [list(range(start, len(snippets), at_once)) for start in range(at_once)]
        with ThreadPoolExecutor(at_once) as threads:
            found = list(threads.map(lambda indices: _share(corpus, indices), shares))
    harm = {index: kinds for share in found for index, kinds in share.items()}
    return [harm[index] for index in range(len(snippets))]


def _share(corpus: Path, indices: list[int]) -> dict[int, list[str]]:
    # Nobody in particular, wherever that user finds a Python: the namespace is not all that stands in the way.
    ordinary = find_interpreter(ordinary=True) is not None
    outpost = TargetProcess(_BARE, {"corpus": str(corpus), "indices": indices}, ordinary)
    harm = {said["end"]: said["harm"] for said in outpost.listen()}
    if len(harm) != len(indices):
        raise HarnessError(f"the control ended early: {''.join(outpost.complaints)[-1000:]}")
    return harm
