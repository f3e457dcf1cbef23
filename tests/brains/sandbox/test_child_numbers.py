"""Whatever a child says, the host stays whole: every number from it is bounded at the border."""

import json
import math
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from app.brains import limits
from app.brains.effects.model import Schedule
from app.brains.effects.parse import Rules, read_effects, read_overlay, read_reads
from app.brains.effects.untrusted import BadEffect, clean
from app.brains.sandbox import errors
from app.brains.sandbox.process import Child
from app.brains.sandbox.protocol import decode, parse_response
from app.brains.sandbox.source_facts import read_facts
from app.brains.sandbox.types import SCRIPT, Source

SOURCE = Source.from_text(SCRIPT, "x = 1\ny = 2")
RULES = Rules(1_780_000_000_000, frozenset({"memory", "schedule", "media"}), {"later": "c1"})

numbers = st.one_of(
    st.sampled_from(
        [
            "1e999",
            "-1e999",
            "1e308",
            "-1e308",
            "NaN",
            "Infinity",
            "-Infinity",
            "-0.0",
            "5e-324",
            "9" * 400,
            "-" + "9" * 5000,
        ]
    ),
    st.integers(-(2**70), 2**70).map(str),
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
)
values = st.recursive(
    st.one_of(
        numbers, st.sampled_from(["null", "true", '""', '"later"', '"contact"', '"key"', r'"\ud800\u0000"'])
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4).map(lambda items: "[" + ",".join(items) + "]"),
        st.lists(
            st.tuples(st.sampled_from(["due", "command", "name", "args", "line", "key"]), inner), max_size=4
        ).map(lambda pairs: "{" + ",".join(f'"{name}":{value}' for name, value in pairs) + "}"),
    ),
    max_leaves=5,
)
effects = st.one_of(
    values,
    numbers.map(lambda number: f'["schedule",{{"command":"later","due":{number}}}]'),
    st.tuples(values, numbers).map(lambda pair: f'["set","contact","key",{pair[0]},{pair[1]}]'),
    st.tuples(numbers, numbers).map(lambda pair: f'["incr","contact","key",{pair[0]},{pair[1]}]'),
    values.map(lambda value: f'["called",{value}]'),
    values.map(lambda value: f'["reply",{{"text":{value}}}]'),
)


def build_packet(kind: str, value: str, fx: str, use: str) -> bytes:
    body = {
        "ok": f'{{"fx":[{fx}],"ret":{value},"reads":{value},"facts":{value}}}',
        "err": value,
        "call": '"x"',
    }[kind]
    usage = f'{{"cpu_ms":{use},"nodes":{use}}}'
    return f'{{"n":1,"{kind}":{body},"fx":[{fx}],"args":{{"a":{value}}},"use":{usage}}}'.encode()


@settings(max_examples=400, deadline=None)
@given(kind=st.sampled_from(["ok", "err", "call"]), value=values, fx=effects, use=numbers)
@example(kind="ok", value="1", fx='["schedule",{"command":"later","due":-1e308}]', use="1")
@example(kind="ok", value="1", fx='["schedule",{"command":"later","due":1e308}]', use="1e999")
@example(kind="err", value='{"kind":"time","trace":[["x",1e308,1,1]]}', fx="1", use="-1")
def test_no_answer_of_a_child_harms_the_host(kind: str, value: str, fx: str, use: str):
    packet = decode(build_packet(kind, value, fx, use))
    answer = None if packet is None else parse_response(packet)
    if answer is None:
        return
    assert all(math.isfinite(each) and 0 <= each <= 2**40 for each in answer.usage.values())
    json.dumps(answer.usage, allow_nan=False)
    if answer.error is not None:
        found = errors.from_report(SOURCE, answer, 1)
        assert found.line is None or 1 <= found.line <= 2
    for read in (
        lambda: read_effects(list(answer.fx), RULES),
        lambda: clean((answer.ok or {}).get("ret")),
        lambda: read_reads((answer.ok or {}).get("reads")),
        lambda: read_overlay((answer.ok or {}).get("ret")),
        lambda: read_facts((answer.ok or {}).get("facts")),
    ):
        try:
            given_ = read()
        except BadEffect:
            continue
        json.dumps(clean(None) if given_ is None else str(given_), allow_nan=False)


@pytest.mark.parametrize("due", [-1e308, -1, 0, 0.5])
def test_a_schedule_of_the_past_is_due_now(due: float):
    found = read_effects([["schedule", {"command": "later", "due": due}]], RULES)
    assert found == (Schedule("c1", RULES.now, {}, ""),)


def test_a_number_too_large_is_refused_in_plain_words():
    for due in (1e308, 2**62):
        with pytest.raises(BadEffect, match="at most a year ahead"):
            read_effects([["schedule", {"command": "later", "due": due}]], RULES)
    assert limits.SCHEDULE_SECONDS > 0


def test_last_words_with_a_line_of_thousands_of_digits_name_no_line():
    child: Any = Child.__new__(Child)
    child.crash_output = b'File "<command>", line ' + b"9" * 6000
    assert child.find_last_line() is None
