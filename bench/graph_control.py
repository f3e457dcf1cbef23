"""Remote control of the fake Graph API: its log, its counts, and answers planned for coming requests."""

import json
from typing import Any, Protocol
from urllib.parse import parse_qs

from bench.graph_answers import refusal
from bench.wire import NO_ANSWER, Answer, Message

DROPPED = Answer(NO_ANSWER)
CONTROLS = ("_log", "_stats", "_reset", "_next")


class Controlled(Protocol):
    """What the control endpoints need of a fake Graph."""

    def log_rows(self, since: int) -> list[dict[str, Any]]:
        """Return the accepted sends from number `since` on."""
        ...

    def stats(self) -> dict[str, int]:
        """Return what was counted."""
        ...

    def reset(self) -> None:
        """Forget everything."""
        ...

    def plan(self, *rows: dict[str, Any]) -> None:
        """Queue answers for coming requests."""
        ...


def planned_answer(row: dict[str, Any]) -> Answer:
    """Build the answer a planned row stands for (FakeGraph.plan says what a row may hold).

    Raises KeyError for a row that has neither `drop`, a known `code` nor `http_status` and `body`.
    """
    if "drop" in row:
        return DROPPED
    if "code" in row:
        return refusal(row["code"], row.get("details", ""), row.get("retry_after"))
    return Answer(row["http_status"], json.dumps(row["body"]).encode(), row.get("headers", {}))


def control(graph: Controlled, name: str, message: Message, query: str) -> Answer:
    """Answer GET /_log[?since=N], GET /_stats, POST /_reset and POST /_next."""
    if name == "_log":
        return _json(graph.log_rows(int(parse_qs(query).get("since", ["0"])[0])))
    if name == "_stats":
        return _json(graph.stats())
    if name == "_reset":
        graph.reset()
        return _json({})
    try:
        rows = json.loads(message.body)
        for row in rows:
            planned_answer(row)
    except (ValueError, KeyError, TypeError) as error:
        return Answer(400, json.dumps({"error": f"Send a list of planned rows: {error!r}"}).encode())
    graph.plan(*rows)
    return _json({"planned": len(rows)})


def _json(value: Any) -> Answer:
    return Answer(200, json.dumps(value).encode())
