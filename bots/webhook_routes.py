"""Routes that a platform posts events to."""

from collections.abc import Awaitable, Callable, Sequence

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route


def webhook_routes(path: str, endpoint: Callable[[Request], Awaitable[Response]]) -> Sequence[BaseRoute]:
    """Return routes for ``path``, also with a slash at the end and below a proxy's path prefix.

    Platforms follow no redirect from one form to the other, and every request proves its origin by a
    signature or a secret, whichever path it takes.
    """
    forms = (path, f"{path}/", f"/{{prefix:path}}{path}", f"/{{prefix:path}}{path}/")
    return [Route(form, endpoint, methods=["POST"]) for form in forms]
