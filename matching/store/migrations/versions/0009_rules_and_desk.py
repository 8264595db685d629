"""rules and desk"""

import sqlalchemy as sa
from alembic import op

revision = '0009'
down_revision = '0008'
branch_labels = None
depends_on = None

COUNTING = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')


def upgrade() -> None:
    op.create_table('rule_values',
    sa.Column('key', sa.String(length=120), nullable=False),
    sa.Column('value', sa.JSON(), nullable=False),
    sa.PrimaryKeyConstraint('key', name=op.f('pk_rule_values'))
    )
    op.create_table('rule_states',
    sa.Column('id', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('revision', sa.Integer(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_rule_states'))
    )
    op.create_table('rule_changes',
    sa.Column('id', COUNTING, autoincrement=True, nullable=False),
    sa.Column('key', sa.String(length=120), nullable=False),
    sa.Column('before', sa.JSON(none_as_null=True), nullable=True),
    sa.Column('after', sa.JSON(none_as_null=True), nullable=True),
    sa.Column('reason', sa.String(length=300), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('user_id', sa.String(length=64), nullable=True),
    sa.Column('reverts_id', COUNTING, nullable=True),
    sa.ForeignKeyConstraint(['user_id'], ['users.id'], name=op.f('fk_rule_changes_user_id'), ondelete='SET NULL'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_rule_changes'))
    )
    with op.batch_alter_table('rule_changes', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_rule_changes_key'), ['key'], unique=False)

    op.create_table('assignments',
    sa.Column('subject_kind', sa.String(length=20), nullable=False),
    sa.Column('subject_id', sa.String(length=64), nullable=False),
    sa.Column('user_id', sa.String(length=64), nullable=False),
    sa.Column('assigned_by', sa.String(length=64), nullable=True),
    sa.Column('assigned_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(
        ['assigned_by'], ['users.id'], name=op.f('fk_assignments_assigned_by'), ondelete='SET NULL'
    ),
    sa.ForeignKeyConstraint(['user_id'], ['users.id'], name=op.f('fk_assignments_user_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('subject_kind', 'subject_id', name=op.f('pk_assignments'))
    )
    with op.batch_alter_table('assignments', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_assignments_user_id'), ['user_id'], unique=False)

    op.create_table('staff_notes',
    sa.Column('id', sa.String(length=64), nullable=False),
    sa.Column('subject_kind', sa.String(length=20), nullable=False),
    sa.Column('subject_id', sa.String(length=64), nullable=False),
    sa.Column('author_id', sa.String(length=64), nullable=True),
    sa.Column('text', sa.Text(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('withdrawn_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['author_id'], ['users.id'], name=op.f('fk_staff_notes_author_id'), ondelete='SET NULL'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_staff_notes'))
    )
    with op.batch_alter_table('staff_notes', schema=None) as batch_op:
        batch_op.create_index('ix_staff_notes_subject_kind_subject_id', ['subject_kind', 'subject_id'], unique=False)

    op.create_table('bulk_actions',
    sa.Column('id', sa.String(length=64), nullable=False),
    sa.Column('user_id', sa.String(length=64), nullable=True),
    sa.Column('kind', sa.String(length=20), nullable=False),
    sa.Column('items', sa.JSON(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('undone_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['user_id'], ['users.id'], name=op.f('fk_bulk_actions_user_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_bulk_actions'))
    )
    with op.batch_alter_table('bulk_actions', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_bulk_actions_user_id'), ['user_id'], unique=False)

    op.create_table('need_progress',
    sa.Column('need_id', sa.String(length=64), nullable=False),
    sa.Column('published_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('month', sa.String(length=7), nullable=False),
    sa.Column('region_code', sa.String(length=12), nullable=False),
    sa.Column('town', sa.String(length=40), nullable=False),
    sa.Column('industries', sa.String(length=400), nullable=False),
    sa.Column('reached', sa.Integer(), nullable=False),
    sa.ForeignKeyConstraint(['need_id'], ['needs.id'], name=op.f('fk_need_progress_need_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('need_id', name=op.f('pk_need_progress'))
    )
    with op.batch_alter_table('need_progress', schema=None) as batch_op:
        batch_op.create_index('ix_need_progress_published_at', ['published_at'], unique=False)

    op.create_table('need_partners',
    sa.Column('need_id', sa.String(length=64), nullable=False),
    sa.Column('organisation_id', sa.String(length=64), nullable=False),
    sa.Column('open', sa.Boolean(), nullable=False),
    sa.Column('region_code', sa.String(length=12), nullable=False),
    sa.Column('reached', sa.Integer(), nullable=False),
    sa.ForeignKeyConstraint(['need_id'], ['needs.id'], name=op.f('fk_need_partners_need_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('need_id', 'organisation_id', 'open', 'region_code', name=op.f('pk_need_partners'))
    )
    op.create_table('suggestion_tallies',
    sa.Column('day', sa.Date(), nullable=False),
    sa.Column('region_code', sa.String(length=12), nullable=False),
    sa.Column('model_revision', sa.String(length=80), nullable=False),
    sa.Column('count', sa.Integer(), nullable=False),
    sa.PrimaryKeyConstraint('day', 'region_code', 'model_revision', name=op.f('pk_suggestion_tallies'))
    )
    op.create_table('report_tallies',
    sa.Column('id', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('counted_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_report_tallies'))
    )
    with op.batch_alter_table('suggestions', schema=None) as batch_op:
        batch_op.drop_index('ix_suggestions_need_id_status')
        batch_op.drop_index('ix_suggestions_capability_id_status')
        batch_op.create_index(
            'ix_suggestions_need_id_status_probability', ['need_id', 'status', 'probability'], unique=False
        )
        batch_op.create_index(
            'ix_suggestions_capability_id_status_probability', ['capability_id', 'status', 'probability'], unique=False
        )


def downgrade() -> None:
    with op.batch_alter_table('suggestions', schema=None) as batch_op:
        batch_op.drop_index('ix_suggestions_capability_id_status_probability')
        batch_op.drop_index('ix_suggestions_need_id_status_probability')
        batch_op.create_index('ix_suggestions_capability_id_status', ['capability_id', 'status'], unique=False)
        batch_op.create_index('ix_suggestions_need_id_status', ['need_id', 'status'], unique=False)

    op.drop_table('report_tallies')
    op.drop_table('suggestion_tallies')
    op.drop_table('need_partners')
    with op.batch_alter_table('need_progress', schema=None) as batch_op:
        batch_op.drop_index('ix_need_progress_published_at')

    op.drop_table('need_progress')
    with op.batch_alter_table('bulk_actions', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_bulk_actions_user_id'))

    op.drop_table('bulk_actions')
    with op.batch_alter_table('staff_notes', schema=None) as batch_op:
        batch_op.drop_index('ix_staff_notes_subject_kind_subject_id')

    op.drop_table('staff_notes')
    with op.batch_alter_table('assignments', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_assignments_user_id'))

    op.drop_table('assignments')
    with op.batch_alter_table('rule_changes', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_rule_changes_key'))

    op.drop_table('rule_changes')
    op.drop_table('rule_states')
    op.drop_table('rule_values')
