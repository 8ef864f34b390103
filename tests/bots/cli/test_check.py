"""``moonthread check``: one line for each thing, exit status 1 where one is wrong."""

from dataclasses import replace
from typing import Any

import pytest
from pydantic import SecretStr

from bots.cli import check_kimi
from bots.simulator.kimi import Account, KimiSimulator, answer_with
from bots.simulator.kimi.host import Host
from bots.simulator.speech import SpeechSimulator
from core.settings import Settings

SLACK_UNREACHABLE = {"SLACK_BOT_TOKEN": "xoxb-test", "SLACK_APP_TOKEN": "xapp-test"}


async def test_everything_that_is_wrong_is_named(moonthread: Any) -> None:
    """With nothing set the settings' faults are lines with advice."""
    done = await moonthread("check")

    assert done.status == 1
    lines = done.out.splitlines()
    assert lines[0].startswith("✗ KIMI_API_KEY: is not set  → make a key")
    assert lines[1].startswith("✗ No platform: ")
    assert lines[2].startswith("✓ Database: SQLite file ")
    assert done.err == ""


async def test_settings_that_cannot_be_read_end_the_check(moonthread: Any) -> None:
    """Where a value is malformed the rest cannot be looked at."""
    moonthread.environ["MOONTHREAD_WHILE_ANSWERING"] = "never"

    done = await moonthread("check")

    assert done.status == 1
    assert "✗ MOONTHREAD_WHILE_ANSWERING: is not allowed  → set queue or merge or interrupt\n" in done.out
    assert "Database" not in done.out


async def test_kimi_and_database_are_looked_at(with_kimi: Any) -> None:
    """A valid key, a served model and a slip in a name are each a line."""
    with_kimi.environ["KIMI_APIKEY"] = "x"

    done = await with_kimi("check")

    assert "! KIMI_APIKEY: not a setting of ours; did you mean KIMI_API_KEY?\n" in done.out
    assert "✓ Kimi: 127.0.0.1 takes the key\n" in done.out
    assert "✓ Kimi: kimi-k2.6 is there, 262,144 tokens of context; others: kimi-k2.7-code, " in done.out
    assert not list(with_kimi.folder.glob("**/*.db")), "looking makes nothing"


async def test_files_that_others_can_read_are_named(with_kimi: Any) -> None:
    """We chose: a database and a ``.env`` that other users of the machine can read are a warning."""
    with_kimi.environ["MOONTHREAD_DATA_DIR"] = str(with_kimi.folder / "data")
    await with_kimi("db", "upgrade")
    env, data = with_kimi.folder / ".env", with_kimi.folder / "data"
    env.write_text("", encoding="utf-8")
    for path, mode in ((env, 0o600), (data, 0o700)):
        path.chmod(mode)
    assert "Other users" not in (await with_kimi("check")).out

    for path, mode in ((env, 0o604), (data, 0o750), (data / "moonthread.db", 0o644)):
        path.chmod(mode)
    done = await with_kimi("check")

    assert "! Other users of this machine can read .env  → Run: chmod go= .env\n" in done.out
    for path in (data, data / "moonthread.db"):
        assert f"! Other users of this machine can read {path}  → Run: chmod go= {path}\n" in done.out


async def test_a_retired_model_names_those_available(with_kimi: Any) -> None:
    """The line says since when it is gone and what there is."""
    with_kimi.environ["KIMI_MODEL"] = "moonshot-v1-8k"

    done = await with_kimi("check")

    assert "✗ Kimi: moonshot-v1-8k was retired on 2026-08-31" in done.out
    assert "→ Set KIMI_MODEL=kimi-" in done.out


async def test_a_model_that_is_no_longer_listed_names_the_setting(
    with_kimi: Any, kimi: KimiSimulator
) -> None:
    """The start says the same: which setting to change to what."""
    with_kimi.environ["KIMI_MODEL"] = "kimi-k2.65"

    done = await with_kimi("check")

    assert "✗ Kimi: unknown model 'kimi-k2.65'" in done.out
    assert "→ Set KIMI_MODEL=kimi-k2.6\n" in done.out


