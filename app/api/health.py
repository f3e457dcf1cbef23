"""`/healthz` and `/readyz`: for load balancers and monitors (specs: durability 4.3)."""

from typing import Any

from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from flask import Blueprint, jsonify, request
from flask.typing import ResponseReturnValue
from sqlalchemy.exc import SQLAlchemyError

from app.bot import health
from app.settings import ROOT
from app.web import House, house

probes = Blueprint("probes", __name__)
LAG_LIMIT = 10_000


@probes.get("/healthz")
def healthz() -> ResponseReturnValue:
    """Answer, without touching anything: the process lives."""
    return {"ok": True}


@probes.get("/readyz")
def readyz() -> ResponseReturnValue:
    """Answer 200 when webhooks can be stored; worker lag is told but fails only with `?strict=1`.

    Taking the web process out of rotation because the worker lags would only add redeliveries.
    """
    shared = house()
    try:
        state = _state(shared)
    except SQLAlchemyError as error:
        return jsonify(ok=False, database=type(error).__name__), 503
    if not state["migrated"]:
        return jsonify(ok=False, remedy="flask --app wsgi db upgrade", **state), 503
    late = state["lag"] > LAG_LIMIT or not state["worker_alive"]
    strict = request.args.get("strict") == "1"
    return jsonify(ok=not (strict and late), **state), 503 if strict and late else 200


def _state(shared: House) -> dict[str, Any]:
    now = shared.clock()
    with shared.database.engine.connect() as connection:
        at = set(MigrationContext.configure(connection).get_current_heads())
    with shared.database.read() as session:
        workers = health.workers(session, now)
        lag = health.lag(session, now)
        troubled = health.troubled(session)
    return {
        "migrated": at == set(ScriptDirectory(str(ROOT / "migrations")).get_heads()),
        "lag": lag,
        "unknown": troubled["unknown"],
        "dead": troubled["dead"],
        "worker_alive": any(w["name"].startswith("worker") and not w["late"] for w in workers),
    }
