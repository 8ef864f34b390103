"""Settings: what is read, what is refused, and that every fault is named at once."""

from pathlib import Path

import pytest
from pydantic import SecretStr, ValidationError

from core.domain.errors import SettingsError
from core.settings import (
    Requirement,
    Settings,
    likely_typos,
    load,
    outdated_names,
    setting_names,
    setting_specs,
)
from core.settings.spec import RENAMED

SECRETS = {
    "KIMI_API_KEY": "sk-hush-hush",
    "KIMI_API_KEY_2": "sk-hush-hush-2",
    "KIMI_API_KEY_3": "sk-hush-hush-3",
    "SLACK_BOT_TOKEN": "xoxb-hush-hush",
    "SLACK_APP_TOKEN": "xapp-hush-hush",
    "SLACK_SIGNING_SECRET": "hush-hush",
    "TELEGRAM_BOT_TOKEN": "1:hush-hush",
    "MOONTHREAD_EMBEDDINGS_KEY": "hush-hush",
    "MOONTHREAD_SPEECH_KEY": "hush-hush",
    "DATABASE_URL": "postgresql://me:hush-hush@127.0.0.1/db",
}


def faults_of(environ: dict[str, str], *needs: Requirement, env_file: Path | None = None) -> list[str]:
    """Return what is wrong with these settings."""
    with pytest.raises(SettingsError) as caught:
        load(environ, env_file, required=needs)
    return caught.value.faults


def test_nothing_set_gives_the_documented_defaults() -> None:
    """An empty environment is valid and means the China platform and a file in the user's data folder."""
    settings = load({"XDG_DATA_HOME": "/home/me/data"}, None)

    assert settings.kimi_api_key is None
    assert settings.kimi_base_url == "https://api.moonshot.cn/v1"
    assert settings.kimi_model == "kimi-k2.6"
    assert settings.while_answering == "queue"
    assert settings.reply_tokens == 16_000
    assert settings.platforms == frozenset()
    assert settings.data_dir == Path("/home/me/data/moonthread")
    assert settings.database_url.get_secret_value() == "sqlite:////home/me/data/moonthread/moonthread.db"


def test_settings_made_directly_read_nothing_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test or the demo cannot pick up somebody's real token by accident."""
    monkeypatch.setenv("SLACK_BOT_TOKEN", "xoxb-real")

    assert Settings(kimi_api_key=SecretStr("sk-test")).slack_bot_token is None


def test_the_process_environment_is_read_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without an argument the variables of the process count."""
    monkeypatch.setenv("KIMI_MODEL", "kimi-k3")

    assert load(env_file=None).kimi_model == "kimi-k3"


def test_the_environment_goes_before_the_file(tmp_path: Path) -> None:
    """A variable of the process replaces the same one of .env; an empty one does not."""
    file = tmp_path / ".env"
    file.write_text(
        '# ours\nexport KIMI_MODEL="from-file"\nKIMI_TOP_P=0.5\nMOONTHREAD_WHILE_ANSWERING=merge\n',
        encoding="utf-8",
    )

    settings = load({"KIMI_MODEL": "from-process", "MOONTHREAD_WHILE_ANSWERING": ""}, file)

    assert (settings.kimi_model, settings.kimi_top_p, settings.while_answering) == (
        "from-process",
        0.5,
        "merge",
    )


def test_a_dollar_in_the_file_is_a_dollar(tmp_path: Path) -> None:
    """Values are taken as they stand, without filling in other variables."""
    file = tmp_path / ".env"
    file.write_text("KIMI_API_KEY=sk-a${HOME}b\n", encoding="utf-8")

    key = load({}, file).kimi_api_key

    assert key is not None
    assert key.get_secret_value() == "sk-a${HOME}b"


def test_blank_values_count_as_not_set() -> None:
    """Compose passes every variable on, so an empty one must mean the default."""
    settings = load({spec.name: " " for spec in setting_specs()}, None)

    assert settings == load({}, None)


def test_moonshot_api_key_stands_in() -> None:
    """The name of Moonshot's own documents is read, after ours."""
    only = load({"MOONSHOT_API_KEY": "sk-moon"}, None).kimi_api_key
    both = load({"MOONSHOT_API_KEY": "sk-moon", "KIMI_API_KEY": "sk-kimi"}, None).kimi_api_key

    assert only == SecretStr("sk-moon")
    assert both == SecretStr("sk-kimi")


