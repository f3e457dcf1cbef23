"""Nothing that a fuzzer makes of the known attacks gets out."""

import os

import pytest

from tests.escapes.fuzz import fuzz

SECONDS = 60.0 if os.environ.get("CI") else 5.0


@pytest.mark.timeout(180)
def test_nothing_gets_out_of_a_sandbox_that_is_fuzzed():
    hunts = fuzz(SECONDS, "1")
    for hunt in hunts:
        print(f"{hunt.mode}: {hunt.runs} attacks, {hunt.runs / SECONDS:.0f} a second")
    assert [(hunt.mode, find) for hunt in hunts for find in hunt.finds] == []
    assert all(hunt.runs > 0 for hunt in hunts)
