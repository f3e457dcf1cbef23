"""what calls of language models cost: prices of a provider, the cost of each call, and its sums

Revision: 0014, after 0013. What calls made before cost is not known, and stays so.
"""

from alembic import op
import sqlalchemy as sa




revision = '0014'
down_revision = '0013'
branch_labels = None
depends_on = None

# As app.analytics.triggers wrote them when this migration was made; {r} is the row.
BEFORE = """SELECT 'ai_calls' AS metric, {r}.provider || '/' || {r}.model AS label, {r}.latency_ms AS value, CASE WHEN 1 = 1 THEN 1 ELSE 0 END AS n
UNION ALL SELECT 'ai_failed' AS metric, {r}.status AS label, CAST(NULL AS BIGINT) AS value, CASE WHEN {r}.status <> 'ok' THEN 1 ELSE 0 END AS n
UNION ALL SELECT 'tokens_in' AS metric, {r}.provider || '/' || {r}.model AS label, CAST(NULL AS BIGINT) AS value, CASE WHEN {r}.tokens_in > 0 THEN {r}.tokens_in ELSE 0 END AS n
UNION ALL SELECT 'tokens_out' AS metric, {r}.provider || '/' || {r}.model AS label, CAST(NULL AS BIGINT) AS value, CASE WHEN {r}.tokens_out > 0 THEN {r}.tokens_out ELSE 0 END AS n"""
AFTER = f"""{BEFORE}
UNION ALL SELECT 'cost' AS metric, {{r}}.currency AS label, CAST(NULL AS BIGINT) AS value, CASE WHEN {{r}}.cost > 0 THEN {{r}}.cost ELSE 0 END AS n"""
TRIGGERS = (('ai_call_new', 'INSERT', 'NEW', 'FALSE'), ('ai_call_gone', 'DELETE', 'OLD', 'TRUE'))


def upgrade() -> None:
    op.add_column('ai_provider', sa.Column('currency', sa.String(length=3), server_default='USD', nullable=False))
    op.add_column('ai_provider', sa.Column('prices', sa.JSON(), server_default='{}', nullable=False))
    op.add_column('ai_call', sa.Column('cost', sa.BigInteger(), nullable=True))
    op.add_column('ai_call', sa.Column('currency', sa.String(length=3), server_default='', nullable=False))
    _drop_triggers()
    _make_triggers(AFTER)


def downgrade() -> None:
    """Count no cost any more; what was counted stays in the rollups, where nobody asks for it."""
    # SQLite drops no column that a trigger names.
    _drop_triggers()
    for table, columns in (('ai_call', ('currency', 'cost')), ('ai_provider', ('prices', 'currency'))):
        for column in columns:
            op.drop_column(table, column)
    _make_triggers(BEFORE)


def _drop_triggers() -> None:
    db = op.get_bind()
    for name, *_ in TRIGGERS:
        on = '' if db.dialect.name == 'sqlite' else ' ON ai_call'
        db.exec_driver_sql(f'DROP TRIGGER IF EXISTS {name}{on}')


def _make_triggers(facts: str) -> None:
    db = op.get_bind()
    for name, verb, row, gone in TRIGGERS:
        head = f'CREATE TRIGGER {name} AFTER {verb} ON ai_call FOR EACH ROW'
        body = (
            'INSERT INTO rollup_delta (at, gone, connection_id, brain_id, version_id, command_id, metric, label, value, n)\n'
            f"SELECT {row}.created_at, {gone}, 0, {row}.brain_id, 0, '',\n"
            f'f.metric, f.label, f.value, f.n FROM (\n{facts.format(r=row)}\n) AS f WHERE f.n <> 0'
        )
        if db.dialect.name == 'sqlite':
            db.exec_driver_sql(f'{head}\nBEGIN\n{body};\nEND')
            continue
        db.exec_driver_sql(
            f'CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$\n'
            f'BEGIN\n{body};\nRETURN NULL;\nEND $$'
        )
        db.exec_driver_sql(f'{head}\nEXECUTE FUNCTION {name}()')
