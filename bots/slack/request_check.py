"""Checks requests to ``/slack/events`` before Bolt reads them.

Bolt parses a body before it checks the signature, and responds with 500 and a traceback in the log to each
that it cannot parse: a stranger could fill the log. See
https://docs.slack.dev/authentication/verifying-requests-from-slack
"""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

from slack_bolt.request.internals import parse_body
from slack_sdk.signature import SignatureVerifier

MAX_TIMESTAMP_DIGITS: Final = 12


def refusal_of(headers: Mapping[str, str], body: bytes, verifier: SignatureVerifier) -> HTTPStatus | None:
    """Return the status for a request that Slack did not send, or that is malformed; else None."""
    try:
        text = body.decode()
    except UnicodeDecodeError:
        return HTTPStatus.BAD_REQUEST
    timestamp = headers.get("x-slack-request-timestamp", "")
    signature = headers.get("x-slack-signature", "")
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= MAX_TIMESTAMP_DIGITS):
        return HTTPStatus.UNAUTHORIZED
    if not signature.isascii() or not verifier.is_valid(text, timestamp, signature):
        return HTTPStatus.UNAUTHORIZED
    try:
        content_type = headers.get("content-type", "").partition(";")[0].strip()
        is_readable = isinstance(parse_body(text, content_type), Mapping)
    except (ValueError, RecursionError):
        is_readable = False
    return None if is_readable else HTTPStatus.BAD_REQUEST
