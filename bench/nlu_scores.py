"""Sets and scores of the understanding: files read, models scored, figures printed beside aims and published ones."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from app.brains.nlu.storage import dump_model
from app.brains.nlu.trained_model import Guess, Model

OTHER = {"oos", "NO_NODES_DETECTED", ""}
# Aims: must, moonshot (nlu-2 section 6 and nlu section 6), and what others published.
AIMS = {
    "clinc150 small": "TF-IDF + USE 93.9 in / 56.3 OOS at the paper's point; BERT 96.2 / 58.9, Rasa 89.6 / 1.0",
    "10 x 10": "must 93 (words), 98 (semantic); AUROC 96.5, 99; typos accepted 80; OOS 90 at 85 accepted",
    "banking77 10-shot": "TF-IDF + USE 80.8; USE 84.2, USE+ConveRT 85.2, CPFT 87.2 published",
    "hwu64 10-shot": "TF-IDF + USE 79.5; USE 83.8, ConveRT 82.7 published",
    "english examples": "must es 95, pt 92, Hinglish 67, mean 86 (with the wide encoder for Hindi)",
    "hint3 sofmattress": "MCC, test rows: Dialogflow 0.638, Haptik 0.588, LUIS 0.581, Rasa 0.526, BERT 0.617",
    "hint3 curekart": "MCC, test rows: Dialogflow 0.578, Haptik 0.603, LUIS 0.539, Rasa 0.511, BERT 0.553",
    "latency": "must 0.3 ms words, 6 CPU-ms with the encoder; moonshot 0.1, 2",
    "hostile": "0 crashes, each <= 1 s, encoder <= 300 MB",
}
Row = tuple[str, str]


@dataclass
class Score:
    """Figures of one set: shares 0 to 1, times in ms; `oos` and `auroc` are None where all rows mean an intent."""

    name: str
    encoder: str
    rows: int
    closed: float
    accepted: float
    mcc: float
    best_mcc: float
    oos: float | None = None
    auroc: float | None = None
    at_recall: Mapping[str, float] = field(default_factory=dict)
    wall_ms: float = 0.0
    train_s: float = 0.0
    model_kb: int = 0


def read_rows(data: Any, keys: Sequence[str]) -> dict[str, list[Row]]:
    """Return rows by language (empty: one) from a file's data."""
    given = next(data[key] for key in keys if key in data)
    if isinstance(given, list):
        return {"": [(str(text), str(intent)) for text, intent in given]}
    first = next(iter(given.values()))
    if isinstance(first, dict) and isinstance(next(iter(first.values())), list):
        if set(given) <= set(data.get("oos_dev", data.get("oos_test", given))):
            return {language: _flatten(each) for language, each in given.items()}
        found: dict[str, list[Row]] = {}
        for intent, by_language in given.items():
            for language, texts in by_language.items():
                found.setdefault(language, []).extend((text, intent) for text in texts)
        return found
    return {"": _flatten(given)}


def _flatten(by_intent: Mapping[str, Sequence[str]]) -> list[Row]:
    return [(text, intent) for intent, texts in by_intent.items() for text in texts]


def read_other(data: Any, language: str = "") -> list[str]:
    """Return the rows of a file that mean no intent."""
    found = next((data[key] for key in ("oos_test", "oos_val", "oos_dev", "oos") if key in data), [])
    if isinstance(found, dict):
        found = found.get(language, [])
    return [text if isinstance(text, str) else text[0] for text in found]


def group(rows: Sequence[Row]) -> dict[str, list[str]]:
    """Return examples by intent; what means none is left out."""
    found: dict[str, list[str]] = {}
    for text, intent in rows:
        if intent not in OTHER:
            found.setdefault(intent, []).append(text)
    return found


