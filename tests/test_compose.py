"""docker-compose.yml, Dockerfile and the Kubernetes manifest of bots/README.md agree with the code.

No container engine runs here, so every name, option, path and port is held against the code.
"""

import re
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from bots.cli import app
from core.settings import Settings, load, setting_names, setting_specs
from core.settings.secret_files import secret_file_variables
from core.settings.spec import RENAMED

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
README = "".join((ROOT / name).read_text(encoding="utf-8") for name in ("README.md", "bots/README.md"))
IN_CONTAINER = {
    "MOONTHREAD_DATA_DIR",
    "MOONTHREAD_HTTP_HOST",
    "MOONTHREAD_HTTP_PORT",
    "MOONTHREAD_CONSOLE_HOST",
    "MOONTHREAD_CONSOLE_PORT",
}
OURS = ("moonthread", "migrate", "replica")
FOREIGN = {"POSTGRES_PASSWORD_FILE", "EXTRA"}  #: variables of others, and the build argument


class Yaml:
    """Reads the part of YAML that our files are written in: maps, lists, anchors and merges."""

    def __init__(self, text: str) -> None:
        lines = (re.sub(r"(^|\s)#.*$", "", line).rstrip() for line in text.splitlines())
        self._lines = [line for line in lines if line]
        self._anchors: dict[str, Any] = {}

    def read(self) -> Any:
        """Return the document."""
        return self._block(0)

    def _block(self, depth: int) -> Any:
        first = self._lines[0].lstrip()
        return self._list(depth) if first.startswith("- ") else self._map(depth)

    def _map(self, depth: int) -> dict[str, Any]:
        made: dict[str, Any] = {}
        while self._lines and self._depth() == depth and not self._lines[0].lstrip().startswith("- "):
            key, _, rest = self._lines.pop(0).strip().partition(":")
            value = self._value(rest.strip(), depth)
            if key == "<<":
                made = {**value, **made}
            else:
                made[self._scalar(key)] = value
        return made

    def _list(self, depth: int) -> list[Any]:
        made = []
        while self._lines and self._depth() == depth and self._lines[0].lstrip().startswith("- "):
            item = self._lines[0].strip()[2:]
            if re.match(r"[\w.-]+:( |$)", item):  # a map within the list
                self._lines[0] = " " * (depth + 2) + item
                made.append(self._map(depth + 2))
            else:
                self._lines.pop(0)
                made.append(self._scalar(item))
        return made

    def _value(self, rest: str, depth: int) -> Any:
        anchor = re.match(r"&(\w+) ?", rest)
        rest = rest[anchor.end() :] if anchor else rest
        if rest.startswith("*"):
            return self._anchors[rest[1:]]
        value: Any = self._scalar(rest)
        if not rest and self._lines and self._depth() > depth:
            value = self._block(self._depth())
        elif not rest and self._lines and self._depth() == depth and self._lines[0].lstrip().startswith("- "):
            value = self._list(depth)
        if anchor:
            self._anchors[anchor[1]] = value
        return value

    def _scalar(self, text: str) -> Any:
        text = text.strip()
        if text.startswith("[") and text.endswith("]"):
            parts = re.findall(r'"((?:[^"\\]|\\.)*)"|([^,\s"\[\]]+)', text)
            return [quoted or plain for quoted, plain in parts]
        if len(text) > 1 and text[0] == text[-1] == '"':
            return text[1:-1]
        return {"": None, "true": True, "false": False}.get(text, text)

    def _depth(self) -> int:
        return len(self._lines[0]) - len(self._lines[0].lstrip())


COMPOSE = Yaml(TEXT).read()
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]


def test_the_services_are_those_of_two_profiles() -> None:
    """One process by itself, or PostgreSQL, a migration and two replicas; never both by accident."""
    profiles = {name: service["profiles"] for name, service in SERVICES.items()}
    assert profiles.pop("moonthread") == ["single"]
    assert profiles == {name: ["cluster"] for name in ("postgres", "migrate", "replica")}
    assert SERVICES["replica"]["deploy"]["replicas"] == "2"
    example = (ROOT / ".env.example").read_text(encoding="utf-8")
    assert "\nCOMPOSE_PROFILES=single\n" in example


def test_every_setting_stands_in_the_compose_file() -> None:
    """Each is passed on from .env under its own name, but for those fixed by the container.

    Former names are passed on too: a setting that hides people's data must not end in silence.
    """
    given = SERVICES["moonthread"]["environment"]
    plain = {name: value for name, value in given.items() if name not in secret_file_variables()}
    assert set(plain) == {spec.name for spec in setting_specs()} | RENAMED.keys()
    for name in set(plain) - IN_CONTAINER - {"KIMI_API_KEY"}:
        assert plain[name] == f"${{{name}:-}}"
    assert plain["KIMI_API_KEY"] == "${KIMI_API_KEY:-${MOONSHOT_API_KEY:-}}"
    assert set(re.findall(r"\$\{([A-Z0-9_]+)", TEXT)) <= setting_names() | secret_file_variables() | FOREIGN


