"""Scores and routes of changed intents: the same figures as a computation of its own, for fifty random edits."""

import random
from typing import Any

import numpy as np
import pytest

from app.bot.learning.comparison import Router, compare_scores
from app.brains.document.edits.added_examples import add_examples, add_not_intents
from app.brains.document.intents import build_training_set
from app.brains.document.schema import Document
from app.brains.nlu.digest import compute_digest
from app.brains.nlu.models import MODELS, LoadedModel
from app.brains.nlu.normalise import build_key
from app.brains.nlu.storage import dump_model
from app.brains.nlu.training.evaluation import build_report
from app.brains.nlu.training.trainer import Trained, train
from tests.brains.document.test_understanding import build_document
from tests.brains.nlu.conftest import EXAMPLES

WORDS = [
    "parrot",
    "order",
    "refund",
    "open",
    "please",
    "my",
    "late",
    "shoes",
    "sunday",
    "where",
    "money",
    "ticket",
]


def train_document(data: dict[str, Any]) -> tuple[Document, Trained, LoadedModel]:
    document = Document.model_validate(data)
    trained = train(build_training_set(document.intents, "none", document.not_intents), None)
    body = dump_model(trained.model)
    return document, trained, MODELS.load(compute_digest(body), lambda: body)


def edit(data: dict[str, Any], chance: random.Random) -> dict[str, Any]:
    """Change the intents as an operator might: add examples, an intent, what means none, take some away."""
    texts = [" ".join(chance.sample(WORDS, chance.randint(2, 4))) for _ in range(chance.randint(1, 4))]
    names = [each["name"] for each in data["intents"]]
    way = chance.choice(("add", "new", "none", "drop", "remove"))
    if way == "none":
        found = add_not_intents(data, texts)
        return {**data, "not_intents": [*data.get("not_intents", []), *found.added]}
    if way == "drop" and len(names) > 2:
        gone = chance.choice(names)
        return {**data, "intents": [each for each in data["intents"] if each["name"] != gone]}
    if way == "remove":
        return {
            **data,
            "intents": [{**each, "examples": each["examples"][-5:]} for each in data["intents"]],
        }
    name = f"new_{chance.randint(1, 3)}" if way == "new" else chance.choice(names)
    return {**data, "intents": add_examples(data["intents"], name, texts).intents}


def compute_scores(trained: Trained) -> tuple[dict[str, float], dict[str, float]]:
    """Compute shares and recalls row by row, from the scores of cross-validation alone."""
    names, rows = trained.model.intents, trained.rows
    none = len(names)
    calibration = trained.model.calibrations[-1]
    counts = dict.fromkeys(("examples", "accuracy", "accepted", "wrong", "outside", "wrongly_accepted"), 0)
    per_intent = {name: [0, 0] for name in names}
    for scores, sure, meant, is_copy in zip(
        trained.joint[-1], trained.confidence[-1], rows.classes, rows.is_copy, strict=True
    ):
        best = max(range(none), key=lambda at: (scores[at], -at))
        is_sure = sure >= calibration.threshold
        if meant == none:
            counts["outside"] += 1
            counts["wrongly_accepted"] += is_sure
        elif not is_copy:
            counts["examples"] += 1
            counts["accuracy"] += best == meant
            counts["accepted"] += best == meant and is_sure
            counts["wrong"] += best != meant and is_sure
            per_intent[names[meant]][0] += best == meant
            per_intent[names[meant]][1] += 1
    shares = {name: counts[name] / counts["examples"] for name in ("accuracy", "accepted", "wrong")}
    shares["wrongly_accepted"] = counts["wrongly_accepted"] / counts["outside"]
    return shares, {name: hits / count for name, (hits, count) in per_intent.items()}


def compute_route(document: Document, model: LoadedModel, text: str) -> str:
    """Follow a message by hand: the examples, then the model, then the least that is asked for."""
    key = build_key(text)
    owners = {
        each.name for each in document.intents for example in each.examples if build_key(example) == key
    }
    if len(owners) == 1:
        name, sure, least = owners.pop(), 1.0, 0.5
    else:
        guess = model.model.guess(text)
        if not guess.ranked:
            return ""
        (name, sure), least = guess.ranked[0], guess.threshold
    asked = [
        command.trigger.min_confidence / 100  # type: ignore[union-attr]
        for command in document.commands
        if getattr(command.trigger, "intent", None) == name and command.trigger.min_confidence  # type: ignore[union-attr]
    ]
    return name if sure >= min(asked, default=least) else ""


@pytest.mark.timeout(600)
def test_fifty_random_edits_move_scores_and_routes_as_an_own_computation_says():
    chance = random.Random(11)
    messages = [" ".join(chance.sample(WORDS, chance.randint(1, 5))) for _ in range(60)]
    messages += [text for texts in EXAMPLES.values() for text in texts]
    live = build_document()
    before = train_document(live)
    old_shares, old_recalls = compute_scores(before[1])
    old_router = Router(before[0], lambda _document: before[2])
    draft, moved = live, 0
    for step in range(50):
        draft = edit(live if step % 5 == 0 else draft, chance)
        document, trained, model = train_document(draft)
        found = compare_scores(build_report(before[1]), build_report(trained))
        shares, recalls = compute_scores(trained)
        assert {each.name for each in found.recalls} == {*old_recalls, *recalls}
        for each in (*found.scores, *found.recalls):
            old, new = {**old_shares, **old_recalls}.get(each.name), {**shares, **recalls}.get(each.name)
            assert each.before == (None if old is None else pytest.approx(old, abs=6e-5))
            assert each.after == (None if new is None else pytest.approx(new, abs=6e-5))
            expected = None if old is None or new is None else pytest.approx(100 * (new - old), abs=0.02)
            assert each.points == expected
        router = Router(document, lambda _document, model=model: model)
        for text in messages:
            assert old_router.find_route(text) == compute_route(before[0], before[2], text)
            assert router.find_route(text) == compute_route(document, model, text)
            moved += old_router.find_route(text) != router.find_route(text)
    assert moved > 100
    assert np.isfinite(moved)


def test_a_brain_without_a_model_has_nothing_to_compare_with():
    found = compare_scores({}, {"accuracy": 0.5, "intents": [{"name": "a", "recall": 0.25}]})
    assert [(each.before, each.after, each.points) for each in found.recalls] == [(None, 0.25, None)]
    assert found.scores[0].after == 0.5
    assert found.scores[1].after is None
