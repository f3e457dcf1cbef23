"""A training set is named by all that a model depends on."""

from app.brains.nlu.training.training_set import TrainingSet, list_background


def test_the_order_of_examples_makes_no_difference_and_each_text_does():
    one = TrainingSet({"a": ["x", "y"], "b": ["z"]})
    assert one.digest == TrainingSet({"b": ["z"], "a": ["y", "x", "x"]}).digest
    others = [
        TrainingSet({"a": ["x"], "b": ["z"]}),
        TrainingSet(one.examples, "use"),
        TrainingSet(one.examples, seed=1),
    ]
    assert one.digest not in {each.digest for each in others}
    assert TrainingSet.from_json(one.to_json()).digest == one.digest


def test_a_wording_counts_once():
    assert TrainingSet({"a": ["Hello there!", "hello there"]}).list_rows() == [("Hello there!", "a")]


def test_the_background_is_in_many_languages():
    lines = list_background()
    assert len(lines) >= 200
    assert len(set(lines)) == len(lines)