async def test_a_model_that_the_provider_retires_names_setting_and_value(
    with_kimi: Any, kimi: KimiSimulator
) -> None:
    """The list announces the end, with or without a successor: which setting to change to what."""
    card = kimi.account.models["kimi-k2.6"]
    told: list[str] = []
    for announced in ({"shutdown_date": "2027-01-31", "replaced_by": "kimi-k3"}, {"deprecated": True}):
        kimi.account = replace(
            kimi.account, models={**kimi.account.models, card.id: replace(card, announced=announced)}
        )
        told.append((await with_kimi("check")).out)

    assert "! Kimi: the provider retires kimi-k2.6 on 2027-01-31  → Set KIMI_MODEL=kimi-k3\n" in told[0]
    assert "! Kimi: the provider retires kimi-k2.6  → Set KIMI_MODEL=kimi-k" in told[1]


async def test_fields_that_a_host_refuses_are_named(with_kimi: Any, kimi: KimiSimulator) -> None:
    """One question of a few tokens shows what a gateway does not take, and what that means."""
    kimi.script = answer_with("Hi.")
    kimi.host = Host(refused_fields=("thinking", "prompt_cache_key"))

    done = await with_kimi("check")

    assert "✓ Kimi: 127.0.0.1 answers a short question\n" in done.out
    assert "! Kimi: 127.0.0.1 does not take prompt_cache_key, thinking  → " in done.out
    assert "KIMI_OMIT=prompt_cache_key,thinking" in done.out
    assert "/think has no effect there." in done.out
    assert kimi.requests[-1].body["max_completion_tokens"] == check_kimi.PROBE_TOKENS


async def test_a_provider_without_a_list_is_told_as_such(with_kimi: Any, kimi: KimiSimulator) -> None:
    """Ace Data Cloud's endpoint has no /models; that is no fault."""
    with_kimi.environ["KIMI_BASE_URL"] = kimi.ace_url

    done = await with_kimi("check")

    assert "! Kimi: 127.0.0.1 has no list of models, so the key was not tried" in done.out


async def test_the_service_that_hears_is_tried(with_kimi: Any) -> None:
    """Half a second of silence shows whether address, key and model are right."""
    async with SpeechSimulator() as speech:
        with_kimi.environ |= {"MOONTHREAD_SPEECH_URL": speech.base_url, "MOONTHREAD_SPEECH_KEY": speech.key}
        good = await with_kimi("check")
        with_kimi.environ["MOONTHREAD_SPEECH_MODEL"] = "other"
        bad = await with_kimi("check")

    assert "✓ Voice: 127.0.0.1 hears recordings with whisper-1\n" in good.out
    assert "✗ Voice: 127.0.0.1 hears nothing: HTTP 404: The model 'other' does not exist." in bad.out
    assert speech.requests[0].name == "recording.wav"


async def test_the_database_is_told_before_and_after_an_upgrade(with_kimi: Any) -> None:
    """Without automatic migration a missing database is a fault until db upgrade has run."""
    with_kimi.environ["MOONTHREAD_MIGRATE"] = "never"

    before = await with_kimi("check")
    await with_kimi("db", "upgrade")
    after = await with_kimi("check")

    assert "does not exist  → Run: moonthread db upgrade\n" in before.out
    assert "✓ Database: SQLite file " in after.out
    assert "is up to date" in after.out


async def test_an_unreachable_database_is_a_fault_without_its_password(with_kimi: Any) -> None:
    """The line names host and database."""
    with_kimi.environ["DATABASE_URL"] = "postgresql://me:hush-hush@127.0.0.1:1/moon"

    done = await with_kimi("check")

    assert "✗ Database: PostgreSQL moon at 127.0.0.1 cannot be reached" in done.out
    assert "hush-hush" not in done.out + done.err


@pytest.mark.parametrize("key", ["sk-inland", "sk-abroad", "sk-nowhere"])
async def test_a_refused_key_is_tried_in_the_other_region(key: str) -> None:
    """The finding says whose key it is and how to use it there."""
    script = answer_with("")
    async with (
        KimiSimulator(account=Account(keys=frozenset({"sk-inland"})), script=script) as inland,
        KimiSimulator(account=Account(keys=frozenset({"sk-abroad"})), script=script) as abroad,
    ):
        regions = {inland.base_url: "the platform inland", abroad.base_url: "the platform abroad"}
        settings = Settings(kimi_api_key=SecretStr(key), kimi_base_url=inland.base_url)

        first, *_ = await check_kimi.run_checks(settings, regions=regions)

        assert first.level == ("ok" if key == "sk-inland" else "fault")
        assert ("belongs to the platform abroad" in first.summary) == (key == "sk-abroad")
        assert (first.advice == f"Set KIMI_BASE_URL={abroad.base_url}") == (key == "sk-abroad")
        assert ("so does the other region" in first.summary) == (key == "sk-nowhere")
