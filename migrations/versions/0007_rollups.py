"""numbers of the analytics pages, folded as rows are written

Revision: 0007, after 0006.
"""

import sqlalchemy as sa
from alembic import op




revision = '0007'
down_revision = '0006'
branch_labels = None
depends_on = None

Id = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')
COLUMNS = {
    'message': (
        ('brain_id', Id),
        ('version_id', Id),
        ('command_id', sa.String(length=40)),
        ('asked_at', sa.BigInteger()),
        ('accepted_at', sa.BigInteger()),
    ),
    'run': (('connection_id', Id), ('fault', sa.String(length=12))),
}
RUN_OF = 'FROM run WHERE run.message_id = message.parent_id ORDER BY run.id LIMIT 1'
ASKED = 'SELECT asked.created_at FROM message AS asked WHERE asked.id = message.parent_id'
# What is there already is counted by `flask stats rebuild`.
KNOWN = f"""
UPDATE message SET
    brain_id = (SELECT run.brain_id {RUN_OF}),
    version_id = (SELECT run.version_id {RUN_OF}),
    command_id = (SELECT run.command_id {RUN_OF}),
    asked_at = CASE WHEN ordinal = 0 THEN ({ASKED}) END,
    accepted_at = sent_at
WHERE direction = 'out' AND parent_id IS NOT NULL
"""
WHERE_RUN = 'UPDATE run SET connection_id = (SELECT chat.connection_id FROM chat WHERE chat.id = run.chat_id)'

