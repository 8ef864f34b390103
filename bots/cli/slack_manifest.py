"""``moonthread slack-manifest``: prints the manifest to paste when creating the Slack app."""

import json
from typing import Annotated

import typer


def slack_manifest(
    http: Annotated[
        str | None,
        typer.Option(metavar="URL", help="The service's public address: Slack calls it, no Socket Mode."),
    ] = None,
    agent: Annotated[
        bool,
        typer.Option(
            "--agent/--no-agent",
            help="With Slack's agent view and its Stop button, or without, so that guests can ask too.",
        ),
    ] = True,
) -> None:
    """Print the app manifest for Slack, as JSON."""
    from bots.slack.app_manifest import build_manifest

    print(json.dumps(build_manifest(http_url=http or "", agent_view=agent), indent=2, ensure_ascii=False))
