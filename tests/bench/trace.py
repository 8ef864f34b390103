"""Trace one question through the code: ``python -m tests.bench.trace [PLATFORM ...] [--types] [--files]``.

A second, "warm" question is asked in a direct chat of a service on SQLite with its stand-ins. Every
call of a Python function of ``core/`` and ``bots/`` without the stand-ins is recorded, and counted in
three stretches: from the event to the request that reaches Kimi, from Kimi's first text to the first
frame that reaches the platform, and over the whole turn. Comprehensions are no functions; a coroutine
counts once, however often it is resumed.

A type is on the way if an instance that holds the question's text is an argument or a result of one of
the calls before Kimi's request.
"""

import argparse
import asyncio
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, fields, is_dataclass
from dis import get_instructions
from functools import cache
from itertools import pairwise
from pathlib import Path
from types import CodeType, FrameType
from typing import Any, Final

import structlog

from bots.cli.terminal import run_async
from bots.composition.platform_wiring import build_platforms
from bots.composition.service import Service
from bots.simulator.kimi import KimiSimulator, ScriptedReply, SeenRequest
from bots.simulator.screen import Screen
from bots.simulator.slack import SlackSimulator
from bots.simulator.telegram import TelegramSimulator
from core.domain.clock import SystemClock
from core.kimi import TextDelta
from core.settings import Settings

ROOT: Final = Path(__file__).resolve().parents[2]
MARKER: Final = "wherewithal"  #: a word of the traced question
ANSWER: Final = " ".join(f"word{number}" for number in range(40))
PLATFORMS: Final = ("telegram", "slack")
QUIET_S: Final = 4.0  #: after an answer, for what is done behind it, until the platform's budgets are full
MAX_DEPTH: Final = 4  #: to which a value is searched for the question's text


@dataclass
class Recorder:
    """Records the calls of the code under ``core`` and ``bots``, while it is on."""

    calls: list[CodeType] = field(default_factory=list)
    marks: dict[str, int] = field(default_factory=dict)  #: stretch's boundary → number of calls before it
    types: dict[str, None] = field(default_factory=dict)  #: that carried the question, in order

    def mark(self, boundary: str) -> None:
        """Note that a boundary was reached now, the first time."""
        self.marks.setdefault(boundary, len(self.calls))

    def _mark_boundary(self, code: CodeType, frame: FrameType) -> None:
        if code is TextDelta.__init__.__code__:
            self.mark("first text")
        elif code in (Screen.show.__code__, Screen.change.__code__) and frame.f_locals["message"].by_bot:
            self.mark("first frame")

    def __call__(self, frame: FrameType, event: str, value: object) -> None:
        """Record one event of the interpreter."""
        if event not in ("call", "return"):
            return
        code = frame.f_code
        if event == "call":
            self._mark_boundary(code, frame)
        if not _counts(code):
            return
        if event == "call" and frame.f_lasti <= _entry_offset(code):
            self.calls.append(code)
        if "request" not in self.marks:
            for one in frame.f_locals.values() if event == "call" else (value,):
                if is_dataclass(one) and not isinstance(one, type) and _holds(one, MARKER, MAX_DEPTH):
                    self.types.setdefault(type(one).__name__)


@cache
def _counts(code: CodeType) -> bool:
    """Return whether calls of this code are counted."""
    path = Path(code.co_filename)
    if not path.is_relative_to(ROOT) or (code.co_name.startswith("<") and code.co_name != "<lambda>"):
        return False
    parts = path.relative_to(ROOT).parts
    return parts[0] in ("core", "bots") and parts[1] != "simulator"


@cache
def _entry_offset(code: CodeType) -> int:
    """Return the offset of the instruction at which a call of this code is reported."""
    return next(one.offset for one in get_instructions(code) if one.opname == "RESUME")


def _holds(value: object, text: str, depth: int) -> bool:
    """Return whether a value holds a text, down to ``depth`` levels."""
    if isinstance(value, str | bytes):
        return (text in value) if isinstance(value, str) else (text.encode() in value)
    if depth == 0:
        return False
    return any(_holds(part, text, depth - 1) for part in _parts(value))


def _parts(value: object) -> Iterator[object]:
    if is_dataclass(value) and not isinstance(value, type):
        yield from (getattr(value, one.name, None) for one in fields(value))
    elif isinstance(value, dict):
        yield from value.values()
    elif isinstance(value, tuple | list):
        yield from value


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """The calls between two boundaries."""

    name: str
    calls: Sequence[CodeType]

    def row(self) -> str:
        """Return the figures as a row of a Markdown table."""
        files = [_file(code) for code in self.calls]
        packages = [Path(file).parent for file in files]
        figures = (
            len(self.calls),
            len(set(self.calls)),
            len(set(files)),
            sum(a != b for a, b in pairwise(files)),
            sum(a != b for a, b in pairwise(packages)),
        )
        return f"| {self.name} | " + " | ".join(f"{figure:,}" for figure in figures) + " |"