# As app.analytics.triggers wrote them when this migration was made.
TRIGGERS = (
    ("message_new", "message", """CREATE TRIGGER message_new AFTER INSERT ON message FOR EACH ROW""", """
INSERT INTO rollup_delta (at, gone, connection_id, brain_id, version_id, command_id, metric, label, value, n)
SELECT NEW.created_at, FALSE, NEW.connection_id, COALESCE(NEW.brain_id, 0), COALESCE(NEW.version_id, 0), COALESCE(NEW.command_id, ''),
f.metric, f.label, f.value, f.n FROM (
SELECT 'received' AS metric, '' AS label, CAST(NULL AS BIGINT) AS value, CASE WHEN NEW.direction = 'in' AND NEW.kind <> 'schedule' THEN 1 ELSE 0 END AS n
UNION ALL SELECT 'scheduled' AS metric, '' AS label, CAST(NULL AS BIGINT) AS value, CASE WHEN NEW.direction = 'in' AND NEW.kind = 'schedule' THEN 1 ELSE 0 END AS n
UNION ALL SELECT 'typed' AS metric, '' AS label, CAST(NULL AS BIGINT) AS value, CASE WHEN NEW.direction = 'out' AND NEW.author = 'phone' THEN 1 ELSE 0 END AS n
UNION ALL SELECT 'created' AS metric, '' AS label, CAST(NULL AS BIGINT) AS value, CASE WHEN NEW.direction = 'out' AND NEW.author <> 'phone' THEN 1 ELSE 0 END AS n
UNION ALL SELECT 'dropped' AS metric, COALESCE(NEW.error_code, '') AS label, CAST(NULL AS BIGINT) AS value, CASE WHEN NEW.direction = 'in' AND NEW.state = 'dead' THEN 1 ELSE 0 END AS n
UNION ALL SELECT 'sent' AS metric, '' AS label, CASE WHEN NEW.asked_at > 0 THEN NEW.accepted_at - NEW.asked_at END AS value, CASE WHEN NEW.direction = 'out' AND NEW.author <> 'phone' AND NEW.state IN ('sent', 'delivered', 'read', 'played') THEN 1 ELSE 0 END AS n
UNION ALL SELECT 'delivered' AS metric, '' AS label, CAST(NULL AS BIGINT) AS value, CASE WHEN NEW.direction = 'out' AND NEW.author <> 'phone' AND NEW.state IN ('delivered', 'read', 'played') THEN 1 ELSE 0 END AS n
UNION ALL SELECT 'read' AS metric, '' AS label, CAST(NULL AS BIGINT) AS value, CASE WHEN NEW.direction = 'out' AND NEW.author <> 'phone' AND NEW.state IN ('read', 'played') THEN 1 ELSE 0 END AS n
UNION ALL SELECT 'failed' AS metric, COALESCE(NEW.error_code, '') AS label, CAST(NULL AS BIGINT) AS value, CASE WHEN NEW.direction = 'out' AND NEW.author <> 'phone' AND NEW.state IN ('failed') THEN 1 ELSE 0 END AS n
UNION ALL SELECT 'dead' AS metric, COALESCE(NEW.error_code, '') AS label, CAST(NULL AS BIGINT) AS value, CASE WHEN NEW.direction = 'out' AND NEW.author <> 'phone' AND NEW.state IN ('dead') THEN 1 ELSE 0 END AS n
UNION ALL SELECT 'unknown' AS metric, '' AS label, CAST(NULL AS BIGINT) AS value, CASE WHEN NEW.direction = 'out' AND NEW.author <> 'phone' AND NEW.state IN ('unknown') THEN 1 ELSE 0 END AS n
UNION ALL SELECT 'held' AS metric, '' AS label, CAST(NULL AS BIGINT) AS value, CASE WHEN NEW.direction = 'out' AND NEW.author <> 'phone' AND NEW.state IN ('held') THEN 1 ELSE 0 END AS n
) AS f WHERE f.n <> 0
"""),
    ("message_gone", "message", """CREATE TRIGGER message_gone AFTER DELETE ON message FOR EACH ROW""", """
INSERT INTO rollup_delta (at, gone, connection_id, brain_id, version_id, command_id, metric, label, value, n)
SELECT OLD.created_at, TRUE, OLD.connection_id, COALESCE(OLD.brain_id, 0), COALESCE(OLD.version_id, 0), COALESCE(OLD.command_id, ''),
f.metric, f.label, f.value, f.n FROM (
SELECT 'received' AS metric, '' AS label, CAST(NULL AS BIGINT) AS value, CASE WHEN OLD.direction = 'in' AND OLD.kind <> 'schedule' THEN 1 ELSE 0 END AS n
UNION ALL SELECT 'scheduled' AS metric, '' AS label, CAST(NULL AS BIGINT) AS value, CASE WHEN OLD.direction = 'in' AND OLD.kind = 'schedule' THEN 1 ELSE 0 END AS n
UNION ALL SELECT 'typed' AS metric, '' AS label, CAST(NULL AS BIGINT) AS value, CASE WHEN OLD.direction = 'out' AND OLD.author = 'phone' THEN 1 ELSE 0 END AS n
UNION ALL SELECT 'created' AS metric, '' AS label, CAST(NULL AS BIGINT) AS value, CASE WHEN OLD.direction = 'out' AND OLD.author <> 'phone' THEN 1 ELSE 0 END AS n
UNION ALL SELECT 'dropped' AS metric, COALESCE(OLD.error_code, '') AS label, CAST(NULL AS BIGINT) AS value, CASE WHEN OLD.direction = 'in' AND OLD.state = 'dead' THEN 1 ELSE 0 END AS n
UNION ALL SELECT 'sent' AS metric, '' AS label, CASE WHEN OLD.asked_at > 0 THEN OLD.accepted_at - OLD.asked_at END AS value, CASE WHEN OLD.direction = 'out' AND OLD.author <> 'phone' AND OLD.state IN ('sent', 'delivered', 'read', 'played') THEN 1 ELSE 0 END AS n
UNION ALL SELECT 'delivered' AS metric, '' AS label, CAST(NULL AS BIGINT) AS value, CASE WHEN OLD.direction = 'out' AND OLD.author <> 'phone' AND OLD.state IN ('delivered', 'read', 'played') THEN 1 ELSE 0 END AS n
UNION ALL SELECT 'read' AS metric, '' AS label, CAST(NULL AS BIGINT) AS value, CASE WHEN OLD.direction = 'out' AND OLD.author <> 'phone' AND OLD.state IN ('read', 'played') THEN 1 ELSE 0 END AS n
UNION ALL SELECT 'failed' AS metric, COALESCE(OLD.error_code, '') AS label, CAST(NULL AS BIGINT) AS value, CASE WHEN OLD.direction = 'out' AND OLD.author <> 'phone' AND OLD.state IN ('failed') THEN 1 ELSE 0 END AS n
UNION ALL SELECT 'dead' AS metric, COALESCE(OLD.error_code, '') AS label, CAST(NULL AS BIGINT) AS value, CASE WHEN OLD.direction = 'out' AND OLD.author <> 'phone' AND OLD.state IN ('dead') THEN 1 ELSE 0 END AS n
UNION ALL SELECT 'unknown' AS metric, '' AS label, CAST(NULL AS BIGINT) AS value, CASE WHEN OLD.direction = 'out' AND OLD.author <> 'phone' AND OLD.state IN ('unknown') THEN 1 ELSE 0 END AS n
UNION ALL SELECT 'held' AS metric, '' AS label, CAST(NULL AS BIGINT) AS value, CASE WHEN OLD.direction = 'out' AND OLD.author <> 'phone' AND OLD.state IN ('held') THEN 1 ELSE 0 END AS n
) AS f WHERE f.n <> 0
"""),
    ("message_moved", "message", """CREATE TRIGGER message_moved AFTER UPDATE OF state, error_code, accepted_at ON message FOR EACH ROW WHEN ((NEW.direction = 'out' OR NEW.state = 'dead' OR OLD.state = 'dead') AND (COALESCE(CAST(NEW.state AS TEXT), '') <> COALESCE(CAST(OLD.state AS TEXT), '') OR COALESCE(CAST(NEW.error_code AS TEXT), '') <> COALESCE(CAST(OLD.error_code AS TEXT), '') OR COALESCE(CAST(NEW.accepted_at AS TEXT), '') <> COALESCE(CAST(OLD.accepted_at AS TEXT), '')))""", """
INSERT INTO rollup_delta (at, gone, connection_id, brain_id, version_id, command_id, metric, label, value, n)
SELECT NEW.created_at, FALSE, NEW.connection_id, COALESCE(NEW.brain_id, 0), COALESCE(NEW.version_id, 0), COALESCE(NEW.command_id, ''),
f.metric, f.label, f.value, f.n FROM (
SELECT 'dropped' AS metric, COALESCE(NEW.error_code, '') AS label, CAST(NULL AS BIGINT) AS value, CASE WHEN NEW.direction = 'in' AND NEW.state = 'dead' AND NOT (OLD.direction = 'in' AND OLD.state = 'dead' AND COALESCE(COALESCE(NEW.error_code, ''), '') = COALESCE(COALESCE(OLD.error_code, ''), '')) THEN 1 ELSE 0 END AS n
UNION ALL SELECT 'dropped' AS metric, COALESCE(OLD.error_code, '') AS label, CAST(NULL AS BIGINT) AS value, CASE WHEN OLD.direction = 'in' AND OLD.state = 'dead' AND NOT (NEW.direction = 'in' AND NEW.state = 'dead' AND COALESCE(COALESCE(NEW.error_code, ''), '') = COALESCE(COALESCE(OLD.error_code, ''), '')) THEN -1 ELSE 0 END AS n
UNION ALL SELECT 'sent' AS metric, '' AS label, CASE WHEN NEW.asked_at > 0 THEN NEW.accepted_at - NEW.asked_at END AS value, CASE WHEN NEW.direction = 'out' AND NEW.author <> 'phone' AND NEW.state IN ('sent', 'delivered', 'read', 'played') AND NOT (OLD.direction = 'out' AND OLD.author <> 'phone' AND OLD.state IN ('sent', 'delivered', 'read', 'played') AND COALESCE(CASE WHEN NEW.asked_at > 0 THEN NEW.accepted_at - NEW.asked_at END, -1) = COALESCE(CASE WHEN OLD.asked_at > 0 THEN OLD.accepted_at - OLD.asked_at END, -1)) THEN 1 ELSE 0 END AS n
UNION ALL SELECT 'sent' AS metric, '' AS label, CASE WHEN OLD.asked_at > 0 THEN OLD.accepted_at - OLD.asked_at END AS value, CASE WHEN OLD.direction = 'out' AND OLD.author <> 'phone' AND OLD.state IN ('sent', 'delivered', 'read', 'played') AND NOT (NEW.direction = 'out' AND NEW.author <> 'phone' AND NEW.state IN ('sent', 'delivered', 'read', 'played') AND COALESCE(CASE WHEN NEW.asked_at > 0 THEN NEW.accepted_at - NEW.asked_at END, -1) = COALESCE(CASE WHEN OLD.asked_at > 0 THEN OLD.accepted_at - OLD.asked_at END, -1)) THEN -1 ELSE 0 END AS n
UNION ALL SELECT 'delivered' AS metric, '' AS label, CAST(NULL AS BIGINT) AS value, CASE WHEN NEW.direction = 'out' AND NEW.author <> 'phone' AND NEW.state IN ('delivered', 'read', 'played') THEN 1 ELSE 0 END - CASE WHEN OLD.direction = 'out' AND OLD.author <> 'phone' AND OLD.state IN ('delivered', 'read', 'played') THEN 1 ELSE 0 END AS n
UNION ALL SELECT 'read' AS metric, '' AS label, CAST(NULL AS BIGINT) AS value, CASE WHEN NEW.direction = 'out' AND NEW.author <> 'phone' AND NEW.state IN ('read', 'played') THEN 1 ELSE 0 END - CASE WHEN OLD.direction = 'out' AND OLD.author <> 'phone' AND OLD.state IN ('read', 'played') THEN 1 ELSE 0 END AS n
UNION ALL SELECT 'failed' AS metric, COALESCE(NEW.error_code, '') AS label, CAST(NULL AS BIGINT) AS value, CASE WHEN NEW.direction = 'out' AND NEW.author <> 'phone' AND NEW.state IN ('failed') AND NOT (OLD.direction = 'out' AND OLD.author <> 'phone' AND OLD.state IN ('failed') AND COALESCE(COALESCE(NEW.error_code, ''), '') = COALESCE(COALESCE(OLD.error_code, ''), '')) THEN 1 ELSE 0 END AS n
UNION ALL SELECT 'failed' AS metric, COALESCE(OLD.error_code, '') AS label, CAST(NULL AS BIGINT) AS value, CASE WHEN OLD.direction = 'out' AND OLD.author <> 'phone' AND OLD.state IN ('failed') AND NOT (NEW.direction = 'out' AND NEW.author <> 'phone' AND NEW.state IN ('failed') AND COALESCE(COALESCE(NEW.error_code, ''), '') = COALESCE(COALESCE(OLD.error_code, ''), '')) THEN -1 ELSE 0 END AS n
UNION ALL SELECT 'dead' AS metric, COALESCE(NEW.error_code, '') AS label, CAST(NULL AS BIGINT) AS value, CASE WHEN NEW.direction = 'out' AND NEW.author <> 'phone' AND NEW.state IN ('dead') AND NOT (OLD.direction = 'out' AND OLD.author <> 'phone' AND OLD.state IN ('dead') AND COALESCE(COALESCE(NEW.error_code, ''), '') = COALESCE(COALESCE(OLD.error_code, ''), '')) THEN 1 ELSE 0 END AS n
UNION ALL SELECT 'dead' AS metric, COALESCE(OLD.error_code, '') AS label, CAST(NULL AS BIGINT) AS value, CASE WHEN OLD.direction = 'out' AND OLD.author <> 'phone' AND OLD.state IN ('dead') AND NOT (NEW.direction = 'out' AND NEW.author <> 'phone' AND NEW.state IN ('dead') AND COALESCE(COALESCE(NEW.error_code, ''), '') = COALESCE(COALESCE(OLD.error_code, ''), '')) THEN -1 ELSE 0 END AS n
UNION ALL SELECT 'unknown' AS metric, '' AS label, CAST(NULL AS BIGINT) AS value, CASE WHEN NEW.direction = 'out' AND NEW.author <> 'phone' AND NEW.state IN ('unknown') THEN 1 ELSE 0 END - CASE WHEN OLD.direction = 'out' AND OLD.author <> 'phone' AND OLD.state IN ('unknown') THEN 1 ELSE 0 END AS n
UNION ALL SELECT 'held' AS metric, '' AS label, CAST(NULL AS BIGINT) AS value, CASE WHEN NEW.direction = 'out' AND NEW.author <> 'phone' AND NEW.state IN ('held') THEN 1 ELSE 0 END - CASE WHEN OLD.direction = 'out' AND OLD.author <> 'phone' AND OLD.state IN ('held') THEN 1 ELSE 0 END AS n
) AS f WHERE f.n <> 0
"""),
    ("run_new", "run", """CREATE TRIGGER run_new AFTER INSERT ON run FOR EACH ROW""", """
INSERT INTO rollup_delta (at, gone, connection_id, brain_id, version_id, command_id, metric, label, value, n)
SELECT NEW.created_at, FALSE, COALESCE(NEW.connection_id, 0), COALESCE(NEW.brain_id, 0), COALESCE(NEW.version_id, 0), COALESCE(NEW.command_id, ''),
f.metric, f.label, f.value, f.n FROM (
SELECT 'run_answered' AS metric, '' AS label, NEW.micros AS value, CASE WHEN NEW.outcome = 'answered' THEN 1 ELSE 0 END AS n
UNION ALL SELECT 'run_silent' AS metric, '' AS label, NEW.micros AS value, CASE WHEN NEW.outcome = 'silent' THEN 1 ELSE 0 END AS n
UNION ALL SELECT 'run_failed' AS metric, COALESCE(NEW.fault, '') AS label, NEW.micros AS value, CASE WHEN NEW.outcome = 'failed' THEN 1 ELSE 0 END AS n
) AS f WHERE f.n <> 0
"""),
    ("run_gone", "run", """CREATE TRIGGER run_gone AFTER DELETE ON run FOR EACH ROW""", """
INSERT INTO rollup_delta (at, gone, connection_id, brain_id, version_id, command_id, metric, label, value, n)
SELECT OLD.created_at, TRUE, COALESCE(OLD.connection_id, 0), COALESCE(OLD.brain_id, 0), COALESCE(OLD.version_id, 0), COALESCE(OLD.command_id, ''),
f.metric, f.label, f.value, f.n FROM (
SELECT 'run_answered' AS metric, '' AS label, OLD.micros AS value, CASE WHEN OLD.outcome = 'answered' THEN 1 ELSE 0 END AS n
UNION ALL SELECT 'run_silent' AS metric, '' AS label, OLD.micros AS value, CASE WHEN OLD.outcome = 'silent' THEN 1 ELSE 0 END AS n
UNION ALL SELECT 'run_failed' AS metric, COALESCE(OLD.fault, '') AS label, OLD.micros AS value, CASE WHEN OLD.outcome = 'failed' THEN 1 ELSE 0 END AS n
) AS f WHERE f.n <> 0
"""),
    ("ai_call_new", "ai_call", """CREATE TRIGGER ai_call_new AFTER INSERT ON ai_call FOR EACH ROW""", """
INSERT INTO rollup_delta (at, gone, connection_id, brain_id, version_id, command_id, metric, label, value, n)
SELECT NEW.created_at, FALSE, 0, NEW.brain_id, 0, '',
f.metric, f.label, f.value, f.n FROM (
SELECT 'ai_calls' AS metric, NEW.provider || '/' || NEW.model AS label, NEW.latency_ms AS value, CASE WHEN 1 = 1 THEN 1 ELSE 0 END AS n
UNION ALL SELECT 'ai_failed' AS metric, NEW.status AS label, CAST(NULL AS BIGINT) AS value, CASE WHEN NEW.status <> 'ok' THEN 1 ELSE 0 END AS n
UNION ALL SELECT 'tokens_in' AS metric, NEW.provider || '/' || NEW.model AS label, CAST(NULL AS BIGINT) AS value, CASE WHEN NEW.tokens_in > 0 THEN NEW.tokens_in ELSE 0 END AS n
UNION ALL SELECT 'tokens_out' AS metric, NEW.provider || '/' || NEW.model AS label, CAST(NULL AS BIGINT) AS value, CASE WHEN NEW.tokens_out > 0 THEN NEW.tokens_out ELSE 0 END AS n
) AS f WHERE f.n <> 0
"""),
    ("ai_call_gone", "ai_call", """CREATE TRIGGER ai_call_gone AFTER DELETE ON ai_call FOR EACH ROW""", """
INSERT INTO rollup_delta (at, gone, connection_id, brain_id, version_id, command_id, metric, label, value, n)
SELECT OLD.created_at, TRUE, 0, OLD.brain_id, 0, '',
f.metric, f.label, f.value, f.n FROM (
SELECT 'ai_calls' AS metric, OLD.provider || '/' || OLD.model AS label, OLD.latency_ms AS value, CASE WHEN 1 = 1 THEN 1 ELSE 0 END AS n
UNION ALL SELECT 'ai_failed' AS metric, OLD.status AS label, CAST(NULL AS BIGINT) AS value, CASE WHEN OLD.status <> 'ok' THEN 1 ELSE 0 END AS n
UNION ALL SELECT 'tokens_in' AS metric, OLD.provider || '/' || OLD.model AS label, CAST(NULL AS BIGINT) AS value, CASE WHEN OLD.tokens_in > 0 THEN OLD.tokens_in ELSE 0 END AS n
UNION ALL SELECT 'tokens_out' AS metric, OLD.provider || '/' || OLD.model AS label, CAST(NULL AS BIGINT) AS value, CASE WHEN OLD.tokens_out > 0 THEN OLD.tokens_out ELSE 0 END AS n
) AS f WHERE f.n <> 0
"""),
)


