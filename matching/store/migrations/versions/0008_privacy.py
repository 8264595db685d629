"""consent to open data, and an audit log that is only ever appended to"""

import sqlalchemy as sa
from alembic import op

revision = '0008'
down_revision = '0007'
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table('experts', schema=None) as batch_op:
        batch_op.add_column(sa.Column('open_data_at', sa.DateTime(timezone=True), nullable=True))

    if op.get_bind().dialect.name == 'postgresql':
        op.execute(
            "CREATE FUNCTION refuse_audit_change() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN RAISE EXCEPTION 'audit_log is append-only' USING ERRCODE = 'insufficient_privilege'; END $$"
        )
        op.execute(
            "CREATE TRIGGER audit_log_rows BEFORE UPDATE OR DELETE ON audit_log "
            "FOR EACH ROW EXECUTE FUNCTION refuse_audit_change()"
        )
        op.execute(
            "CREATE TRIGGER audit_log_whole BEFORE TRUNCATE ON audit_log "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_audit_change()"
        )
    else:
        # INSERT OR REPLACE deletes without asking the triggers of DELETE.
        for event, when in (
            ('UPDATE', ''),
            ('DELETE', ''),
            ('INSERT', 'WHEN EXISTS (SELECT 1 FROM audit_log WHERE id = NEW.id) '),
        ):
            op.execute(
                f"CREATE TRIGGER audit_log_{event.lower()} BEFORE {event} ON audit_log {when}"
                "BEGIN SELECT RAISE(ABORT, 'audit_log is append-only'); END"
            )


def downgrade() -> None:
    if op.get_bind().dialect.name == 'postgresql':
        op.execute("DROP TRIGGER audit_log_whole ON audit_log")
        op.execute("DROP TRIGGER audit_log_rows ON audit_log")
        op.execute("DROP FUNCTION refuse_audit_change()")
    else:
        for event in ('insert', 'delete', 'update'):
            op.execute(f"DROP TRIGGER audit_log_{event}")

    with op.batch_alter_table('experts', schema=None) as batch_op:
        batch_op.drop_column('open_data_at')