def test_settings_cannot_be_changed() -> None:
    """What was read at start stays."""
    with pytest.raises(ValidationError):
        load({}, None).while_answering = "merge"  # type: ignore[misc]


def test_addresses_lose_their_last_slash_and_words_their_case() -> None:
    """Small differences in writing do not matter."""
    settings = load({"KIMI_BASE_URL": " https://kimi.test/v1/ ", "MOONTHREAD_LOG_LEVEL": "INFO"}, None)

    assert settings.kimi_base_url == "https://kimi.test/v1"
    assert settings.log_level == "info"


def test_the_address_of_the_chat_call_is_taken_for_the_base() -> None:
    """Ace Data Cloud's documents show the whole address."""
    settings = load({"KIMI_BASE_URL": "https://api.acedata.cloud/kimi/chat/completions"}, None)

    assert settings.kimi_base_url == "https://api.acedata.cloud/kimi"


def test_platforms_are_those_with_a_bot_token() -> None:
    """A platform is served when its bot token is there."""
    assert load({"TELEGRAM_BOT_TOKEN": "1:test"}, None).platforms == {"telegram"}
    assert load({"TELEGRAM_BOT_TOKEN": "1:test", "SLACK_BOT_TOKEN": "xoxb-test"}, None).platforms == {
        "slack",
        "telegram",
    }


@pytest.mark.parametrize(
    ("name", "value", "advice"),
    [
        ("KIMI_API_KEY", "sk-your key", "copy it anew"),
        ("KIMI_API_KEY", "sk-密钥", "copy it anew"),
        ("KIMI_BASE_URL", "api.moonshot.cn/v1", "write https://HOST/PATH"),
        ("KIMI_BASE_URL", "https://", "write https://HOST/PATH"),
        ("KIMI_BASE_URL", "https://kimi.test:99999", "write https://HOST/PATH"),
        ("KIMI_BASE_URL", "https://[kimi", "write https://HOST/PATH"),
        ("KIMI_BASE_URL", "https://me:pw@kimi.test", "take it out"),
        ("KIMI_BASE_URL", "https://kimi.test/v1?key=1", "leave that out"),
        ("KIMI_MODEL", "Kimi K2.6", "such as kimi-k2.6"),
        ("KIMI_THINKING", "maybe", "set on or off"),
        ("KIMI_TEMPERATURE", "hot", "a number from 0 up to 2"),
        ("KIMI_TOP_P", "0", "a number above 0 up to 1"),
        ("KIMI_OMIT", "model", "is a list of optional fields"),
        ("MOONTHREAD_REPLY_TOKENS", "12.5", "a whole number from 256"),
        ("MOONTHREAD_KIMI_TIMEOUT_IDLE_S", "0", "a number above 0 up to 600"),
        ("MOONTHREAD_SHUTDOWN_GRACE_S", "inf", "a number from 0 up to 600"),
        ("MOONTHREAD_HTTP_PORT", "65536", "a whole number from 0 up to 65535"),
        ("MOONTHREAD_WHILE_ANSWERING", "drop", "set queue or merge or interrupt"),
        ("MOONTHREAD_MIGRATE", "yes", "set auto or never"),
        ("MOONTHREAD_LOG_LEVEL", "loud", "set debug or info or warning or error"),
        ("MOONTHREAD_LOG_FORMAT", "xml", "set console or json"),
        ("SLACK_BOT_TOKEN", "xapp-test", "Bot User OAuth Token"),
        ("SLACK_APP_TOKEN", "xoxb-test", "App-Level Token"),
        ("SLACK_API_URL", "slack", "write https://HOST/PATH"),
        ("TELEGRAM_BOT_TOKEN", "bot1:test", "@BotFather"),
        ("TELEGRAM_BOT_TOKEN", "12345", "@BotFather"),
        ("DATABASE_URL", "mysql://127.0.0.1/x", "sqlite:/// or postgresql://"),
        ("DATABASE_URL", "moonthread.db", "sqlite:/// or postgresql://"),
        ("DATABASE_URL", "sqlite://moonthread.db", "three slashes"),
        ("DATABASE_URL", "sqlite:///:memory:", "must name a file"),
        ("DATABASE_URL", "postgresql://127.0.0.1", "names no database"),
    ],
)
def test_a_bad_value_is_one_fault_with_advice(name: str, value: str, advice: str) -> None:
    """The line begins with the variable, says what to do, and does not repeat the value."""
    (fault,) = faults_of({name: value})

    assert fault.startswith(f"{name}: ")
    assert advice in fault
    assert "\n" not in fault


