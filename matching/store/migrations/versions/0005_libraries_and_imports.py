"""libraries and imports"""

import sqlalchemy as sa
from alembic import op

revision = '0005'
down_revision = '0004'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('erased_people',
    sa.Column('key_hash', sa.String(length=64), nullable=False),
    sa.Column('erased_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('key_hash', name=op.f('pk_erased_people'))
    )
    op.create_table('remembered_columns',
    sa.Column('id', sa.String(length=64), nullable=False),
    sa.Column('owner_key', sa.String(length=80), nullable=False),
    sa.Column('kind', sa.String(length=20), nullable=False),
    sa.Column('header_signature', sa.String(length=64), nullable=False),
    sa.Column('column_map', sa.JSON(), nullable=False),
    sa.Column('updated_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_remembered_columns')),
    sa.UniqueConstraint('owner_key', 'kind', 'header_signature', name=op.f('uq_remembered_columns_owner_key_kind_header_signature'))
    )
    op.create_table('import_jobs',
    sa.Column('id', sa.String(length=64), nullable=False),
    sa.Column('user_id', sa.String(length=64), nullable=False),
    sa.Column('organisation_id', sa.String(length=64), nullable=True),
    sa.Column('kind', sa.String(length=20), nullable=False),
    sa.Column('file_name', sa.String(length=255), nullable=False),
    sa.Column('stored_name', sa.String(length=80), nullable=False),
    sa.Column('size', sa.Integer(), nullable=False),
    sa.Column('status', sa.String(length=12), nullable=False),
    sa.Column('region_code', sa.String(length=12), nullable=False),
    sa.Column('then', sa.String(length=10), nullable=False),
    sa.Column('include_hidden', sa.Boolean(), nullable=False),
    sa.Column('left_sheets', sa.JSON(), nullable=False),
    sa.Column('header_rows', sa.JSON(), nullable=False),
    sa.Column('column_map', sa.JSON(), nullable=False),
    sa.Column('remembered', sa.Boolean(), nullable=False),
    sa.Column('sheets', sa.JSON(), nullable=False),
    sa.Column('notes', sa.JSON(), nullable=False),
    sa.Column('error', sa.JSON(), nullable=False),
    sa.Column('rows_total', sa.Integer(), nullable=False),
    sa.Column('rows_warned', sa.Integer(), nullable=False),
    sa.Column('rows_refused', sa.Integer(), nullable=False),
    sa.Column('rows_done', sa.Integer(), nullable=False),
    sa.Column('added', sa.Integer(), nullable=False),
    sa.Column('changed', sa.Integer(), nullable=False),
    sa.Column('unchanged', sa.Integer(), nullable=False),
    sa.Column('refused', sa.Integer(), nullable=False),
    sa.Column('organisations_added', sa.Integer(), nullable=False),
    sa.Column('cancel_asked', sa.Boolean(), nullable=False),
    sa.Column('working_until', sa.DateTime(timezone=True), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('started_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('finished_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.ForeignKeyConstraint(['organisation_id'], ['organisations.id'], name=op.f('fk_import_jobs_organisation_id'), ondelete='SET NULL'),
    sa.ForeignKeyConstraint(['user_id'], ['users.id'], name=op.f('fk_import_jobs_user_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_import_jobs'))
    )
    with op.batch_alter_table('import_jobs', schema=None) as batch_op:
        batch_op.create_index('ix_import_jobs_user_id_created_at', ['user_id', 'created_at'], unique=False)

    op.create_table('organisation_merges',
    sa.Column('id', sa.String(length=64), nullable=False),
    sa.Column('kept_id', sa.String(length=64), nullable=False),
    sa.Column('merged_id', sa.String(length=64), nullable=False),
    sa.Column('decision', sa.String(length=10), nullable=False),
    sa.Column('decided_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('decided_by', sa.String(length=64), nullable=True),
    sa.Column('undone_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('undone_by', sa.String(length=64), nullable=True),
    sa.Column('moved', sa.JSON(), nullable=False),
    sa.Column('former', sa.JSON(), nullable=False),
    sa.ForeignKeyConstraint(['decided_by'], ['users.id'], name=op.f('fk_organisation_merges_decided_by'), ondelete='SET NULL'),
    sa.ForeignKeyConstraint(['kept_id'], ['organisations.id'], name=op.f('fk_organisation_merges_kept_id'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['merged_id'], ['organisations.id'], name=op.f('fk_organisation_merges_merged_id'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['undone_by'], ['users.id'], name=op.f('fk_organisation_merges_undone_by'), ondelete='SET NULL'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_organisation_merges'))
    )
    with op.batch_alter_table('organisation_merges', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_organisation_merges_kept_id'), ['kept_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_organisation_merges_merged_id'), ['merged_id'], unique=False)

    op.create_table('saved_filters',
    sa.Column('id', sa.String(length=64), nullable=False),
    sa.Column('user_id', sa.String(length=64), nullable=False),
    sa.Column('library', sa.String(length=20), nullable=False),
    sa.Column('name', sa.String(length=80), nullable=False),
    sa.Column('query', sa.String(length=1000), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['user_id'], ['users.id'], name=op.f('fk_saved_filters_user_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_saved_filters')),
    sa.UniqueConstraint('user_id', 'library', 'name', name=op.f('uq_saved_filters_user_id_library_name'))
    )
    with op.batch_alter_table('saved_filters', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_saved_filters_user_id'), ['user_id'], unique=False)

    op.create_table('unsent_texts',
    sa.Column('id', sa.String(length=64), nullable=False),
    sa.Column('user_id', sa.String(length=64), nullable=False),
    sa.Column('side', sa.String(length=12), nullable=False),
    sa.Column('changes_post', sa.Boolean(), nullable=False),
    sa.Column('fields', sa.JSON(), nullable=False),
    sa.Column('base_version', sa.Integer(), nullable=True),
    sa.Column('updated_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['user_id'], ['users.id'], name=op.f('fk_unsent_texts_user_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', 'user_id', name=op.f('pk_unsent_texts'))
    )
    with op.batch_alter_table('unsent_texts', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_unsent_texts_user_id'), ['user_id'], unique=False)

    op.create_table('attachments',
    sa.Column('id', sa.String(length=64), nullable=False),
    sa.Column('post_id', sa.String(length=64), nullable=False),
    sa.Column('user_id', sa.String(length=64), nullable=True),
    sa.Column('file_name', sa.String(length=255), nullable=False),
    sa.Column('stored_name', sa.String(length=80), nullable=False),
    sa.Column('media_type', sa.String(length=100), nullable=False),
    sa.Column('size', sa.Integer(), nullable=False),
    sa.Column('sha256', sa.String(length=64), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['post_id'], ['posts.id'], name=op.f('fk_attachments_post_id'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['user_id'], ['users.id'], name=op.f('fk_attachments_user_id'), ondelete='SET NULL'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_attachments')),
    sa.UniqueConstraint('stored_name', name=op.f('uq_attachments_stored_name'))
    )
    with op.batch_alter_table('attachments', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_attachments_post_id'), ['post_id'], unique=False)

    op.create_table('import_rows',
    sa.Column('job_id', sa.String(length=64), nullable=False),
    sa.Column('number', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('sheet', sa.String(length=100), nullable=True),
    sa.Column('row', sa.Integer(), nullable=True),
    sa.Column('status', sa.String(length=10), nullable=False),
    sa.Column('outcome', sa.String(length=10), nullable=True),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('findings', sa.JSON(), nullable=False),
    sa.Column('cells', sa.JSON(), nullable=False),
    sa.ForeignKeyConstraint(['job_id'], ['import_jobs.id'], name=op.f('fk_import_rows_job_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('job_id', 'number', name=op.f('pk_import_rows'))
    )
    with op.batch_alter_table('import_rows', schema=None) as batch_op:
        batch_op.create_index('ix_import_rows_job_id_status', ['job_id', 'status'], unique=False)

    op.create_table('post_revisions',
    sa.Column('post_id', sa.String(length=64), nullable=False),
    sa.Column('version', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('replaced_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('replaced_by', sa.String(length=64), nullable=True),
    sa.Column('fields', sa.JSON(), nullable=False),
    sa.ForeignKeyConstraint(['post_id'], ['posts.id'], name=op.f('fk_post_revisions_post_id'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['replaced_by'], ['users.id'], name=op.f('fk_post_revisions_replaced_by'), ondelete='SET NULL'),
    sa.PrimaryKeyConstraint('post_id', 'version', name=op.f('pk_post_revisions'))
    )
    with op.batch_alter_table('experts', schema=None) as batch_op:
        batch_op.add_column(sa.Column('field_sources', sa.JSON(), server_default='{}', nullable=False))
        batch_op.add_column(sa.Column('hidden', sa.Boolean(), server_default=sa.false(), nullable=False))
        batch_op.add_column(sa.Column('hidden_fields', sa.JSON(), server_default='[]', nullable=False))
        batch_op.add_column(sa.Column('extra', sa.JSON(), server_default='{}', nullable=False))

    with op.batch_alter_table('organisations', schema=None) as batch_op:
        batch_op.add_column(sa.Column('extra', sa.JSON(), server_default='{}', nullable=False))
        batch_op.add_column(sa.Column('merged_into_id', sa.String(length=64), nullable=True))
        batch_op.create_index(batch_op.f('ix_organisations_merged_into_id'), ['merged_into_id'], unique=False)

    with op.batch_alter_table('posts', schema=None) as batch_op:
        batch_op.add_column(sa.Column('extra', sa.JSON(), server_default='{}', nullable=False))


def downgrade() -> None:
    # Columns are dropped in place: a batch would build the table anew, and dropping the old one empties its children.
    with op.batch_alter_table('organisations', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_organisations_merged_into_id'))
    for table, column in (
        ('posts', 'extra'), ('organisations', 'merged_into_id'), ('organisations', 'extra'),
        ('experts', 'extra'), ('experts', 'hidden_fields'), ('experts', 'hidden'), ('experts', 'field_sources'),
    ):
        op.drop_column(table, column)
    for table in (
        'post_revisions', 'import_rows', 'attachments', 'unsent_texts', 'saved_filters', 'organisation_merges',
        'import_jobs', 'remembered_columns', 'erased_people',
    ):
        op.drop_table(table)
