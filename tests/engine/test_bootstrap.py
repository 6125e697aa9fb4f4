"""`bootstrap` as it is typed, on a real engine: once, and again."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.running import Engine
from toolkit.apply import remove
from toolkit.config import Settings
from toolkit.credentials import found, revoke
from toolkit.uses.deployment import Deployment
from toolkit.uses.destroy import users_of_shared

Bootstrap = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def target(engine: Engine) -> Iterator[Deployment]:
    """A namespace in which nothing is installed, nor is afterwards."""
    made = Deployment(engine.transport, engine.server, Settings(namespace=f"boot_{secrets.token_hex(4)}"))
    yield made
    if engine.server.manages_security:
        for credential in found(engine.transport, made.settings.namespace):
            revoke(engine.transport, credential)
    used = users_of_shared(made)
    remove(engine.transport, [resource for resource in made.resources if resource.namespace or not used])


@pytest.fixture
def bootstrap(target: Deployment, engine: Engine, tmp_path: Path) -> Bootstrap:
    connection = engine.connection
    environment = {
        **os.environ,
        "ELASTICSEARCH_URL": connection.url,
        "OCS_ELASTIC_NAMESPACE": target.settings.namespace,
        "OCS_ELASTIC_STATE": str(tmp_path),
    }
    if connection.username:
        environment |= {
            "ELASTICSEARCH_USERNAME": connection.username,
            "ELASTICSEARCH_PASSWORD": connection.password or "",
        }
    arguments = []
    if connection.embedded:
        (tmp_path / "local.json").write_text(f'{{"url": "{connection.url}"}}', encoding="utf-8")
        del environment["ELASTICSEARCH_URL"]
        arguments = ["--profile", "local"]

    def run(*more: str) -> subprocess.CompletedProcess[str]:
        line = [sys.executable, "-m", "toolkit", "bootstrap", "--yes", *arguments, *more]
        return subprocess.run(
            line, cwd=tmp_path, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        )

    return run


def test_once_and_again(bootstrap: Bootstrap, target: Deployment) -> None:
    first, second = bootstrap("--no-credentials"), bootstrap("--no-credentials")
    for ran in (first, second):
        assert ran.returncode == 0, ran
        assert "FAILED" not in ran.stdout
        assert " checks ok, 1 not made" in ran.stdout
        assert f"/ocs-campaign-groups-{target.settings.namespace}/_doc\n" in ran.stdout
        assert "No credential was made for OCS: left out by --no-credentials" in ran.stdout
    assert "the plan is empty now" in first.stdout
    assert "Nothing to do." in second.stdout


def test_where_security_is_off_it_says_so(bootstrap: Bootstrap, engine: Engine) -> None:
    if engine.server.security:
        pytest.skip("security is on")
    ran = bootstrap()
    assert ran.returncode == 0, ran
    assert "No credential was made for OCS: " in ran.stdout


def test_an_administrator_makes_ocss_credential_once(
    bootstrap: Bootstrap, target: Deployment, engine: Engine, tmp_path: Path
) -> None:
    if not engine.server.manages_security:
        pytest.skip("security is off, or the tests' credential is no administrator's")
    for _ in range(2):
        ran = bootstrap("--credential-output", "ocs.password")
        assert ran.returncode == 0, ran
        assert "/_doc, with OCS's own credential\n" in ran.stdout
        assert " not made" not in ran.stdout
        assert (tmp_path / "ocs.password").read_text(encoding="utf-8").strip() not in ran.stdout + ran.stderr
        assert len(found(engine.transport, target.settings.namespace)) == 1
