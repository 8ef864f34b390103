"""``moonthread knowledge``: what the bot knows, and how well it finds it."""

import contextlib
import csv
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated

import typer

from bots.cli.knowledge_eval import evaluate
from bots.cli.question import open_kimi
from bots.cli.store import opened
from bots.cli.terminal import complain, run_async
from core.answering.file_notices import SENTENCES
from core.domain.clock import SystemClock
from core.domain.errors import SettingsError
from core.files.formats import ending_of, sort_of
from core.files.kimi_file_store import Shelf
from core.files.policy import Unusable
from core.kimi import KimiError
from core.knowledge.evaluation import BadTable, Case, cases_of
from core.knowledge.finder import find
from core.knowledge.reading import FileWords
from core.knowledge.teaching import MOST_SET_NAME, teach
from core.llm import account_name
from core.settings import Need, Settings, load
from core.store import Database
from core.store import knowledge as store
from core.store.knowledge import DEPLOYMENT, Owner

knowledge = typer.Typer(name="knowledge", help="What the bot knows.", no_args_is_help=True)

Tenant = Annotated[
    str,
    typer.Option(help="Whose sets, as platform:id, such as slack:T0123. Without it, the deployment's own."),
]
Sets = Annotated[
    list[str] | None, typer.Option("--set", help="A set to look in; may be given again. All without it.")
]


@knowledge.command()
def add(
    name: Annotated[str, typer.Argument(metavar="SET", help="The set's name; made where it is new.")],
    files: Annotated[list[Path], typer.Argument(metavar="FILE…", help="Files, or folders of them.")],
    url: Annotated[str, typer.Option(help="Where people can read it; for one file.")] = "",
    tenant: Tenant = "",
) -> None:
    """Add files to a set; one of the same name is replaced."""
    paths = [inner for path in files for inner in _files(path)]
    if url and len(paths) != 1:
        raise typer.BadParameter("--url goes with one file")
    if not 0 < len(name) <= MOST_SET_NAME or ":" in name:
        raise typer.BadParameter(f"a set's name has at most {MOST_SET_NAME} characters and no colon")
    if not paths:
        raise typer.BadParameter("there are no files that can be read")
    settings = load(needs=[Need.STORE])
    if not run_async(_add(settings, _owner(tenant), name, paths, url)):
        raise typer.Exit(1)


@knowledge.command("list")
def list_(tenant: Tenant = "") -> None:
    """List all sets of everybody, or those that a tenant may use, with their documents."""
    run_async(_list(load(needs=[Need.STORE]), _owner(tenant) if tenant else None))


@knowledge.command()
def remove(
    name: Annotated[str, typer.Argument(metavar="SET")],
    document: Annotated[str, typer.Argument(metavar="[FILE]", help="One of its documents.")] = "",
    tenant: Tenant = "",
) -> None:
    """Remove a set, or one document of it."""
    if not run_async(_remove(load(needs=[Need.STORE]), _owner(tenant), name, document)):
        complain("there is nothing of that name; 'moonthread knowledge list' shows what there is")
        raise typer.Exit(1)


@knowledge.command()
def search(question: str, sets: Sets = None, tenant: Tenant = "") -> None:
    """Print the passages that a question finds."""
    if not run_async(_search(load(needs=[Need.STORE]), _owner(tenant), sets, question)):
        print("nothing relevant")


@knowledge.command("eval")
def eval_(
    table: Annotated[Path, typer.Argument(metavar="FILE.csv", help="question,source[,answer]")],
    sets: Sets = None,
    tenant: Tenant = "",
    ask: Annotated[bool, typer.Option("--ask", help="Ask Kimi too; needs a key.")] = False,
    misses: Annotated[bool, typer.Option(help="Print what was not found or not refused.")] = True,
) -> None:
    """Ask a table of questions; report how often the expected passage is found, and Kimi right."""
    settings = load(needs=[Need.STORE, Need.KIMI] if ask else [Need.STORE])
    try:
        cases = cases_of(table.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, csv.Error, BadTable) as exc:
        complain(f"{table}: {exc}")
        raise typer.Exit(1) from exc
    run_async(_evaluate(settings, _owner(tenant), sets, cases, ask=ask, misses=misses))


def _files(path: Path) -> Sequence[Path]:
    if not path.is_dir():
        return [path]
    return sorted(inner for inner in path.iterdir() if inner.is_file() and sort_of(ending_of(inner.name, "")))


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _owner(tenant: str) -> Owner:
    if not tenant:
        return DEPLOYMENT
    platform, _, id_ = tenant.partition(":")
    if not (platform and id_):
        raise typer.BadParameter("--tenant is PLATFORM:ID, such as slack:T0123 or telegram:42")
    return Owner(platform=platform, tenant=id_)