@pytest.mark.parametrize("name", sorted(SECRETS))
def test_a_refused_secret_is_not_repeated(name: str) -> None:
    """What somebody pasted into the wrong place stays out of the message."""
    with pytest.raises(SettingsError) as caught:
        load({name: "hush hush\thush"}, None)

    assert "hush" not in str(caught.value)
    assert "hush" not in repr(caught.value.__context__)


def test_secrets_are_not_in_the_representation() -> None:
    """Neither repr nor str nor a dump in JSON shows a secret."""
    settings = load(SECRETS, None)

    assert "hush" not in f"{settings!r} {settings} {settings.model_dump_json()}"
    assert {spec.name for spec in setting_specs() if spec.secret} == {*SECRETS, "MOONTHREAD_SECRET_WORDS"}


def test_all_faults_are_named_at_once(tmp_path: Path) -> None:
    """Bad values, unknown names, missing needs, a bad line and an unwritable folder come in one list."""
    file = tmp_path / ".env"
    file.write_text("KIMI_MODEL=kimi-k3\nthis is no setting\n", encoding="utf-8")
    environ = {
        "MOONTHREAD_DATA_DIR": str(file / "data"),
        "MOONTHREAD_HTTP_PORT": "many",
        "MOONTHREAD_DESKK": "queue",
        "SLACK_APP_TOKEN": "xapp-test",
        "KIMI_BASE_URL": "nowhere",
    }

    faults = faults_of(environ, *Requirement, env_file=file)

    beginnings = [
        f"{file}, line 2",
        "KIMI_API_KEY",
        "KIMI_BASE_URL",
        "MOONTHREAD_DESKK",
        "MOONTHREAD_DATA_DIR",
        "MOONTHREAD_HTTP_PORT",
        "SLACK_BOT_TOKEN",
        "TELEGRAM_BOT_TOKEN",
    ]
    assert [fault.partition(":")[0] for fault in sorted(faults)] == sorted(beginnings)


def test_an_unknown_name_of_ours_is_a_fault_with_a_guess() -> None:
    """A slip in a name would otherwise be a setting that silently does nothing."""
    assert faults_of({"MOONTHREAD_DESKK": "merge", "MOONTHREAD_BLUE_WHALES_SING": "red"}) == [
        "MOONTHREAD_BLUE_WHALES_SING: there is no such setting; take it out",
        "MOONTHREAD_DESKK: there is no such setting; did you mean MOONTHREAD_DESK?",
    ]


def test_a_near_miss_of_another_name_is_a_warning() -> None:
    """Other programs own KIMI_ and SLACK_ variables too, so only a likely slip is pointed out."""
    environ = {"KIMI_APIKEY": "x", "SLACK_TOKEN": "x", "KIMI_CLI_THEME": "x", "TELEGRAM_BOT_TOKEN": "1:test"}

    assert load(environ, None).kimi_api_key is None
    assert likely_typos(environ, None) == [
        "KIMI_APIKEY: not a setting of ours; did you mean KIMI_API_KEY?",
        "SLACK_TOKEN: not a setting of ours; did you mean SLACK_BOT_TOKEN?",
    ]


