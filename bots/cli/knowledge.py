"""``moonthread knowledge``: manages the knowledge sets, searches and evaluates them."""

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from bots.cli.knowledge_add import add_files, count_text, expand_files
from bots.cli.knowledge_eval import EvaluationOptions, evaluate
from bots.cli.knowledge_gaps import gaps, take
from bots.cli.knowledge_vectors import embed_all, open_vector_search
from bots.cli.store import open_database
from bots.cli.terminal import print_error, run_async
from core.domain.errors import SettingsError
from core.knowledge.evaluation import EvaluationCase, InvalidCaseTable, parse_cases
from core.knowledge.finder import PassageFinder
from core.knowledge.indexing import MAX_SET_NAME_CHARS
from core.settings import Requirement, Settings, load
from core.store import Database, vectors
from core.store import knowledge as store
from core.store.knowledge import DEPLOYMENT, Owner
from core.store.vectors import VectorProgress
from core.text.visible_text import terminal_text

knowledge = typer.Typer(name="knowledge", help="What the bot knows.", no_args_is_help=True)
knowledge.command()(gaps)
knowledge.command()(take)

TenantOption = Annotated[
    str,
    typer.Option(help="Whose sets, as platform:id, such as slack:T0123. Without it, the deployment's own."),
]
SetsOption = Annotated[
    list[str] | None, typer.Option("--set", help="A set to look in; may be given again. All without it.")
]


@knowledge.command()
def add(
    name: Annotated[str, typer.Argument(metavar="SET", help="The set's name; made where it is new.")],
    files: Annotated[list[Path], typer.Argument(metavar="FILE…", help="Files, or folders of them.")],
    url: Annotated[str, typer.Option(help="Where people can read it; for one file.")] = "",
    tenant: TenantOption = "",
) -> None:
    """Add files to a set; one of the same name is replaced.

    Example: moonthread knowledge add tea prices.csv guides/
    """
    paths = [inner for path in files for inner in expand_files(path)]
    if url and len(paths) != 1:
        raise typer.BadParameter("--url goes with one file")
    if not 0 < len(name) <= MAX_SET_NAME_CHARS or ":" in name:
        raise typer.BadParameter(f"a set's name has at most {MAX_SET_NAME_CHARS} characters and no colon")
    if not paths:
        raise typer.BadParameter("there are no files that can be read")
    settings = load(required=[Requirement.STORE])
    if not run_async(add_files(settings, _parse_owner(tenant), name, paths, url)):
        raise typer.Exit(1)


@knowledge.command("list")
def list_(tenant: TenantOption = "") -> None:
    """List all sets of everybody, or those that a tenant may use, with their documents."""
    run_async(_list(load(required=[Requirement.STORE]), _parse_owner(tenant) if tenant else None))


@knowledge.command()
def remove(
    name: Annotated[str, typer.Argument(metavar="SET")],
    document: Annotated[str, typer.Argument(metavar="[FILE]", help="One of its documents.")] = "",
    tenant: TenantOption = "",
) -> None:
    """Remove a set, or one document of it.

    Example: moonthread knowledge remove tea prices.csv
    """
    if not run_async(_remove(load(required=[Requirement.STORE]), _parse_owner(tenant), name, document)):
        print_error("there is nothing of that name; 'moonthread knowledge list' shows what there is")
        raise typer.Exit(1)


@knowledge.command()
def embed() -> None:
    """Give all passages the vectors by which meanings are compared; the service does it by itself too."""
    if not run_async(embed_all(load(required=[Requirement.STORE]))):
        raise typer.Exit(1)


@knowledge.command()
def search(question: str, sets: SetsOption = None, tenant: TenantOption = "") -> None:
    """Print the passages that a question finds.

    Example: moonthread knowledge search "how long does delivery take" --set tea
    """
    if not run_async(_search(load(required=[Requirement.STORE]), _parse_owner(tenant), sets, question)):
        print("nothing relevant")


