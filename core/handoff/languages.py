"""Languages of the service's texts to the two sides of a handoff. Pure."""

from core.store.handoffs import Handoff
from core.text.language import Language


def language_for_customer(handoff: Handoff) -> Language:
    """Return the language of texts for the customer."""
    return "zh" if handoff.language == "zh" else "en"


def ticket_language(handoff: Handoff) -> Language:
    """Return the language of texts for the desk: the deployment's, else the customer's."""
    return "zh" if (handoff.desk_language or handoff.language) == "zh" else "en"
