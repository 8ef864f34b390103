"""A model's files are fetched together or not at all."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bots.web_server import WebServer
from core.speech.model_download import ModelDownloadFailed, fetch_model
from core.speech.offline_recognizer import missing_files

FILES = {"model.bin": b"m" * 3_000_000, "config.json": b"{}", "tokenizer.json": b"{}", "vocabulary.txt": b"a"}


@pytest.fixture
async def hub() -> AsyncIterator[tuple[str, dict[str, bytes]]]:
    """A server with a folder of files, and the files."""
    files = dict(FILES)

    async def serve(request: Request) -> Response:
        content = files.get(request.path_params["name"])
        return Response(status_code=404) if content is None else Response(content)

    server = WebServer(Starlette(routes=[Route("/base/{name}", serve)]), port=0)
    await server.start()
    yield f"{server.url}/base/", files
    await server.close()


async def test_a_model_is_fetched_into_its_folder(hub: tuple[str, dict[str, bytes]], tmp_path: Path) -> None:
    """With progress; what not every model has may be missing."""
    url, _ = hub
    seen: list[tuple[str, int, int]] = []
    folder = tmp_path / "deep" / "base"
    await fetch_model(url, folder, on_progress=lambda *told: seen.append(told))
    assert missing_files(folder) == []
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == FILES
    assert ("model.bin", 3_000_000, 3_000_000) in seen
    assert [path.name for path in folder.parent.iterdir()] == ["base"]


async def test_a_model_that_is_not_whole_leaves_the_earlier_one(
    hub: tuple[str, dict[str, bytes]], tmp_path: Path
) -> None:
    """The fault names what is missing, and nothing half stays behind."""
    url, files = hub
    folder = tmp_path / "base"
    await fetch_model(url, folder)
    files["config.json"] = b'{"new":1}'
    del files["vocabulary.txt"]
    with pytest.raises(ModelDownloadFailed, match=r"has no vocabulary\.json"):
        await fetch_model(url, folder)
    del files["model.bin"]
    with pytest.raises(ModelDownloadFailed, match=r"model\.bin: HTTP 404"):
        await fetch_model(url, folder)
    assert (folder / "config.json").read_bytes() == b"{}"
    assert await asyncio.to_thread(lambda: [path.name for path in tmp_path.iterdir()]) == ["base"]
    files |= FILES
    await fetch_model(url, folder)
    assert missing_files(folder) == []


async def test_a_server_out_of_reach_is_told(tmp_path: Path) -> None:
    """The address stands in the fault."""
    with pytest.raises(ModelDownloadFailed, match=r"127\.0\.0\.1:9"):
        await fetch_model("http://127.0.0.1:9/base", tmp_path / "base")
    assert await asyncio.to_thread(lambda: list(tmp_path.iterdir())) == []