def test_a_former_name_is_read_and_its_present_name_is_told(tmp_path: Path) -> None:
    """We chose to read renamed settings under the old name, each with one warning that has the new one."""
    file = tmp_path / ".env"
    file.write_text("MOONTHREAD_MASK=cards\n", encoding="utf-8")
    environ = {"MOONTHREAD_BUSY": "merge", "MOONTHREAD_REPEATS": ""}

    settings = load(environ, file)

    assert (settings.pii_masking, settings.while_answering) == (("cards",), "merge")
    assert settings.duplicates_per_10_min == load({}, None).duplicates_per_10_min
    assert outdated_names(environ, file) == [
        "MOONTHREAD_BUSY: is now called MOONTHREAD_WHILE_ANSWERING; the old name is still read",
        "MOONTHREAD_MASK: is now called MOONTHREAD_PII_MASKING; the old name is still read",
    ]
    assert likely_typos(environ, file) == []


def test_the_present_name_overrides_the_former_one() -> None:
    """Both at once is no fault: the present name counts, and the warning says that the other does not."""
    environ = {"MOONTHREAD_BUSY": "merge", "MOONTHREAD_WHILE_ANSWERING": "interrupt"}

    assert load(environ, None).while_answering == "interrupt"
    (warning,) = outdated_names(environ, None)
    assert warning.endswith("MOONTHREAD_WHILE_ANSWERING is set too, so this one is ignored")


def test_a_bad_value_under_a_former_name_is_a_fault_of_the_present_one() -> None:
    """Nobody runs with the default because the old name was checked less strictly."""
    assert faults_of({"MOONTHREAD_BUSY": "drop"}) == [
        "MOONTHREAD_WHILE_ANSWERING: is not allowed; set queue or merge or interrupt"
    ]


def test_a_file_that_is_not_there_is_empty(tmp_path: Path) -> None:
    """.env is optional."""
    assert load({}, tmp_path / ".env") == load({}, None)


def test_a_file_that_cannot_be_read_is_a_fault(tmp_path: Path) -> None:
    """A folder in its place, or bytes that are no text, are named."""
    binary = tmp_path / "binary"
    binary.write_bytes(b"KIMI_MODEL=\xff\xfe\n")

    assert "cannot be read" in faults_of({}, env_file=tmp_path)[0]
    assert "cannot be read" in faults_of({}, env_file=binary)[0]


def test_running_needs_a_platform() -> None:
    """Without any credentials the fault says which ones there are."""
    (fault,) = faults_of({"KIMI_API_KEY": "sk-test"}, Requirement.KIMI, Requirement.PLATFORM)

    assert fault.startswith("No platform: set SLACK_BOT_TOKEN")


@pytest.mark.parametrize(
    ("environ", "missing"),
    [
        ({"SLACK_BOT_TOKEN": "xoxb-test"}, "SLACK_APP_TOKEN"),
        ({"SLACK_APP_TOKEN": "xapp-test"}, "SLACK_BOT_TOKEN"),
        ({"SLACK_SIGNING_SECRET": "test"}, "SLACK_BOT_TOKEN"),
    ],
)
def test_half_of_slack_is_a_fault_even_beside_telegram(environ: dict[str, str], missing: str) -> None:
    """A platform that somebody began to set up is not left out in silence."""
    (fault,) = faults_of({**environ, "TELEGRAM_BOT_TOKEN": "1:test"}, Requirement.PLATFORM)

    assert fault.startswith(f"{missing}: is not set")


def test_half_of_slack_does_not_matter_to_others() -> None:
    """A command that only asks Kimi does not care about Slack."""
    assert load(
        {"SLACK_BOT_TOKEN": "xoxb-test", "KIMI_API_KEY": "sk-test"}, None, required=[Requirement.KIMI]
    )


@pytest.mark.parametrize("second", ["SLACK_APP_TOKEN", "SLACK_SIGNING_SECRET"])
def test_slack_is_complete_in_either_mode(second: str) -> None:
    """Socket Mode and HTTP each need one more credential."""
    environ = {"SLACK_BOT_TOKEN": "xoxb-test", second: "xapp-test"}

    assert load(environ, None, required=[Requirement.PLATFORM, Requirement.SLACK]).platforms == {"slack"}


def test_a_webhook_is_called_by_https_only() -> None:
    """Telegram refuses http, except from a Bot API server of one's own."""
    environ = {"TELEGRAM_BOT_TOKEN": "1:test", "MOONTHREAD_PUBLIC_URL": "http://bot.test"}

    assert faults_of(environ) == [
        "MOONTHREAD_PUBLIC_URL: begins with http:; Telegram only calls https: addresses"
    ]
    assert (
        load({**environ, "TELEGRAM_API_URL": "http://127.0.0.1:8081"}, None).public_url == "http://bot.test"
    )


