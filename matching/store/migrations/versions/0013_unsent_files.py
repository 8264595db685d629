"""files of posts that are still being written"""

import sqlalchemy as sa
from alembic import op

revision = '0013'
down_revision = '0012'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        'unsent_files',
        sa.Column('id', sa.String(length=64), nullable=False),
        sa.Column('text_id', sa.String(length=64), nullable=False),
        sa.Column('user_id', sa.String(length=64), nullable=True),
        sa.Column('file_name', sa.String(length=255), nullable=False),
        sa.Column('stored_name', sa.String(length=80), nullable=False),
        sa.Column('media_type', sa.String(length=100), nullable=False),
        sa.Column('size', sa.Integer(), nullable=False),
        sa.Column('sha256', sa.String(length=64), nullable=False),
        sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ['user_id'], ['users.id'], name=op.f('fk_unsent_files_user_id'), ondelete='CASCADE'
        ),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_unsent_files')),
        sa.UniqueConstraint('stored_name', name=op.f('uq_unsent_files_stored_name')),
    )
    with op.batch_alter_table('unsent_files', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_unsent_files_text_id'), ['text_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_unsent_files_user_id'), ['user_id'], unique=False)


def downgrade() -> None:
    op.drop_table('unsent_files')
