"""The configuration file that `ocs-elastic init` writes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from toolkit.catalogue import read_catalogue
from toolkit.cli.cluster import connection_and_settings
from toolkit.cli.main import app
from toolkit.config import Settings, load_settings, sample
from toolkit.config.keys import CONNECTION_KEYS, OCS_KEYS, SETTING_KEYS
from toolkit.errors import ToolkitError


@pytest.fixture(autouse=True)
def _folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)


def uncommented() -> str:
    return re.sub(r"^( *)#(?=[a-z])", r"\1", sample(), flags=re.MULTILINE)


def test_the_file_loads_and_changes_nothing() -> None:
    assert CliRunner().invoke(app, ["init"]).exit_code == 0
    assert load_settings(None) == Settings()


def test_what_it_shows_are_the_defaults() -> None:
    Path("ocs-elastic.yml").write_text(uncommented(), encoding="utf-8")
    catalogue = read_catalogue()
    expected = Settings(
        frozen_dashboards="frozen",
        migrations="migrations",
        labels={"state": {"running": "Running"}},
        state_change_actions=tuple(catalogue.state_change_actions),
    )
    assert load_settings(None) == expected
    assert load_settings(None, profile="test") == expected


def test_every_key_is_in_it_once() -> None:
    value = yaml.safe_load(uncommented())
    assert list(value) == [*(key.name for key in SETTING_KEYS), "profiles"]
    assert list(value["profiles"]["test"]) == [key.name for key in (*CONNECTION_KEYS, *OCS_KEYS)]


def test_a_file_that_is_there_stays_unless_forced() -> None:
    file = Path("mine.yml")
    file.write_text("shards: 2\n", encoding="utf-8")
    result = CliRunner().invoke(app, ["init", "--config", "mine.yml"])
    assert isinstance(result.exception, ToolkitError)
    assert (result.exception.reason, result.exception.exit_code) == ("mine.yml is there already, and stays as it is", 1)
    assert file.read_text(encoding="utf-8") == "shards: 2\n"
    assert CliRunner().invoke(app, ["init", "--config", "mine.yml", "--force"]).exit_code == 0
    assert file.read_text(encoding="utf-8") == sample()


def test_a_folder_that_is_absent_is_an_error() -> None:
    result = CliRunner().invoke(app, ["init", "--config", "absent/mine.yml"])
    assert isinstance(result.exception, ToolkitError)
    assert "absent/mine.yml cannot be written" in result.exception.reason.replace("\\", "/")


def test_commands_take_the_profiles_settings_and_say_warnings_once(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("ELASTICSEARCH_URL", raising=False)
    Path("key").write_text("k", encoding="utf-8")
    Path("c.yml").write_text(
        "profiles: {test: {url: 'http://far.example:9200', api_key_file: key, namespace: bar}}\n", encoding="utf-8"
    )
    for _ in range(2):
        connection, settings = connection_and_settings("test", None, Path("c.yml"))
    assert (connection.url, settings.namespace) == ("http://far.example:9200", "bar")
    assert capsys.readouterr().err.count("warning: the credential goes to http://far.example:9200 unencrypted") == 1
    assert connection_and_settings("test", "flag", Path("c.yml"))[1].namespace == "flag"
