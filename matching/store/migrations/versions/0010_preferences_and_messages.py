"""preferences and messages"""

import sqlalchemy as sa
from alembic import op

revision = '0010'
down_revision = '0009'
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table('posts', schema=None) as batch_op:
        batch_op.add_column(sa.Column('return_notes', sa.JSON(), server_default='{}', nullable=False))

    with op.batch_alter_table('users', schema=None) as batch_op:
        batch_op.add_column(sa.Column('new_email', sa.String(length=200), nullable=True))

    with op.batch_alter_table('vocabulary_terms', schema=None) as batch_op:
        batch_op.add_column(sa.Column('map_column', sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column('map_row', sa.Integer(), nullable=True))

    with op.batch_alter_table('meetings', schema=None) as batch_op:
        batch_op.add_column(sa.Column('after_ids', sa.JSON(), server_default='[]', nullable=False))

    op.create_table('suggestion_wishes',
    sa.Column('id', sa.String(length=64), nullable=False),
    sa.Column('user_id', sa.String(length=64), nullable=False),
    sa.Column('direction', sa.String(length=4), nullable=False),
    sa.Column('kind', sa.String(length=20), nullable=False),
    sa.Column('value', sa.String(length=80), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['user_id'], ['users.id'], name=op.f('fk_suggestion_wishes_user_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_suggestion_wishes')),
    sa.UniqueConstraint('user_id', 'kind', 'value', name=op.f('uq_suggestion_wishes_user_id_kind_value'))
    )
    op.create_table('suggestion_visits',
    sa.Column('user_id', sa.String(length=64), nullable=False),
    sa.Column('seen_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('seen', sa.JSON(), nullable=False),
    sa.Column('former_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('former', sa.JSON(), nullable=False),
    sa.ForeignKeyConstraint(['user_id'], ['users.id'], name=op.f('fk_suggestion_visits_user_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('user_id', name=op.f('pk_suggestion_visits'))
    )
    op.create_table('engagement_files',
    sa.Column('id', sa.String(length=64), nullable=False),
    sa.Column('engagement_id', sa.String(length=64), nullable=False),
    sa.Column('message_id', sa.String(length=64), nullable=False),
    sa.Column('file_name', sa.String(length=255), nullable=False),
    sa.Column('stored_name', sa.String(length=80), nullable=False),
    sa.Column('media_type', sa.String(length=100), nullable=False),
    sa.Column('size', sa.Integer(), nullable=False),
    sa.Column('sha256', sa.String(length=64), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['engagement_id'], ['engagements.id'], name=op.f('fk_engagement_files_engagement_id'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['message_id'], ['engagement_messages.id'], name=op.f('fk_engagement_files_message_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_engagement_files')),
    sa.UniqueConstraint('stored_name', name=op.f('uq_engagement_files_stored_name'))
    )
    with op.batch_alter_table('engagement_files', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_engagement_files_engagement_id'), ['engagement_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_engagement_files_message_id'), ['message_id'], unique=False)


def downgrade() -> None:
    with op.batch_alter_table('engagement_files', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_engagement_files_message_id'))
        batch_op.drop_index(batch_op.f('ix_engagement_files_engagement_id'))

    op.drop_table('engagement_files')
    op.drop_table('suggestion_visits')
    op.drop_table('suggestion_wishes')
    with op.batch_alter_table('meetings', schema=None) as batch_op:
        batch_op.drop_column('after_ids')

    with op.batch_alter_table('vocabulary_terms', schema=None) as batch_op:
        batch_op.drop_column('map_row')
        batch_op.drop_column('map_column')

    with op.batch_alter_table('users', schema=None) as batch_op:
        batch_op.drop_column('new_email')

    with op.batch_alter_table('posts', schema=None) as batch_op:
        batch_op.drop_column('return_notes')
