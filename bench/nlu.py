"""Measures the understanding: accuracy, other matters refused, languages, slips of the keyboard, hostile texts, time.

`python -m bench.nlu --train A.json --test B.json [--json]` trains on one file and scores on another. They hold `train`,
or `test` (`val`, `dev`), as examples by intent, by language and intent, or as pairs of text and intent; other matters
stand in `oos…`, or have the intent `oos` or NO_NODES_DETECTED. Without files, the sets of `--data FOLDER` are scored:
their test rows are kept elsewhere, so these are figures of development, beside the published ones.
"""

import argparse
import json
import random
import resource
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from app.brains.nlu.encoder import Encoder, is_installed
from app.brains.nlu.storage import dump_model
from app.brains.nlu.training.noise import misspell
from app.brains.nlu.training.trainer import NamedEncoder, train
from app.brains.nlu.training.training_set import TrainingSet
from bench.nlu_scores import AIMS, Score, group, print_scores, read_other, read_rows, score

TEST_KEYS = ("test", "val", "dev", "train")
NAME = "use-multilingual"


class Vectors:
    """Encoder that keeps what it encoded."""

    def __init__(self) -> None:
        self.encoder = Encoder(NAME)
        self._kept: dict[str, Any] = {}

    def encode(self, sentences: Sequence[str]) -> Any:
        """Return the vectors of sentences, each encoded once."""
        missing = [each for each in dict.fromkeys(sentences) if each not in self._kept]
        if missing:
            found = self.encoder.encode(missing, 120)
            if found is None:
                return None
            self._kept.update(zip(missing, found, strict=True))
        return np.stack([self._kept[each] for each in sentences])

    def name(self) -> NamedEncoder | None:
        """Return it as a training wants it; None where it is not installed."""
        return NamedEncoder(NAME, self.encoder.digest, self.encode) if self.encoder.start() else None


def measure(
    name: str, examples: Mapping[str, Sequence[str]], tests: Any, vectors: Vectors, **more: Any
) -> Iterator[Score]:
    """Train with and without the encoder, and score both on each of some (name, rows, other)."""
    for encoder in (None, vectors.name()):
        if encoder is None and more.get("only_encoder"):
            continue
        began = time.perf_counter()
        wanted = TrainingSet(examples, negatives=more.get("negatives", ()), seed=more.get("seed", 0))
        model = train(wanted, encoder).model
        took = time.perf_counter() - began
        for part, rows, other in tests:
            found = score(f"{name} {part}".strip(), model, encoder.encode if encoder else None, rows, other)
            found.train_s = took
            yield found
        if not is_installed(NAME):
            return


def mean(name: str, scores: Sequence[Score]) -> list[Score]:
    """Return the mean of scores for each encoder."""
    found = []
    for encoder in dict.fromkeys(each.encoder for each in scores):
        own = [each for each in scores if each.encoder == encoder]
        values = {
            key: float(
                np.mean([getattr(each, key) for each in own if getattr(each, key) is not None] or [np.nan])
            )
            for key in ("closed", "accepted", "mcc", "best_mcc", "oos", "auroc", "wall_ms", "train_s")
        }
        has_other = any(each.oos is not None for each in own)
        values |= {} if has_other else {"oos": None, "auroc": None}  # type: ignore[dict-item]
        found.append(Score(name, encoder, sum(each.rows for each in own), model_kb=own[0].model_kb, **values))
    return found


def measure_few_shots(folder: Path, vectors: Vectors) -> Iterator[Score]:
    """Ten intents with ten examples each, clean and with slips; then Banking77 and HWU64 with five and ten."""
    data = json.loads((folder / "clinc150_dev.json").read_text())
    clean, typos = [], []
    for seed in range(5):
        chance = random.Random(seed)
        chosen = sorted(chance.sample(sorted(data["train"]), 10))
        examples = {name: chance.sample(data["train"][name], 10) for name in chosen}
        rows = [(text, name) for name in chosen for text in data["val"][name]]
        noisy = [(misspell(text, chance), name) for text, name in rows]
        tests = [("", rows, data["oos_val"]), ("typos", noisy, [])]
        found = list(measure("10 x 10", examples, tests, vectors, seed=seed))
        clean += [each for each in found if each.name == "10 x 10"]
        typos += [each for each in found if each.name != "10 x 10"]
    yield from mean("10 x 10", clean)
    yield from mean("10 x 10 typos 8 %", typos)
    for name in ("banking77", "hwu64"):
        rows = read_rows(json.loads((folder / f"{name}_dev.json").read_text()), ("train",))[""]
        by_intent = group(rows)
        for shots in (5, 10):
            chance = random.Random(shots)
            chosen = {
                each: chance.sample(texts, min(shots, len(texts) - 1)) for each, texts in by_intent.items()
            }
            rest = [
                (text, each)
                for each, texts in by_intent.items()
                for text in texts
                if text not in chosen[each]
            ]
            yield from measure(
                f"{name} {shots}-shot", chosen, [("", chance.sample(rest, min(800, len(rest))), [])], vectors
            )


def measure_languages(folder: Path, vectors: Vectors) -> Iterator[Score]:
    """English examples, messages in nine languages."""
    data = json.loads((folder / "multilingual10_dev.json").read_text())
    tests = [
        (language, rows, read_other(data, language)) for language, rows in read_rows(data, ("dev",)).items()
    ]
    yield from measure("english examples", data["train"], tests, vectors)


