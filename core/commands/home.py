"""The bot's page for a person: its abilities, their usage today, the model."""

from collections.abc import Sequence

from core.access import AccessLists, Actor
from core.commands.usage import UsageCommand
from core.domain.addresses import ThreadKey
from core.ports.home_page import HomeSection
from core.store import Database, person_settings
from core.text.language import pick
from core.text.notices import Notice


class PersonHome:
    """Implements :class:`core.ports.home_page.HomePage`."""

    def __init__(self, database: Database, access: AccessLists, usage: UsageCommand, *, model: str) -> None:
        """``model`` is the deployment's; conversations may have others."""
        self._database = database
        self._access = access
        self._usage = usage
        self._model = model

    async def __call__(self, key: ThreadKey, person_id: str, *, language: str) -> Sequence[HomeSection]:
        """Return the page; () for a person who is not allowed."""
        actor = Actor.at(key, person_id)
        if not self._access.is_allowed(actor):
            return ()
        async with self._database.read() as tx:
            person = await person_settings.load_language(tx, actor, 0)
        words = person.resolve(client=language)
        used = await self._usage.describe_today(actor, words)
        return (
            HomeSection(title=pick(words, zh="我能做什么", en="What I can do"), text=Notice.HELP.text(words)),
            HomeSection(title=pick(words, zh="今天的用量", en="Used today"), text=used),
            HomeSection(
                title=pick(words, zh="模型", en="Model"),
                text=pick(
                    words,
                    zh=f"`{self._model}`，在对话里用 `/model` 可以另选。",
                    en=f"`{self._model}`; `/model` chooses another one for a conversation.",
                ),
            ),
        )
