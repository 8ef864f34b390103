"""Fields of a request that some hosts refuse, learnt from their refusals.

A host names the field it refuses: "Unrecognized request argument supplied: prompt_cache_key" (Azure),
"Extra inputs are not permitted: body.stream_options" (pydantic), "UnsupportedParamsError … ['thinking']"
(LiteLLM). The request is then sent again without it, and later ones too.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Final, TypeAlias

import structlog

from core.kimi.api_errors import KimiInvalidRequest
from core.kimi.request import ChatRequest, optional_fields

log = structlog.get_logger(__name__)

OnFieldsRefused: TypeAlias = Callable[[str, frozenset[str]], None]
"""Takes a model and the optional fields that requests to it are sent without."""

_REFUSAL_STATUSES: Final = frozenset({400, 404, 422})


class OptionalFields:
    """The optional fields that one provider does not take, for each model."""

    def __init__(self, omit: Iterable[str] = (), on_fields_refused: OnFieldsRefused | None = None) -> None:
        """Leave ``omit`` out of every request; call ``on_fields_refused`` with newly refused fields."""
        self._omit = frozenset(omit)
        self._on_fields_refused = on_fields_refused
        self._refused: dict[str, frozenset[str]] = {}

    def omitted(self, model: str) -> frozenset[str]:
        """Return the fields that are left out of requests to ``model``."""
        return self._omit | self._refused.get(model, frozenset())

    def learn(self, model: str, omitted: frozenset[str]) -> None:
        """Record that a request was accepted without these fields."""
        if not omitted <= self.omitted(model):
            self._refused[model] = omitted
            log.warning("kimi.fields_refused", model=model, fields=sorted(omitted))
            if self._on_fields_refused is not None:
                self._on_fields_refused(model, omitted - self._omit)

    def recall(self, refused: Mapping[str, frozenset[str]]) -> None:
        """Leave out what an earlier process learnt."""
        for model, fields in refused.items():
            self._refused[model] = self._refused.get(model, frozenset()) | fields


def find_refused_field(
    error: KimiInvalidRequest, request: ChatRequest, omitted: frozenset[str]
) -> str | None:
    """Return the optional field of ``request`` that a refusal names; None if it names none.

    Args:
        error: the refusal.
        request: the refused request.
        omitted: fields that it was sent without.
    """
    if error.status not in _REFUSAL_STATUSES:
        return None
    text = str(error)
    present = optional_fields(request) - omitted
    return next((field for field in sorted(present) if re.search(rf"\b{field}\b", text)), None)