def upgrade() -> None:
    for table, columns in COLUMNS.items():
        with op.batch_alter_table(table, schema=None) as batch_op:
            for name, kind in columns:
                batch_op.add_column(sa.Column(name, kind, nullable=True))
    op.create_table('rollup',
    sa.Column('gone', sa.Boolean(), nullable=False),
    sa.Column('span', Id, nullable=False),
    sa.Column('connection_id', Id, nullable=False),
    sa.Column('brain_id', Id, nullable=False),
    sa.Column('version_id', Id, nullable=False),
    sa.Column('command_id', sa.String(length=40), nullable=False),
    sa.Column('at', sa.BigInteger(), nullable=False),
    sa.Column('counts', sa.JSON(), nullable=False),
    sa.Column('times', sa.JSON(), nullable=False),
    sa.PrimaryKeyConstraint('gone', 'span', 'connection_id', 'brain_id', 'version_id', 'command_id', 'at', name=op.f('pk_rollup')),
    sqlite_with_rowid=False
    )
    with op.batch_alter_table('rollup', schema=None) as batch_op:
        batch_op.create_index('ix_rollup_time', ['span', 'at'], unique=False)

    op.create_table('rollup_delta',
    sa.Column('id', Id, nullable=False),
    sa.Column('at', sa.BigInteger(), nullable=False),
    sa.Column('gone', sa.Boolean(), nullable=False),
    sa.Column('connection_id', Id, nullable=False),
    sa.Column('brain_id', Id, nullable=False),
    sa.Column('version_id', Id, nullable=False),
    sa.Column('command_id', sa.String(length=40), nullable=False),
    sa.Column('metric', sa.String(length=20), nullable=False),
    sa.Column('label', sa.String(length=200), nullable=False),
    sa.Column('value', Id, nullable=True),
    sa.Column('n', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_rollup_delta'))
    )
    db = op.get_bind()
    for statement in (KNOWN, WHERE_RUN):
        db.exec_driver_sql(statement)
    for name, _table, head, body in TRIGGERS:
        if db.dialect.name == 'sqlite':
            db.exec_driver_sql(f"{head}\nBEGIN{body.rstrip()};\nEND")
            continue
        db.exec_driver_sql(
            f"CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$\n"
            f"BEGIN{body.rstrip()};\nRETURN NULL;\nEND $$"
        )
        db.exec_driver_sql(f"{head}\nEXECUTE FUNCTION {name}()")


def downgrade() -> None:
    db = op.get_bind()
    for name, table, _head, _body in TRIGGERS:
        if db.dialect.name == 'sqlite':
            db.exec_driver_sql(f"DROP TRIGGER IF EXISTS {name}")
        else:
            db.exec_driver_sql(f"DROP TRIGGER IF EXISTS {name} ON {table}")
            db.exec_driver_sql(f"DROP FUNCTION {name}()")
    for table in ('rollup_delta', 'rollup'):
        op.drop_table(table)
    for table, columns in COLUMNS.items():
        with op.batch_alter_table(table, schema=None) as batch_op:
            for name, _kind in columns:
                batch_op.drop_column(name)
