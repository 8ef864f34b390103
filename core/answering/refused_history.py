"""Decides what a refused request is asked again without. Pure.

A picture or a high-risk question that a host refuses spoils every later request that contains it
(MoonshotAI/kimi-code#3087, labring/FastGPT#3555): such a request is sent once more without what is older
than the question. The same helps if a large prompt is refused in words that nobody knows.
"""

from dataclasses import replace

from core.answering.outcome import CONTENT_FILTERED, AnswerOutcome
from core.domain.turn_states import KimiFailure, TurnOutcome
from core.kimi import KimiInvalidRequest
from core.prompting.prepared_request import PreparedRequest
from core.text.language import Language
from core.text.notices import Notice

INVALID_REQUEST = KimiFailure(KimiInvalidRequest.code)


def reduced_request(prepared: PreparedRequest, outcome: TurnOutcome) -> PreparedRequest | None:
    """Return the request to send in place of a refused one; None if the question itself is at fault.

    Args:
        prepared: the request that was sent.
        outcome: how its answer ended; no text came.
    """
    if outcome == INVALID_REQUEST:
        return prepared.without_older_media() or prepared.without_history()
    return prepared.without_history() if outcome == CONTENT_FILTERED else None


def explain_refusal(prepared: PreparedRequest, ended: AnswerOutcome, language: Language) -> AnswerOutcome:
    """Return the outcome with a note on the question's pictures if they are why it was refused."""
    if ended.outcome == INVALID_REQUEST and prepared.question_has_media:
        return replace(ended, note=Notice.MEDIA_REFUSED.text(language))
    return ended
