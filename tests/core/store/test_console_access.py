"""Links, sessions and the audit log of the console, on both databases."""

from core.store import Database, console_access


async def test_a_link_becomes_one_session(database: Database) -> None:
    """The session is the person's that the link was made for, and ends when it is told to."""
    async with database.begin() as tx:
        token = await console_access.create_link(tx, "slack:U1")
        session = await console_access.redeem_link(tx, token)
        assert session is not None
        assert await console_access.redeem_link(tx, token) is None
        found = await console_access.load_session(tx, session)
        assert found is not None
        assert found.person == "slack:U1"
        assert await console_access.load_session(tx, token) is None
        await console_access.end_session(tx, session)
        assert await console_access.load_session(tx, session) is None


async def test_the_audit_log_is_read_newest_first(database: Database) -> None:
    """A target that is too long for its column is cut."""
    async with database.begin() as tx:
        await console_access.record(tx, "slack:U1", "conversation.read", "7")
        await console_access.record(tx, "slack:U1", "conversations.search", "x" * 1000)
        entries = await console_access.list_audit(tx, limit=10)

    assert [(one.action, len(one.target)) for one in entries] == [
        ("conversations.search", 255),
        ("conversation.read", 1),
    ]
