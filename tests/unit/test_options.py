"""`ocs-elastic options`: what is to be pasted, without a server and without a secret."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.unit.commands import Command, command


@pytest.fixture(name="options")
def _options(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Command:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ELASTICSEARCH_URL", "https://es.example:9243")
    run = command(monkeypatch, capsys)
    return lambda *arguments: run("options", *arguments)


def pasted(text: str) -> list[str]:
    return [line for line in text.splitlines() if " = " in line]


def test_what_is_pasted_begins_with_the_encoding(options: Command) -> None:
    ran = options("--namespace", "bank")
    assert (ran.code, ran.err) == (0, "")
    assert pasted(ran.out) == [
        "encoding = UTF-8",
        "send-campaigngroup-states = true",
        "campaigngroup-states-uri = https://es.example:9243/ocs-campaign-groups-bank/_doc",
        "campaigngroup-states-interval = 10",
    ]


def test_the_interval_is_the_configured_one_by_which_status_knows_who_is_silent(
    options: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "an active group; the default" in options().out
    monkeypatch.setenv("OCS_ELASTIC_INTERVAL_S", "30")
    out = options().out
    assert "campaigngroup-states-interval = 30" in pasted(out)
    assert "the default" not in out


@pytest.mark.parametrize(
    "words",
    [
        "Application object",
        "8.1.512.02",
        "8.1.517.04",
        "81000",
        "81001",
        "OCS knows one URI",
        "Müller",
        "create_doc on ocs-campaign-groups-default and",
        "Content-Type",
        "keep-alive",
        "<user>:<password>@es.example:9243",
        "credentials create --namespace default",
        "--format nginx",
        "xpack.security.authc.anonymous.roles: ocs-elastic-ocs-default",
        "known: no release is known to",
        "known: every OCS that sends this notification: 8.1.512.02 and later",
    ],
)
def test_what_somebody_who_sets_up_ocs_must_know(options: Command, words: str) -> None:
    assert words in " ".join(options().out.split())


@pytest.mark.parametrize(("user", "api_key"), [("me:s3cret@", ""), ("", "als0secret")])
def test_the_operators_credential_is_never_in_it(
    options: Command, monkeypatch: pytest.MonkeyPatch, user: str, api_key: str
) -> None:
    monkeypatch.setenv("ELASTICSEARCH_URL", f"https://{user}es.example:9243/behind/a/proxy/")
    monkeypatch.setenv("ELASTICSEARCH_API_KEY", api_key)
    for arguments in ((), ("--json",)):
        out = options(*arguments).out
        assert "https://es.example:9243/behind/a/proxy/ocs-campaign-groups-default/_doc" in out
        assert "s3cret" not in out
        assert "als0secret" not in out


@pytest.mark.parametrize(
    ("url", "note"),
    [
        ("http://127.0.0.1:9200", "127.0.0.1 is this machine"),
        ("http://localhost:9200", "localhost is this machine"),
        ("http://[::1]:9200", "::1 is this machine"),
        ("https://es.example:9200", "must trust the CA"),
    ],
)
def test_notes_that_depend_on_the_address(
    options: Command, monkeypatch: pytest.MonkeyPatch, url: str, note: str
) -> None:
    monkeypatch.setenv("ELASTICSEARCH_URL", url)
    out = options().out
    assert note in out
    assert f"campaigngroup-states-uri = {url}/ocs-campaign-groups-default/_doc" in out


def test_only_what_needs_nothing_of_ocs_is_said_to_be_known(options: Command) -> None:
    """What nobody has seen an OCS do is not promised."""
    for way in json.loads(options("--json").out)["authentication"]:
        assert ("no release is known to" in way["known"]) is not way["needs"].startswith("nothing of OCS"), way["name"]


def test_over_http_a_credential_can_be_read_on_the_way(options: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "it can be read on the way" not in options().out
    monkeypatch.setenv("ELASTICSEARCH_URL", "http://es.example:9200")
    assert "it can be read on the way" in " ".join(options().out.split())


def test_json(options: Command) -> None:
    found = json.loads(options("--json").out)
    assert found["options"][0]["name"] == "encoding"
    assert found["options"][2]["value"] == "https://es.example:9243/ocs-campaign-groups-default/_doc"
    assert found["since"] == {"notifications": "8.1.512.02", "statistics": "8.1.517.04"}
    assert found["log_events"].keys() == {"81000", "81001"}
    assert {"name", "how", "needs", "known", "risk"} == found["authentication"][0].keys()
    assert all(all(way.values()) for way in found["authentication"])
    assert found["unconfirmed"]
    assert found["notes"]


@pytest.mark.parametrize("url", ["es.example:9200", "ftp://es.example", "https://es.example:port"])
def test_bad_address_is_a_usage_error_that_names_its_source(
    options: Command, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setenv("ELASTICSEARCH_URL", url)
    ran = options()
    assert (ran.code, ran.out) == (2, "")
    assert "error: ELASTICSEARCH_URL: 'url' must be an address such as https://host:9200" in ran.err
