"""events, their participants, meetings and timetables; indicators and special days"""

import sqlalchemy as sa
from alembic import op

revision = '0006'
down_revision = '0005'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('indicators',
    sa.Column('id', sa.String(length=64), nullable=False),
    sa.Column('region_code', sa.String(length=12), nullable=False),
    sa.Column('position', sa.Integer(), nullable=False),
    sa.Column('name', sa.String(length=120), nullable=False),
    sa.Column('name_en', sa.String(length=160), nullable=False),
    sa.Column('unit', sa.String(length=40), nullable=False),
    sa.Column('base_year', sa.Integer(), nullable=False),
    sa.Column('base_value', sa.Float(), nullable=True),
    sa.Column('target_year', sa.Integer(), nullable=False),
    sa.Column('target_value', sa.Float(), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_indicators'))
    )
    with op.batch_alter_table('indicators', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_indicators_region_code'), ['region_code'], unique=False)

    op.create_table('special_days',
    sa.Column('day', sa.Date(), nullable=False),
    sa.Column('works', sa.Boolean(), nullable=False),
    sa.Column('label', sa.String(length=80), nullable=False),
    sa.PrimaryKeyConstraint('day', name=op.f('pk_special_days'))
    )
    op.create_table('events',
    sa.Column('id', sa.String(length=64), nullable=False),
    sa.Column('title', sa.String(length=200), nullable=False),
    sa.Column('intro', sa.Text(), nullable=False),
    sa.Column('region_code', sa.String(length=12), nullable=False),
    sa.Column('mode', sa.String(length=10), nullable=False),
    sa.Column('venue', sa.String(length=300), nullable=False),
    sa.Column('online_address', sa.String(length=500), nullable=False),
    sa.Column('held_on', sa.Date(), nullable=False),
    sa.Column('industry', sa.String(length=40), nullable=True),
    sa.Column('town', sa.String(length=40), nullable=True),
    sa.Column('need_ids', sa.JSON(), nullable=False),
    sa.Column('tables', sa.JSON(), nullable=False),
    sa.Column('day_plan', sa.JSON(), nullable=False),
    sa.Column('most_break_difference', sa.Integer(), nullable=True),
    sa.Column('public', sa.Boolean(), nullable=False),
    sa.Column('announced_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('registration_open', sa.Boolean(), nullable=False),
    sa.Column('status', sa.String(length=12), nullable=False),
    sa.Column('plan_revision', sa.Integer(), nullable=False),
    sa.Column('author_id', sa.String(length=64), nullable=True),
    sa.Column('published_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('updated_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.ForeignKeyConstraint(['author_id'], ['users.id'], name=op.f('fk_events_author_id'), ondelete='SET NULL'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_events'))
    )
    with op.batch_alter_table('events', schema=None) as batch_op:
        batch_op.create_index('ix_events_region_code_held_on', ['region_code', 'held_on'], unique=False)

    op.create_table('indicator_values',
    sa.Column('indicator_id', sa.String(length=64), nullable=False),
    sa.Column('year', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('value', sa.Float(), nullable=False),
    sa.Column('source', sa.String(length=200), nullable=False),
    sa.Column('entered_by', sa.String(length=64), nullable=True),
    sa.Column('entered_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['entered_by'], ['users.id'], name=op.f('fk_indicator_values_entered_by'), ondelete='SET NULL'),
    sa.ForeignKeyConstraint(['indicator_id'], ['indicators.id'], name=op.f('fk_indicator_values_indicator_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('indicator_id', 'year', name=op.f('pk_indicator_values'))
    )
    op.create_table('event_participants',
    sa.Column('id', sa.String(length=64), nullable=False),
    sa.Column('event_id', sa.String(length=64), nullable=False),
    sa.Column('organisation_id', sa.String(length=64), nullable=True),
    sa.Column('expert_id', sa.String(length=64), nullable=True),
    sa.Column('status', sa.String(length=12), nullable=False),
    sa.Column('online', sa.Boolean(), nullable=False),
    sa.Column('unavailable', sa.JSON(), nullable=False),
    sa.Column('contact_name', sa.String(length=80), nullable=False),
    sa.Column('contact_email', sa.String(length=200), nullable=True),
    sa.Column('contact_phone', sa.String(length=40), nullable=True),
    sa.Column('note', sa.Text(), nullable=False),
    sa.Column('link_number', sa.Integer(), nullable=False),
    sa.Column('invited_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('answered_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('signed_in_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['event_id'], ['events.id'], name=op.f('fk_event_participants_event_id'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['expert_id'], ['experts.id'], name=op.f('fk_event_participants_expert_id'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['organisation_id'], ['organisations.id'], name=op.f('fk_event_participants_organisation_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_event_participants')),
    sa.UniqueConstraint('event_id', 'expert_id', name=op.f('uq_event_participants_event_id_expert_id')),
    sa.UniqueConstraint('event_id', 'organisation_id', name=op.f('uq_event_participants_event_id_organisation_id'))
    )
    with op.batch_alter_table('event_participants', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_event_participants_expert_id'), ['expert_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_event_participants_organisation_id'), ['organisation_id'], unique=False)

    op.create_table('event_slots',
    sa.Column('id', sa.String(length=64), nullable=False),
    sa.Column('event_id', sa.String(length=64), nullable=False),
    sa.Column('position', sa.Integer(), nullable=False),
    sa.Column('session', sa.String(length=40), nullable=False),
    sa.Column('starts_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('ends_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['event_id'], ['events.id'], name=op.f('fk_event_slots_event_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_event_slots')),
    sa.UniqueConstraint('event_id', 'position', name=op.f('uq_event_slots_event_id_position'))
    )
    op.create_table('timetable_runs',
    sa.Column('id', sa.String(length=64), nullable=False),
    sa.Column('event_id', sa.String(length=64), nullable=False),
    sa.Column('status', sa.String(length=12), nullable=False),
    sa.Column('anew', sa.Boolean(), nullable=False),
    sa.Column('plan_revision', sa.Integer(), nullable=False),
    sa.Column('seconds', sa.Integer(), nullable=False),
    sa.Column('stop_requested', sa.Boolean(), nullable=False),
    sa.Column('requested_by', sa.String(length=64), nullable=True),
    sa.Column('requested_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('started_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('heard_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('finished_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('phase', sa.String(length=12), nullable=True),
    sa.Column('placed', sa.Integer(), nullable=True),
    sa.Column('breaks', sa.Integer(), nullable=True),
    sa.Column('bound', sa.Integer(), nullable=False),
    sa.Column('proven', sa.Boolean(), nullable=False),
    sa.Column('dropped', sa.Integer(), nullable=False),
    sa.Column('moved', sa.Integer(), nullable=False),
    sa.Column('conflict', sa.JSON(), nullable=False),
    sa.Column('error', sa.String(length=500), nullable=True),
    sa.ForeignKeyConstraint(['event_id'], ['events.id'], name=op.f('fk_timetable_runs_event_id'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['requested_by'], ['users.id'], name=op.f('fk_timetable_runs_requested_by'), ondelete='SET NULL'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_timetable_runs'))
    )
    with op.batch_alter_table('timetable_runs', schema=None) as batch_op:
        batch_op.create_index('ix_timetable_runs_event_id_requested_at', ['event_id', 'requested_at'], unique=False)

    op.create_table('event_separations',
    sa.Column('first_id', sa.String(length=64), nullable=False),
    sa.Column('second_id', sa.String(length=64), nullable=False),
    sa.ForeignKeyConstraint(['first_id'], ['event_participants.id'], name=op.f('fk_event_separations_first_id'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['second_id'], ['event_participants.id'], name=op.f('fk_event_separations_second_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('first_id', 'second_id', name=op.f('pk_event_separations'))
    )
    with op.batch_alter_table('event_separations', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_event_separations_second_id'), ['second_id'], unique=False)

    op.create_table('event_wishes',
    sa.Column('participant_id', sa.String(length=64), nullable=False),
    sa.Column('other_id', sa.String(length=64), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['other_id'], ['event_participants.id'], name=op.f('fk_event_wishes_other_id'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['participant_id'], ['event_participants.id'], name=op.f('fk_event_wishes_participant_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('participant_id', 'other_id', name=op.f('pk_event_wishes'))
    )
    with op.batch_alter_table('event_wishes', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_event_wishes_other_id'), ['other_id'], unique=False)

    op.create_table('meetings',
    sa.Column('id', sa.String(length=64), nullable=False),
    sa.Column('event_id', sa.String(length=64), nullable=False),
    sa.Column('first_id', sa.String(length=64), nullable=False),
    sa.Column('second_id', sa.String(length=64), nullable=False),
    sa.Column('need_id', sa.String(length=64), nullable=True),
    sa.Column('capability_id', sa.String(length=64), nullable=True),
    sa.Column('suggestion_id', sa.String(length=64), nullable=True),
    sa.Column('origin', sa.String(length=12), nullable=False),
    sa.Column('status', sa.String(length=12), nullable=False),
    sa.Column('score', sa.Float(), nullable=False),
    sa.Column('weight', sa.Float(), nullable=False),
    sa.Column('session', sa.String(length=40), nullable=True),
    sa.Column('slot_id', sa.String(length=64), nullable=True),
    sa.Column('table_number', sa.Integer(), nullable=True),
    sa.Column('locked', sa.Boolean(), nullable=False),
    sa.Column('dropped_reason', sa.String(length=300), nullable=True),
    sa.Column('dropped_reason_en', sa.String(length=300), nullable=True),
    sa.Column('told_slot_id', sa.String(length=64), nullable=True),
    sa.Column('told_table_number', sa.Integer(), nullable=True),
    sa.Column('result', sa.String(length=16), nullable=True),
    sa.Column('minutes', sa.Text(), nullable=False),
    sa.Column('next_step', sa.String(length=300), nullable=False),
    sa.Column('next_step_on', sa.Date(), nullable=True),
    sa.Column('engagement_id', sa.String(length=64), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('updated_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['capability_id'], ['capabilities.id'], name=op.f('fk_meetings_capability_id'), ondelete='SET NULL'),
    sa.ForeignKeyConstraint(['event_id'], ['events.id'], name=op.f('fk_meetings_event_id'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['first_id'], ['event_participants.id'], name=op.f('fk_meetings_first_id'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['need_id'], ['needs.id'], name=op.f('fk_meetings_need_id'), ondelete='SET NULL'),
    sa.ForeignKeyConstraint(['second_id'], ['event_participants.id'], name=op.f('fk_meetings_second_id'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['slot_id'], ['event_slots.id'], name=op.f('fk_meetings_slot_id'), ondelete='SET NULL'),
    sa.ForeignKeyConstraint(['suggestion_id'], ['suggestions.id'], name=op.f('fk_meetings_suggestion_id'), ondelete='SET NULL'),
    sa.ForeignKeyConstraint(['told_slot_id'], ['event_slots.id'], name=op.f('fk_meetings_told_slot_id'), ondelete='SET NULL'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_meetings')),
    sa.UniqueConstraint('event_id', 'first_id', 'second_id', name=op.f('uq_meetings_event_id_first_id_second_id'))
    )
    with op.batch_alter_table('meetings', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_meetings_capability_id'), ['capability_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_meetings_engagement_id'), ['engagement_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_meetings_first_id'), ['first_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_meetings_need_id'), ['need_id'], unique=False)
        batch_op.create_index('ix_meetings_next_step_on', ['next_step_on'], unique=False)
        batch_op.create_index(batch_op.f('ix_meetings_second_id'), ['second_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_meetings_slot_id'), ['slot_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_meetings_suggestion_id'), ['suggestion_id'], unique=False)

    op.create_table('meeting_feedback',
    sa.Column('meeting_id', sa.String(length=64), nullable=False),
    sa.Column('participant_id', sa.String(length=64), nullable=False),
    sa.Column('rating', sa.Integer(), nullable=False),
    sa.Column('wants_more', sa.Boolean(), nullable=False),
    sa.Column('comment', sa.Text(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['meeting_id'], ['meetings.id'], name=op.f('fk_meeting_feedback_meeting_id'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['participant_id'], ['event_participants.id'], name=op.f('fk_meeting_feedback_participant_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('meeting_id', 'participant_id', name=op.f('pk_meeting_feedback'))
    )
    with op.batch_alter_table('meeting_feedback', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_meeting_feedback_participant_id'), ['participant_id'], unique=False)

    op.create_table('meeting_invitations',
    sa.Column('id', sa.String(length=64), nullable=False),
    sa.Column('meeting_id', sa.String(length=64), nullable=False),
    sa.Column('participant_id', sa.String(length=64), nullable=False),
    sa.Column('sequence', sa.Integer(), nullable=False),
    sa.Column('cancelled', sa.Boolean(), nullable=False),
    sa.Column('content_key', sa.String(length=64), nullable=False),
    sa.Column('answer', sa.String(length=10), nullable=True),
    sa.Column('answered_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('starts_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('ends_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('sent_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['meeting_id'], ['meetings.id'], name=op.f('fk_meeting_invitations_meeting_id'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['participant_id'], ['event_participants.id'], name=op.f('fk_meeting_invitations_participant_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_meeting_invitations')),
    sa.UniqueConstraint('meeting_id', 'participant_id', name=op.f('uq_meeting_invitations_meeting_id_participant_id'))
    )
    with op.batch_alter_table('meeting_invitations', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_meeting_invitations_participant_id'), ['participant_id'], unique=False)


def downgrade() -> None:
    with op.batch_alter_table('meeting_invitations', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_meeting_invitations_participant_id'))

    op.drop_table('meeting_invitations')
    with op.batch_alter_table('meeting_feedback', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_meeting_feedback_participant_id'))

    op.drop_table('meeting_feedback')
    with op.batch_alter_table('meetings', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_meetings_suggestion_id'))
        batch_op.drop_index(batch_op.f('ix_meetings_slot_id'))
        batch_op.drop_index(batch_op.f('ix_meetings_second_id'))
        batch_op.drop_index('ix_meetings_next_step_on')
        batch_op.drop_index(batch_op.f('ix_meetings_need_id'))
        batch_op.drop_index(batch_op.f('ix_meetings_first_id'))
        batch_op.drop_index(batch_op.f('ix_meetings_engagement_id'))
        batch_op.drop_index(batch_op.f('ix_meetings_capability_id'))

    op.drop_table('meetings')
    with op.batch_alter_table('event_wishes', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_event_wishes_other_id'))

    op.drop_table('event_wishes')
    with op.batch_alter_table('event_separations', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_event_separations_second_id'))

    op.drop_table('event_separations')
    with op.batch_alter_table('timetable_runs', schema=None) as batch_op:
        batch_op.drop_index('ix_timetable_runs_event_id_requested_at')

    op.drop_table('timetable_runs')
    op.drop_table('event_slots')
    with op.batch_alter_table('event_participants', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_event_participants_organisation_id'))
        batch_op.drop_index(batch_op.f('ix_event_participants_expert_id'))

    op.drop_table('event_participants')
    op.drop_table('indicator_values')
    with op.batch_alter_table('events', schema=None) as batch_op:
        batch_op.drop_index('ix_events_region_code_held_on')

    op.drop_table('events')
    op.drop_table('special_days')
    with op.batch_alter_table('indicators', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_indicators_region_code'))

    op.drop_table('indicators')
