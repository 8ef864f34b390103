"""Create all tables.

Forward: the tables and indexes of the first release.
Back: drops everything that is stored; take a dump first.
"""

import sqlalchemy as sa
from alembic import op

from migrations.initial import (
    access,
    accounting,
    answer_steps,
    chat_policy,
    console,
    conversations,
    files,
    handoff,
    knowledge,
    remembered,
    shared_state,
    work_queue,
)

revision = "0001_initial"
down_revision = None
branch_labels = None
depends_on = None

#: Each table after those that it refers to.
TABLES = (
    conversations.create_conversations,
    conversations.create_inbox,
    conversations.create_turns,
    conversations.create_messages,
    conversations.create_platform_messages,
    conversations.create_conversation_settings,
    conversations.create_summaries,
    files.create_files,
    files.create_file_blobs,
    answer_steps.create_turn_passages,
    answer_steps.create_tool_calls,
    accounting.create_usage,
    accounting.create_feedback,
    accounting.create_model_calibration,
    accounting.create_notices_sent,
    access.create_blocked_people,
    access.create_flood_counters,
    access.create_person_settings,
    access.create_channel_moves,
    access.create_rejected_events,
    chat_policy.create_chat_rules,
    chat_policy.create_chat_members,
    chat_policy.create_staff_activity,
    remembered.create_remembered_chats,
    remembered.create_remembered_messages,
    knowledge.create_knowledge_sets,
    knowledge.create_knowledge_documents,
    knowledge.create_knowledge_passages,
    knowledge.create_knowledge_vectors,
    knowledge.create_canned_responses,
    knowledge.create_knowledge_evaluations,
    handoff.create_handoffs,
    handoff.create_handoff_transitions,
    handoff.create_handoff_outbox,
    handoff.create_handoff_ratings,
    console.create_console_links,
    console.create_console_sessions,
    console.create_console_audit,
    console.create_operator_alerts,
    console.create_operator_alert_messages,
    shared_state.create_llm_limiter_state,
    shared_state.create_delivery_budgets,
    shared_state.create_secrets,
    shared_state.create_schema_floor,
)


def upgrade() -> None:
    for create in TABLES:
        create()
    work_queue.create_work_queue()
    op.execute(sa.text("INSERT INTO schema_floor (revision) VALUES ('0001_initial')"))


def downgrade() -> None:
    work_queue.drop_work_queue()
    for create in reversed(TABLES):
        op.drop_table(create.__name__.removeprefix("create_"))
