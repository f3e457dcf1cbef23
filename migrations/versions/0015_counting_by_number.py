"""counting on PostgreSQL asks for each number by itself, which starts quicker than one statement for all

Revision: 0015, after 0014. SQLite counts as it did.
"""

from collections.abc import Callable
from alembic import op




revision = '0015'
down_revision = '0014'
branch_labels = None
depends_on = None

COLUMNS = 'at, gone, connection_id, brain_id, version_id, command_id, metric, label, value, n'
NONE = 'CAST(NULL AS BIGINT)'
# As app.analytics.triggers wrote them when this migration was made: metric, label, value, n; {r} is the row.
MESSAGE = (
    ('received', "''", NONE, "CASE WHEN {r}.direction = 'in' AND {r}.kind <> 'schedule' THEN 1 ELSE 0 END"),
    ('scheduled', "''", NONE, "CASE WHEN {r}.direction = 'in' AND {r}.kind = 'schedule' THEN 1 ELSE 0 END"),
    ('typed', "''", NONE, "CASE WHEN {r}.direction = 'out' AND {r}.author = 'phone' THEN 1 ELSE 0 END"),
    ('created', "''", NONE, "CASE WHEN {r}.direction = 'out' AND {r}.author <> 'phone' THEN 1 ELSE 0 END"),
    ('dropped', "COALESCE({r}.error_code, '')", NONE, "CASE WHEN {r}.direction = 'in' AND {r}.state = 'dead' THEN 1 ELSE 0 END"),
    ('sent', "''", 'CASE WHEN {r}.asked_at > 0 THEN {r}.accepted_at - {r}.asked_at END', "CASE WHEN {r}.direction = 'out' AND {r}.author <> 'phone' AND {r}.state IN ('sent', 'delivered', 'read', 'played') THEN 1 ELSE 0 END"),
    ('delivered', "''", NONE, "CASE WHEN {r}.direction = 'out' AND {r}.author <> 'phone' AND {r}.state IN ('delivered', 'read', 'played') THEN 1 ELSE 0 END"),
    ('read', "''", NONE, "CASE WHEN {r}.direction = 'out' AND {r}.author <> 'phone' AND {r}.state IN ('read', 'played') THEN 1 ELSE 0 END"),
    ('failed', "COALESCE({r}.error_code, '')", NONE, "CASE WHEN {r}.direction = 'out' AND {r}.author <> 'phone' AND {r}.state IN ('failed') THEN 1 ELSE 0 END"),
    ('dead', "COALESCE({r}.error_code, '')", NONE, "CASE WHEN {r}.direction = 'out' AND {r}.author <> 'phone' AND {r}.state IN ('dead') THEN 1 ELSE 0 END"),
    ('unknown', "''", NONE, "CASE WHEN {r}.direction = 'out' AND {r}.author <> 'phone' AND {r}.state IN ('unknown') THEN 1 ELSE 0 END"),
    ('held', "''", NONE, "CASE WHEN {r}.direction = 'out' AND {r}.author <> 'phone' AND {r}.state IN ('held') THEN 1 ELSE 0 END"),
)
RUN = (
    ('run_answered', "''", '{r}.micros', "CASE WHEN {r}.outcome = 'answered' THEN 1 ELSE 0 END"),
    ('run_silent', "''", '{r}.micros', "CASE WHEN {r}.outcome = 'silent' THEN 1 ELSE 0 END"),
    ('run_failed', "COALESCE({r}.fault, '')", '{r}.micros', "CASE WHEN {r}.outcome = 'failed' THEN 1 ELSE 0 END"),
)
AI_CALL = (
    ('ai_calls', "{r}.provider || '/' || {r}.model", '{r}.latency_ms', 'CASE WHEN 1 = 1 THEN 1 ELSE 0 END'),
    ('ai_failed', '{r}.status', NONE, "CASE WHEN {r}.status <> 'ok' THEN 1 ELSE 0 END"),
    ('tokens_in', "{r}.provider || '/' || {r}.model", NONE, 'CASE WHEN {r}.tokens_in > 0 THEN {r}.tokens_in ELSE 0 END'),
    ('tokens_out', "{r}.provider || '/' || {r}.model", NONE, 'CASE WHEN {r}.tokens_out > 0 THEN {r}.tokens_out ELSE 0 END'),
    ('cost', '{r}.currency', NONE, 'CASE WHEN {r}.cost > 0 THEN {r}.cost ELSE 0 END'),
)
MOVED = (
    ('dropped', "COALESCE(NEW.error_code, '')", NONE, "CASE WHEN NEW.direction = 'in' AND NEW.state = 'dead' AND NOT (OLD.direction = 'in' AND OLD.state = 'dead' AND COALESCE(COALESCE(NEW.error_code, ''), '') = COALESCE(COALESCE(OLD.error_code, ''), '')) THEN 1 ELSE 0 END"),
    ('dropped', "COALESCE(OLD.error_code, '')", NONE, "CASE WHEN OLD.direction = 'in' AND OLD.state = 'dead' AND NOT (NEW.direction = 'in' AND NEW.state = 'dead' AND COALESCE(COALESCE(NEW.error_code, ''), '') = COALESCE(COALESCE(OLD.error_code, ''), '')) THEN -1 ELSE 0 END"),
    ('sent', "''", 'CASE WHEN NEW.asked_at > 0 THEN NEW.accepted_at - NEW.asked_at END', "CASE WHEN NEW.direction = 'out' AND NEW.author <> 'phone' AND NEW.state IN ('sent', 'delivered', 'read', 'played') AND NOT (OLD.direction = 'out' AND OLD.author <> 'phone' AND OLD.state IN ('sent', 'delivered', 'read', 'played') AND COALESCE(CASE WHEN NEW.asked_at > 0 THEN NEW.accepted_at - NEW.asked_at END, -1) = COALESCE(CASE WHEN OLD.asked_at > 0 THEN OLD.accepted_at - OLD.asked_at END, -1)) THEN 1 ELSE 0 END"),
    ('sent', "''", 'CASE WHEN OLD.asked_at > 0 THEN OLD.accepted_at - OLD.asked_at END', "CASE WHEN OLD.direction = 'out' AND OLD.author <> 'phone' AND OLD.state IN ('sent', 'delivered', 'read', 'played') AND NOT (NEW.direction = 'out' AND NEW.author <> 'phone' AND NEW.state IN ('sent', 'delivered', 'read', 'played') AND COALESCE(CASE WHEN NEW.asked_at > 0 THEN NEW.accepted_at - NEW.asked_at END, -1) = COALESCE(CASE WHEN OLD.asked_at > 0 THEN OLD.accepted_at - OLD.asked_at END, -1)) THEN -1 ELSE 0 END"),
    ('delivered', "''", NONE, "CASE WHEN NEW.direction = 'out' AND NEW.author <> 'phone' AND NEW.state IN ('delivered', 'read', 'played') THEN 1 ELSE 0 END - CASE WHEN OLD.direction = 'out' AND OLD.author <> 'phone' AND OLD.state IN ('delivered', 'read', 'played') THEN 1 ELSE 0 END"),
    ('read', "''", NONE, "CASE WHEN NEW.direction = 'out' AND NEW.author <> 'phone' AND NEW.state IN ('read', 'played') THEN 1 ELSE 0 END - CASE WHEN OLD.direction = 'out' AND OLD.author <> 'phone' AND OLD.state IN ('read', 'played') THEN 1 ELSE 0 END"),
    ('failed', "COALESCE(NEW.error_code, '')", NONE, "CASE WHEN NEW.direction = 'out' AND NEW.author <> 'phone' AND NEW.state IN ('failed') AND NOT (OLD.direction = 'out' AND OLD.author <> 'phone' AND OLD.state IN ('failed') AND COALESCE(COALESCE(NEW.error_code, ''), '') = COALESCE(COALESCE(OLD.error_code, ''), '')) THEN 1 ELSE 0 END"),
    ('failed', "COALESCE(OLD.error_code, '')", NONE, "CASE WHEN OLD.direction = 'out' AND OLD.author <> 'phone' AND OLD.state IN ('failed') AND NOT (NEW.direction = 'out' AND NEW.author <> 'phone' AND NEW.state IN ('failed') AND COALESCE(COALESCE(NEW.error_code, ''), '') = COALESCE(COALESCE(OLD.error_code, ''), '')) THEN -1 ELSE 0 END"),
    ('dead', "COALESCE(NEW.error_code, '')", NONE, "CASE WHEN NEW.direction = 'out' AND NEW.author <> 'phone' AND NEW.state IN ('dead') AND NOT (OLD.direction = 'out' AND OLD.author <> 'phone' AND OLD.state IN ('dead') AND COALESCE(COALESCE(NEW.error_code, ''), '') = COALESCE(COALESCE(OLD.error_code, ''), '')) THEN 1 ELSE 0 END"),
    ('dead', "COALESCE(OLD.error_code, '')", NONE, "CASE WHEN OLD.direction = 'out' AND OLD.author <> 'phone' AND OLD.state IN ('dead') AND NOT (NEW.direction = 'out' AND NEW.author <> 'phone' AND NEW.state IN ('dead') AND COALESCE(COALESCE(NEW.error_code, ''), '') = COALESCE(COALESCE(OLD.error_code, ''), '')) THEN -1 ELSE 0 END"),
    ('unknown', "''", NONE, "CASE WHEN NEW.direction = 'out' AND NEW.author <> 'phone' AND NEW.state IN ('unknown') THEN 1 ELSE 0 END - CASE WHEN OLD.direction = 'out' AND OLD.author <> 'phone' AND OLD.state IN ('unknown') THEN 1 ELSE 0 END"),
    ('held', "''", NONE, "CASE WHEN NEW.direction = 'out' AND NEW.author <> 'phone' AND NEW.state IN ('held') THEN 1 ELSE 0 END - CASE WHEN OLD.direction = 'out' AND OLD.author <> 'phone' AND OLD.state IN ('held') THEN 1 ELSE 0 END"),
)
TRIGGERS = (
    ('message', "{r}.connection_id, COALESCE({r}.brain_id, 0), COALESCE({r}.version_id, 0), COALESCE({r}.command_id, '')", MESSAGE, MOVED),
    ('run', "COALESCE({r}.connection_id, 0), COALESCE({r}.brain_id, 0), COALESCE({r}.version_id, 0), COALESCE({r}.command_id, '')", RUN, ()),
    ('ai_call', "0, {r}.brain_id, 0, ''", AI_CALL, ()),
)


