from typing import Any

import pytest

from app.brains import limits
from app.brains.ai.contract import AiAnswer
from app.brains.capabilities.ai import Ai
from app.brains.capabilities.contract import CallContext, CallRefusal
from app.brains.document.schema import Grants
from app.brains.runtime.capability_calls import CapabilityCalls, hash_arguments

EVERYTHING = Grants.model_validate({"http": {"allow": ["api.example.com"]}, "ai": {"monthly_tokens": 100}})
URL = {"url": "https://api.example.com/x?key=secret"}


class EchoCapability:
    """Gives back what it was asked, and counts."""

    grant = "http"

    def __init__(self) -> None:
        self.asked = 0

    def answer(self, method, arguments, asker):
        self.asked += 1
        if arguments.get("fail"):
            raise CallRefusal("upstream", "It broke.")
        return [method, dict(arguments), asker.brain_id]


@pytest.fixture
def echo():
    return EchoCapability()


@pytest.fixture
def make_calls(echo):
    def calls(grants=EVERYTHING, **more: Any):
        everything = dict.fromkeys(("http.get", "http.post", "ai", "memory.top"), echo)
        return CapabilityCalls(more.pop("capabilities", everything), CallContext(1, grants), **more)

    return calls


def catch_refusal(ask, *arguments: Any):
    with pytest.raises(CallRefusal) as caught:
        ask(*arguments)
    return caught.value.kind, str(caught.value)


def test_an_answer_is_given_journalled_and_traced_without_its_query(make_calls):
    calls = make_calls()
    assert calls.ask("http.get", URL) == ["http.get", URL, 1]
    assert calls.journal == [
        {"m": "http.get", "a": hash_arguments(URL), "ok": True, "v": ["http.get", URL, 1]}
    ]
    assert calls.trace[0].pop("ms") >= 0
    assert calls.trace == [{"method": "http.get", "short": "https://api.example.com/x", "ok": True}]


@pytest.mark.parametrize(
    ("method", "grant"), [("http.get", "http"), ("http.post", "http"), ("ai", "ai"), ("memory.top", "memory")]
)
def test_what_is_not_granted_is_denied_with_what_to_do(make_calls, echo, method, grant):
    nothing = Grants.model_validate(dict.fromkeys(Grants.model_fields))
    kind, words = catch_refusal(make_calls(nothing).ask, method, {})
    assert kind == "denied"
    assert f"Switch “{grant}” on" in words
    assert echo.asked == 0


def test_an_unknown_method_is_denied(make_calls):
    assert catch_refusal(make_calls().ask, "os.system", {})[0] == "denied"


def test_what_an_installation_lacks_is_unavailable(make_calls):
    assert catch_refusal(make_calls(capabilities={}).ask, "http.get", URL)[0] == "unavailable"


@pytest.mark.parametrize(
    ("method", "most"),
    [
        ("http.get", limits.CALLS_HTTP),
        ("http.post", limits.CALLS_HTTP),
        ("ai", limits.CALLS_AI),
        ("memory.top", limits.CALLS),
    ],
)
def test_each_kind_of_call_has_a_quota(make_calls, method, most):
    calls = make_calls()
    for _ in range(most):
        calls.count()
        calls.ask(method, {})
    if most == limits.CALLS:
        assert catch_refusal(calls.count)[0] == "limit"
    else:
        assert catch_refusal(calls.ask, method, {})[0] == "limit"
    assert len(calls.journal) == most


def test_get_and_post_share_a_quota(make_calls):
    calls = make_calls()
    for n in range(limits.CALLS_HTTP):
        calls.ask("http.get" if n % 2 else "http.post", {})
    assert catch_refusal(calls.ask, "http.get", {})[0] == "limit"


def test_a_journal_answers_in_order_and_nothing_goes_out(make_calls, echo):
    first = make_calls()
    asked = [("http.get", {"url": "a"}), ("ai", {"prompt": "p", "fail": 1}), ("http.get", {"url": "b"})]
    answers = [answer_or_refuse(first, *one) for one in asked]
    went_out = echo.asked
    again = make_calls(journal=first.journal)
    assert [answer_or_refuse(again, *one) for one in asked] == answers
    assert again.journal == first.journal
    assert echo.asked == went_out


def answer_or_refuse(calls, method, arguments):
    try:
        return calls.ask(method, arguments)
    except CallRefusal as refused:
        return refused.kind, str(refused)


@pytest.mark.parametrize(
    "other", [("http.post", {"url": "a"}), ("http.get", {"url": "b"}), ("ai", {"prompt": "a"})]
)
def test_a_journal_does_not_answer_another_question(make_calls, other):
    first = make_calls()
    first.ask("http.get", {"url": "a"})
    kind, words = catch_refusal(make_calls(journal=first.journal).ask, *other)
    assert kind == "unavailable"
    assert "has changed" in words
    assert catch_refusal(make_calls(journal=[]).ask, *other)[0] == "unavailable"


def test_the_order_of_arguments_makes_no_difference():
    assert hash_arguments({"a": 1, "b": [2]}) == hash_arguments({"b": [2], "a": 1})
    assert hash_arguments({"a": 1}) != hash_arguments({"a": 2})


class FakeModel:
    """A provider that repeats."""

    def complete(self, request):
        said = f"{request.messages[-1]['content']} {request.model}"
        return AiAnswer(said, "bird", "m", 3, 4, 12, "EUR")


class FakeUsageLedger:
    def __init__(self, spent) -> None:
        self.tokens = spent
        self.records = []

    def count_used_tokens(self, brain_id, _now):
        return self.tokens[brain_id]

    def record_call(self, record):
        self.records.append(record)


ASKED = {"messages": [{"role": "user", "content": "hi"}]}


def test_without_a_provider_ai_says_what_to_do():
    kind, words = catch_refusal(Ai().answer, "ai", ASKED, CallContext(1, EVERYTHING))
    assert kind == "unavailable"
    assert "No AI provider is set up" in words


def test_a_provider_answers_and_it_is_written_down():
    books = FakeUsageLedger({1: 0})
    call = {**ASKED, "prompt": "greet", "model": "m"}
    assert (
        Ai(FakeModel(), books).answer("ai", call, CallContext(1, EVERYTHING, now=5, message_id=9)) == "hi m"
    )
    (record,) = books.records
    assert (record.brain_id, record.message_id, record.prompt, record.status) == (1, 9, "greet", "ok")
    assert (record.provider, record.answer, record.tokens_in, record.tokens_out) == ("bird", "hi m", 3, 4)
    assert (record.cost, record.currency) == (12, "EUR")


def test_tokens_of_a_month_run_out():
    books = FakeUsageLedger({1: 99, 2: 100})
    ai = Ai(FakeModel(), books)
    assert ai.answer("ai", ASKED, CallContext(1, EVERYTHING))
    assert catch_refusal(ai.answer, "ai", ASKED, CallContext(2, EVERYTHING))[0] == "limit"
    assert catch_refusal(ai.answer, "ai", ASKED, CallContext(1, Grants()))[0] == "limit"
    endless = Grants.model_validate({"ai": {"monthly_tokens": None}})
    assert ai.answer("ai", ASKED, CallContext(2, endless))


def test_a_question_without_time_or_words_is_refused():
    ai = Ai(FakeModel())
    assert catch_refusal(ai.answer, "ai", ASKED, CallContext(1, EVERYTHING, seconds=0.5))[0] == "timeout"
    for wrong in ({}, {"messages": []}, {"messages": "hi"}, {**ASKED, "key": "x"}):
        assert catch_refusal(ai.answer, "ai", wrong, CallContext(1, EVERYTHING))[0] == "denied"
