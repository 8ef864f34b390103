"""Proposals from questions that the bot could not answer and the team did."""

from core.chat_policy import ChatRules
from core.domain.addresses import Person
from core.domain.bot_messages import FeedbackVerdict
from core.domain.turn_states import Outcome
from core.knowledge.finder import PassageFinder
from core.knowledge.gaps import GapProposal, load_proposals, take_proposal
from core.knowledge.indexing import index_document
from core.store import Database, canned, feedback, knowledge, rules, turn_reports, turns
from core.store.conversation_scope import EVERYTHING
from core.store.knowledge import DEPLOYMENT
from core.store.turn_reports import TurnFilter
from tests.stored_conversation import StoredConversation

TEXT = """# Shop

## Refunds

Your money comes back to your card within seven working days.

## Delivery

Parcels reach Japan in ten days.
"""
STAFF = Person(id="U9", name="Mary")
GAPS = TurnFilter(unknown=True)


async def conversation(database: Database) -> StoredConversation:
    """Return a conversation of a chat that draws on a set."""
    await index_document(database, DEPLOYMENT, "shop", name="shop.md", text=TEXT, extension="md")
    talk = await StoredConversation(database).create()
    key = talk.conversation.key
    async with database.begin() as tx:
        made = ChatRules(knowledge=("shop",))
        await rules.save(
            tx, made, platform=key.platform, tenant=key.tenant, channel=key.channel, changed_by=""
        )
    return talk


async def ask(talk: StoredConversation, question: str, outcome: Outcome = Outcome.NO_KNOWLEDGE) -> int:
    """Ask a question that ends like this; return its turn's id."""
    turn = await talk.ask(question)
    async with talk.database.begin() as tx:
        await turns.finish(tx, turn, outcome=outcome)
    return turn.id


async def reply(talk: StoredConversation, *texts: str) -> None:
    """Let the team write to the customer."""
    for text in texts:
        await talk.answer_as_staff(text, STAFF)


async def proposals(database: Database) -> list[GapProposal]:
    """Return all proposals, the oldest first."""
    async with database.read() as tx:
        listed = await turn_reports.list_turns(tx, GAPS, scope=EVERYTHING, limit=50)
    found = await load_proposals(database, listed)
    return list(reversed(found))


async def found_by(database: Database, question: str) -> list[str]:
    """Return the headings that a question finds."""
    async with database.read() as tx:
        ids = await knowledge.resolve_set_ids(tx, DEPLOYMENT, ["shop"])
    return [one.entry.heading for one in await PassageFinder(database).find(ids, question, floor=0.3)]


async def test_only_what_the_team_has_answered_is_proposed(database: Database) -> None:
    """Nothing found, a refusal and a thumbs-down count; a good answer, and a gap without words do not."""
    talk = await conversation(database)
    await ask(talk, "Nobody answers this")
    known = await ask(talk, "Wo bleibt die Erstattung")
    await ask(talk, "A person, please", Outcome.PERSON_WANTED)
    await ask(talk, "/human", Outcome.NOTICE)
    await reply(talk, "Hello!", "Your money comes back to your card within seven working days.")
    fresh = await ask(talk, "Do you sell umbrellas?")
    await reply(talk, "Yes, at the counter.")
    await ask(talk, "Fine?", Outcome.COMPLETE)
    await reply(talk, "It is.")
    bad = await ask(talk, "Is it raining?", Outcome.COMPLETE)
    async with database.begin() as tx:
        await feedback.save(tx, turn_id=bad, person_id="x", verdict=FeedbackVerdict.BAD)
    await reply(talk, "No.")

    first, second, third = await proposals(database)
    assert (first.turn.id, second.turn.id, third.turn.id) == (known, fresh, bad)
    assert first.reply == "Hello!\nYour money comes back to your card within seven working days."
    assert first.passage is not None
    assert first.passage.entry.heading == "Refunds"
    assert (second.reply, second.passage) == ("Yes, at the counter.", None)
    assert third.reply == "No."
    assert not any(one.is_taken for one in (first, second, third))


async def test_a_sentence_that_is_taken_finds_its_passage_also_in_a_new_version(database: Database) -> None:
    """We chose that what was taken outlives the file: it is kept beside the file's own wordings."""
    talk = await conversation(database)
    await ask(talk, "Wo bleibt die Erstattung")
    await reply(talk, "Your money comes back to your card within seven working days.")
    (proposal,) = await proposals(database)
    assert await found_by(database, "Erstattung") == []
    assert await take_proposal(database, proposal)
    (again,) = await proposals(database)
    assert again.is_taken
    assert await take_proposal(database, again)  # twice does no harm
    assert await found_by(database, "Erstattung") == ["Refunds"]
    text = TEXT.replace("ten days", "eleven days")
    await index_document(database, DEPLOYMENT, "shop", name="shop.md", text=text, extension="md")
    assert await found_by(database, "Erstattung") == ["Refunds"]
    assert await found_by(database, "parcels Japan") == ["Delivery"]


async def test_other_proposals_become_ready_answers_of_the_chat(database: Database) -> None:
    """The team's words are given to the next person who asks the same."""
    talk = await conversation(database)
    await ask(talk, "Do you sell umbrellas?")
    await reply(talk, "Yes, at the counter.")
    (proposal,) = await proposals(database)
    assert await take_proposal(database, proposal)
    async with database.read() as tx:
        kept = await canned.load(tx, talk.conversation.key)
    assert [(one.question, one.answer) for one in kept] == [
        ("Do you sell umbrellas?", "Yes, at the counter.")
    ]
    assert [one.is_taken for one in await proposals(database)] == [True]


async def test_a_passage_that_is_gone_takes_nothing(database: Database) -> None:
    """A proposal is old as soon as its document is removed; nothing is stored then."""
    talk = await conversation(database)
    await ask(talk, "Wo bleibt die Erstattung")
    await reply(talk, "Your money comes back to your card within seven working days.")
    (proposal,) = await proposals(database)
    async with database.begin() as tx:
        found = await knowledge.find_set(tx, DEPLOYMENT, "shop")
        assert found is not None
        await knowledge.remove_document(tx, found.id, "shop.md")
    assert not await take_proposal(database, proposal)
