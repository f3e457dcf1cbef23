import pytest

from app.brains.pattern_samples import generate_samples
from app.brains.triggers.regex import Config as Regex


@pytest.mark.parametrize(
    "pattern",
    [
        r"^(?P<day>mon|tue)[a-z]*day$", r"(?i)\bhello\b", r"\d{2,4}-[^x-]{3}", r"a+b*c?", r"[[:alpha:]]+\.",
        r"(?:ab|cd){2}", r"\pL+", r"[]x]+", r"(?i:yes)|no", r"x{,3}", r"caf\x{e9}|tea", r"(a|b)(c|d)",
    ],
)  # fmt: skip
def test_texts_made_from_a_pattern_fit_it(pattern: str):
    compiled = Regex(kind="regex", pattern=pattern).compiled_pattern
    texts = generate_samples(pattern, compiled)
    assert all(compiled.search(text) for text in texts)
    assert texts or "\\x{" in pattern


@pytest.mark.parametrize("pattern", ["(" * 60 + "a" + ")" * 60, "a{1000}", "(a{30}){30}", "[", "x|" * 300])
def test_a_hard_pattern_costs_nothing(pattern: str):
    class Everything:
        def search(self, _text: str) -> bool:
            return True

    assert all(len(text) <= 200 for text in generate_samples(pattern, Everything()))