@pytest.mark.parametrize("name", OURS)
def test_the_environment_holds_only_settings(name: str) -> None:
    """No service of ours is given a variable that the code does not read."""
    assert (
        set(SERVICES[name]["environment"])
        <= {spec.name for spec in setting_specs()} | secret_file_variables() | RENAMED.keys()
    )


def test_replicas_have_the_same_settings_but_for_the_database() -> None:
    """They are the single process's, on PostgreSQL, whose tables another service keeps."""
    single, replica = SERVICES["moonthread"]["environment"], SERVICES["replica"]["environment"]
    changed = {name for name in replica if replica[name] != single.get(name)}
    assert changed == {"DATABASE_URL", "DATABASE_URL_FILE", "MOONTHREAD_MIGRATE"}
    assert set(single) <= set(replica)


@pytest.mark.parametrize("name", SERVICES)
def test_every_secret_comes_from_a_file_that_is_mounted(name: str) -> None:
    """A *_FILE names a secret of this service, each secret is declared, and all of ours may be files."""
    environment = SERVICES[name]["environment"]
    wanted = {value for key, value in environment.items() if key.endswith("_FILE")}
    assert wanted == {f"/run/secrets/{secret}" for secret in SERVICES[name]["secrets"]}
    assert set(SERVICES[name]["secrets"]) <= set(COMPOSE["secrets"])
    if name == "replica":
        assert {key for key in environment if key.endswith("_FILE")} == secret_file_variables()


