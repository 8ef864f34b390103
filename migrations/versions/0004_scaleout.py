"""Create procrastinate's tables on PostgreSQL, where many replicas share the work.

Forward: procrastinate 3.10's own schema, and indexes for "is this lock taken?" and "whose worker is
dead?"; nothing on SQLite. Safe while the old code runs.
Back: drops all jobs; they are made anew from the inbox.
"""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

INDEXES = """
CREATE INDEX moonthread_jobs_lock ON procrastinate_jobs (lock) WHERE status IN ('todo', 'doing');
CREATE INDEX moonthread_jobs_orphaned ON procrastinate_jobs (id) WHERE status = 'doing' AND worker_id IS NULL;
"""

DROP = """
DROP TABLE procrastinate_events, procrastinate_periodic_defers, procrastinate_jobs, procrastinate_workers
    CASCADE;
DO $$
DECLARE
    found regprocedure;
BEGIN
    FOR found IN
        SELECT oid FROM pg_proc
         WHERE proname LIKE 'procrastinate\\_%' AND pronamespace = current_schema()::regnamespace
    LOOP
        EXECUTE 'DROP FUNCTION ' || found;
    END LOOP;
END;
$$;
DROP TYPE procrastinate_job_to_defer_v1, procrastinate_job_status, procrastinate_job_event_type;
"""


def upgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        from procrastinate.schema import SchemaManager  # late: SQLite has no use for it

        _execute(SchemaManager.get_schema())
        _execute(INDEXES)


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        _execute(DROP)


def _execute(statements: str) -> None:
    # Without parameters the driver sends several statements at once, and takes no "%" for its own.
    op.get_bind().exec_driver_sql(statements, execution_options={"no_parameters": True})
