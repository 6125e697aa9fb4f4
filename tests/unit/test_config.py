"""Settings and connections: precedence, and errors that name the place."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from toolkit.config import Settings, load_connection, load_settings
from toolkit.errors import ConfigurationError


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in list(os.environ):
        if name.startswith(("ELASTICSEARCH_", "OCS_ELASTIC_", "KIBANA_")):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OCS_ELASTIC_STATE", str(tmp_path / "state"))


def write(text: str) -> None:
    Path("ocs-elastic.yml").write_text(text, encoding="utf-8")


def test_without_anything_the_defaults_hold() -> None:
    assert load_settings(None) == Settings()


def test_a_flag_goes_before_the_environment_before_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    write("namespace: file\nretention_days: 7\nreplicas: 2\nlabels:\n  state: {running: Läuft}\n")
    monkeypatch.setenv("OCS_ELASTIC_NAMESPACE", "environment")
    monkeypatch.setenv("OCS_ELASTIC_REFRESH_INTERVAL_S", "1")
    settings = load_settings(None)
    assert (settings.namespace, settings.retention_days, settings.refresh_interval_s) == ("environment", 7, 1)
    assert settings.replicas == "2"
    assert settings.labels == {"state": {"running": "Läuft"}}
    assert settings.transform_delay_s == 6
    assert load_settings(None, namespace="flag").namespace == "flag"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("retention_dayz: 7\n", "ocs-elastic.yml:1: unknown key 'retention_dayz'"),
        ("\nretention_days: 0\n", "ocs-elastic.yml:2: 'retention_days' must be a whole number of days"),
        ("retention_days: true\n", "ocs-elastic.yml:1: 'retention_days' must be"),
        ("namespace: Bar\n", "ocs-elastic.yml:1: 'namespace' must be 1 to 80 of a-z"),
        ("namespace: ''\n", "ocs-elastic.yml:1: 'namespace' must be"),
        ("replicas: 0-x\n", "ocs-elastic.yml:1: 'replicas' must be"),
        ("rollover_size: 25\n", "ocs-elastic.yml:1: 'rollover_size' must be a size"),
        ("index_mode: logdb\n", "ocs-elastic.yml:1: 'index_mode' must be"),
        ("labels: {state: [a]}\n", "ocs-elastic.yml:1: 'labels' must be"),
        ("namespace: a\nnamespace: b\n", "ocs-elastic.yml:2: key 'namespace' stands twice"),
        ("- a\n", "ocs-elastic.yml:1: must be a mapping"),
        ("a: [\n", "ocs-elastic.yml: line 2"),
    ],
)
def test_a_wrong_file_is_an_error_with_its_line(text: str, reason: str) -> None:
    write(text)
    with pytest.raises(ConfigurationError) as caught:
        load_settings(None)
    assert caught.value.reason.startswith(reason)
    assert caught.value.exit_code == 2


def test_a_wrong_variable_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OCS_ELASTIC_RETENTION_DAYS", "ninety")
    with pytest.raises(ConfigurationError, match=r"^OCS_ELASTIC_RETENTION_DAYS: 'retention_days' must be"):
        load_settings(None)


def test_a_named_file_must_be_there() -> None:
    with pytest.raises(ConfigurationError, match=r"absent\.yml: cannot be read"):
        load_settings(Path("absent.yml"))


def test_address_and_credential_come_from_one_source(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_text("from-file\n", encoding="utf-8")
    write(f"profiles:\n  test:\n    url: https://test:9200\n    api_key_file: {key}\n")
    monkeypatch.setenv("ELASTICSEARCH_API_KEY", "from-environment")
    connection = load_connection(None, profile="test")
    assert (connection.url, connection.api_key) == ("https://test:9200", "from-file")
    monkeypatch.setenv("ELASTICSEARCH_URL", "https://u:secret@other:9200")
    assert load_connection(None, profile=None).api_key == "from-environment"
    with pytest.raises(ConfigurationError, match="profile 'test' is https://test:9200, but") as caught:
        load_connection(None, profile="test")
    assert "secret" not in caught.value.reason
    monkeypatch.setenv("ELASTICSEARCH_URL", "https://test:9200/")
    assert load_connection(None, profile="test").api_key == "from-file"


def test_no_secret_shows_in_what_a_connection_prints(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ELASTICSEARCH_URL", "https://host:9200")
    monkeypatch.setenv("ELASTICSEARCH_API_KEY", "hidden")
    monkeypatch.setenv("ELASTICSEARCH_PASSWORD", "hidden")
    assert "hidden" not in repr(load_connection(None, profile=None))


@pytest.mark.parametrize(
    ("text", "profile", "reason"),
    [
        ("", None, "no cluster is named"),
        ("", "test", "ocs-elastic.yml: no profile 'test'"),
        ("profiles: {prod: {url: https://p}}\n", "prd", "ocs-elastic.yml: no profile 'prd'"),
        ("profiles: {prod: {}}\n", "prod", "ocs-elastic.yml:1: profile 'prod' needs a url"),
        ("profiles: {prod: {url: https://p, pasword_file: x}}\n", "prod", "ocs-elastic.yml:1: unknown key"),
        ("profiles: {prod: {url: https://p, password_file: x}}\n", "prod", "ocs-elastic.yml:1: x cannot be read"),
        ("", "local", "profile 'local' is the embedded engine, and none is up"),
    ],
)
def test_a_cluster_that_is_not_named_properly_is_an_error(text: str, profile: str | None, reason: str) -> None:
    write(text)
    with pytest.raises(ConfigurationError) as caught:
        load_connection(None, profile=profile)
    assert caught.value.reason.startswith(reason)


def test_the_embedded_engine_is_found_by_its_record(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "local.json").write_text(json.dumps({"url": "http://127.0.0.1:9"}), encoding="utf-8")
    connection = load_connection(None, profile="local")
    assert connection.url == "http://127.0.0.1:9"
    assert connection.embedded