def test_each_secrets_file_is_named_by_its_own_variable() -> None:
    """In .env it is the same variable as in the container; what is not in use is an empty file."""
    for secret, source in COMPOSE["secrets"].items():
        needed = secret in {"database_url", "postgres_password"}
        default = f"./secrets/{secret}" if needed else "/dev/null"
        assert source == {"file": f"${{{secret.upper()}_FILE:-{default}}}"}
    assert "/secrets/" in (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()
    assert "!secrets" not in (ROOT / ".dockerignore").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", SERVICES)
def test_no_service_has_more_rights_than_it_needs(name: str) -> None:
    """No root, no capabilities, a file system that cannot be written, and limits."""
    service = SERVICES[name]
    assert service["read_only"] is True
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", service["user"])
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert set(service["deploy"]["resources"]["limits"]) == {"cpus", "memory", "pids"}
    assert "privileged" not in service


def test_the_user_is_the_images() -> None:
    """The number in the compose file is the one that owns /data in the image."""
    assert SERVICES["moonthread"]["user"] == "10001:10001"
    assert "groupadd --gid 10001 moonthread" in DOCKERFILE
    assert "useradd --uid 10001 --gid moonthread" in DOCKERFILE


def test_every_path_that_is_written_can_be() -> None:
    """The code writes below the data directory and into the system's temporary folder, nowhere else."""
    paths = {field for field, info in Settings.model_fields.items() if info.annotation is Path}
    assert paths == {"data_dir"}
    for name in OURS:
        volumes = [volume.split(":")[1] for volume in SERVICES[name]["volumes"]]
        assert volumes == ["/data"]
        assert SERVICES[name]["tmpfs"] == ["/tmp"]  # noqa: S108 (a mount's name)
    assert SERVICES["moonthread"]["environment"]["MOONTHREAD_DATA_DIR"] == "/data"
    assert "MOONTHREAD_DATA_DIR=/data " in DOCKERFILE
    assert "VOLUME /data" in DOCKERFILE
    sources = [source for folder in ("core", "bots") for source in (ROOT / folder).rglob("*.py")]
    for source in sources:
        if "simulator" in source.parts:
            continue
        text = source.read_text(encoding="utf-8")
        made = re.findall(r"(?:TemporaryDirectory|mkdtemp|NamedTemporaryFile|mkstemp)\(([^\n]*)", text)
        assert all("dir=" in call for call in made), source
    used = {volume.split(":")[0] for service in SERVICES.values() for volume in service["volumes"]}
    assert used == set(COMPOSE["volumes"])


def test_the_containers_own_values_are_valid() -> None:
    """With an empty .env the container's settings load, and its port is the same everywhere."""
    given = SERVICES["moonthread"]["environment"]
    settings = load({name: given[name] for name in IN_CONTAINER}, None)
    port = str(settings.http_port)
    assert f"EXPOSE {port}\n" in DOCKERFILE
    for name in ("moonthread", "replica"):
        assert SERVICES[name]["ports"][0].split(":")[-1] == port
        assert f":{port}/healthz" in SERVICES[name]["healthcheck"]["test"][-1]
    assert settings.http_host == "0.0.0.0"  # noqa: S104 (within the container)


def test_the_health_checks_ask_for_what_exists() -> None:
    """The paths are routes of the service."""
    routes = " ".join(source.read_text(encoding="utf-8") for source in (ROOT / "bots").rglob("*.py"))
    asked = set(re.findall(r"(?:8080|path:) ?(/[a-z]+)", TEXT + README))
    assert asked >= {"/healthz", "/readyz"}
    for path in asked:
        assert f'Route("{path}"' in routes


def test_the_container_waits_longer_than_the_service() -> None:
    """Running answers are not cut by the engine before their own grace ends."""
    for name in OURS:
        patience = re.fullmatch(r"(\d+)s", SERVICES[name]["stop_grace_period"])
        assert patience
        assert int(patience[1]) > load({}, None).shutdown_grace_s


def test_every_command_is_one_of_ours() -> None:
    """The image starts the console script, and what follows are commands that it knows."""
    assert 'ENTRYPOINT ["moonthread"]' in DOCKERFILE
    told = [SERVICES[name]["command"] for name in ("migrate", "replica")]
    told += [
        Yaml(f"command: {found}").read()["command"]
        for found in re.findall(r"^CMD (\[.+\])$", DOCKERFILE, re.M)
    ]
    told += [Yaml(f"args: {found}").read()["args"] for found in re.findall(r"args: (\[.+\])", README)]
    told += [found.split() for found in re.findall(r"run --rm moonthread ([a-z]+)", TEXT + README)]
    assert len(told) >= 6
    for words in told:
        command: Any = get_command(app)
        for word in words:
            command = command.get_command(None, word)
            assert command is not None, words


def test_the_migration_runs_once_before_the_replicas() -> None:
    """PostgreSQL answers first, the migration ends well second, and replicas do not migrate."""
    assert SERVICES["migrate"]["restart"] == "no"
    assert SERVICES["migrate"]["depends_on"] == {"postgres": {"condition": "service_healthy"}}
    waits = SERVICES["replica"]["depends_on"]
    assert waits["migrate"] == {"condition": "service_completed_successfully"}
    assert SERVICES["replica"]["environment"]["MOONTHREAD_MIGRATE"] == "never"
    assert COMPOSE["networks"] == {"database": {"internal": True}}
    assert "database" in SERVICES["replica"]["networks"]
    assert SERVICES["postgres"]["networks"] == SERVICES["migrate"]["networks"] == ["database"]


# -- the manifest for Kubernetes -----------------------------------------------------------------------


def manifests() -> dict[str, Any]:
    """Return the documents of the manifest by kind."""
    block = re.search(r"```yaml\n(apiVersion.+?)```", README, re.DOTALL)
    assert block
    made = [Yaml(text).read() for text in block[1].split("\n---\n")]
    return {one["kind"]: one for one in made}


def test_the_manifest_has_what_the_compose_file_has() -> None:
    """A migration, two replicas that are not root, limits, probes, secrets as files."""
    made = manifests()
    assert set(made) == {"Job", "Deployment", "Service"}
    assert made["Deployment"]["spec"]["replicas"] == "2"
    for kind in ("Job", "Deployment"):
        pod = made[kind]["spec"]["template"]["spec"]
        (container,) = pod["containers"]
        assert pod["securityContext"]["runAsUser"] == "10001"
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert container["securityContext"]["readOnlyRootFilesystem"] is True
        assert container["securityContext"]["allowPrivilegeEscalation"] is False
        assert set(container["resources"]["limits"]) == {"cpu", "memory"}
        mounted = {mount["mountPath"] for mount in container["volumeMounts"]}
        assert mounted >= {"/tmp", "/data", "/run/secrets"}  # noqa: S108 (mounts' names)
        assert {mount["name"] for mount in container["volumeMounts"]} == {
            one["name"] for one in pod["volumes"]
        }
        given = {variable["name"]: variable["value"] for variable in container["env"]}
        assert set(given) <= {spec.name for spec in setting_specs()} | secret_file_variables()
        files = {value for name, value in given.items() if name.endswith("_FILE")}
        assert files
        assert all(file.startswith("/run/secrets/") for file in files)


def test_the_manifests_ports_and_graces_agree() -> None:
    """Probes and service find the port, and Kubernetes waits longer than the service."""
    made = manifests()
    pod = made["Deployment"]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    port = str(load({}, None).http_port)
    assert container["ports"] == [{"containerPort": port}]
    assert made["Service"]["spec"]["ports"][0]["targetPort"] == port
    assert container["livenessProbe"]["httpGet"] == {"path": "/healthz", "port": port}
    assert container["readinessProbe"]["httpGet"] == {"path": "/readyz", "port": port}
    assert int(pod["terminationGracePeriodSeconds"]) > load({}, None).shutdown_grace_s
    labels = made["Deployment"]["spec"]["template"]["metadata"]["labels"]
    assert (
        made["Service"]["spec"]["selector"] == labels == made["Deployment"]["spec"]["selector"]["matchLabels"]
    )
