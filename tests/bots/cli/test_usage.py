"""What was used and what is stored, on the command line."""

import csv
import io
import json
from typing import Any

import pytest

from bots.simulator.kimi import Account, KimiSimulator, answer_with


@pytest.fixture
async def talked(with_kimi: Any) -> Any:
    """A command line whose ``chat`` has had one question and its answer."""
    done = await with_kimi("chat", piped="Hello Kimi\n")
    assert done.status == 0, done.err
    return with_kimi


async def test_a_table_of_what_was_used(talked: Any) -> None:
    """A line for each day with a total, or for a spreadsheet."""
    table = await talked("usage", "--since", "2020-01-01")
    by_model = await talked("usage", "--since", "2020-01-01", "--by", "model", "--csv")

    head, day, total = table.out.splitlines()
    assert head.split() == [
        "day", "messages", "prompt", "cached", "completion", "reasoning", "usd", "unpriced", "sound_s",
    ]  # fmt: skip
    assert day.split()[1:] == total.split()[1:]
    (row,) = csv.DictReader(io.StringIO(by_model.out))
    assert (row["model"], row["messages"], row["unpriced"]) == ("kimi-k2.6", "1", "0")
    assert float(row["usd"]) == pytest.approx(
        (int(row["prompt"]) * 0.95 + int(row["completion"]) * 4) / 1e6, abs=1e-4
    )


async def test_people_are_named(talked: Any) -> None:
    """Beside the id stands the name that a person wrote under last, in each form of the table."""
    table = (await talked("usage", "--by", "person")).out.splitlines()
    (as_json,) = json.loads((await talked("usage", "--by", "person", "--json")).out)

    assert table[0].split()[:3] == ["person", "name", "messages"]
    assert table[1].split()[0] == as_json["person"]
    assert table[1].split()[1] == as_json["name"] == as_json["person"].removeprefix("terminal:")


async def test_nothing_used_is_an_empty_table(talked: Any) -> None:
    """A day in the future has no lines; a date of another form is wrong usage."""
    assert (await talked("usage", "--since", "2999-01-01", "--by", "chat", "--csv")).out.count("\n") == 1
    assert (await talked("usage", "--since", "yesterday")).status == 2


async def test_an_export_is_json_lines(talked: Any) -> None:
    """By conversation and by person; what is not there is said, with status 1."""
    talk = await talked("export", "--conversation", "1")
    records = [json.loads(line) for line in talk.out.splitlines()]
    said = next(one for one in records if one["kind"] == "message" and one["role"] == "user")
    person = await talked("export", "--person", f"terminal:{said['author_id']}")
    nobody = await talked("export", "--person", "slack:U0")

    assert [one["text"] for one in records if one["kind"] == "message"] == ["Hello Kimi", "Hello, you."]
    assert {json.loads(line)["kind"] for line in person.out.splitlines()} == {
        "conversation", "message", "turn", "usage",
    }  # fmt: skip
    assert (nobody.status, nobody.out, nobody.err) == (1, "", "moonthread: nothing is stored of that\n")


@pytest.mark.parametrize("wrong", [[], ["--conversation", "1", "--person", "slack:U1"], ["--person", "U1"]])
async def test_an_export_of_one_thing_only(moonthread: Any, wrong: list[str]) -> None:
    """Neither, both or half a name is wrong usage."""
    assert (await moonthread("export", *wrong)).status == 2


async def test_the_balance_is_checked(with_kimi: Any, kimi: KimiSimulator) -> None:
    """What is left is told; a provider that does not tell is no fault."""
    kimi.account = Account(cash=12.5, voucher=0.0)

    assert "✓ Kimi: 12.50 left on the account\n" in (await with_kimi("check")).out
    with_kimi.environ["KIMI_BASE_URL"] = kimi.ace_url
    assert "left on the account" not in (await with_kimi("check")).out


async def test_an_empty_balance_is_a_fault(moonthread: Any) -> None:
    """Nothing will be answered: the advice says what helps."""
    async with KimiSimulator(account=Account(cash=0.0, voucher=0.0), script=answer_with("")) as broke:
        moonthread.environ |= {"KIMI_API_KEY": "sk-test", "KIMI_BASE_URL": broke.base_url}
        done = await moonthread("check")
    assert "✗ Kimi: nothing is left on the account (0.00)  → Top it up.\n" in done.out
