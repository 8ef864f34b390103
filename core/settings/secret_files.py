"""Secrets in files of their own, as container engines mount them."""

from collections.abc import Mapping
from pathlib import Path

from core.settings.spec import setting_specs

FILE_SUFFIX = "_FILE"  #: KIMI_API_KEY_FILE names the file that holds KIMI_API_KEY


def secret_file_variables() -> frozenset[str]:
    """Return the variables that may name a secret's file, one for each secret."""
    return frozenset(spec.name + FILE_SUFFIX for spec in setting_specs() if spec.secret)


def read_secret_files(variables: Mapping[str, str]) -> tuple[dict[str, str], list[str]]:
    """Return the variables with each NAME_FILE replaced by NAME and the file's text, and all faults.

    An empty file counts as unset: a container's list of secrets is fixed, and not all are in use.
    """
    merged = {name: value for name, value in variables.items() if name not in secret_file_variables()}
    faults = []
    for name in sorted(secret_file_variables() & variables.keys()):
        secret = name.removesuffix(FILE_SUFFIX)
        text = _read_secret(variables[name])
        if secret in variables and text:
            faults.append(f"{name}: {secret} is set too; keep one of them")
        elif text is None:
            faults.append(f"{name}: cannot be read; name a text file in UTF-8 that this user may read")
        elif text:
            merged[secret] = text
    return merged, faults


def _read_secret(path: str) -> str | None:
    """Return the file's stripped text; None if it cannot be read."""
    try:
        return Path(path).expanduser().read_text(encoding="utf-8-sig").strip()
    except (OSError, ValueError, RuntimeError):  # includes invalid UTF-8, a null in the path, no home
        return None
