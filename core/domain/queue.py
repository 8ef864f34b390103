"""Lanes and statuses of stored events: the vocabulary of the inbox and the work queue."""

from dataclasses import dataclass
from enum import StrEnum


class Lane(StrEnum):
    """Events of one conversation that are processed in order; different lanes run at the same time."""

    TURNS = "turns"  #: questions
    COMMANDS = "commands"  #: commands and notices, which do not wait for a running answer
    HANDOFF = "handoff"  #: messages between a customer and the team, in both directions
    AI_ASSIST = "ai_assist"  #: Kimi's summaries and drafts for the team


class EventStatus(StrEnum):
    """Processing status of a stored event."""

    OPEN = "open"  #: waits to be processed
    DONE = "done"
    RECORDED = "recorded"  #: became history; needs no answer
    SKIPPED = "skipped"  #: could not be read, or needs nothing
    DROPPED = "dropped"  #: taken back by its author before it was answered


@dataclass(frozen=True, slots=True)
class QueueKey:
    """The events of one lane of one conversation: the unit that the work queue runs exclusively."""

    conversation_id: int
    lane: Lane
