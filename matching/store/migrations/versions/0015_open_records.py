"""what programs may collect and since when; when a kept vector was last used"""

from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "open_records",
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("item_key", sa.String(length=80), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("gone", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("kind", "item_key", name=op.f("pk_open_records")),
    )
    # Nobody knows when the rows that are there were used: their time begins today.
    today = datetime.now(UTC).date()
    with op.batch_alter_table("cached_vectors", schema=None) as batch_op:
        batch_op.add_column(sa.Column("used_on", sa.Date(), nullable=False, server_default=today.isoformat()))
    with op.batch_alter_table("cached_vectors", schema=None) as batch_op:
        batch_op.alter_column("used_on", existing_type=sa.Date(), existing_nullable=False, server_default=None)
        batch_op.create_index(batch_op.f("ix_cached_vectors_used_on"), ["used_on"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("cached_vectors", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_cached_vectors_used_on"))
        batch_op.drop_column("used_on")
    op.drop_table("open_records")
