"""The strict local stand-in for Kimi's API: used by every service test and by the demo."""

from bots.simulator.kimi.account import Account
from bots.simulator.kimi.app import KimiSimulator
from bots.simulator.kimi.demo_script import demo_script
from bots.simulator.kimi.host import Host
from bots.simulator.kimi.refusal import Refusal
from bots.simulator.kimi.scenario import Scenario, load_scenarios
from bots.simulator.kimi.script import (
    Faults,
    RawReply,
    Script,
    ScriptedCall,
    ScriptedReply,
    SeenRequest,
    after_refusals,
    answer_with,
    in_turn,
    per_question,
)

__all__ = [
    "Account",
    "Faults",
    "Host",
    "KimiSimulator",
    "RawReply",
    "Refusal",
    "Scenario",
    "Script",
    "ScriptedCall",
    "ScriptedReply",
    "SeenRequest",
    "after_refusals",
    "answer_with",
    "demo_script",
    "in_turn",
    "load_scenarios",
    "per_question",
]
