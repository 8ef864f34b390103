"""Changes of knowledge: files are added, replaced and removed, gaps are closed. For admins."""

import asyncio
import tempfile
from http import HTTPStatus
from pathlib import Path
from typing import Final

import structlog
from starlette.exceptions import HTTPException
from starlette.responses import PlainTextResponse, Response

from bots.console.site import Visit, parse_number
from bots.console.texts import translate
from core.answering.file_notices import FAULT_TEXTS
from core.domain.file_states import FileFault
from core.files.file_policy import UnusableFile
from core.kimi import KimiError
from core.knowledge.gaps import MAX_QUESTION_CHARS, take_as_alias, take_as_ready_answer
from core.knowledge.indexing import MAX_NAME_CHARS, MAX_SET_NAME_CHARS, IndexedDocument, index_document
from core.store import knowledge, turn_reports
from core.store.knowledge import DEPLOYMENT, Owner
from core.store.turn_reports import TurnFilter, TurnReport

log = structlog.get_logger(__name__)

MAX_UPLOAD_BYTES: Final = 20 * 1024 * 1024
MAX_ANSWER_CHARS: Final = 8_000


class _Refused(Exception):
    """What was sent cannot be kept; the text says why, in the person's language."""


async def upload(visit: Visit) -> Response:
    """Add a file, the request's body, in place of the one of its name; return a line about it."""
    visit.require_admin()
    name = Path(visit.argument("name").replace("\\", "/")).name[:MAX_NAME_CHARS]
    try:
        owner, set_name = await _chosen_set(visit, visit.argument("set"), visit.argument("new_set"))
        done = await _keep_upload(visit, owner, set_name, name)
    except _Refused as refused:
        return PlainTextResponse(str(refused), status_code=422)
    await visit.audit("knowledge.add", f"{set_name}/{done.name}")
    unit = translate("passages", visit.language)
    return PlainTextResponse(f"{done.name}: {done.passage_count} {unit}, v{done.version}")


async def add_text(visit: Visit) -> Response:
    """Add a text that the form holds, as a Markdown file."""
    visit.require_admin()
    name = visit.field("name")[:MAX_NAME_CHARS]
    try:
        owner, set_name = await _chosen_set(visit, visit.field("set"), visit.field("new_set"))
        await _keep_text(
            visit, owner, set_name, name if name.endswith(".md") else f"{name}.md", visit.field("text")
        )
    except _Refused as refused:
        return visit.render("refused.html", text=str(refused), status_code=422)
    await visit.audit("knowledge.add", f"{set_name}/{name}")
    return visit.redirect("/knowledge?result=saved")


async def remove_document(visit: Visit) -> Response:
    """Remove a file."""
    visit.require_admin()
    async with visit.site.database.begin() as tx:
        found = await knowledge.get_document(tx, visit.path_number)
        if found is None or not await knowledge.remove_document(tx, found.set_id, found.name):
            raise HTTPException(404)
    await visit.audit("knowledge.remove", found.name)
    return visit.redirect("/knowledge?result=saved")


async def close_gap(visit: Visit) -> Response:
    """Make a question that found nothing findable: by a ready answer, another wording, or a passage."""
    visit.require_admin()
    async with visit.site.database.read() as tx:
        reports = await turn_reports.list_turns(
            tx, TurnFilter(turn_id=visit.path_number), scope=visit.rights.changeable, limit=1
        )
    if not reports:
        raise HTTPException(404)
    try:
        await _close(visit, reports[0])
    except _Refused as refused:
        return visit.render("refused.html", text=str(refused), status_code=422)
    await visit.audit(f"gap.{visit.field('as')}", str(visit.path_number))
    return visit.redirect("/knowledge?result=saved")


