"""The stand-in's files, asked through the real client."""

import io
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import docx
import pytest
from fpdf import FPDF

from bots.simulator.kimi import KimiSimulator
from core.domain.clock import ScaledClock
from core.kimi import (
    AsyncKimi,
    ChatRequest,
    ImagePart,
    KimiEndpointMissing,
    KimiFileMissing,
    KimiFileRefused,
    KimiInvalidRequest,
    KimiUnavailable,
    Message,
    RetryPolicy,
    TextPart,
)

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 32


@pytest.fixture
async def kimi() -> AsyncIterator[KimiSimulator]:
    """A stand-in."""
    async with KimiSimulator(clock=ScaledClock(20)) as kimi:
        yield kimi


@pytest.fixture
async def client(kimi: KimiSimulator) -> AsyncIterator[AsyncKimi]:
    """The real client, which tries nothing again."""
    async with AsyncKimi(
        api_key="sk-test", base_url=kimi.base_url, retry=RetryPolicy(max_attempts=1)
    ) as client:
        yield client


@pytest.fixture
def put(client: AsyncKimi, tmp_path: Path) -> Callable[..., Any]:
    """Uploads bytes under a name."""

    async def upload(name: str, content: bytes, purpose: Any = "file-extract") -> Any:
        path = tmp_path / "upload"
        path.write_bytes(content)
        return await client.files.upload(path, name=name, purpose=purpose)

    return upload


def pdf(*words: str, password: str = "") -> bytes:
    """A real PDF, a page for each text."""
    made = FPDF()
    made.set_font("helvetica", size=12)
    for text in words:
        made.add_page()
        made.multi_cell(0, text=text)
    if password:
        made.set_encryption(owner_password="o", user_password=password)
    return bytes(made.output())


def word(*paragraphs: str) -> bytes:
    """A real DOCX."""
    document = docx.Document()
    for paragraph in paragraphs:
        document.add_paragraph(paragraph)
    out = io.BytesIO()
    document.save(out)
    return out.getvalue()


async def test_the_text_of_a_pdf_comes_back(client: AsyncKimi, put: Any) -> None:
    """A PDF's words are extracted page by page."""
    file = await put("moon.pdf", pdf("The moon is far.", "It has no air."))
    assert (file.name, file.purpose, file.status) == ("moon.pdf", "file-extract", "ready")
    assert (await client.files.content(file.id)).split("\n\n") == ["The moon is far.", "It has no air."]


async def test_the_text_of_a_word_file_comes_back(client: AsyncKimi, put: Any) -> None:
    """A DOCX's paragraphs are extracted, Chinese too."""
    file = await put("月.docx", word("月亮很远。", "It has no air."))
    assert (await client.files.content(file.id)).split() == ["月亮很远。", "It", "has", "no", "air."]


@pytest.mark.parametrize(
    ("name", "content", "purpose", "reason"),
    [
        ("empty.txt", b"", "file-extract", "empty"),
        ("picture.png", PNG, "file-extract", "unreadable"),
        ("renamed.txt", PNG, "file-extract", "unreadable"),
        ("broken.pdf", b"%PDF-1.7 nothing", "file-extract", "unreadable"),
        ("locked.pdf", pdf("secret", password="p"), "file-extract", "unreadable"),
        ("scan.pdf", pdf(""), "file-extract", "empty"),
        ("no.docx", b"PK\x03\x04 nothing", "file-extract", "unreadable"),
        ("song.mp3", b"ID3", "file-extract", "unreadable"),
        ("text.png", b"hello", "image", "unreadable"),
        ("a.txt", b"a", "knowledge", "unreadable"),
    ],
)
async def test_what_cannot_be_read_is_refused(
    put: Any, kimi: KimiSimulator, name: str, content: bytes, purpose: str, reason: str
) -> None:
    """Each kind of bad file is a 400 whose reason the client tells."""
    with pytest.raises(KimiFileRefused) as refused:
        await put(name, content, purpose)
    assert refused.value.reason == reason
    assert kimi.shelf.files == {}


async def test_the_account_s_limits_hold(put: Any, kimi: KimiSimulator) -> None:
    """One file too many and one byte too many are refused."""
    kimi.shelf.most_files, kimi.shelf.most_bytes = 1, 10
    with pytest.raises(KimiFileRefused, match="too large") as refused:
        await put("a.txt", b"x" * 11)
    assert refused.value.reason == "too_large"
    await put("a.txt", b"x")
    with pytest.raises(KimiFileRefused) as refused:
        await put("b.txt", b"x")
    assert refused.value.reason == "full"


async def test_files_are_listed_and_deleted(client: AsyncKimi, put: Any) -> None:
    """A deleted file is gone from the list, and cannot be deleted or read again."""
    first, second = await put("a.txt", b"a"), await put("b.txt", b"b")
    await client.files.delete(first.id)
    assert await client.files.list_all() == (second,)
    assert await client.files.get(second.id) == second
    for verb in (client.files.delete, client.files.get, client.files.content):
        with pytest.raises(KimiFileMissing):
            await verb(first.id)


async def test_a_text_may_need_time(client: AsyncKimi, put: Any, kimi: KimiSimulator) -> None:
    """Until the text is extracted the status says so and the content is refused."""
    kimi.shelf.extract_s = 1e6
    file = await put("a.txt", b"a")
    assert file.status == "processing"
    with pytest.raises(KimiUnavailable):
        await client.files.content(file.id)


async def test_references_must_lead_somewhere(client: AsyncKimi, put: Any, kimi: KimiSimulator) -> None:
    """A picture by ``ms://`` passes only where it was uploaded as a picture."""
    text, picture = await put("a.txt", b"a"), await put("a.png", PNG, "image")

    async def see(url: str) -> None:
        content = (TextPart("What is it?"), ImagePart(url))
        message = Message(role="user", content=content)
        request = ChatRequest(messages=(message,), model="kimi-k2.6", max_completion_tokens=100)
        await client.complete(request)

    await see(f"ms://{picture.id}")
    for url in (f"ms://{text.id}", "ms://file_0", "data:image/png;base64,aGVsbG8=", "https://a.test/a.png"):
        with pytest.raises(KimiInvalidRequest):
            await see(url)


async def test_ace_keeps_no_files(kimi: KimiSimulator, tmp_path: Path) -> None:
    """Ace Data Cloud has no such endpoint."""
    (tmp_path / "a").write_bytes(b"a")
    async with AsyncKimi(api_key="sk-test", base_url=kimi.ace_url) as client:
        with pytest.raises(KimiEndpointMissing):
            await client.files.upload(tmp_path / "a", name="a.txt", purpose="file-extract")
        with pytest.raises(KimiEndpointMissing):
            await client.files.list_all()
