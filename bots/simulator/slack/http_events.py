"""HTTP mode: signed POSTs to the app's request URL.

Follows docs.slack.dev/authentication/verifying-requests-from-slack and apis/events-api.
"""

import hashlib
import hmac
import json
import time
import uuid
from urllib.parse import urlencode

import httpx

from bots.simulator.slack.delivery import Envelope, Outcome, within
from bots.simulator.slack.records import Json
from bots.simulator.slack.workspace import Workspace


class HttpEvents:
    """The request URL of one app. A :class:`~bots.simulator.slack.delivery.Route`."""

    def __init__(self, workspace: Workspace, *, url: str, signing_secret: str) -> None:
        self._workspace = workspace
        self._url = url
        self._secret = signing_secret.encode()
        self._client = httpx.AsyncClient(trust_env=False, timeout=30.0)

    async def verify(self) -> None:
        """Send the url_verification challenge, as Slack does when the URL is saved.

        Raises:
            ValueError: the app did not answer with the challenge.
        """
        challenge = uuid.uuid4().hex
        body = {"type": "url_verification", "token": "verification-test", "challenge": challenge}
        try:
            response = await self._post(json.dumps(body), "application/json", {})
        except httpx.HTTPError as exc:
            raise ValueError("Your URL didn't respond.") from exc
        if response.status_code != httpx.codes.OK or challenge not in response.text:
            raise ValueError("Your URL didn't respond with the value of the challenge parameter.")

    async def deliver(self, envelope: Envelope, *, attempt: int, reason: str) -> Outcome:
        """POST one payload and wait for a 2xx."""
        body, kind = _encoded(envelope)
        headers = {"x-slack-retry-num": str(attempt), "x-slack-retry-reason": reason} if attempt else {}
        try:
            response = await within(
                self._workspace.clock,
                self._workspace.limits.ack_within_s,
                self._post(body, kind, headers),
            )
        except TimeoutError:
            return Outcome(acked=False, reason="http_timeout")
        except httpx.HTTPError:
            return Outcome(acked=False, reason="connection_failed")
        if not response.is_success:
            final = response.headers.get("x-slack-no-retry") == "1"
            return Outcome(acked=False, reason="http_error", final=final)
        return Outcome(acked=True, reply=_reply(response))

    async def _post(self, body: str, kind: str, headers: dict[str, str]) -> httpx.Response:
        stamp = str(int(time.time()))  # the machine's time: the app compares it with its own
        base = f"v0:{stamp}:{body}".encode()
        signature = "v0=" + hmac.new(self._secret, base, hashlib.sha256).hexdigest()
        signed = {
            "Content-Type": kind,
            "User-Agent": "Slackbot 1.0 (+https://api.slack.com/robots)",
            "X-Slack-Request-Timestamp": stamp,
            "X-Slack-Signature": signature,
        }
        return await self._client.post(self._url, content=body.encode(), headers={**signed, **headers})

    async def close(self) -> None:
        """Let go of the connections."""
        await self._client.aclose()


def _encoded(envelope: Envelope) -> tuple[str, str]:
    """Return body and content type: JSON for events, forms for everything else."""
    form = "application/x-www-form-urlencoded"
    match envelope.kind:
        case "events_api":
            return json.dumps(envelope.payload), "application/json"
        case "slash_commands":
            return urlencode(envelope.payload), form
        case "interactive":
            return urlencode({"payload": json.dumps(envelope.payload)}), form


def _reply(response: httpx.Response) -> Json | None:
    if not response.text:
        return None
    if response.headers.get("content-type", "").startswith("application/json"):
        value = response.json()
        return value if isinstance(value, dict) else None
    return {"text": response.text}
