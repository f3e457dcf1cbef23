"""Report on a trained model: cross-validated scores, confused pairs, conflicting and weak examples, as JSON data.

Every figure comes from models that have not seen the example it is about.
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from app.brains.nlu.normalise import build_key
from app.brains.nlu.training.trainer import FOLDS, Rows, Trained

Array = Any

_Z: Final = 1.96  # of an interval that holds 95 of 100
_ALIKE: Final = 0.9  # similarity of two examples, of 1, that contradict each other in two intents
_SUSPICIOUS: Final = 0.8  # confidence for another intent than the one an example stands in
_WEAK_RECALL: Final = 0.8
_FEW: Final = 8  # examples
_LISTED: Final = 20
_SHOWN_CHARS: Final = 200


def build_report(trained: Trained) -> dict[str, Any]:
    """Return the report: `accuracy` with its interval, `accepted` and `wrongly_accepted` shares, `intents`, lists.

    Shares are 0 to 1. `words_only` holds the same figures for the model without its encoder.
    """
    rows, names = trained.rows, trained.model.intents
    own = np.flatnonzero((rows.classes < len(names)) & ~rows.is_copy)
    guessed = trained.joint[-1][:, :-1].argmax(axis=1)
    right = guessed[own] == rows.classes[own]
    report = _measure(trained, own, len(trained.joint) - 1)
    report |= {
        "examples": len(own),
        "interval": list(compute_interval(int(right.sum()), len(own))),
        "folds": [round(float(right[rows.folds[own] == fold].mean()), 4) for fold in range(FOLDS)
                  if (rows.folds[own] == fold).any()],
        "encoder": trained.model.encoder.name if trained.model.encoder else "",
        "intents": [_describe_intent(name, at, rows.classes[own], guessed[own]) for at, name in enumerate(names)],
        "confusions": _list_confusions(rows, own, guessed, names),
        "conflicts": _list_conflicts(trained, own, names),
        "suspicious": _list_suspicious(trained, own, guessed, names),
    }  # fmt: skip
    if len(trained.joint) > 1:
        report["words_only"] = _measure(trained, own, 0)
    return report


def compute_interval(hits: int, count: int) -> tuple[float, float]:
    """Return Wilson's interval of a share, which holds the true one in 95 of 100 cases."""
    if not count:
        return 0.0, 1.0
    share, square = hits / count, _Z * _Z
    middle = (share + square / (2 * count)) / (1 + square / count)
    half = _Z * math.sqrt(share * (1 - share) / count + square / (4 * count * count)) / (1 + square / count)
    return round(max(0.0, middle - half), 4), round(min(1.0, middle + half), 4)


def _measure(trained: Trained, own: Array, which: int) -> dict[str, Any]:
    rows, threshold = trained.rows, trained.model.calibrations[which].threshold
    guessed = trained.joint[which][own, :-1].argmax(axis=1)
    sure = trained.confidence[which] >= threshold
    right = guessed == rows.classes[own]
    outside = rows.classes == len(trained.model.intents)
    return {
        "accuracy": round(float(right.mean()), 4),
        "accepted": round(float((right & sure[own]).mean()), 4),
        "wrong": round(float((~right & sure[own]).mean()), 4),
        "wrongly_accepted": round(float(sure[outside].mean()), 4) if outside.any() else 0.0,
        "threshold": round(threshold, 4),
    }


def _describe_intent(name: str, at: int, classes: Array, guessed: Array) -> dict[str, Any]:
    count, hits = int((classes == at).sum()), int(((classes == at) & (guessed == at)).sum())
    named = int((guessed == at).sum())
    recall, precision = hits / max(count, 1), hits / max(named, 1)
    both = precision + recall
    return {
        "name": name,
        "examples": count,
        "recall": round(recall, 4),
        "precision": round(precision, 4),
        "f1": round(2 * precision * recall / both if both else 0.0, 4),
        "is_weak": count < _FEW or recall < _WEAK_RECALL,
    }


def _list_confusions(rows: Rows, own: Array, guessed: Array, names: Sequence[str]) -> list[Mapping[str, Any]]:
    """Return pairs of intents, the most confused first, with the examples it happened to."""
    pairs: dict[tuple[int, int], list[str]] = {}
    for at in own:
        if guessed[at] != rows.classes[at]:
            pairs.setdefault((int(rows.classes[at]), int(guessed[at])), []).append(
                rows.texts[at][:_SHOWN_CHARS]
            )
    ranked = sorted(pairs.items(), key=lambda each: (-len(each[1]), each[0]))
    return [
        {"intent": names[meant], "taken_for": names[taken], "examples": texts[:_LISTED]}
        for (meant, taken), texts in ranked[:_LISTED]
    ]


def _list_conflicts(trained: Trained, own: Array, names: Sequence[str]) -> list[Mapping[str, Any]]:
    """Return examples of two intents that say the same, or nearly."""
    rows, found = trained.rows, list[tuple[int, int]]()
    for place, one in enumerate(own):  # row by row: the whole would not fit into the memory of a training
        others = own[place + 1 :]
        similar = trained.gram[one, others] / 2.0  # two blocks of length 1 each
        alike = others[(rows.classes[others] != rows.classes[one]) & (similar >= _ALIKE)]
        found += [(int(one), int(other)) for other in alike]
        if len(found) >= _LISTED:
            break
    same = Counter(build_key(rows.texts[at]) for at in own)
    return [
        {
            "examples": [[names[rows.classes[at]], rows.texts[at][:_SHOWN_CHARS]] for at in (one, other)],
            "is_same": same[build_key(rows.texts[one])] > 1,
        }
        for one, other in found[:_LISTED]
    ]


def _list_suspicious(
    trained: Trained, own: Array, guessed: Array, names: Sequence[str]
) -> list[Mapping[str, Any]]:
    """Return examples that the others say are of another intent."""
    rows, sure = trained.rows, trained.confidence[-1]
    found = [at for at in own if guessed[at] != rows.classes[at] and sure[at] >= _SUSPICIOUS]
    ranked = sorted(found, key=lambda at: -float(sure[at]))[:_LISTED]
    return [
        {
            "intent": names[rows.classes[at]],
            "example": rows.texts[at][:_SHOWN_CHARS],
            "taken_for": names[guessed[at]],
            "confidence": round(float(sure[at]), 4),
        }
        for at in ranked
    ]
