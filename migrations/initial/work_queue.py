"""procrastinate's tables on PostgreSQL, where many replicas share the work; nothing on SQLite."""

from typing import Final

from alembic import op

CREATE_INDEXES: Final = """
CREATE INDEX moonthread_jobs_lock ON procrastinate_jobs (lock) WHERE status IN ('todo', 'doing');
CREATE INDEX moonthread_jobs_orphaned ON procrastinate_jobs (id) WHERE status = 'doing' AND worker_id IS NULL;
"""
"""For "is this lock taken?" and "which jobs lost their worker?"."""

DROP: Final = """
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


def create_work_queue() -> None:
    """Create procrastinate 3.10's own schema and our indexes."""
    if op.get_bind().dialect.name == "postgresql":
        from procrastinate.schema import SchemaManager  # late: SQLite does not need it

        _execute(SchemaManager.get_schema())
        _execute(CREATE_INDEXES)


def drop_work_queue() -> None:
    """Drop all jobs, which are made again from the inbox, and procrastinate's schema."""
    if op.get_bind().dialect.name == "postgresql":
        _execute(DROP)


def _execute(statements: str) -> None:
    # Without parameters the driver sends several statements at once and does not interpret "%".
    op.get_bind().exec_driver_sql(statements, execution_options={"no_parameters": True})
