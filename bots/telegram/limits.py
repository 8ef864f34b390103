"""Telegram's rate limits, as budgets of calls.

Sends, edits, typing actions and deletions in one chat share its bucket: the limits of editing are those
of sending (the Bot API's developer in tdlib/td issues 2592 and 3034). About one call a second in
a private chat with short bursts, 20 a minute in a group, 30 a second over all chats
(https://core.telegram.org/bots/faq#my-bot-is-hitting-limits-how-do-i-avoid-this).

Drafts have a budget of their own that typing shares: 20 calls in 5 s and 40 in 30 s for each person
(https://core.telegram.org/api/bots/ai). A bucket of 8 that refills by one a second permits at most 13 and
38.
"""

from dataclasses import dataclass

from core.ports.platform import Budget


@dataclass(frozen=True, slots=True, kw_only=True)
class TelegramLimits:
    """The limits; the operator may lower each of them."""

    private_per_s: float = 1.0
    private_burst: float = 3.0
    group_per_s: float = 20 / 60
    group_burst: float = 5.0
    overall_per_s: float = 30.0
    overall_burst: float = 30.0
    drafts_per_s: float = 1.0
    drafts_burst: float = 8.0
    draft_refresh_s: float = 25.0  #: a draft is shown for 30 s
    typing_refresh_s: float = 4.5  #: an action is shown for 5 s at most

    def chat_budget(self, tenant: str, chat: str, *, private: bool) -> Budget:
        """Return the budget of one chat; all topics of a chat share it."""
        return Budget(
            key=f"telegram:{tenant}:chat:{chat}",
            per_s=self.private_per_s if private else self.group_per_s,
            burst=self.private_burst if private else self.group_burst,
        )

    def message_budgets(self, tenant: str, chat: str, *, private: bool) -> tuple[Budget, Budget]:
        """Return the budgets of one call that shows something in a chat: the chat's and the bot's."""
        return self.chat_budget(tenant, chat, private=private), self.overall_budget(tenant)

    def draft_budget(self, tenant: str, chat: str) -> Budget:
        """Return the budget of drafts and typing in one private chat."""
        return Budget(
            key=f"telegram:{tenant}:drafts:{chat}", per_s=self.drafts_per_s, burst=self.drafts_burst
        )

    def overall_budget(self, tenant: str) -> Budget:
        """Return the budget over all chats of one bot."""
        return Budget(key=f"telegram:{tenant}:all", per_s=self.overall_per_s, burst=self.overall_burst)
