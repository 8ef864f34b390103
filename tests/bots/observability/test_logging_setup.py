"""Logs: one format for everything, and no secret in any of it."""

import json
import subprocess
import sys

import pytest

from bots.observability.logging_setup import HIDDEN, Scrubber


def logged(program: str) -> str:
    """Run a program in a process of its own and return what it wrote to standard error."""
    lines = ["import logging, structlog", "from bots.observability import logging_setup", program]
    done = subprocess.run(
        [sys.executable, "-c", "\n".join(lines)], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout == ""
    return done.stderr


@pytest.mark.parametrize(
    "text",
    [
        "POST https://api.telegram.org/bot1:HUSH/getMe",
        "token 123456789:HUSHHUSHHUSHHUSHHUSHHUSHHUSHHUSHHUSH",
        "xoxb-1-HUSH",
        "xoxe.xoxb-1-HUSH",
        "xapp-1-HUSH",
        "key sk-HUSH_HUSH-HUSH",
        "{'Authorization': 'Bearer HUSH'}",
        "authorization: bearer HUSH",
        "postgresql://me:HUSH@127.0.0.1/db",
    ],
)
def test_secrets_are_known_by_their_shape(text: str) -> None:
    """Keys, tokens and passwords are hidden wherever they stand."""
    scrubbed = Scrubber().scrub(text)

    assert "HUSH" not in scrubbed
    assert HIDDEN in scrubbed


def test_ordinary_text_stays() -> None:
    """Times, ports, ids and words that look a little like a token are left alone."""
    text = "12:30:05 http://127.0.0.1:8080/x task-1 1700000000.000100 risk-free team:T1 bot 7"

    assert Scrubber().scrub(text) == text


def test_secrets_without_a_shape_are_hidden_when_told() -> None:
    """A signing secret is plain letters; it is hidden because it is known."""
    assert Scrubber(["plainletters", "short"]).scrub("a plainletters short") == f"a {HIDDEN} short"


def test_json_lines_hold_our_fields_and_hide_secrets() -> None:
    """One object a line, with time, level, event and what was bound; exceptions included."""
    program = """
logging_setup.configure("info", "json", secrets=["plainletters"])
log = structlog.get_logger()
structlog.contextvars.bind_contextvars(turn=7)
log.debug("unseen")
log.info("turn.done", frames=3, url="https://x/bot1:HUSH/y", nested={"keys": ["sk-HUSHHUSH", 1]})
try:
    raise ValueError("plainletters")
except ValueError:
    log.exception("turn.failed")
logging.getLogger("library").warning("from %s", "elsewhere")
logging.getLogger("httpx").info("GET /bot1:HUSH")
"""
    first, second, third = map(json.loads, logged(program).splitlines())

    assert (first["event"], first["level"], first["turn"], first["frames"]) == ("turn.done", "info", 7, 3)
    assert first["nested"] == {"keys": [HIDDEN, 1]}
    assert first["timestamp"].endswith("Z")
    assert "ValueError" in second["exception"]
    assert (third["event"], third["logger"]) == ("from elsewhere", "library")
    assert "HUSH" not in json.dumps([first, second, third])
    assert "plainletters" not in json.dumps([first, second, third])


def test_console_lines_show_no_local_variables() -> None:
    """A traceback for people names the error, not what the variables held."""
    program = """
logging_setup.configure("debug", "console")
def broken():
    secret_of_mine = "plain" + "letters"
    raise KeyError("gone")
try:
    broken()
except KeyError:
    structlog.get_logger().exception("test.failed", where="here")
"""
    text = logged(program)

    assert "test.failed" in text
    assert "where=here" in text
    assert "KeyError" in text
    assert "plainletters" not in text


def test_an_errors_own_text_is_shown_only_where_it_cannot_be_a_persons() -> None:
    """Kinds and places of a whole chain of errors are told; words only of ours and the machine's."""
    program = """
from core.domain.errors import StoreUnavailable
logging_setup.configure("info", "json")
try:
    try:
        try:
            {}["their word"]
        except KeyError as exc:
            raise ValueError("their word") from exc
    except ValueError as exc:
        raise StoreUnavailable("disk full") from exc
except StoreUnavailable:
    structlog.get_logger().exception("test.failed")
try:
    open("/nowhere/at/all")
except OSError:
    logging.getLogger("library").exception("test.failed_too")
"""
    ours, machines = map(json.loads, logged(program).splitlines())

    assert "their word" not in ours["exception"]
    for told in ("StoreUnavailable: disk full", "ValueError", "KeyError", "line "):
        assert told in ours["exception"]
    assert "No such file or directory" in machines["exception"]


def test_a_log_line_has_no_control_characters() -> None:
    """An error's text or a name from outside cannot hide lines of a log that somebody reads in a terminal."""
    event = {"event": "x", "error": "\x1b[2Jgone", "names": ["a\x9bb"]}
    line = Scrubber()(None, "info", event)
    assert line == {"event": "x", "error": "\ufffd[2Jgone", "names": ["a\ufffdb"]}
