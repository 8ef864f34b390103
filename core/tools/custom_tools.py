"""The operator's own tools: asynchronous functions with type hints and a docstring.

::

    @tool
    async def stock(article: str, size: Literal["S", "M", "L"] = "M") -> str:
        '''Return how many pieces of an article are in stock.'''
        return str(await pieces(article, size))

Named in ``MOONTHREAD_TOOLS`` as ``package.module`` (all its tools) or ``package.module:function``.
"""

import importlib
import inspect
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Literal, TypeVar, overload

import orjson
import structlog
from pydantic import BaseModel, ValidationError

from core.domain.errors import SettingsError
from core.kimi.json_decoding import decode_json
from core.ports.tools import Approval, Tool, ToolError, ToolResult
from core.tools.json_schema import arguments_model, parameters_schema

log = structlog.get_logger(__name__)

Function = TypeVar("Function", bound=Callable[..., Awaitable[Any]])
_TOOL_MARKER = "__moonthread_tool__"


@overload
def tool(function: Function) -> Function: ...


@overload
def tool(*, approval: Literal["free", "ask", "never"]) -> Callable[[Function], Function]: ...


def tool(
    function: Function | None = None, *, approval: Literal["free", "ask", "never"] = "ask"
) -> Function | Callable[[Function], Function]:
    """Mark an asynchronous function as a tool; the model reads its docstring to decide when to call it.

    Args:
        function: the function, if the decorator stands without arguments.
        approval: "free" if the model may call it by itself, "ask" if a person has to approve each call.
    """

    def mark(marked: Function) -> Function:
        setattr(marked, _TOOL_MARKER, Approval(approval))
        return marked

    return mark if function is None else mark(function)


class CustomTools:
    """The tools that a deployment's functions make."""

    def __init__(self, functions: Iterable[Callable[..., Awaitable[Any]]]) -> None:
        tools = (build_tool(function) for function in functions)
        self.tools = tuple(tool for tool in tools if tool.approval is not Approval.NEVER)


def build_tool(function: Callable[..., Awaitable[Any]]) -> Tool:
    """Return the tool that calls a function.

    Raises:
        TypeError: it is not asynchronous, has no docstring, or has an argument without a JSON schema.
    """
    if not inspect.iscoroutinefunction(function):
        raise TypeError(f"{function.__name__} is not an async function")
    description = inspect.getdoc(function)
    if not description:
        raise TypeError(f"{function.__name__} has no docstring: the model would not know what it is for")
    model = arguments_model(function)

    async def run(arguments: str) -> ToolResult:
        values = validate_arguments(model, arguments)
        try:
            answer = await function(**{name: getattr(values, name) for name in model.model_fields})
        except ToolError:
            raise
        except Exception as exc:  # the operator's code may raise anything; the answer continues without it
            log.exception("tool.crashed", tool=function.__name__)
            raise ToolError(f"{function.__name__} failed") from exc
        return answer if isinstance(answer, ToolResult) else ToolResult(text=to_result_text(answer))

    definition = {
        "type": "function",
        "function": {
            "name": function.__name__,
            "description": description,
            "parameters": parameters_schema(model),
        },
    }
    approval = getattr(function, _TOOL_MARKER, Approval.ASK)
    return Tool(name=function.__name__, definition=definition, run=run, approval=approval)


def validate_arguments(model: type[BaseModel], arguments: str) -> BaseModel:
    """Return the arguments that the model wrote, converted to the function's types.

    Raises:
        ToolError: they do not match; the text says which, so that the model can correct them.
    """
    try:
        return model.model_validate(decode_json(arguments.encode() or b"{}"))
    except ValidationError as exc:
        faults = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in exc.errors())
        raise ToolError(f"the arguments do not fit: {faults}") from exc
    except ValueError as exc:
        raise ToolError("the arguments are no JSON object") from exc


def to_result_text(value: object) -> str:
    """Return a function's result as the text that the model receives."""
    return value if isinstance(value, str) else orjson.dumps(value, default=str).decode()


def load_tools(names: Iterable[str]) -> CustomTools:
    """Import the tools that the settings name.

    Raises:
        SettingsError: lists every name that cannot be imported as a tool.
    """
    functions: list[Callable[..., Awaitable[Any]]] = []
    faults: list[str] = []
    for name in names:
        module, _, wanted = name.partition(":")
        try:
            loaded = importlib.import_module(module)
            found = [getattr(loaded, wanted)] if wanted else _find_tools(vars(loaded).values())
            for function in found:
                build_tool(function)
            functions += found
        except (ImportError, AttributeError, TypeError) as exc:
            faults.append(f"MOONTHREAD_TOOLS: {name}: {exc}")
    if faults:
        raise SettingsError(faults)
    return CustomTools(functions)


def _find_tools(values: Iterable[object]) -> list[Any]:
    return [value for value in values if getattr(value, _TOOL_MARKER, False)]
