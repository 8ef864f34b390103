"""``/settings``: when the bot speaks in a group or channel, and how; for those who run it."""

import structlog

from core.access import Actor
from core.chat_policy import ChatRules, with_changes
from core.commands import settings_menu as menu
from core.commands.command import Command, CommandReply
from core.commands.options import admins_only_text
from core.domain.addresses import ChatType
from core.domain.errors import SettingsError
from core.inbound.staff import StaffDirectory
from core.knowledge.scope import CHAT_SET_PREFIX, require_sets
from core.prompting.model_catalog import ModelCatalog
from core.prompting.personas import Personas
from core.store import Database, knowledge, rules
from core.store.knowledge import Owner
from core.text.language import Language, pick

log = structlog.get_logger(__name__)


class SettingsCommand:
    """Shows and sets a chat's rules, with buttons only."""

    def __init__(
        self, database: Database, staff: StaffDirectory, catalog: ModelCatalog, personas: Personas
    ) -> None:
        self._database = database
        self._staff = staff
        self._catalog = catalog
        self._personas = personas

    async def __call__(self, command: Command) -> CommandReply:
        """Handle one order or pressed button."""
        if command.chat_type is ChatType.DIRECT:
            return CommandReply(text=_groups_only_text(command.language))
        key = command.conversation.key
        who = Actor.at(key, command.author.id)
        if not await self._staff.is_chat_admin(who):
            return await self._refuse(command)
        name, equals, value = command.argument.strip().partition("=")
        if name == menu.RESET:
            return await self._reset(command)
        if name not in menu.ITEMS_BY_NAME:
            return self._menu(command, await self._load_rules(command))
        if not equals:
            return await self._sub_menu(command, name)
        return await self._apply(command, name, value)

    async def _load_rules(self, command: Command) -> ChatRules | None:
        async with self._database.read() as tx:
            return await rules.load(tx, command.conversation.key)

    def _menu(self, command: Command, rules: ChatRules | None, *, note: str = "") -> CommandReply:
        if rules is None:
            state = pick(
                command.language,
                zh="这个群还没有自己的规则：被 @ 或被回复时我才回答。",
                en="This chat has no rules of its own: I answer when mentioned or replied to.",
            )
        else:
            state = pick(command.language, zh="这个群的规则：", en="The rules of this chat:")
            state += (
                f"\n\n{menu.format_rules(rules, command.language) or _all_default_text(command.language)}"
            )
        hint = pick(
            command.language,
            zh="关键词、客服名单和自己写的文字用命令行 `moonthread rules set` 设置。",
            en="Keywords, staff and texts of your own are set with `moonthread rules set`.",
        )
        text = "\n\n".join(part for part in (note, state, hint) if part)
        return CommandReply(text=text, options=menu.main_menu(rules, command.language))

    async def _sub_menu(self, command: Command, name: str) -> CommandReply:
        found = await self._load_rules(command) or ChatRules()
        offers = menu.options_for(
            found,
            name,
            models=[model.id for model in await self._catalog.available_models()] if name == "model" else (),
            personas=await self._personas.list_names() if name == "persona" else (),
            sets=await self._knowledge_sets(command) if name == "knowledge" else (),
        )
        item = menu.ITEMS_BY_NAME[name]
        return CommandReply(
            text=f"**{pick(command.language, zh=item.zh, en=item.en)}**",
            options=menu.sub_menu(found, name, offers, command.language),
        )

    async def _knowledge_sets(self, command: Command) -> list[str]:
        key = command.conversation.key
        async with self._database.read() as tx:
            found = await knowledge.load_usable_sets(tx, Owner(platform=key.platform, tenant=key.tenant))
        names = dict.fromkeys(one.name for one in found)
        return [name for name in names if not name.startswith(CHAT_SET_PREFIX)]  # of other chats too

    async def _apply(self, command: Command, name: str, value: str) -> CommandReply:
        key = command.conversation.key
        async with self._database.begin() as tx:
            found = await rules.load(tx, key) or ChatRules()
            try:
                made = with_changes(found, menu.rule_texts_for(found, name, value, command.language))
                added = [one for one in made.knowledge if one not in found.knowledge]
                await require_sets(tx, added, platform=key.platform, tenant=key.tenant)
            except SettingsError as exc:
                return self._menu(command, found, note="\n".join(exc.faults))
            if made != found or await rules.load(tx, key) is None:
                version = await rules.save(
                    tx,
                    made,
                    platform=key.platform,
                    tenant=await rules.resolve_tenant(tx, key),
                    channel=key.channel,
                    changed_by=command.author.id,
                )
                log.info("rules.changed", platform=key.platform, name=name, version=version)
        return self._menu(
            command, made, note=pick(command.language, zh="好的，已生效。", en="Done, it counts from now on.")
        )

    async def _reset(self, command: Command) -> CommandReply:
        key = command.conversation.key
        async with self._database.begin() as tx:
            tenant = await rules.resolve_tenant(tx, key)
            await rules.remove(tx, platform=key.platform, tenant=tenant, channel=key.channel)
        log.info("rules.deleted", platform=key.platform)
        return self._menu(command, None)

    async def _refuse(self, command: Command) -> CommandReply:
        """Return a refusal that names who may; after a press, in the menu."""
        note = admins_only_text(command.language)
        return (
            self._menu(command, await self._load_rules(command), note=note)
            if command.from_button
            else CommandReply(text=note)
        )


def _groups_only_text(language: Language) -> str:
    return pick(
        language,
        zh="请在要设置的群或频道里发送 `/settings`。",
        en="Send `/settings` in the group or channel that you want to set up.",
    )


def _all_default_text(language: Language) -> str:
    return pick(language, zh="（都是默认值）", en="(all as usual)")
