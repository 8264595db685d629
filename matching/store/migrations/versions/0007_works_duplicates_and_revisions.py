"""works duplicates and revisions"""

import sqlalchemy as sa
from alembic import op

revision = '0007'
down_revision = '0006'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('works',
    sa.Column('id', sa.String(length=64), nullable=False),
    sa.Column('kind', sa.String(length=20), nullable=False),
    sa.Column('title', sa.String(length=500), nullable=False),
    sa.Column('title_key', sa.String(length=64), nullable=False),
    sa.Column('doi', sa.String(length=200), nullable=True),
    sa.Column('year', sa.Integer(), nullable=True),
    sa.Column('venue', sa.String(length=300), nullable=True),
    sa.Column('abstract', sa.Text(), nullable=False),
    sa.Column('authors', sa.JSON(), nullable=False),
    sa.Column('keywords', sa.JSON(), nullable=False),
    sa.Column('language', sa.String(length=8), nullable=False),
    sa.Column('url', sa.String(length=500), nullable=True),
    sa.Column('source', sa.String(length=200), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('updated_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_works')),
    sa.UniqueConstraint('doi', name=op.f('uq_works_doi'))
    )
    with op.batch_alter_table('works', schema=None) as batch_op:
        batch_op.create_index('ix_works_title_key', ['title_key'], unique=False)

    op.create_table('expert_works',
    sa.Column('expert_id', sa.String(length=64), nullable=False),
    sa.Column('work_id', sa.String(length=64), nullable=False),
    sa.Column('hidden', sa.Boolean(), nullable=False),
    sa.Column('source', sa.String(length=200), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['expert_id'], ['experts.id'], name=op.f('fk_expert_works_expert_id'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['work_id'], ['works.id'], name=op.f('fk_expert_works_work_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('expert_id', 'work_id', name=op.f('pk_expert_works'))
    )
    with op.batch_alter_table('expert_works', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_expert_works_work_id'), ['work_id'], unique=False)

    op.create_table('post_fingerprints',
    sa.Column('value', sa.BigInteger(), autoincrement=False, nullable=False),
    sa.Column('post_id', sa.String(length=64), nullable=False),
    sa.ForeignKeyConstraint(['post_id'], ['posts.id'], name=op.f('fk_post_fingerprints_post_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('value', 'post_id', name=op.f('pk_post_fingerprints'))
    )
    with op.batch_alter_table('post_fingerprints', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_post_fingerprints_post_id'), ['post_id'], unique=False)

    op.create_table('duplicate_pairs',
    sa.Column('id', sa.String(length=64), nullable=False),
    sa.Column('first_id', sa.String(length=64), nullable=False),
    sa.Column('second_id', sa.String(length=64), nullable=False),
    sa.Column('similarity', sa.Float(), nullable=False),
    sa.Column('state', sa.String(length=16), nullable=False),
    sa.Column('found_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('settled_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('settled_by', sa.String(length=64), nullable=True),
    sa.Column('kept_id', sa.String(length=64), nullable=True),
    sa.ForeignKeyConstraint(['first_id'], ['posts.id'], name=op.f('fk_duplicate_pairs_first_id'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['second_id'], ['posts.id'], name=op.f('fk_duplicate_pairs_second_id'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['settled_by'], ['users.id'], name=op.f('fk_duplicate_pairs_settled_by'), ondelete='SET NULL'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_duplicate_pairs')),
    sa.UniqueConstraint('first_id', 'second_id', name=op.f('uq_duplicate_pairs_first_id_second_id'))
    )
    with op.batch_alter_table('duplicate_pairs', schema=None) as batch_op:
        batch_op.create_index('ix_duplicate_pairs_second_id', ['second_id'], unique=False)
        batch_op.create_index('ix_duplicate_pairs_state_found_at', ['state', 'found_at'], unique=False)

    op.create_table('model_revisions',
    sa.Column('id', sa.String(length=80), nullable=False),
    sa.Column('state', sa.String(length=12), nullable=False),
    sa.Column('encoder_revision', sa.String(length=80), nullable=False),
    sa.Column('compared_with', sa.String(length=160), nullable=False),
    sa.Column('figures', sa.JSON(), nullable=False),
    sa.Column('data', sa.LargeBinary(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('created_by', sa.String(length=64), nullable=True),
    sa.Column('activated_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('retired_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['created_by'], ['users.id'], name=op.f('fk_model_revisions_created_by'), ondelete='SET NULL'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_model_revisions'))
    )
    with op.batch_alter_table('model_revisions', schema=None) as batch_op:
        batch_op.create_index('ix_model_revisions_state', ['state'], unique=False)


def downgrade() -> None:
    with op.batch_alter_table('model_revisions', schema=None) as batch_op:
        batch_op.drop_index('ix_model_revisions_state')

    op.drop_table('model_revisions')
    with op.batch_alter_table('duplicate_pairs', schema=None) as batch_op:
        batch_op.drop_index('ix_duplicate_pairs_state_found_at')
        batch_op.drop_index('ix_duplicate_pairs_second_id')

    op.drop_table('duplicate_pairs')
    with op.batch_alter_table('post_fingerprints', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_post_fingerprints_post_id'))

    op.drop_table('post_fingerprints')
    with op.batch_alter_table('expert_works', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_expert_works_work_id'))

    op.drop_table('expert_works')
    with op.batch_alter_table('works', schema=None) as batch_op:
        batch_op.drop_index('ix_works_title_key')

    op.drop_table('works')
