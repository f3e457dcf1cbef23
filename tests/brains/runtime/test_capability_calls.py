from typing import Any

import pytest

from app.brains import limits
from app.brains.calls import Calls, argument_hash
from app.brains.capabilities.ai import Ai, AiAnswer
from app.brains.capabilities.contract import Asker, CallRefused
from app.brains.document import Grants

EVERYTHING = Grants.model_validate({"http": {"allow": ["api.example.com"]}, "ai": {"monthly_tokens": 100}})
URL = {"url": "https://api.example.com/x?key=secret"}


class Echo:
    """Gives back what it was asked, and counts."""

    grant = "http"

    def __init__(self) -> None:
        self.asked = 0

    def answer(self, method, arguments, asker):
        self.asked += 1
        if arguments.get("fail"):
            raise CallRefused("upstream", "It broke.")
        return [method, dict(arguments), asker.brain_id]


@pytest.fixture
def echo():
    return Echo()


@pytest.fixture
def make(echo):
    def calls(grants=EVERYTHING, **more: Any):
        everything = dict.fromkeys(("http.get", "http.post", "ai", "memory.top"), echo)
        return Calls(more.pop("capabilities", everything), Asker(1, grants), **more)

    return calls


def refusal(ask, *arguments: Any):
    with pytest.raises(CallRefused) as caught:
        ask(*arguments)
    return caught.value.kind, str(caught.value)


def test_an_answer_is_given_journalled_and_traced_without_its_query(make):
    calls = make()
    assert calls.ask("http.get", URL) == ["http.get", URL, 1]
    assert calls.journal == [
        {"m": "http.get", "a": argument_hash(URL), "ok": True, "v": ["http.get", URL, 1]}
    ]
    assert calls.trace[0].pop("ms") >= 0
    assert calls.trace == [{"method": "http.get", "short": "https://api.example.com/x", "ok": True}]


@pytest.mark.parametrize(
    ("method", "grant"), [("http.get", "http"), ("http.post", "http"), ("ai", "ai"), ("memory.top", "memory")]
)
def test_what_is_not_granted_is_denied_with_what_to_do(make, echo, method, grant):
    nothing = Grants.model_validate(dict.fromkeys(Grants.model_fields))
    kind, words = refusal(make(nothing).ask, method, {})
    assert kind == "denied"
    assert f"Switch “{grant}” on" in words
    assert echo.asked == 0


def test_an_unknown_method_is_denied(make):
    assert refusal(make().ask, "os.system", {})[0] == "denied"


def test_what_an_installation_lacks_is_unavailable(make):
    assert refusal(make(capabilities={}).ask, "http.get", URL)[0] == "unavailable"


@pytest.mark.parametrize(
    ("method", "most"),
    [
        ("http.get", limits.CALLS_HTTP),
        ("http.post", limits.CALLS_HTTP),
        ("ai", limits.CALLS_AI),
        ("memory.top", limits.CALLS),
    ],
)
def test_each_kind_of_call_has_a_quota(make, method, most):
    calls = make()
    for _ in range(most):
        calls.count()
        calls.ask(method, {})
    if most == limits.CALLS:
        assert refusal(calls.count)[0] == "limit"
    else:
        assert refusal(calls.ask, method, {})[0] == "limit"
    assert len(calls.journal) == most


def test_get_and_post_share_a_quota(make):
    calls = make()
    for n in range(limits.CALLS_HTTP):
        calls.ask("http.get" if n % 2 else "http.post", {})
    assert refusal(calls.ask, "http.get", {})[0] == "limit"


def test_a_journal_answers_in_order_and_nothing_goes_out(make, echo):
    first = make()
    asked = [("http.get", {"url": "a"}), ("ai", {"prompt": "p", "fail": 1}), ("http.get", {"url": "b"})]
    answers = [answered(first, *one) for one in asked]
    went_out = echo.asked
    again = make(journal=first.journal)
    assert [answered(again, *one) for one in asked] == answers
    assert again.journal == first.journal
    assert echo.asked == went_out


def answered(calls, method, arguments):
    try:
        return calls.ask(method, arguments)
    except CallRefused as refused:
        return refused.kind, str(refused)


@pytest.mark.parametrize(
    "other", [("http.post", {"url": "a"}), ("http.get", {"url": "b"}), ("ai", {"prompt": "a"})]
)
def test_a_journal_does_not_answer_another_question(make, other):
    first = make()
    first.ask("http.get", {"url": "a"})
    kind, words = refusal(make(journal=first.journal).ask, *other)
    assert kind == "unavailable"
    assert "has changed" in words
    assert refusal(make(journal=[]).ask, *other)[0] == "unavailable"


def test_the_order_of_arguments_makes_no_difference():
    assert argument_hash({"a": 1, "b": [2]}) == argument_hash({"b": [2], "a": 1})
    assert argument_hash({"a": 1}) != argument_hash({"a": 2})


class Parrot:
    """A provider that repeats."""

    def ask(self, request):
        said = f"{request.messages[-1]['content']} {request.model}"
        return AiAnswer(said, "bird", "m", 3, 4, 12, "EUR")


class Books:
    def __init__(self, spent) -> None:
        self.tokens = spent
        self.records = []

    def spent(self, brain_id, _now):
        return self.tokens[brain_id]

    def note(self, record):
        self.records.append(record)


ASKED = {"messages": [{"role": "user", "content": "hi"}]}


def test_without_a_provider_ai_says_what_to_do():
    kind, words = refusal(Ai().answer, "ai", ASKED, Asker(1, EVERYTHING))
    assert kind == "unavailable"
    assert "No AI provider is set up" in words


def test_a_provider_answers_and_it_is_written_down():
    books = Books({1: 0})
    call = {**ASKED, "prompt": "greet", "model": "m"}
    assert Ai(Parrot(), books).answer("ai", call, Asker(1, EVERYTHING, now=5, message_id=9)) == "hi m"
    (record,) = books.records
    assert (record.brain_id, record.message_id, record.prompt, record.status) == (1, 9, "greet", "ok")
    assert (record.provider, record.answer, record.tokens_in, record.tokens_out) == ("bird", "hi m", 3, 4)
    assert (record.cost, record.currency) == (12, "EUR")


def test_tokens_of_a_month_run_out():
    books = Books({1: 99, 2: 100})
    ai = Ai(Parrot(), books)
    assert ai.answer("ai", ASKED, Asker(1, EVERYTHING))
    assert refusal(ai.answer, "ai", ASKED, Asker(2, EVERYTHING))[0] == "limit"
    assert refusal(ai.answer, "ai", ASKED, Asker(1, Grants()))[0] == "limit"
    endless = Grants.model_validate({"ai": {"monthly_tokens": None}})
    assert ai.answer("ai", ASKED, Asker(2, endless))


def test_a_question_without_time_or_words_is_refused():
    ai = Ai(Parrot())
    assert refusal(ai.answer, "ai", ASKED, Asker(1, EVERYTHING, seconds=0.5))[0] == "timeout"
    for wrong in ({}, {"messages": []}, {"messages": "hi"}, {**ASKED, "key": "x"}):
        assert refusal(ai.answer, "ai", wrong, Asker(1, EVERYTHING))[0] == "denied"