async def _close(visit: Visit, gap: TurnReport) -> None:
    question = " ".join(visit.field("question").split())[:MAX_QUESTION_CHARS]
    text = visit.field("text")[:MAX_ANSWER_CHARS]
    match visit.field("as"):
        case "canned" if question and text:
            await take_as_ready_answer(
                visit.site.database,
                gap.conversation_id,
                question,
                text,
                author_id=visit.operator.person_id,
            )
        case "passage" if question and text:
            owner, set_name = await _chosen_set(visit, visit.field("set"), visit.field("new_set"))
            await _keep_text(visit, owner, set_name, f"gap-{gap.id}.md", f"# {_one_line(question)}\n\n{text}")
        case "also" if question:
            document = parse_number(visit.field("document")) or 0
            if not await take_as_alias(visit.site.database, document, visit.field("passage"), question):
                raise _Refused(translate("passage_gone", visit.language))
        case _:
            raise _Refused(translate("gap_incomplete", visit.language))


async def _keep_upload(visit: Visit, owner: Owner, set_name: str, name: str) -> IndexedDocument:
    if not name:
        raise _Refused(translate("name_missing", visit.language))
    if visit.site.upload_dir is not None:
        visit.site.upload_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="upload-", dir=visit.site.upload_dir) as folder:
        path = Path(folder, "upload")
        await asyncio.to_thread(path.write_bytes, await _read_body(visit, name))
        try:
            extension, text = await visit.site.text_reader.read(path, name=name)
        except UnusableFile as exc:
            raise _refusal(visit, exc.fault, name) from exc
        except (KimiError, OSError) as exc:
            log.warning("knowledge.upload_failed", error=type(exc).__name__)
            raise _refusal(visit, FileFault.UNREACHABLE, name) from exc
    return await _index(visit, owner, set_name, name, text, extension)


async def _read_body(visit: Visit, name: str) -> bytes:
    """Return the body of the request.

    Raises:
        _Refused: it is too large; the web server may see that first.
    """
    body = bytearray()
    try:
        async for chunk in visit.request.stream():
            body += chunk
            if len(body) > MAX_UPLOAD_BYTES:
                raise _refusal(visit, FileFault.TOO_LARGE, name)
    except HTTPException as exc:
        if exc.status_code != HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
            raise
        raise _refusal(visit, FileFault.TOO_LARGE, name) from exc
    return bytes(body)


async def _keep_text(visit: Visit, owner: Owner, set_name: str, name: str, text: str) -> IndexedDocument:
    if not (text and name.removesuffix(".md")):
        raise _Refused(translate("name_missing", visit.language))
    return await _index(visit, owner, set_name, name, text, "md")


async def _index(
    visit: Visit, owner: Owner, set_name: str, name: str, text: str, extension: str
) -> IndexedDocument:
    try:
        return await index_document(
            visit.site.database,
            owner,
            set_name,
            name=name,
            text=text,
            extension=extension,
            author_id=visit.operator.person_id[:64],
            worker=visit.site.file_worker,
        )
    except UnusableFile as exc:
        raise _refusal(visit, exc.fault, name) from exc


async def _chosen_set(visit: Visit, chosen: str, new_name: str) -> tuple[Owner, str]:
    """Return the owner and name of the set that a form chose by its id, or of a new one of the deployment.

    Raises:
        _Refused: there is no such set, or the new name is none.
    """
    if new_name:
        if len(new_name) > MAX_SET_NAME_CHARS or ":" in new_name:
            raise _Refused(translate("set_name_bad", visit.language))
        return DEPLOYMENT, new_name
    async with visit.site.database.read() as tx:
        sets = {str(one.id): one for one in await knowledge.load_all_sets(tx)}
    if chosen not in sets:
        raise _Refused(translate("set_missing", visit.language))
    return sets[chosen].owner, sets[chosen].name


def _refusal(visit: Visit, fault: FileFault, name: str) -> _Refused:
    chinese, english = FAULT_TEXTS[fault]
    return _Refused((chinese if visit.language == "zh" else english).format(name=name))


def _one_line(text: str) -> str:
    return " ".join(text.split()).lstrip("# ")
