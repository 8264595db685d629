"""interests and engagements"""

import sqlalchemy as sa
from alembic import op

revision = '0003'
down_revision = '0002'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('interests',
    sa.Column('id', sa.String(length=64), nullable=False),
    sa.Column('side', sa.String(length=12), nullable=False),
    sa.Column('need_id', sa.String(length=64), nullable=True),
    sa.Column('capability_id', sa.String(length=64), nullable=True),
    sa.Column('suggestion_id', sa.String(length=64), nullable=True),
    sa.Column('model_revision', sa.String(length=80), nullable=True),
    sa.Column('from_organisation_id', sa.String(length=64), nullable=False),
    sa.Column('from_user_id', sa.String(length=64), nullable=True),
    sa.Column('from_shared', sa.Boolean(), nullable=False),
    sa.Column('to_organisation_id', sa.String(length=64), nullable=False),
    sa.Column('to_shared', sa.Boolean(), nullable=False),
    sa.Column('pair_key', sa.String(length=200), nullable=False),
    sa.Column('aim', sa.Text(), nullable=False),
    sa.Column('timing', sa.String(length=20), nullable=False),
    sa.Column('from_contact', sa.JSON(), nullable=False),
    sa.Column('status', sa.String(length=12), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('ended_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('answered_by_id', sa.String(length=64), nullable=True),
    sa.Column('reason_code', sa.String(length=40), nullable=True),
    sa.Column('reason_text', sa.Text(), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.ForeignKeyConstraint(['answered_by_id'], ['users.id'], name=op.f('fk_interests_answered_by_id'), ondelete='SET NULL'),
    sa.ForeignKeyConstraint(['capability_id'], ['capabilities.id'], name=op.f('fk_interests_capability_id'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['from_organisation_id'], ['organisations.id'], name=op.f('fk_interests_from_organisation_id')),
    sa.ForeignKeyConstraint(['from_user_id'], ['users.id'], name=op.f('fk_interests_from_user_id'), ondelete='SET NULL'),
    sa.ForeignKeyConstraint(['need_id'], ['needs.id'], name=op.f('fk_interests_need_id'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['suggestion_id'], ['suggestions.id'], name=op.f('fk_interests_suggestion_id'), ondelete='SET NULL'),
    sa.ForeignKeyConstraint(['to_organisation_id'], ['organisations.id'], name=op.f('fk_interests_to_organisation_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_interests'))
    )
    with op.batch_alter_table('interests', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_interests_capability_id'), ['capability_id'], unique=False)
        batch_op.create_index('ix_interests_from_organisation_id_status', ['from_organisation_id', 'status'], unique=False)
        batch_op.create_index(batch_op.f('ix_interests_from_user_id'), ['from_user_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_interests_need_id'), ['need_id'], unique=False)
        batch_op.create_index('ix_interests_status_expires_at', ['status', 'expires_at'], unique=False)
        batch_op.create_index('ix_interests_to_organisation_id_status', ['to_organisation_id', 'status'], unique=False)
        batch_op.create_index('uq_interests_open', ['pair_key'], unique=True, sqlite_where=sa.text("status = 'open'"), postgresql_where=sa.text("status = 'open'"))

    op.create_table('suggestion_answers',
    sa.Column('id', sa.String(length=64), nullable=False),
    sa.Column('suggestion_id', sa.String(length=64), nullable=True),
    sa.Column('need_id', sa.String(length=64), nullable=False),
    sa.Column('capability_id', sa.String(length=64), nullable=False),
    sa.Column('side', sa.String(length=12), nullable=False),
    sa.Column('kind', sa.String(length=10), nullable=False),
    sa.Column('reason_code', sa.String(length=40), nullable=True),
    sa.Column('reason_text', sa.Text(), nullable=False),
    sa.Column('never_again', sa.Boolean(), nullable=False),
    sa.Column('model_revision', sa.String(length=80), nullable=True),
    sa.Column('answered_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('user_id', sa.String(length=64), nullable=True),
    sa.Column('withdrawn_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['capability_id'], ['capabilities.id'], name=op.f('fk_suggestion_answers_capability_id'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['need_id'], ['needs.id'], name=op.f('fk_suggestion_answers_need_id'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['suggestion_id'], ['suggestions.id'], name=op.f('fk_suggestion_answers_suggestion_id'), ondelete='SET NULL'),
    sa.ForeignKeyConstraint(['user_id'], ['users.id'], name=op.f('fk_suggestion_answers_user_id'), ondelete='SET NULL'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_suggestion_answers'))
    )
    with op.batch_alter_table('suggestion_answers', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_suggestion_answers_capability_id'), ['capability_id'], unique=False)
        batch_op.create_index('ix_suggestion_answers_need_id_capability_id_side', ['need_id', 'capability_id', 'side'], unique=False)
        batch_op.create_index(batch_op.f('ix_suggestion_answers_suggestion_id'), ['suggestion_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_suggestion_answers_user_id'), ['user_id'], unique=False)
        batch_op.create_index('uq_suggestion_answers_present', ['need_id', 'capability_id', 'side'], unique=True, sqlite_where=sa.text('withdrawn_at IS NULL'), postgresql_where=sa.text('withdrawn_at IS NULL'))

    op.create_table('engagements',
    sa.Column('id', sa.String(length=64), nullable=False),
    sa.Column('interest_id', sa.String(length=64), nullable=True),
    sa.Column('suggestion_id', sa.String(length=64), nullable=True),
    sa.Column('model_revision', sa.String(length=80), nullable=True),
    sa.Column('title', sa.String(length=300), nullable=False),
    sa.Column('need_id', sa.String(length=64), nullable=True),
    sa.Column('capability_id', sa.String(length=64), nullable=True),
    sa.Column('need_organisation_id', sa.String(length=64), nullable=False),
    sa.Column('capability_organisation_id', sa.String(length=64), nullable=False),
    sa.Column('need_shared', sa.Boolean(), nullable=False),
    sa.Column('capability_shared', sa.Boolean(), nullable=False),
    sa.Column('need_contact', sa.JSON(), nullable=False),
    sa.Column('capability_contact', sa.JSON(), nullable=False),
    sa.Column('need_region_code', sa.String(length=12), nullable=False),
    sa.Column('capability_region_code', sa.String(length=12), nullable=False),
    sa.Column('stage', sa.String(length=12), nullable=False),
    sa.Column('stage_since', sa.DateTime(timezone=True), nullable=False),
    sa.Column('waits_for', sa.String(length=12), nullable=True),
    sa.Column('waiting_since', sa.DateTime(timezone=True), nullable=True),
    sa.Column('next_step', sa.String(length=300), nullable=False),
    sa.Column('next_step_on', sa.Date(), nullable=True),
    sa.Column('outcome', sa.String(length=12), nullable=True),
    sa.Column('outcome_reason', sa.String(length=40), nullable=True),
    sa.Column('outcome_note', sa.Text(), nullable=False),
    sa.Column('contract_type', sa.String(length=40), nullable=True),
    sa.Column('contract_amount', sa.BigInteger(), nullable=True),
    sa.Column('technology_amount', sa.BigInteger(), nullable=True),
    sa.Column('registration_number', sa.String(length=60), nullable=True),
    sa.Column('signed_on', sa.Date(), nullable=True),
    sa.Column('starts_on', sa.Date(), nullable=True),
    sa.Column('ends_on', sa.Date(), nullable=True),
    sa.Column('benefit_terms', sa.Text(), nullable=False),
    sa.Column('ip_arrangement', sa.String(length=40), nullable=True),
    sa.Column('ip_terms', sa.Text(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('updated_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('closed_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.ForeignKeyConstraint(['capability_id'], ['capabilities.id'], name=op.f('fk_engagements_capability_id'), ondelete='SET NULL'),
    sa.ForeignKeyConstraint(['capability_organisation_id'], ['organisations.id'], name=op.f('fk_engagements_capability_organisation_id')),
    sa.ForeignKeyConstraint(['interest_id'], ['interests.id'], name=op.f('fk_engagements_interest_id'), ondelete='SET NULL'),
    sa.ForeignKeyConstraint(['need_id'], ['needs.id'], name=op.f('fk_engagements_need_id'), ondelete='SET NULL'),
    sa.ForeignKeyConstraint(['need_organisation_id'], ['organisations.id'], name=op.f('fk_engagements_need_organisation_id')),
    sa.ForeignKeyConstraint(['suggestion_id'], ['suggestions.id'], name=op.f('fk_engagements_suggestion_id'), ondelete='SET NULL'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_engagements')),
    sa.UniqueConstraint('interest_id', name=op.f('uq_engagements_interest_id'))
    )
    with op.batch_alter_table('engagements', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_engagements_capability_id'), ['capability_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_engagements_capability_organisation_id'), ['capability_organisation_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_engagements_capability_region_code'), ['capability_region_code'], unique=False)
        batch_op.create_index(batch_op.f('ix_engagements_need_id'), ['need_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_engagements_need_organisation_id'), ['need_organisation_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_engagements_need_region_code'), ['need_region_code'], unique=False)
        batch_op.create_index('ix_engagements_stage_updated_at', ['stage', 'updated_at'], unique=False)
        batch_op.create_index(batch_op.f('ix_engagements_suggestion_id'), ['suggestion_id'], unique=False)

    op.create_table('engagement_messages',
    sa.Column('id', sa.String(length=64), nullable=False),
    sa.Column('engagement_id', sa.String(length=64), nullable=False),
    sa.Column('user_id', sa.String(length=64), nullable=True),
    sa.Column('role', sa.String(length=12), nullable=False),
    sa.Column('text', sa.Text(), nullable=False),
    sa.Column('sent_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['engagement_id'], ['engagements.id'], name=op.f('fk_engagement_messages_engagement_id'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['user_id'], ['users.id'], name=op.f('fk_engagement_messages_user_id'), ondelete='SET NULL'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_engagement_messages'))
    )
    with op.batch_alter_table('engagement_messages', schema=None) as batch_op:
        batch_op.create_index('ix_engagement_messages_engagement_id_sent_at', ['engagement_id', 'sent_at'], unique=False)

    op.create_table('engagement_notes',
    sa.Column('id', sa.String(length=64), nullable=False),
    sa.Column('engagement_id', sa.String(length=64), nullable=False),
    sa.Column('user_id', sa.String(length=64), nullable=True),
    sa.Column('role', sa.String(length=12), nullable=False),
    sa.Column('text', sa.Text(), nullable=False),
    sa.Column('written_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['engagement_id'], ['engagements.id'], name=op.f('fk_engagement_notes_engagement_id'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['user_id'], ['users.id'], name=op.f('fk_engagement_notes_user_id'), ondelete='SET NULL'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_engagement_notes'))
    )
    with op.batch_alter_table('engagement_notes', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_engagement_notes_engagement_id'), ['engagement_id'], unique=False)

    op.create_table('engagement_participants',
    sa.Column('engagement_id', sa.String(length=64), nullable=False),
    sa.Column('user_id', sa.String(length=64), nullable=False),
    sa.Column('role', sa.String(length=12), nullable=False),
    sa.Column('proposed_by', sa.String(length=12), nullable=True),
    sa.Column('need_agreed_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('capability_agreed_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('left_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['engagement_id'], ['engagements.id'], name=op.f('fk_engagement_participants_engagement_id'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['user_id'], ['users.id'], name=op.f('fk_engagement_participants_user_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('engagement_id', 'user_id', name=op.f('pk_engagement_participants'))
    )
    with op.batch_alter_table('engagement_participants', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_engagement_participants_user_id'), ['user_id'], unique=False)

    op.create_table('engagement_steps',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=True, nullable=False),
    sa.Column('engagement_id', sa.String(length=64), nullable=False),
    sa.Column('from_stage', sa.String(length=12), nullable=True),
    sa.Column('to_stage', sa.String(length=12), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('user_id', sa.String(length=64), nullable=True),
    sa.Column('role', sa.String(length=12), nullable=False),
    sa.Column('note', sa.Text(), nullable=False),
    sa.ForeignKeyConstraint(['engagement_id'], ['engagements.id'], name=op.f('fk_engagement_steps_engagement_id'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['user_id'], ['users.id'], name=op.f('fk_engagement_steps_user_id'), ondelete='SET NULL'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_engagement_steps'))
    )
    with op.batch_alter_table('engagement_steps', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_engagement_steps_engagement_id'), ['engagement_id'], unique=False)

    op.create_table('engagement_tasks',
    sa.Column('id', sa.String(length=64), nullable=False),
    sa.Column('engagement_id', sa.String(length=64), nullable=False),
    sa.Column('title', sa.String(length=300), nullable=False),
    sa.Column('role', sa.String(length=12), nullable=False),
    sa.Column('due_on', sa.Date(), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('created_by_id', sa.String(length=64), nullable=True),
    sa.Column('done_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('done_by_id', sa.String(length=64), nullable=True),
    sa.ForeignKeyConstraint(['created_by_id'], ['users.id'], name=op.f('fk_engagement_tasks_created_by_id'), ondelete='SET NULL'),
    sa.ForeignKeyConstraint(['done_by_id'], ['users.id'], name=op.f('fk_engagement_tasks_done_by_id'), ondelete='SET NULL'),
    sa.ForeignKeyConstraint(['engagement_id'], ['engagements.id'], name=op.f('fk_engagement_tasks_engagement_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_engagement_tasks'))
    )
    with op.batch_alter_table('engagement_tasks', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_engagement_tasks_due_on'), ['due_on'], unique=False)
        batch_op.create_index(batch_op.f('ix_engagement_tasks_engagement_id'), ['engagement_id'], unique=False)


def downgrade() -> None:
    with op.batch_alter_table('engagement_tasks', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_engagement_tasks_engagement_id'))
        batch_op.drop_index(batch_op.f('ix_engagement_tasks_due_on'))

    op.drop_table('engagement_tasks')
    with op.batch_alter_table('engagement_steps', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_engagement_steps_engagement_id'))

    op.drop_table('engagement_steps')
    with op.batch_alter_table('engagement_participants', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_engagement_participants_user_id'))

    op.drop_table('engagement_participants')
    with op.batch_alter_table('engagement_notes', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_engagement_notes_engagement_id'))

    op.drop_table('engagement_notes')
    with op.batch_alter_table('engagement_messages', schema=None) as batch_op:
        batch_op.drop_index('ix_engagement_messages_engagement_id_sent_at')

    op.drop_table('engagement_messages')
    with op.batch_alter_table('engagements', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_engagements_suggestion_id'))
        batch_op.drop_index('ix_engagements_stage_updated_at')
        batch_op.drop_index(batch_op.f('ix_engagements_need_region_code'))
        batch_op.drop_index(batch_op.f('ix_engagements_need_organisation_id'))
        batch_op.drop_index(batch_op.f('ix_engagements_need_id'))
        batch_op.drop_index(batch_op.f('ix_engagements_capability_region_code'))
        batch_op.drop_index(batch_op.f('ix_engagements_capability_organisation_id'))
        batch_op.drop_index(batch_op.f('ix_engagements_capability_id'))

    op.drop_table('engagements')
    with op.batch_alter_table('suggestion_answers', schema=None) as batch_op:
        batch_op.drop_index('uq_suggestion_answers_present', sqlite_where=sa.text('withdrawn_at IS NULL'), postgresql_where=sa.text('withdrawn_at IS NULL'))
        batch_op.drop_index(batch_op.f('ix_suggestion_answers_user_id'))
        batch_op.drop_index(batch_op.f('ix_suggestion_answers_suggestion_id'))
        batch_op.drop_index('ix_suggestion_answers_need_id_capability_id_side')
        batch_op.drop_index(batch_op.f('ix_suggestion_answers_capability_id'))

    op.drop_table('suggestion_answers')
    with op.batch_alter_table('interests', schema=None) as batch_op:
        batch_op.drop_index('uq_interests_open', sqlite_where=sa.text("status = 'open'"), postgresql_where=sa.text("status = 'open'"))
        batch_op.drop_index('ix_interests_to_organisation_id_status')
        batch_op.drop_index('ix_interests_status_expires_at')
        batch_op.drop_index(batch_op.f('ix_interests_need_id'))
        batch_op.drop_index(batch_op.f('ix_interests_from_user_id'))
        batch_op.drop_index('ix_interests_from_organisation_id_status')
        batch_op.drop_index(batch_op.f('ix_interests_capability_id'))

    op.drop_table('interests')
