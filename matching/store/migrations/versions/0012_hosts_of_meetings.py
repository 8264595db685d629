"""hosts of meetings"""

import sqlalchemy as sa
from alembic import op

revision = '0012'
down_revision = '0011'
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table('meetings', schema=None) as batch_op:
        batch_op.add_column(sa.Column('host_id', sa.String(length=64), nullable=True))
        batch_op.add_column(sa.Column('override_reason', sa.String(length=300), nullable=True))
        batch_op.add_column(sa.Column('told_host_id', sa.String(length=64), nullable=True))
        batch_op.create_foreign_key(
            batch_op.f('fk_meetings_host_id'), 'users', ['host_id'], ['id'], ondelete='SET NULL'
        )
        batch_op.create_foreign_key(
            batch_op.f('fk_meetings_told_host_id'), 'users', ['told_host_id'], ['id'], ondelete='SET NULL'
        )
        batch_op.create_index(batch_op.f('ix_meetings_host_id'), ['host_id'], unique=False)


def downgrade() -> None:
    with op.batch_alter_table('meetings', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_meetings_host_id'))
        batch_op.drop_constraint(batch_op.f('fk_meetings_told_host_id'), type_='foreignkey')
        batch_op.drop_constraint(batch_op.f('fk_meetings_host_id'), type_='foreignkey')
        batch_op.drop_column('told_host_id')
        batch_op.drop_column('override_reason')
        batch_op.drop_column('host_id')