def score(name: str, model: Model, encode: Any, rows: Sequence[Row], other: Sequence[str]) -> Score:
    """Score a model on rows and on messages that mean none of its intents."""
    inside = [(text, intent) for text, intent in rows if intent not in OTHER]
    other = [*other, *(text for text, intent in rows if intent in OTHER)]
    began = time.perf_counter()
    guesses = [model.guess(text, encode) for text, _ in inside]
    wall_ms = 1_000 * (time.perf_counter() - began) / max(1, len(inside))
    refused = [model.guess(text, encode) for text in other]
    right = np.array(
        [bool(g.ranked) and g.ranked[0][0] == intent for g, (_, intent) in zip(guesses, inside, strict=True)]
    )
    sure, unsure = np.array(list(map(_confidence, guesses))), np.array(list(map(_confidence, refused)))
    threshold = guesses[0].threshold
    truth = [intent for _, intent in inside] + ["oos"] * len(other)
    named = [g.ranked[0][0] if g.ranked else "oos" for g in (*guesses, *refused)]
    everything = np.concatenate([sure, unsure])
    points = np.unique(np.quantile(everything, np.linspace(0, 1, 60)))
    best = max(compute_mcc(truth, _apply(named, everything, point)) for point in points)
    made = Score(
        name,
        model.encoder.name if model.encoder and encode else "words",
        len(rows) + len(other),
        float(right.mean()),
        float((right & (sure >= threshold)).mean()),
        compute_mcc(truth, _apply(named, everything, threshold)),
        best,
        wall_ms=wall_ms,
        model_kb=len(dump_model(model)) // 1024,
    )
    if other:
        made.oos = float((unsure < threshold).mean())
        made.auroc = float(np.mean((sure[:, None] > unsure) + 0.5 * (sure[:, None] == unsure)))
        for share in (55, 65, 80):
            point = np.quantile(unsure, share / 100)
            made.at_recall = {**made.at_recall, str(share): float((right & (sure > point)).mean())}
    return made


def _confidence(guess: Guess) -> float:
    return guess.ranked[0][1] if guess.ranked else 0.0


def _apply(named: Sequence[str], sure: Any, threshold: float) -> list[str]:
    return [name if value >= threshold else "oos" for name, value in zip(named, sure, strict=True)]


def compute_mcc(truth: Sequence[str], named: Sequence[str]) -> float:
    """Return Matthews' correlation over all classes, as HINT3 is scored (Gorodkin 2004)."""
    labels = {name: at for at, name in enumerate(sorted({*truth, *named}))}
    table = np.zeros((len(labels), len(labels)))
    for true, said in zip(truth, named, strict=True):
        table[labels[true], labels[said]] += 1
    total, trace = table.sum(), np.trace(table)
    rows, columns = table.sum(axis=1), table.sum(axis=0)
    below = np.sqrt((total**2 - (columns**2).sum()) * (total**2 - (rows**2).sum()))
    return float((trace * total - rows @ columns) / below) if below else 0.0


def print_scores(scores: Sequence[Score]) -> None:
    """Print a table of scores, with the aim and the published figures of each set."""
    print(
        "| set | encoder | rows | closed % | accepted % | OOS refused % | AUROC | MCC (best) | ms | train s | kB |"
    )
    print("|---|---|---|---|---|---|---|---|---|---|---|")
    for each in scores:
        cells = [
            each.name, each.encoder, each.rows, f"{100 * each.closed:.1f}", f"{100 * each.accepted:.1f}",
            "-" if each.oos is None else f"{100 * each.oos:.1f}",
            "-" if each.auroc is None else f"{100 * each.auroc:.1f}",
            f"{each.mcc:.3f} ({each.best_mcc:.3f})", f"{each.wall_ms:.2f}", f"{each.train_s:.1f}", each.model_kb,
        ]  # fmt: skip
        print("| " + " | ".join(map(str, cells)) + " |")
    for name, aim in AIMS.items():
        if any(each.name.startswith(name) for each in scores):
            print(f"\n{name}: {aim}")
