"""Admins hear of what they must act on, on either platform."""

from typing import Any

from bots.simulator.kimi import Faults, answer_with
from bots.simulator.kimi.refusal import NO_BALANCE


async def check(world: Any) -> None:
    """Run the next check of alerts now."""
    world.service.components.delivery.work_queue.run_soon("alerts")


async def test_an_empty_balance_is_told_in_a_direct_message_and_so_is_its_end(world: Any) -> None:
    """The admin, who did not ask anything, reads what to do, once; others read nothing of it."""
    ann, admin = world.direct("Ann"), world.direct("Chief")
    person = admin.people[0]
    world.kimi.script = answer_with("", faults=Faults(refuse=NO_BALANCE))
    await world.start(admins=(f"{world.name}:{getattr(person, 'id', person)}",))
    await ann.ask("Are you there?")
    await ann.shows("has run out of credit")
    await world.done(1)

    await check(world)
    await world.until(lambda: "Recharge it" in shown(world), "the admin is told")
    await check(world)
    async with world.service.database.begin() as tx:
        await tx.exec_driver_sql("UPDATE turns SET outcome = 'complete' WHERE id = 1")
    await check(world)
    await world.until(lambda: "has a balance again" in shown(world), "the admin hears that it is over")

    assert shown(world).count("Recharge it") == 1
    assert "Recharge it" not in str(ann.texts)


def shown(world: Any) -> str:
    """Return everything that is on the screen."""
    return "\n".join(one.text for one in world.screen.messages.values())
