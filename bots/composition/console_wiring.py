"""The web console of one process, on a listener of its own."""

from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from bots.composition.components import Components
from bots.composition.prompt_wiring import PERSONAS_FOLDER
from bots.composition.settings_mapping import build_quotas
from bots.observability.readiness import ComponentStatus
from bots.web_server import WebServer
from core.domain.errors import SettingsError
from core.handoff.operator_actions import OperatorActions
from core.knowledge.file_text import FileTextReader
from core.prompting.personas import Personas
from core.settings import Settings
from core.settings.origins import effective_settings
from core.settings.pending import PendingSettings


def build_console_server(
    components: Components, states: Callable[[], Awaitable[Sequence[ComponentStatus]]]
) -> WebServer | None:
    """Build the console's web server; None if the console is off.

    ``states`` returns the state of this replica's components.
    """
    settings = components.base.settings
    if settings.console == "off":
        return None
    from bots.console.actions_knowledge import MAX_UPLOAD_BYTES
    from bots.console.app import build_console  # late: it needs templates, which most processes do not
    from bots.console.site import ConsoleSite

    address = urlsplit(settings.console_url or "")
    site = ConsoleSite(
        database=components.base.database,
        components=states,
        actions=OperatorActions(
            components.base.database, components.delivery.work_queue, components.handoff.service
        ),
        forgetter=components.forgetter,
        text_reader=FileTextReader(components.files.stores[0], components.files.worker),
        file_worker=components.files.worker,
        providers=components.llm.gateway.provider_loads,
        mcp_servers=components.mcp_states,
        quotas=build_quotas(settings),
        upload_dir=settings.data_dir,
        load_rights=components.console_rights.load,
        settings=lambda: effective_settings(settings),
        personas=Personas(Path(settings.data_dir, PERSONAS_FOLDER)),
        pending=PendingSettings(),
        finder=components.knowledge.retriever.finder,
        base_path=address.path.rstrip("/"),
        secure=address.scheme == "https",
    )
    return WebServer(
        build_console(site),
        host=settings.console_host,
        port=settings.console_port,
        max_body_bytes=MAX_UPLOAD_BYTES,  # only somebody who is signed in has a body read; forms have less
    )


async def start_console(server: WebServer, settings: Settings) -> None:
    """Start the console's web server.

    Raises:
        SettingsError: its address cannot be used.
    """
    try:
        await server.start()
    except OSError as exc:
        address = f"{settings.console_host}:{settings.console_port}"
        fault = f"MOONTHREAD_CONSOLE_PORT: {address} cannot be used ({exc.strerror or exc})"
        raise SettingsError([f"{fault}; choose another port"]) from exc
