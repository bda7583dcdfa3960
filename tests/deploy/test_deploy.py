"""The files of deploy/ and the GitHub Action: valid, without secrets, and with a script that works."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.ingest.cli.logs import write_log

ROOT = Path(__file__).parent.parent.parent
DEPLOY = ROOT / "deploy"
ACTION = ROOT / ".github/actions/compare/action.yml"
MANIFESTS = sorted((DEPLOY / "kubernetes").glob("*.yaml"))


@pytest.mark.parametrize(
    "schema, file", [("vendor.compose-spec", DEPLOY / "docker-compose.yml"), ("vendor.github-actions", ACTION)]
)
def test_schemas_accept(schema: str, file: Path) -> None:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, str(file)]
    checked = subprocess.run(command, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout


def documents() -> list[dict[str, Any]]:
    return [one for path in MANIFESTS for one in yaml.safe_load_all(path.read_text())]


def pods() -> list[dict[str, Any]]:
    found = []
    for one in documents():
        if one["kind"] == "CronJob":
            found.append(one["spec"]["jobTemplate"]["spec"]["template"]["spec"])
        elif one["kind"] == "Deployment":
            found.append(one["spec"]["template"]["spec"])
    return found


def test_pods_are_restricted_and_take_secrets_by_reference() -> None:
    assert {one["kind"] for one in documents()} == {"Deployment", "CronJob", "PersistentVolumeClaim"}
    for pod in pods():
        assert pod["securityContext"]["runAsNonRoot"] and not pod["automountServiceAccountToken"]
        (container,) = pod["containers"]
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert container["envFrom"] == [{"secretRef": {"name": "afterglow"}}]
        assert not [one for one in container["env"] if "value" in one and "KEY" in one["name"].upper()]


def test_commands_have_only_options_that_exist() -> None:
    from typer.main import get_command

    from afterglow.ingest.cli import app

    backfill = get_command(app).commands["backfill"]  # type: ignore[attr-defined]
    known = {name for parameter in backfill.params for name in (*parameter.opts, *parameter.secondary_opts)}
    compose = yaml.safe_load((DEPLOY / "docker-compose.yml").read_text())
    commands = [compose["services"]["afterglow"]["command"], *(pod["containers"][0]["args"] for pod in pods())]
    for command in commands:
        assert command[0] == "backfill"
        assert {word.partition("=")[0] for word in command if word.startswith("--")} <= known


def test_image_runs_without_root_and_copies_what_is_there() -> None:
    lines = (DEPLOY / "Dockerfile").read_text().splitlines()
    assert [line for line in lines if line.startswith("USER")] == ["USER 10001"]
    assert sum(line.startswith("FROM") for line in lines) == 2
    copied = [word for line in lines if re.match(r"COPY (?!--from)", line) for word in line.split()[1:-1]]
    assert copied and all((ROOT / name).exists() for name in copied)
    ignored = (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines()
    assert {f"!{name}" for name in copied} <= set(ignored)


@pytest.mark.parametrize("limit, code", [("time/duration_s > 1000%", 0), ("time/duration_s > 10%", 1)])
def test_action_compares_and_fails_by_its_limit(tmp_path: Path, limit: str, code: int) -> None:
    before = write_log(tmp_path, file="before", duration_ms=10_000)
    after = write_log(tmp_path, file="after", duration_ms=20_000)
    (step,) = [one for one in yaml.safe_load(ACTION.read_text())["runs"]["steps"] if one["name"] == "Compare"]
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "BEFORE": str(before),
        "AFTER": str(after),
        "HTML": "comparison.html",
        "MLFLOW_TRACKING_URI": "",
        "AFTERGLOW_FAIL_IF": limit,
        "GITHUB_OUTPUT": str(tmp_path / "output"),
        "GITHUB_STEP_SUMMARY": str(tmp_path / "summary"),
    }
    ran = subprocess.run(
        ["bash", "-e", "-c", step["run"]], env=environment, cwd=tmp_path, capture_output=True, text=True
    )
    assert ran.returncode == code, ran.stderr
    assert "sentence=100 % slower: 10 s before, 20 s after" in (tmp_path / "output").read_text()
    assert ("limit" not in ran.stderr) == (code == 0) and (tmp_path / "comparison.html").exists()
    assert ("- time/duration_s > 10%" in (tmp_path / "summary").read_text()) == bool(code)
    assert json.loads((tmp_path / "comparison.json").read_text())["verdict"] == "slower"