def _file(code: CodeType) -> str:
    return str(Path(code.co_filename).relative_to(ROOT))


async def trace(platform: str) -> Recorder:
    """Ask two questions on a platform and return the record of the second one."""
    recorder = Recorder()
    asked: list[str] = []

    def script(request: SeenRequest) -> ScriptedReply:
        asked.append(request.question)
        if len(asked) == 2:
            recorder.mark("request")
        return ScriptedReply(ANSWER, chunks_per_s=20.0, first_after_s=0.3)

    simulator: Any = TelegramSimulator() if platform == "telegram" else SlackSimulator()
    async with KimiSimulator(script=script) as kimi, simulator as sim:
        with tempfile.TemporaryDirectory() as folder:
            settings = Settings(**_settings(platform, kimi, sim, Path(folder)))
            clock = SystemClock()
            service = Service(settings, build_platforms(settings, frozenset({platform}), clock), clock=clock)
            await service.start()
            try:
                room = await _Room.open(platform, sim)
                await room.ask("What is the capital of France?", recorder=None)
                await room.ask(f"And what does {MARKER} mean?", recorder=recorder)
            finally:
                await service.stop()
    return recorder


def _settings(platform: str, kimi: KimiSimulator, sim: Any, folder: Path) -> dict[str, Any]:
    given: dict[str, Any] = {
        "kimi_api_key": "sk-test",
        "kimi_base_url": kimi.base_url,
        "database_url": f"sqlite+aiosqlite:///{folder / 'trace.db'}",
        "data_dir": folder,
        "http_port": 0,
    }
    if platform == "telegram":
        return given | {"telegram_bot_token": "1:test", "telegram_api_url": sim.api_url}
    return given | {
        "slack_bot_token": sim.bot_token,
        "slack_app_token": sim.app_token,
        "slack_api_url": sim.api_url.rstrip("/"),
    }


@dataclass
class _Room:
    """A direct chat of one person with the bot."""

    sim: Any
    channel: Any
    person: Any
    answered: int = 0

    @classmethod
    async def open(cls, platform: str, sim: Any) -> "_Room":
        person = sim.add_person("Ann")
        if platform == "telegram":
            return cls(sim, sim.private_chat(person), person)
        await sim.connected()
        return cls(sim, sim.open_dm(person), person)

    async def ask(self, text: str, *, recorder: Recorder | None) -> None:
        """Ask a question and wait until its answer is on the screen and its turn is closed."""
        if recorder is not None:
            sys.setprofile(recorder)
        try:
            await self.sim.say(self.channel, self.person, text)
            while not self._is_answered(self.answered + 1):  # noqa: ASYNC110 (as a person looks)
                await asyncio.sleep(0.005)
            self.answered += 1
            await asyncio.sleep(QUIET_S)
        finally:
            sys.setprofile(None)

    def _is_answered(self, count: int) -> bool:
        shown = self.sim.screen.in_channel(str(self.channel), by_bot=True)
        return sum(ANSWER.split()[-1] in message.text and not message.streaming for message in shown) >= count


def report(platform: str, recorder: Recorder, *, with_types: bool, with_files: bool) -> None:
    """Print the figures of one platform."""
    marks, calls = recorder.marks, recorder.calls
    to_request = calls[: marks["request"]]
    stretches = (
        Stretch(name=f"{platform}: event → Kimi's request", calls=to_request),
        Stretch(
            name=f"{platform}: first text → first frame",
            calls=calls[marks["first text"] : marks["first frame"]],
        ),
        Stretch(name=f"{platform}: whole turn", calls=calls),
    )
    for stretch in stretches:
        _say(stretch.row())
    _say(f"| {platform}: types that carry the question | {len(recorder.types)} | | | | |")
    if with_types:
        _say(f"\n{' → '.join(recorder.types)}\n")
    if with_files:
        for file, count in sorted(Counter(_file(code) for code in to_request).items()):
            names = dict.fromkeys(code.co_qualname for code in to_request if _file(code) == file)
            _say(f"{count:5} {file}: {', '.join(names)}")


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")


def main() -> None:
    """Trace the platforms of the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("platforms", nargs="*", default=PLATFORMS, metavar="PLATFORM")
    parser.add_argument("--types", action="store_true", help="list the types on the way")
    parser.add_argument("--files", action="store_true", help="list files and functions up to Kimi's request")
    given = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    _say("| stretch | calls | functions | files | changes of file | changes of package |")
    _say("|---|---|---|---|---|---|")
    for platform in given.platforms:
        recorder = run_async(trace(platform))
        report(platform, recorder, with_types=given.types, with_files=given.files)


if __name__ == "__main__":
    main()