def measure_real_bots(folder: Path, vectors: Vectors) -> Iterator[Score]:
    """HINT3: real messages; its test rows are not in the folder, so a fifth of the training rows is held out."""
    for name in ("sofmattress", "curekart"):
        rows = read_rows(json.loads((folder / f"hint3_{name}_train.json").read_text()), ("train",))[""]
        random.Random(1).shuffle(rows)
        cut = len(rows) // 5
        known = group(rows[cut:])
        held = [(text, intent if intent in known else "oos") for text, intent in rows[:cut]]
        yield from measure(f"hint3 {name} held out", known, [("", held, [])], vectors)


def measure_large(folder: Path, vectors: Vectors) -> Iterator[Score]:
    """CLINC150 with 50 examples an intent, scored on its validation rows."""
    data = json.loads((folder / "clinc150_dev.json").read_text())
    tests = [("", read_rows(data, ("val",))[""], data["oos_val"])]
    yield from measure("clinc150 small", data["train"], tests, vectors, negatives=data["oos_train"])


def measure_hostile(vectors: Vectors, *, is_whole: bool) -> dict[str, Any]:
    """Read hostile texts with a trained model: the longest time (s), and the most memory of the encoder (MB)."""
    chance = random.Random(7)
    texts = ["\ufdfa" * 10_000, "x" * 1_000_000, "a b " * 250_000, "\0" * 1_000_000, "\ud800" * 1_000_000]
    texts += [
        "".join(map(chr, range(at, min(at + 500, 0x110000))))
        for at in range(0, 0x110000, 500 if is_whole else 5_000)
    ]
    texts += [
        "".join(chr(chance.randrange(0x110000)) for _ in range(chance.randrange(1, 600)))
        for _ in range(10_000 if is_whole else 500)
    ]
    encoder = vectors.name()
    model = train(
        TrainingSet({"a": ["one two three", "four five"], "b": ["six seven", "eight nine ten"]}), encoder
    ).model
    longest = 0.0
    for text in texts:
        began = time.perf_counter()
        model.guess(text, vectors.encoder.encode if encoder else None)
        longest = max(longest, time.perf_counter() - began)
    found = {"texts": len(texts), "crashes": 0, "longest_s": round(longest, 3)}
    if encoder and vectors.encoder.process_id:
        status = Path(f"/proc/{vectors.encoder.process_id}/status").read_text()
        peak = next(line for line in status.splitlines() if line.startswith("VmHWM"))
        found |= {"encoder_mb": int(peak.split()[1]) // 1024, "restarts": 0}
    return found


def measure_latency(folder: Path, vectors: Vectors) -> dict[str, float]:
    """Return CPU-ms of a message at the median: words alone, and with the encoder (its process included)."""
    data = json.loads((folder / "clinc150_dev.json").read_text())
    names = sorted(data["train"])[:30]
    examples = {name: data["train"][name][:20] for name in names}
    texts = [text for name in names for text in data["val"][name]]
    found: dict[str, float] = {}
    for encoder in (None, vectors.name()):
        began = time.perf_counter()
        model = train(TrainingSet(examples), encoder).model
        label = "encoder" if encoder else "words"
        found[f"train 30 x 20 {label} s"] = round(time.perf_counter() - began, 2)
        own, child = time.process_time(), _read_cpu_seconds(vectors.encoder.process_id)
        for text in texts:
            model.guess(text, vectors.encoder.encode if encoder else None)
        used = time.process_time() - own + _read_cpu_seconds(vectors.encoder.process_id) - child
        found[f"{label} CPU-ms"] = round(1_000 * used / len(texts), 3)
        found[f"model 30 x 20 {label} kB"] = len(dump_model(model)) // 1024
    found["peak MB"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    return found


def _read_cpu_seconds(process_id: int | None) -> float:
    if process_id is None:
        return 0.0
    fields = Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


def run_files(options: argparse.Namespace, vectors: Vectors) -> list[Score]:
    """Score a test file with a model of a training file."""
    source, target = (json.loads(Path(path).read_text()) for path in (options.train, options.test))
    rows = [row for each in read_rows(source, ("train",)).values() for row in each]
    tests = [
        (language, each, read_other(target, language))
        for language, each in read_rows(target, TEST_KEYS).items()
    ]
    return list(
        measure(Path(options.test).stem, group(rows), tests, vectors, negatives=source.get("oos_train", ()))
    )


def main() -> None:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--train")
    parser.add_argument("--test")
    parser.add_argument(
        "--data", type=Path, default=Path("shared/nlu"), help="folder of the development sets"
    )
    parser.add_argument(
        "--large", action="store_true", help="CLINC150 and 10,000 random texts, too: some minutes, 1 GB"
    )
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    vectors = Vectors()
    more: dict[str, Any] = {}
    try:
        if options.train:
            scores = run_files(options, vectors)
        else:
            parts = [measure_few_shots, measure_languages, measure_real_bots]
            parts += [measure_large] if options.large else []
            scores = [each for part in parts for each in part(options.data, vectors)]
            more = {
                "latency": measure_latency(options.data, vectors),
                "hostile": measure_hostile(vectors, is_whole=options.large),
            }
    finally:
        vectors.encoder.close()
    if options.json:
        print(json.dumps({"scores": [vars(each) for each in scores], **more}, indent=1))
        return
    print_scores(scores)
    for name, found in more.items():
        print(f"\n{name}: {found}\n({AIMS[name]})")


if __name__ == "__main__":
    main()
