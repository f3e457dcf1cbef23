"""Health endpoints `/healthz` and `/readyz`, and the lag at which strict readiness fails (specs: durability 4.3)."""

from typing import Any

import structlog
from flask import Blueprint, jsonify, request
from flask.typing import ResponseReturnValue
from sqlalchemy.exc import SQLAlchemyError

from app.bot.health import status
from app.db.migrations_state import list_wanted_heads, read_applied_heads
from app.services import Services, services
from app.web import allow_public

log = structlog.get_logger(__name__)

probes = Blueprint("health", __name__)
LAG_LIMIT_MS = 10_000


@probes.get("/healthz")
@allow_public
def check_liveness() -> ResponseReturnValue:
    """Answer, without touching anything: the process lives."""
    return {"ok": True}


@probes.get("/readyz")
@allow_public
def check_readiness() -> ResponseReturnValue:
    """Answer 200 when webhooks can be stored; worker lag is told but fails only with `?strict=1`.

    Taking the web process out of rotation because the worker lags would only add redeliveries.
    """
    shared = services()
    try:
        state = _read_state(shared)
    except SQLAlchemyError as error:
        log.warning("not ready: the database does not answer", reason=type(error).__name__)
        return jsonify(ok=False, database="no answer"), 503
    if not state["migrated"]:
        return jsonify(ok=False, remedy="flask --app wsgi db upgrade", **state), 503
    late = state["lag"] > LAG_LIMIT_MS or not state["worker_alive"]
    strict = request.args.get("strict") == "1"
    return jsonify(ok=not (strict and late), **state), 503 if strict and late else 200


def _read_state(shared: Services) -> dict[str, Any]:
    now = shared.clock()
    with shared.database.engine.connect() as connection:
        at = read_applied_heads(connection)
    with shared.database.read() as session:
        workers = status.list_workers(session, now)
        lag = status.compute_lag(session, now)
        held = status.count_held_chats(session)
        troubled = status.count_failures(session)
    return {
        "migrated": at == list_wanted_heads(),
        "lag": lag,
        "held": held,
        "unknown": troubled["unknown"],
        "dead": troubled["dead"],
        "worker_alive": any(w["name"].startswith("worker") and not w["late"] for w in workers),
    }
