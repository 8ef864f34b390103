"""Secrets that are read from files of their own."""

from pathlib import Path

import pytest

from core.domain.errors import SettingsError
from core.settings import likely_typos, load, setting_specs
from core.settings.secret_files import secret_file_variables

GOOD = {
    "SLACK_BOT_TOKEN": "xoxb-test",
    "SLACK_APP_TOKEN": "xapp-test",
    "TELEGRAM_BOT_TOKEN": "1:test",
    "DATABASE_URL": "postgresql://me:hush@127.0.0.1/db",
}
SECRETS = sorted(spec.name for spec in setting_specs() if spec.secret)


def written(folder: Path, text: str) -> str:
    """Write a file and return its path."""
    file = folder / "secret"
    file.write_text(text, encoding="utf-8")
    return str(file)


def faults_of(environ: dict[str, str]) -> list[str]:
    """Return what is wrong with these settings."""
    with pytest.raises(SettingsError) as caught:
        load(environ, None)
    return caught.value.faults


@pytest.mark.parametrize("name", SECRETS)
def test_every_secret_may_stand_in_a_file(name: str, tmp_path: Path) -> None:
    """NAME_FILE is the same as NAME with the file's text, without the line end an editor leaves."""
    value = GOOD.get(name, "sk-hush")
    file = written(tmp_path, f"{value}\r\n")
    others = {"KIMI_API_KEY": "sk-1"} if name.startswith("KIMI_API_KEY_") else {}
    assert load({**others, f"{name}_FILE": file}, None) == load({**others, name: value}, None)
    assert "hush" not in repr(load({**others, f"{name}_FILE": file}, None))


def test_only_secrets_may(tmp_path: Path) -> None:
    """Anything else with _FILE at its end is an unknown name like any other."""
    assert {"KIMI_API_KEY_FILE", "SLACK_BOT_TOKEN_FILE", "DATABASE_URL_FILE"} <= secret_file_variables()
    environ = {"MOONTHREAD_WHILE_ANSWERING_FILE": written(tmp_path, "merge")}
    assert faults_of(environ)[0].startswith("MOONTHREAD_WHILE_ANSWERING_FILE: there is no such setting")


def test_both_ways_at_once_is_a_fault(tmp_path: Path) -> None:
    """Nobody has to guess which of the two counts."""
    environ = {"KIMI_API_KEY": "sk-a", "KIMI_API_KEY_FILE": written(tmp_path, "sk-b")}
    assert faults_of(environ) == ["KIMI_API_KEY_FILE: KIMI_API_KEY is set too; keep one of them"]
    blank = load({"KIMI_API_KEY": " ", "KIMI_API_KEY_FILE": written(tmp_path, "sk-b")}, None)
    assert blank.kimi_api_key is not None
    assert blank.kimi_api_key.get_secret_value() == "sk-b"


def test_the_file_goes_before_moonshots_own_name(tmp_path: Path) -> None:
    """MOONSHOT_API_KEY only counts where ours is not given in either way."""
    environ = {"MOONSHOT_API_KEY": "sk-moon", "KIMI_API_KEY_FILE": written(tmp_path, "sk-kimi")}
    key = load(environ, None).kimi_api_key
    assert key is not None
    assert key.get_secret_value() == "sk-kimi"


def test_a_file_that_cannot_be_read_is_a_fault(tmp_path: Path) -> None:
    """One that is missing, a folder or no text is named by its variable, never by what was pasted there."""
    binary = tmp_path / "binary"
    binary.write_bytes(b"\xff\xfe\x00")
    for path in (str(tmp_path / "sk-hush"), str(tmp_path), str(binary)):
        (fault,) = faults_of({"KIMI_API_KEY_FILE": path})
        assert fault.startswith("KIMI_API_KEY_FILE: cannot be read")
        assert "hush" not in fault


def test_an_empty_file_is_no_secret(tmp_path: Path) -> None:
    """Compose mounts every secret, those that are not in use as an empty file or /dev/null."""
    environ = {"KIMI_API_KEY": "sk-a", "KIMI_API_KEY_FILE": written(tmp_path, "\n")}
    assert load({**environ, "TELEGRAM_BOT_TOKEN_FILE": "/dev/null"}, None) == load(
        {"KIMI_API_KEY": "sk-a"}, None
    )


def test_what_stands_in_a_file_is_checked_like_the_rest(tmp_path: Path) -> None:
    """A wrong token in a file is the fault that it is in a variable."""
    (fault,) = faults_of({"SLACK_BOT_TOKEN_FILE": written(tmp_path, "xapp-hush")})
    assert fault.startswith("SLACK_BOT_TOKEN: ")
    assert "hush" not in fault


def test_a_slip_in_such_a_name_is_pointed_out() -> None:
    """The right names are no slips."""
    assert likely_typos({"KIMI_API_KEY_FILE": "x", "SLACK_APP_TOKEN_FILE": "x"}, None) == []
