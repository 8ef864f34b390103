"""The port for messages that one person alone sees."""

from typing import Protocol

from core.domain.addresses import Address


class PrivateMessages(Protocol):
    """Messages to one person. Optional.

    They are rare (a notice that nothing can be shown in a channel), and so spend no budget of deliveries.
    """

    async def send_private(self, address: Address, person_id: str, text: str) -> None:
        """Show plain text to a person: in the channel of ``address`` for their eyes, or in a direct message.

        Raises:
            PlatformError: it was not shown; Telegram's bots may write only to people who wrote to them.
        """
