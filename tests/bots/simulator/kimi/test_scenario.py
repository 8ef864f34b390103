"""Scenario files: replies of hosts with their exact bytes."""

import json
import sys
from pathlib import Path

import pytest

from bots.simulator.kimi import RawReply, Refusal, ScriptedReply, SeenRequest, load_scenarios
from bots.simulator.kimi.__main__ import main
from bots.simulator.kimi.refusal import Refused
from bots.simulator.kimi.scenario import parse_scenario
from bots.simulator.kimi.script import as_reply

SEEN = SeenRequest(at=0.0, path="/v1/chat/completions")


def test_every_shipped_scenario_says_what_it_is() -> None:
    """Each has a description and a source, and plays a reply."""
    scenarios = load_scenarios()
    assert len(scenarios) > 50
    for scenario in scenarios.values():
        assert scenario.about
        assert scenario.source
        assert scenario.script()(SEEN) is not None


def test_a_reply_is_made_of_exact_bytes() -> None:
    """Words, raw text, bytes, pauses and the end are the writes of the response, in order."""
    chunks = ["Hi", {"raw": "data: ping\n\n"}, {"base64": "/w=="}, 0.5, {"done": True}]
    scenario = parse_scenario({"about": "a", "replies": [chunks]})
    (reply,) = scenario.replies
    assert isinstance(reply, RawReply)
    role, words, *rest = reply.chunks
    assert b'"role": "assistant"' in role if isinstance(role, bytes) else False
    assert b'{"content": "Hi"}' in words if isinstance(words, bytes) else False
    assert rest == [b"data: ping\n\n", b"\xff", 0.5, b"data: [DONE]\n\n"]


def test_replies_are_played_in_order_and_the_last_one_stays() -> None:
    """Unless another answer is given for what comes then."""
    refusal = {"refusal": {"status": 503, "type": "server_unavailable", "message": "away"}}
    script = parse_scenario({"about": "a", "replies": [refusal, "Two."]}).script()
    first = as_reply(script(SEEN))
    assert isinstance(first, ScriptedReply)
    assert first.faults.refuse == Refusal(status=503, type="server_unavailable", message="away")
    assert [script(SEEN), script(SEEN)] == ["Two.", "Two."]


def test_a_host_refuses_what_its_scenario_says() -> None:
    """The first refused field that is present, in the host's words."""
    host = parse_scenario({"about": "a", "host": {"refused_fields": ["thinking"], "field_status": 422}}).host
    host.check({"messages": []})
    with pytest.raises(Refused, match="thinking") as refused:
        host.check({"thinking": {}, "messages": []})
    assert refused.value.refusal.status == 422


@pytest.mark.parametrize("text", ["[]", '{"a": {"replies": [[{"no": 1}]], "about": ""}}', "{", '{"a": {}}'])
def test_something_else_is_no_scenario_file(tmp_path: Path, text: str) -> None:
    """The operator is told with the first fault."""
    file = tmp_path / "mine.json"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=r"scenario|chunk|Expecting"):
        load_scenarios(file)


def test_scenarios_are_listed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """``--list`` prints names and descriptions of any file."""
    file = tmp_path / "mine.json"
    file.write_text(json.dumps({"mine": {"about": "My host.", "replies": ["Hi."]}}), encoding="utf-8")
    monkeypatch.setattr(sys, "argv", ["kimi", "--list", "--scenario-file", str(file)])
    main()
    assert capsys.readouterr().out == "mine: My host.\n"
