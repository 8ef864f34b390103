"""``moonthread speech fetch`` and what ``check`` says of hearing on this machine."""

from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route

from bots.web_server import WebServer
from core.speech.offline_recognizer import missing_files


async def test_a_model_is_fetched_from_a_named_address(moonthread: Any, tmp_path: Path) -> None:
    """The next step is told; a second call asks nothing."""
    server = WebServer(Starlette(routes=[Route("/{name}", lambda request: Response(b"{}"))]), port=0)
    await server.start()
    try:
        first = await moonthread("speech", "fetch", "--url", server.url)
        second = await moonthread("speech", "fetch", "--url", "http://127.0.0.1:9")
    finally:
        await server.close()

    folder = moonthread.folder / ".local" / "share" / "moonthread" / "speech" / "base"
    assert missing_files(folder) == []
    assert f"The model is in {folder}\nSet MOONTHREAD_SPEECH_FOLDER={folder}\n" in first.out
    assert "holds a model already" in second.out


async def test_an_unknown_model_is_refused_with_those_that_exist(moonthread: Any) -> None:
    """Nothing is asked for it."""
    done = await moonthread("speech", "fetch", "huge")
    assert done.status == 2
    assert "there is no model 'huge'; the hub has tiny, tiny.en, base" in done.err


async def test_check_says_what_is_missing(moonthread: Any, tmp_path: Path) -> None:
    """The extra first, then the model."""
    moonthread.environ["MOONTHREAD_SPEECH_FOLDER"] = str(tmp_path / "none")
    done = await moonthread("check")
    assert "✗ MOONTHREAD_SPEECH_FOLDER: the extra is missing" in done.out
