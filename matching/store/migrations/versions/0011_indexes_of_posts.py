"""indexes of posts: lists in order, counts without rows"""

from alembic import op

revision = '0011'
down_revision = '0010'
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table('posts', schema=None) as batch_op:
        batch_op.drop_index('ix_posts_side_status_published_at')
        batch_op.drop_index('ix_posts_organisation_id')
        batch_op.create_index(
            'ix_posts_side_status_published_at_id', ['side', 'status', 'published_at', 'id'], unique=False
        )
        batch_op.create_index('ix_posts_organisation_id_status', ['organisation_id', 'status'], unique=False)
        batch_op.create_index(
            'ix_posts_status_visibility_side',
            ['status', 'visibility', 'side', 'expires_at', 'published_at', 'organisation_id'],
            unique=False,
        )


def downgrade() -> None:
    with op.batch_alter_table('posts', schema=None) as batch_op:
        batch_op.drop_index('ix_posts_status_visibility_side')
        batch_op.drop_index('ix_posts_organisation_id_status')
        batch_op.drop_index('ix_posts_side_status_published_at_id')
        batch_op.create_index('ix_posts_organisation_id', ['organisation_id'], unique=False)
        batch_op.create_index('ix_posts_side_status_published_at', ['side', 'status', 'published_at'], unique=False)
