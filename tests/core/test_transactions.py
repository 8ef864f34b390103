"""No database connection is held while a thread works: the pool has few, and every answer needs one.

Read off the source, because the harm shows under load only.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
OPENERS = frozenset({"begin", "read"})  #: methods of Database that hold a connection within their block
THREAD_CALLS = frozenset({"to_thread", "run_in_executor"})


def thread_calls(node: ast.AST) -> Iterator[int]:
    """Yield the lines below a node that hand work to a thread."""
    for below in ast.walk(node):
        match below:
            case ast.Call(func=ast.Attribute(attr=name)) if name in THREAD_CALLS:
                yield below.lineno


def holders(tree: ast.AST) -> Iterator[ast.AST]:
    """Yield the pieces of code that hold a connection: blocks of a transaction, functions given one."""
    for node in ast.walk(tree):
        match node:
            case ast.AsyncWith(items=items) if any(_opens(item.context_expr) for item in items):
                yield node
            case ast.AsyncFunctionDef(args=ast.arguments(args=args)) if any(one.arg == "tx" for one in args):
                yield node


def _opens(expression: ast.expr) -> bool:
    match expression:
        case ast.Call(func=ast.Attribute(value=ast.Attribute(attr="_database" | "database"), attr=name)):
            return name in OPENERS
        case ast.Call(func=ast.Attribute(value=ast.Name(id="database"), attr=name)):
            return name in OPENERS
        case _:
            return False


def test_no_thread_works_while_a_connection_is_held() -> None:
    """We chose to compute before or after a transaction: reading text, ranking, decoding, files."""
    found = [
        f"{path.relative_to(ROOT)}:{line}"
        for folder in ("core", "bots")
        for path in sorted((ROOT / folder).rglob("*.py"))
        if path.parts[-2] != "store"  # its threads are the database driver's own
        for source in (path.read_text(encoding="utf-8"),)
        if any(name in source for name in THREAD_CALLS)  # parsing is dear
        for holder in holders(ast.parse(source))
        for line in thread_calls(holder)
    ]
    assert found == []


def test_the_check_sees_what_it_forbids() -> None:
    """A block of a transaction and a function that is given one are both seen."""
    source = (
        "async def a():\n"
        "    async with self._database.read() as tx:\n"
        "        await asyncio.to_thread(rank)\n"
        "async def b(tx, question):\n"
        "    await asyncio.to_thread(rank)\n"
        "async def c():\n"
        "    async with path.read() as file:\n"
        "        await asyncio.to_thread(rank)\n"
    )
    assert sorted(line for holder in holders(ast.parse(source)) for line in thread_calls(holder)) == [3, 5]
