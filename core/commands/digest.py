"""``/digest`` in a direct conversation, where there is nothing to sum up."""

from core.commands.command import Command, CommandReply
from core.digests.digest_texts import direct_text


async def explain_digest(command: Command) -> CommandReply:
    """Tell where a digest is asked for; there it is a question (:mod:`core.digests`)."""
    return CommandReply(text=direct_text(command.language))
