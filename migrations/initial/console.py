"""Tables for operators: links to the console that sign in once, sessions, audit log, alerts."""

import sqlalchemy as sa
from alembic import op

from migrations.initial.parts import ID, MOMENT, primary_key


def create_console_links() -> None:
    op.create_table(
        "console_links",
        sa.Column("token_hash", sa.String(64), nullable=False),
        sa.Column("person", sa.String(128), nullable=False),
        sa.Column("expires_at", MOMENT, nullable=False),
        primary_key("console_links", "token_hash"),
    )


def create_console_sessions() -> None:
    op.create_table(
        "console_sessions",
        sa.Column("token_hash", sa.String(64), nullable=False),
        sa.Column("person", sa.String(128), nullable=False),
        sa.Column("csrf_token", sa.String(64), nullable=False),
        sa.Column("expires_at", MOMENT, nullable=False),
        sa.Column("seen_at", MOMENT, nullable=False),
        primary_key("console_sessions", "token_hash"),
    )


def create_console_audit() -> None:
    op.create_table(
        "console_audit",
        sa.Column("id", ID, nullable=False),
        sa.Column("person", sa.String(128), nullable=False),
        sa.Column("action", sa.String(32), nullable=False),
        sa.Column("target", sa.String(255), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        primary_key("console_audit", "id"),
    )
    op.create_index("ix_console_audit_at", "console_audit", ["at"])


def create_operator_alerts() -> None:
    op.create_table(
        "operator_alerts",
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("subject", sa.String(255), nullable=False),
        sa.Column("began_at", MOMENT, nullable=False),
        primary_key("operator_alerts", "kind", "subject"),
    )


def create_operator_alert_messages() -> None:
    op.create_table(
        "operator_alert_messages",
        sa.Column("id", ID, nullable=False),
        sa.Column("person", sa.String(128), nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("subject", sa.String(255), nullable=False),
        sa.Column("is_over", sa.Boolean(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        primary_key("operator_alert_messages", "id"),
    )