@asynccontextmanager
async def _reading(settings: Settings, database: Database) -> AsyncIterator[FileWords]:
    """Make what reads files; without a key there is nobody to read PDFs."""
    key = settings.kimi_api_key
    async with contextlib.AsyncExitStack() as closing:
        shelf = None
        if key is not None:
            kimi = await closing.enter_async_context(open_kimi(settings))
            account = account_name(settings.kimi_base_url, key.get_secret_value())
            shelf = Shelf(database, kimi.files, SystemClock(), account=account)
        yield FileWords(shelf)


async def _add(settings: Settings, owner: Owner, name: str, paths: Sequence[Path], url: str) -> bool:
    """Add files, and say what became of each; False where one could not be added."""
    done = True
    async with opened(settings, make=True) as database, _reading(settings, database) as words:
        for path in paths:
            try:
                ending, text = await words.read(path, name=path.name)
                taught = await teach(database, owner, name, name=path.name, text=text, ending=ending, url=url)
            except Unusable as exc:
                complain(_why(exc, path, settings))
                done = False
            except (OSError, KimiError) as exc:
                complain(f"{path}: {exc}")
                done = False
            else:
                state = f"version {taught.version}" if taught.changed else "unchanged"
                print(f"{name}: {taught.name}, {_count(taught.passages, 'passage')}, {state}")
    return done


def _why(unusable: Unusable, path: Path, settings: Settings) -> str:
    if unusable.fault == "not_here" and settings.kimi_api_key is None:
        return f"{path}: Kimi reads such files; set KIMI_API_KEY"
    if unusable.fault == "mislabelled" and path.suffix.lower() in (".csv", ".tsv"):
        return f"{path}: its first line must name the columns question and answer"
    return SENTENCES[unusable.fault][1].format(name=path)


async def _list(settings: Settings, owner: Owner | None) -> None:
    async with opened(settings, make=True) as database, database.read() as tx:
        found = await store.all_sets(tx) if owner is None else await store.sets_of(tx, owner)
        for one in found:
            whose = f" of {one.owner.platform}:{one.owner.tenant}" if one.owner != DEPLOYMENT else ""
            print(
                f"{one.name}{whose}: {_count(one.documents, 'document')}, {_count(one.passages, 'passage')}"
            )
            for document in await store.documents(tx, one.id):
                changed = document.changed_at.strftime("%Y-%m-%d %H:%M")
                size = _count(document.passages, "passage")
                print(f"  {document.name}: {size}, version {document.version}, {changed}")
    if not found:
        print("no sets yet; 'moonthread knowledge add SET FILE…' makes one")


async def _remove(settings: Settings, owner: Owner, name: str, document: str) -> bool:
    async with opened(settings, make=True) as database, database.begin() as tx:
        found = await store.owned(tx, owner, name)
        if found is None:
            return False
        if document:
            return await store.remove_document(tx, found.id, document)
        await store.remove_set(tx, found.id)
    return True


async def _ids(database: Database, owner: Owner, names: Sequence[str] | None) -> Sequence[int]:
    """Return the sets that are meant.

    Raises:
        SettingsError: one does not exist.
    """
    async with database.read() as tx:
        if not names:
            usable = await store.sets_of(tx, owner)
            return [one.id for one in usable]
        known = {one.name for one in await store.sets_of(tx, owner)}
        if unknown := [name for name in names if name not in known]:
            raise SettingsError([f"there is no set {name!r}" for name in unknown])
        return await store.visible(tx, owner, names)


async def _search(settings: Settings, owner: Owner, names: Sequence[str] | None, question: str) -> bool:
    async with opened(settings, make=True) as database:
        ids = await _ids(database, owner, names)
        async with database.read() as tx:
            found = await find(tx, ids, question)
    for one in found:
        entry = one.entry
        print(
            f"[{one.number}] {entry.label} ({entry.document}, covers {one.coverage:.0%}) {entry.url}".rstrip()
        )
        print("    " + entry.text.replace("\n", "\n    "))
    return bool(found)


async def _evaluate(
    settings: Settings,
    owner: Owner,
    names: Sequence[str] | None,
    cases: Sequence[Case],
    *,
    ask: bool,
    misses: bool,
) -> None:
    async with opened(settings, make=True) as database:
        ids = await _ids(database, owner, names)
        await evaluate(settings, database, ids, cases, ask=ask, misses=misses)