def upgrade() -> None:
    _write(_each)


def downgrade() -> None:
    _write(_at_once)


Line = tuple[str, str, str, str]


def _write(body: Callable[[str, str, list[Line]], str]) -> None:
    db = op.get_bind()
    if db.dialect.name != 'postgresql':
        return
    for table, key, facts, moved in TRIGGERS:
        parts = [('new', 'NEW', 'FALSE', facts), ('gone', 'OLD', 'TRUE', facts)]
        if moved:
            parts.append(('moved', 'NEW', 'FALSE', moved))
        for name, row, gone, lines in parts:
            whose = f'{row}.created_at, {gone}, {key.format(r=row)}'
            told = body(whose, row, lines)
            db.exec_driver_sql(
                f'CREATE OR REPLACE FUNCTION {table}_{name}() RETURNS trigger LANGUAGE plpgsql AS $$\n{told}\nRETURN NULL;\nEND $$'
            )


def _each(whose: str, row: str, lines: list[Line]) -> str:
    asked = '\n'.join(
        f"amount := {n.format(r=row)};\nIF amount <> 0 THEN\nINSERT INTO rollup_delta ({COLUMNS})\n"
        f"VALUES ({whose}, '{metric}', {label.format(r=row)}, {value.format(r=row)}, amount);\nEND IF;"
        for metric, label, value, n in lines
    )
    return f'DECLARE amount bigint;\nBEGIN\n{asked}'


def _at_once(whose: str, row: str, lines: list[Line]) -> str:
    facts = '\nUNION ALL '.join(
        f"SELECT '{metric}' AS metric, {label.format(r=row)} AS label, {value.format(r=row)} AS value, {n.format(r=row)} AS n"
        for metric, label, value, n in lines
    )
    return (
        f'BEGIN\nINSERT INTO rollup_delta ({COLUMNS})\nSELECT {whose},\n'
        f'f.metric, f.label, f.value, f.n FROM (\n{facts}\n) AS f WHERE f.n <> 0;'
    )
