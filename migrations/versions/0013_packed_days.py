"""days of the analytics packed: their quarter-hours in one row, their sums by four weeks; failures by brain

Revision: 0013, after 0012. Packing what is there is left to the worker; quarter-hours hold all of it.
"""

import sqlalchemy as sa
from alembic import op
import json




revision = '0013'
down_revision = '0012'
branch_labels = None
depends_on = None

KEY = ('gone', 'connection_id', 'brain_id', 'version_id', 'command_id')
QUARTER = 900_000


OPEN = sa.text("state IN ('dead','unknown','held','failed','retry') AND aside_at IS NULL")


def upgrade() -> None:
    _desk('brain_id')
    op.add_column('rollup', sa.Column('parts', sa.JSON(), nullable=True))
    op.execute('DELETE FROM rollup WHERE span IN (60, 1440)')
    op.create_index(
        'ix_rollup_commands', 'rollup', ['span', 'connection_id', 'brain_id', 'version_id', 'at'], unique=False
    )


def downgrade() -> None:
    """Make packed days quarter-hours again; hours and days come back by `flask stats rebuild`."""
    _desk()
    rollup = sa.table(
        'rollup',
        *(sa.column(name) for name in (*KEY, 'span', 'at')),
        *(sa.column(name, sa.JSON()) for name in ('counts', 'times', 'parts')),
    )
    db = op.get_bind()
    place = [rollup.c[name] for name in KEY]
    for day in db.execute(sa.select(rollup).where(rollup.c.span == 1440)).mappings().all():
        parts = day['parts'] if isinstance(day['parts'], dict) else json.loads(day['parts'] or '{}')
        for number, (counts, times) in parts.items():
            at = day['at'] + int(number) * QUARTER
            here = [*(column == day[column.key] for column in place), rollup.c.span == 15, rollup.c.at == at]
            loose = db.execute(sa.select(rollup.c.counts, rollup.c.times).where(*here)).mappings().first()
            found = {'counts': counts, 'times': times}
            if loose:
                _add(found['counts'], loose['counts'])
                for metric, buckets in loose['times'].items():
                    _add(found['times'].setdefault(metric, {}), buckets)
                db.execute(sa.update(rollup).where(*here).values(found))
            else:
                key = {name: day[name] for name in KEY}
                db.execute(sa.insert(rollup).values({**key, **found, 'span': 15, 'at': at}))
    op.execute('DELETE FROM rollup WHERE span IN (1440, 40320)')
    op.drop_index('ix_rollup_commands', table_name='rollup')
    op.drop_column('rollup', 'parts')


def _desk(*more: str) -> None:
    """Let the index of the failure desk know a message's brain, or no more."""
    columns = ['error_code', 'id', 'direction', 'state', 'connection_id', *more]
    op.drop_index('ix_message_desk', table_name='message')
    op.create_index('ix_message_desk', 'message', columns, postgresql_where=OPEN, sqlite_where=OPEN)


def _add(numbers: dict[str, int], more: dict[str, int]) -> None:
    for name, n in more.items():
        numbers[name] = numbers.get(name, 0) + n
