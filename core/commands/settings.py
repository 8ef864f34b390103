"""``/settings``: when the bot speaks in a group or channel, and how; for those who run it."""

import structlog

from core.access import Who
from core.chat_policy import ChatRules, changed
from core.commands import settings_menu as menu
from core.commands.command import Order, OrderReply
from core.commands.options import admins_only
from core.domain.errors import SettingsError
from core.domain.events import Scene
from core.inbound.staff import Staff
from core.prompting.model_catalog import Catalogue
from core.prompting.personas import Personas
from core.store import Database, knowledge, rules
from core.store.knowledge import Owner
from core.text.language import Language, pick

log = structlog.get_logger(__name__)


class SettingsOrder:
    """Shows and sets a chat's rules, with buttons only."""

    def __init__(self, database: Database, staff: Staff, catalogue: Catalogue, personas: Personas) -> None:
        self._database = database
        self._staff = staff
        self._catalogue = catalogue
        self._personas = personas

    async def __call__(self, order: Order) -> OrderReply:
        """Handle one order or pressed button."""
        if order.scene is Scene.DIRECT:
            return OrderReply(text=_in_groups(order.language))
        key = order.conversation.key
        who = Who.at(key, order.author.id)
        if not await self._staff.runs(who):
            return await self._refused(order)
        name, equals, value = order.argument.strip().partition("=")
        if name == menu.DROP:
            return await self._dropped(order)
        if name not in menu.BY_NAME:
            return self._menu(order, await self._now(order))
        if not equals:
            return await self._sub_menu(order, name)
        return await self._set(order, name, value)

    async def _now(self, order: Order) -> ChatRules | None:
        async with self._database.read() as tx:
            return await rules.of(tx, order.conversation.key)

    def _menu(self, order: Order, found: ChatRules | None, *, note: str = "") -> OrderReply:
        if found is None:
            state = pick(
                order.language,
                zh="这个群还没有自己的规则：被 @ 或被回复时我才回答。",
                en="This chat has no rules of its own: I answer when mentioned or replied to.",
            )
        else:
            state = pick(order.language, zh="这个群的规则：", en="The rules of this chat:")
            state += f"\n\n{menu.shown(found, order.language) or _usual(order.language)}"
        hint = pick(
            order.language,
            zh="关键词、客服名单和自己写的文字用命令行 `moonthread chat set` 设置。",
            en="Keywords, staff and texts of your own are set with `moonthread chat set`.",
        )
        text = "\n\n".join(part for part in (note, state, hint) if part)
        return OrderReply(text=text, choices=menu.main_menu(found, order.language))

    async def _sub_menu(self, order: Order, name: str) -> OrderReply:
        found = await self._now(order) or ChatRules()
        offers = menu.offers_of(
            found,
            name,
            models=[model.id for model in await self._catalogue.served()] if name == "model" else (),
            personas=await self._personas.names() if name == "persona" else (),
            sets=await self._sets(order) if name == "knowledge" else (),
        )
        item = menu.BY_NAME[name]
        return OrderReply(
            text=f"**{pick(order.language, zh=item.zh, en=item.en)}**",
            choices=menu.sub_menu(found, name, offers, order.language),
        )

    async def _sets(self, order: Order) -> list[str]:
        key = order.conversation.key
        async with self._database.read() as tx:
            found = await knowledge.sets_of(tx, Owner(platform=key.platform, tenant=key.tenant))
        return list(dict.fromkeys(one.name for one in found))

    async def _set(self, order: Order, name: str, value: str) -> OrderReply:
        key = order.conversation.key
        async with self._database.begin() as tx:
            found = await rules.of(tx, key) or ChatRules()
            try:
                made = changed(found, menu.words_of(found, name, value, order.language))
            except SettingsError as exc:
                return self._menu(order, found, note="\n".join(exc.faults))
            if made != found or await rules.of(tx, key) is None:
                version = await rules.save(
                    tx,
                    made,
                    platform=key.platform,
                    tenant=await rules.tenant_of(tx, key),
                    channel=key.channel,
                    changed_by=order.author.id,
                )
                log.info("rules_changed", platform=key.platform, name=name, version=version)
        return self._menu(
            order, made, note=pick(order.language, zh="好的，已生效。", en="Done, it counts from now on.")
        )

    async def _dropped(self, order: Order) -> OrderReply:
        key = order.conversation.key
        async with self._database.begin() as tx:
            tenant = await rules.tenant_of(tx, key)
            await rules.drop(tx, platform=key.platform, tenant=tenant, channel=key.channel)
        log.info("rules_dropped", platform=key.platform)
        return self._menu(order, None)

    async def _refused(self, order: Order) -> OrderReply:
        """Tell who may; a menu whose button was pressed stays as it is."""
        note = admins_only(order.language)
        return self._menu(order, await self._now(order), note=note) if order.chosen else OrderReply(text=note)


def _in_groups(language: Language) -> str:
    return pick(
        language,
        zh="请在要设置的群或频道里发送 `/settings`。",
        en="Send `/settings` in the group or channel that you want to set up.",
    )


def _usual(language: Language) -> str:
    return pick(language, zh="（都是默认值）", en="(all as usual)")