@knowledge.command("eval")
def eval_(
    table: Annotated[Path, typer.Argument(metavar="FILE.csv", help="question,source[,answer]")],
    sets: SetsOption = None,
    tenant: TenantOption = "",
    ask: Annotated[bool, typer.Option("--ask", help="Ask Kimi too; needs a key.")] = False,
    misses: Annotated[bool, typer.Option(help="Print what was not found or not refused.")] = True,
    keep: Annotated[bool, typer.Option("--keep", help="Store the proposed floor with the sets.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
) -> None:
    """Ask a table of questions; report how often the expected passage is found, and Kimi right.

    The figures come without a floor first, then at the floor of the sets, then at other floors.
    """
    settings = load(required=[Requirement.STORE, Requirement.KIMI] if ask else [Requirement.STORE])
    try:
        cases = parse_cases(table.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, csv.Error, InvalidCaseTable) as exc:
        print_error(f"{table}: {exc}")
        raise typer.Exit(1) from exc
    wanted = EvaluationOptions(ask=ask, misses=misses, keep_floor=keep, as_json=json)
    run_async(_evaluate(settings, _parse_owner(tenant), sets, cases, wanted))


def _parse_owner(tenant: str) -> Owner:
    if not tenant:
        return DEPLOYMENT
    platform, _, id_ = tenant.partition(":")
    if not (platform and id_):
        raise typer.BadParameter("--tenant is PLATFORM:ID, such as slack:T0123 or telegram:42")
    return Owner(platform=platform, tenant=id_)


async def _list(settings: Settings, owner: Owner | None) -> None:
    async with open_database(settings, create=True) as database, database.read() as tx:
        sets = await store.load_all_sets(tx) if owner is None else await store.load_usable_sets(tx, owner)
        for one in sets:
            whose = f" of {one.owner.platform}:{one.owner.tenant}" if one.owner != DEPLOYMENT else ""
            print(
                f"{one.name}{whose}: {count_text(one.documents, 'document')}, "
                f"{count_text(one.passages, 'passage')}"
            )
            progress = await vectors.load_progress(tx, one.id)
            for document in await store.load_documents(tx, one.id):
                changed = document.changed_at.strftime("%Y-%m-%d %H:%M")
                size = count_text(document.passages, "passage")
                print(
                    f"  {terminal_text(document.name)}: {size}, version {document.version}, {changed}"
                    + _vectors_text(progress.get(document.id))
                )
    if not sets:
        print("no sets yet; 'moonthread knowledge add SET FILE…' makes one")


def _vectors_text(progress: VectorProgress | None) -> str:
    """Return how many texts of a document have vectors; "" if none has."""
    if progress is None:
        return ""
    return f", {progress.embedded} of {progress.total} texts with vectors of {progress.model}"


async def _remove(settings: Settings, owner: Owner, name: str, document: str) -> bool:
    async with open_database(settings, create=True) as database, database.begin() as tx:
        named = await store.find_set(tx, owner, name)
        if named is None:
            return False
        if document:
            return await store.remove_document(tx, named.id, document)
        await store.remove_set(tx, named.id)
    return True


async def _resolve_set_ids(
    database: Database, owner: Owner, set_names: Sequence[str] | None
) -> Sequence[int]:
    """Return the ids of the named sets; of all usable sets if none is named.

    Raises:
        SettingsError: a named set does not exist.
    """
    async with database.read() as tx:
        if not set_names:
            usable = await store.load_usable_sets(tx, owner)
            return [one.id for one in usable]
        known = list(dict.fromkeys(one.name for one in await store.load_usable_sets(tx, owner)))
        if unknown := [name for name in set_names if name not in known]:
            advice = f"the sets are {', '.join(known)}" if known else "there are none yet"
            raise SettingsError([f"there is no set {name!r}; {advice}" for name in unknown])
        return await store.resolve_set_ids(tx, owner, set_names)


async def _search(settings: Settings, owner: Owner, set_names: Sequence[str] | None, question: str) -> bool:
    async with open_database(settings, create=True) as database:
        ids = await _resolve_set_ids(database, owner, set_names)
        async with open_vector_search(settings, database) as meanings:
            passages = await PassageFinder(database, meanings).find(ids, question)
    for one in passages:
        entry = one.entry
        about = f"{entry.document}, relevance {one.relevance:.2f}"
        print(terminal_text(f"[{one.number}] {entry.label} ({about}) {entry.url}".rstrip()))
        print("    " + terminal_text(entry.text).replace("\n", "\n    "))
    return bool(passages)


async def _evaluate(
    settings: Settings,
    owner: Owner,
    set_names: Sequence[str] | None,
    cases: Sequence[EvaluationCase],
    options: EvaluationOptions,
) -> None:
    async with open_database(settings, create=True) as database:
        ids = await _resolve_set_ids(database, owner, set_names)
        await evaluate(settings, database, ids, cases, options)