def test_an_unwritable_database_is_a_fault_where_one_is_needed(tmp_path: Path) -> None:
    """The folder is not made by looking, and commands without a store do not look."""
    blocked = tmp_path / "file"
    blocked.touch()
    free = tmp_path / "new" / "folder"

    assert load({"MOONTHREAD_DATA_DIR": str(blocked / "x")}, None)
    assert (
        "choose another folder"
        in faults_of({"MOONTHREAD_DATA_DIR": str(blocked / "x")}, Requirement.STORE)[0]
    )
    assert faults_of({"DATABASE_URL": f"sqlite:///{tmp_path}"}, Requirement.STORE)[0].startswith(
        "DATABASE_URL: "
    )
    assert load({"MOONTHREAD_DATA_DIR": str(free)}, None, required=[Requirement.STORE]).data_dir == free
    assert not free.exists()


def test_a_database_elsewhere_needs_no_data_directory(tmp_path: Path) -> None:
    """With PostgreSQL the folder is not looked at."""
    blocked = tmp_path / "file"
    blocked.touch()
    environ = {
        "MOONTHREAD_DATA_DIR": str(blocked / "x"),
        "DATABASE_URL": "postgres://127.0.0.1/db?sslmode=require",
    }

    assert load(environ, None, required=[Requirement.STORE])


def test_a_tilde_is_the_home_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    """A path from .env is written as people write it."""
    monkeypatch.setenv("HOME", "/home/me")

    assert load({"MOONTHREAD_DATA_DIR": "~/bots"}, None).data_dir == Path("/home/me/bots")


def test_every_setting_is_described() -> None:
    """Names are unique, descriptions are sentences, attributes follow from the names."""
    assert len({spec.name for spec in setting_specs()}) == len(setting_specs())
    present = {spec.name for spec in setting_specs()}
    assert present | {"MOONSHOT_API_KEY"} | RENAMED.keys() == setting_names()
    assert set(RENAMED.values()) <= present
    assert not RENAMED.keys() & present
    for spec in setting_specs():
        assert spec.description.endswith("."), spec.name
        assert spec.field == spec.name.lower().removeprefix("moonthread_"), spec.name


def test_the_sqlite_file_is_known_as_a_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three slashes are relative to the current folder, four absolute; PostgreSQL has no file."""
    monkeypatch.chdir(tmp_path)

    assert load({"DATABASE_URL": "sqlite:///a.db"}, None).sqlite_file == tmp_path / "a.db"
    assert load({"DATABASE_URL": "sqlite:////x/a.db?timeout=5"}, None).sqlite_file == Path("/x/a.db")
    assert load({"DATABASE_URL": "postgresql://127.0.0.1/db"}, None).sqlite_file is None


def test_weights_are_read_by_chat() -> None:
    """A list of chats with numbers becomes a table; anything else is a fault."""
    settings = load({"MOONTHREAD_FAIR_SHARE_WEIGHTS": "slack:C0123=3, telegram:-1001=0.5"}, None)

    assert settings.fair_share_weights == {"slack:C0123": 3.0, "telegram:-1001": 0.5}
    for wrong in ("slack:C0123", "C0123=3", "slack:C0123=0", "slack:C0123=many"):
        (fault,) = faults_of({"MOONTHREAD_FAIR_SHARE_WEIGHTS": wrong})
        assert fault.startswith("MOONTHREAD_FAIR_SHARE_WEIGHTS: is a list like slack:C0123=3")


def test_a_further_provider_needs_its_key() -> None:
    """An address or a model of a provider without a key is a fault and not silently nothing."""
    assert faults_of({"KIMI_BASE_URL_2": "https://kimi.test/v1", "KIMI_MODEL_3": "kimi-k3"}) == [
        "KIMI_API_KEY_2: is not set; without it KIMI_BASE_URL_2 does nothing",
        "KIMI_API_KEY_3: is not set; without it KIMI_MODEL_3 does nothing",
    ]
