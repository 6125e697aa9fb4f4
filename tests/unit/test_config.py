"""Settings and connections: precedence, and errors that name the place."""

from __future__ import annotations

import base64
import json
import os
from pathlib import Path

import pytest

from toolkit.config import (
    Connection,
    OcsAccess,
    Settings,
    load_connection,
    load_ocs_access,
    load_ocs_uri,
    load_settings,
)
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
        ("namespace: Bar\n", "ocs-elastic.yml:1: 'namespace' must be 1 to 46 of a-z"),
        (f"namespace: {'z' * 47}\n", "ocs-elastic.yml:1: 'namespace' must be 1 to 46 of a-z"),
        ("namespace: a.\n", "ocs-elastic.yml:1: 'namespace' must be 1 to 46 of a-z"),
        ("namespace: ''\n", "ocs-elastic.yml:1: 'namespace' must be"),
        ("replicas: 0-x\n", "ocs-elastic.yml:1: 'replicas' must be"),
        ("rollover_size: 25\n", "ocs-elastic.yml:1: 'rollover_size' must be a size"),
        ("index_mode: logdb\n", "ocs-elastic.yml:1: 'index_mode' must be"),
        ("labels: {state: [a]}\n", "ocs-elastic.yml:1: 'labels' must be"),
        ("namespace: a\nnamespace: b\n", "ocs-elastic.yml:2: key 'namespace' stands twice"),
        ("- a\n", "ocs-elastic.yml:1: must be a mapping"),
        ("a: [\n", "ocs-elastic.yml:2: "),
        ("url: https://h:9200\n", "ocs-elastic.yml:1: unknown key 'url'"),
        ("profiles: [a]\n", "ocs-elastic.yml:1: 'profiles' must be a mapping"),
        ("profiles:\n  a: x\n", "ocs-elastic.yml:2: profile 'a' must be a mapping"),
        ("profiles:\n  a:\n    shards: 0\n", "ocs-elastic.yml:3: 'shards' must be a whole number, 1 or more, not 0"),
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
    monkeypatch.setenv("ELASTICSEARCH_URL", "https://other:9200")
    assert load_connection(None, profile=None).api_key == "from-environment"
    monkeypatch.setenv("ELASTICSEARCH_URL", "https://u:secret@other:9200")
    with pytest.raises(ConfigurationError, match="profile 'test' is https://test:9200, but") as caught:
        load_connection(None, profile="test")
    assert "secret" not in caught.value.reason
    monkeypatch.setenv("ELASTICSEARCH_URL", "https://test:9200/")
    assert load_connection(None, profile="test").api_key == "from-file"


@pytest.mark.parametrize(
    "environment",
    [
        {"ELASTICSEARCH_API_KEY": "hidden"},
        {"ELASTICSEARCH_USERNAME": "u", "ELASTICSEARCH_PASSWORD": "hidden"},
        {"ELASTICSEARCH_URL": "https://u:hidden@host:9200,https://u:hidden@other:9200"},
        {"ELASTICSEARCH_PROXY": "http://u:hidden@proxy:3128"},
    ],
)
def test_no_secret_shows_in_what_a_connection_prints(
    environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"ELASTICSEARCH_URL": "https://host:9200", **environment}.items():
        monkeypatch.setenv(name, value)
    connection = load_connection(None, profile=None)
    assert "hidden" not in f"{connection!r} {connection.shown_url} {connection.shown_proxy} {connection.hosts}"


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


def test_a_hint_names_the_nearest_key_or_its_place() -> None:
    for text, hint in (
        ("retention_dayz: 7\n", "Did you mean 'retention_days'?"),
        ("profiles: {a: {api_key: x}}\n", "Did you mean 'api_key_file'?"),
        ("url: https://h:9200\n", "'url' belongs in a profile, under 'profiles' and a name of your choice"),
    ):
        write(text)
        with pytest.raises(ConfigurationError) as caught:
            load_settings(None)
        assert caught.value.hint == hint


def test_a_profile_goes_before_the_top_of_the_file_and_after_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    write("retention_days: 7\nshards: 2\nprofiles:\n  test: {url: https://t:9200, retention_days: 3, shards: 3}\n")
    monkeypatch.setenv("OCS_ELASTIC_SHARDS", "4")
    settings = load_settings(None, profile="test")
    assert (settings.retention_days, settings.shards) == (3, 4)
    assert load_settings(None).retention_days == 7
    monkeypatch.setenv("OCS_ELASTIC_PROFILE", "test")
    assert load_settings(None).retention_days == 3


def test_a_namespace_of_digits_may_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OCS_ELASTIC_NAMESPACE", "2026")
    assert load_settings(None).namespace == "2026"


def test_a_profile_without_an_address_leaves_it_to_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    write("profiles: {test: {retention_days: 3}}\n")
    monkeypatch.setenv("ELASTICSEARCH_URL", "https://host:9200")
    assert load_connection(None, profile="test").url == "https://host:9200"


def test_a_credential_without_an_address_is_not_mixed_with_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    write("profiles: {test: {api_key_file: key}}\n")
    monkeypatch.setenv("ELASTICSEARCH_URL", "https://host:9200")
    with pytest.raises(ConfigurationError, match=r"ocs-elastic\.yml:1: profile 'test' needs a url"):
        load_connection(None, profile="test")


def test_everything_of_a_connection_can_stand_in_a_profile(tmp_path: Path) -> None:
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    (folder / "password").write_text("geheim\n", encoding="utf-16")  # what Windows PowerShell 5 writes by ">"
    (folder / "password").chmod(0o600)
    (folder / "c.yml").write_text(
        "profiles:\n  test:\n    url: [https://a:9200/es/, https://b:9200]\n    username: u\n"
        "    password_file: password\n    ca_file: ca.crt\n    proxy: http://p:3128\n"
        "    request_timeout_s: 5\n    kibana: {url: https://k:5601/base/, space: team-1}\n",
        encoding="utf-8",
    )
    found = load_connection(folder / "c.yml", profile="test")
    assert found.hosts == ("https://a:9200/es", "https://b:9200")
    assert (found.username, found.password, found.ca_file) == ("u", "geheim", folder / "ca.crt")
    assert (found.proxy, found.request_timeout_s) == ("http://p:3128", 5)
    assert (found.kibana_url, found.kibana_space) == ("https://k:5601/base", "team-1")
    assert found.source == f"{folder / 'c.yml'}:3"
    assert found.warnings == ()


def test_everything_of_a_connection_can_stand_in_the_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "key").write_text("k", encoding="utf-8")
    for name, value in {
        "URL": "https://a:9200, https://b:9200",
        "API_KEY_FILE": "key",
        "FINGERPRINT": ":".join(["AB"] * 32),
        "PROXY": "http://p:3128",
        "REQUEST_TIMEOUT_S": "7",
    }.items():
        monkeypatch.setenv(f"ELASTICSEARCH_{name}", value)
    monkeypatch.setenv("KIBANA_URL", "https://k:5601")
    found = load_connection(None, profile=None)
    assert found.hosts == ("https://a:9200", "https://b:9200")
    assert found.shown_url == "https://a:9200 (and 1 more)"
    assert (found.api_key, found.fingerprint, found.request_timeout_s) == ("k", "ab" * 32, 7)
    assert (found.proxy, found.kibana_url, found.kibana_space) == ("http://p:3128", "https://k:5601", "default")
    monkeypatch.setenv("KIBANA_SPACE", "team_2")
    assert load_connection(None, profile=None).kibana_space == "team_2"


def test_a_cloud_id_names_both_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    text = base64.b64encode(b"europe.cloud.example:9243$abc$def:9244").decode()
    monkeypatch.setenv("ELASTICSEARCH_CLOUD_ID", f"my-cluster:{text}")
    found = load_connection(None, profile=None)
    assert found.url == "https://abc.europe.cloud.example:9243"
    assert found.kibana_url == "https://def.europe.cloud.example:9244"
    monkeypatch.setenv("KIBANA_SPACE", "team_2")
    found = load_connection(None, profile=None)
    assert (found.kibana_url, found.kibana_space) == ("https://def.europe.cloud.example:9244", "team_2")


@pytest.mark.parametrize("key", ["username", "ocs_username"])
def test_bad_user_with_a_colon(key: str) -> None:
    """Basic authentication would ask for the user whose name ends there."""
    write(f"profiles: {{test: {{url: https://a:9200, {key}: 'max:er', password_file: p}}}}\n")
    with pytest.raises(ConfigurationError, match=f"'{key}' must be text without a colon"):
        load_connection(None, profile="test")


@pytest.mark.parametrize(
    ("kibana", "reason"),
    [
        ("https://k:5601", "'kibana' must be a mapping"),
        ("{}", "'kibana' must be a mapping"),
        ("{url: k}", "'kibana' must be a mapping"),
        ("{url: https://k:5601, space: Team}", "'kibana' must be a mapping"),
        ("{url: https://k:5601, other: x}", "'kibana' must be a mapping"),
        ("{space: team}", "a space is named, but no address of Kibana"),
    ],
)
def test_bad_kibana(kibana: str, reason: str) -> None:
    write(f"profiles: {{test: {{url: https://a:9200, kibana: {kibana}}}}}\n")
    with pytest.raises(ConfigurationError, match=rf"ocs-elastic\.yml:1: {reason}"):
        load_connection(None, profile="test")


def test_a_space_without_an_address_is_a_mistake(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ELASTICSEARCH_URL", "https://a:9200")
    monkeypatch.setenv("KIBANA_SPACE", "team")
    with pytest.raises(ConfigurationError, match="KIBANA_SPACE: a space is named, but no address"):
        load_connection(None, profile=None)


def test_the_credential_goes_to_kibana_too(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"ELASTICSEARCH_URL": "https://a:9200", "ELASTICSEARCH_API_KEY": "k"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("KIBANA_URL", "http://far:5601")
    assert load_connection(None, profile=None).warnings == (
        "the credential goes to http://far:5601 unencrypted: use https",
    )


def test_the_folder_of_frozen_dashboards_is_relative_to_its_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "c.yml").write_text("frozen_dashboards: mine\n", encoding="utf-8")
    assert load_settings(tmp_path / "c.yml").frozen_dashboards == str(tmp_path / "mine")
    assert load_settings(None).frozen_dashboards is None
    monkeypatch.setenv("OCS_ELASTIC_FROZEN_DASHBOARDS", "here")
    assert load_settings(tmp_path / "c.yml").frozen_dashboards == "here"


@pytest.mark.skipif(os.name != "posix", reason="file modes say nothing on Windows")
def test_a_secret_that_everyone_can_read_is_a_warning(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("k", encoding="utf-8")
    (tmp_path / "key").chmod(0o644)
    write("profiles: {test: {url: http://far:9200, api_key_file: key}}\n")
    assert load_connection(None, profile="test").warnings == (
        "key can be read by everyone on this machine: chmod 600 key",
        "the credential goes to http://far:9200 unencrypted: use https",
    )
    (tmp_path / "key").chmod(0o600)
    write("profiles: {test: {url: 'http://127.0.0.1:9200', api_key_file: key}}\n")
    assert load_connection(None, profile="test").warnings == ()


@pytest.mark.parametrize(
    ("environment", "reason"),
    [
        ({"URL": "host:9200"}, "ELASTICSEARCH_URL: 'url' must be an address such as https://host:9200"),
        ({"URL": "https://u:hidden@ho st"}, "ELASTICSEARCH_URL: 'url' must be an address"),
        ({"CLOUD_ID": "x:hidden"}, "ELASTICSEARCH_CLOUD_ID: this is no Cloud id"),
        ({"URL": "https://h:1", "CLOUD_ID": "x"}, "ELASTICSEARCH_CLOUD_ID: ELASTICSEARCH_URL names a cluster too"),
        ({"URL": "https://h:1", "USERNAME": "u"}, "ELASTICSEARCH_URL: the password is missing"),
        ({"URL": "https://h:1", "PASSWORD": "hidden"}, "ELASTICSEARCH_URL: the user is missing"),
        ({"URL": "https://u:hidden@h:1", "API_KEY": "hidden"}, "ELASTICSEARCH_URL: an address holds a user, and"),
        ({"URL": "https://u:hidden@h:1,https://v:hidden@i:1"}, "ELASTICSEARCH_URL: an address holds a user, and"),
        ({"URL": "https://h:1", "API_KEY": "hidden", "API_KEY_FILE": "f"}, "ELASTICSEARCH_API_KEY_FILE: ELASTICS"),
        ({"URL": "https://h:1", "API_KEY": "k", "USERNAME": "u", "PASSWORD": "hidden"}, "ELASTICSEARCH_URL: an API"),
        ({"URL": "https://h:1", "API_KEY_FILE": "absent"}, "ELASTICSEARCH_API_KEY_FILE: absent cannot be read"),
        ({"URL": "https://h:1", "API_KEY_FILE": "lines"}, "ELASTICSEARCH_API_KEY_FILE: lines holds more than one"),
        ({"URL": "https://h:1", "API_KEY_FILE": "empty"}, "ELASTICSEARCH_API_KEY_FILE: empty is empty"),
        ({"URL": "https://h:1", "API_KEY_FILE": "bytes"}, "ELASTICSEARCH_API_KEY_FILE: bytes is not UTF-8"),
        ({"URL": "https://h:1", "FINGERPRINT": "ab:cd"}, "ELASTICSEARCH_FINGERPRINT: 'fingerprint' must be 64 hex"),
        ({"URL": "http://h:1", "FINGERPRINT": "ab" * 32}, "ELASTICSEARCH_URL: a fingerprint is given, but the"),
        ({"URL": "http://h:1", "CA_FILE": "ca"}, "ELASTICSEARCH_URL: a CA file is given, but the address is http"),
        ({"URL": "https://h:1", "CA_FILE": "ca", "FINGERPRINT": "ab" * 32}, "ELASTICSEARCH_URL: both a CA file and"),
        ({"URL": "https://h:1", "PROXY": "socks5://u:hidden@p:1"}, "ELASTICSEARCH_PROXY: 'proxy' must be an address"),
        ({"URL": "https://h:1", "REQUEST_TIMEOUT_S": "0"}, "ELASTICSEARCH_REQUEST_TIMEOUT_S: 'request_timeout_s'"),
    ],
)
def test_a_contradiction_is_an_error_that_shows_no_secret(
    environment: dict[str, str], reason: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name, content in (("lines", b"hidden\nhidden"), ("empty", b"\n"), ("bytes", b"hidden\xfc")):
        (tmp_path / name).write_bytes(content)
    for name, value in environment.items():
        monkeypatch.setenv(f"ELASTICSEARCH_{name}", value)
    with pytest.raises(ConfigurationError) as caught:
        load_connection(None, profile=None)
    assert caught.value.reason.startswith(reason)
    assert "hidden" not in f"{caught.value.reason} {caught.value.hint}"


def test_the_local_profile_takes_settings_but_no_address() -> None:
    write("profiles: {local: {shards: 2}}\n")
    assert load_settings(None, profile="local").shards == 2
    write("profiles: {local: {url: https://h:9200}}\n")
    with pytest.raises(ConfigurationError, match="profile 'local' is the embedded engine, so it takes no 'url'"):
        load_connection(None, profile="local")


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/s/floor-2", "the address ends in /s/floor-2, and that is a space: give it as KIBANA_SPACE"),
        ("/base/s/floor-2/", "the address ends in /s/floor-2, and that is a space"),
        ("/s/floor-2/app/dashboards#/list", "the address ends in /s/floor-2/app/dashboards, and that is a space"),
        ("/base/app/dashboards#/view/x", "the address ends in /app/dashboards, and that is a page"),
        ("/app", "the address ends in /app, and that is a page"),
    ],
)
def test_bad_address_of_something_in_kibana(monkeypatch: pytest.MonkeyPatch, path: str, said: str) -> None:
    """Whatever came below a space was asked for in the space of a space, and was not found."""
    write(f"profiles:\n  a:\n    url: https://e:9200\n    kibana: {{url: 'https://u:hidden@k:5601{path}'}}\n")
    monkeypatch.setenv("ELASTICSEARCH_URL", "https://other:9200")
    monkeypatch.setenv("KIBANA_URL", f"https://u:hidden@k:5601{path}")
    for profile, place in ((None, "KIBANA_URL"), ("a", "ocs-elastic.yml:4")):
        if profile:
            monkeypatch.delenv("ELASTICSEARCH_URL")
        with pytest.raises(ConfigurationError) as caught:
            load_connection(None, profile=profile)
        assert caught.value.reason.startswith(f"{place}: {said}")
        assert "hidden" not in f"{caught.value.reason} {caught.value.hint}"


@pytest.mark.parametrize("path", ["", "/kibana", "/apps/kibana", "/s", "/teams/s2"])
def test_a_base_path_may_be_any_other(monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    monkeypatch.setenv("ELASTICSEARCH_URL", "https://e:9200")
    monkeypatch.setenv("KIBANA_URL", f"https://k:5601{path}/")
    assert load_connection(None, profile=None).kibana_url == f"https://k:5601{path}"


CLUSTER = Connection("https://es:9200", "the test", api_key="the-operators")


def ocs_access(profile: str | None = None, **options: str) -> OcsAccess:
    return load_ocs_access(None, profile=profile, connection=CLUSTER, options=options)


def secret(name: str, text: str = "pa55") -> None:
    Path(name).write_text(text, encoding="utf-8")
    Path(name).chmod(0o600)


def test_of_ocs_nothing_need_be_known() -> None:
    assert ocs_access() == OcsAccess()


def test_ocss_credential_is_for_the_same_cluster_and_takes_nothing_from_the_connections(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OCS_ELASTIC_OCS_USERNAME", "ocs")
    monkeypatch.setenv("OCS_ELASTIC_OCS_PASSWORD", "pa55")
    own = ocs_access().own
    assert own is not None
    assert (own.url, own.username, own.password, own.api_key) == ("https://es:9200", "ocs", "pa55", None)
    assert "pa55" not in repr(ocs_access())


def test_an_option_goes_before_the_environment_before_the_profile(monkeypatch: pytest.MonkeyPatch) -> None:
    write(
        "profiles:\n  test:\n    url: https://es:9200\n    ocs_uri: https://of-profile/x\n    ocs_ca_file: ca.crt\n"
        "    ocs_username: of-profile\n    ocs_password_file: of-profile\n"
    )
    secret("of-profile")
    secret("of-option", "k\n")
    assert load_ocs_uri(None, profile="test") == "https://of-profile/x"
    found = ocs_access("test")
    assert (found.uri, found.ca_file) == ("https://of-profile/x", Path("ca.crt"))
    assert (found.own and found.own.username) == "of-profile"
    monkeypatch.setenv("OCS_ELASTIC_OCS_API_KEY", "of-environment")
    found = ocs_access("test")
    assert (found.uri, found.own and found.own.api_key) == ("https://of-profile/x", "of-environment")
    found = ocs_access("test", ocs_api_key_file="of-option")
    assert (found.own and found.own.api_key, found.own and found.own.source) == ("k", "--ocs-api-key-file")


def test_a_user_and_password_in_ocss_uri_are_taken_out_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OCS_ELASTIC_OCS_URI", "https://ocs:p%4055@proxy/x/_doc")
    found = ocs_access()
    assert (found.uri, found.own and found.own.password) == ("https://proxy/x/_doc", "p@55")
    monkeypatch.setenv("OCS_ELASTIC_OCS_USERNAME", "ocs")
    with pytest.raises(ConfigurationError, match="OCS_ELASTIC_OCS_URI: it holds a user, and another credential"):
        ocs_access()


@pytest.mark.parametrize(
    ("profile", "environment", "options", "reason"),
    [
        (
            "{url: https://es:9200, ocs_api_key_file: key}",
            {"OCS_ELASTIC_OCS_URI": "https://elsewhere/x"},
            {},
            "ocs-elastic.yml:1: this credential of OCS's is not given together with OCS_ELASTIC_OCS_URI",
        ),
        (
            "{url: https://es:9200}",
            {"OCS_ELASTIC_OCS_API_KEY": "pa55"},
            {"ocs_uri": "https://elsewhere/x"},
            "OCS_ELASTIC_OCS_API_KEY: this credential of OCS's is not given together with --ocs-uri",
        ),
        ("{ocs_api_key_file: key}", {}, {}, "ocs-elastic.yml:1: profile 'test' names no cluster for this credential"),
        (
            "{url: https://es:9200}",
            {"OCS_ELASTIC_OCS_API_KEY": "pa55", "OCS_ELASTIC_OCS_API_KEY_FILE": "key"},
            {},
            "OCS_ELASTIC_OCS_API_KEY_FILE: OCS_ELASTIC_OCS_API_KEY is given too",
        ),
        ("{url: https://es:9200}", {"OCS_ELASTIC_OCS_URI": "pa55"}, {}, "OCS_ELASTIC_OCS_URI: 'ocs_uri' must be an"),
        (
            "{url: https://es:9200, ocs_uri: pa55}",
            {},
            {},
            "ocs-elastic.yml:1: 'ocs_uri' must be an address with a path",
        ),
        ("{url: https://es:9200, ocs_password: pa55}", {}, {}, "ocs-elastic.yml:1: unknown key 'ocs_password'"),
    ],
)
def test_ocss_access_that_contradicts_itself_is_an_error(
    profile: str, environment: dict[str, str], options: dict[str, str], reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(f"profiles: {{test: {profile}}}\n")
    secret("key")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ConfigurationError) as caught:
        ocs_access("test", **options)
    assert caught.value.reason.startswith(reason)
    assert "pa55" not in f"{caught.value.reason} {caught.value.hint}"


def test_ocss_credential_over_http_or_in_an_open_file_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    secret("key")
    monkeypatch.setenv("OCS_ELASTIC_OCS_API_KEY_FILE", "key")
    assert ocs_access().warnings == ()
    monkeypatch.setenv("OCS_ELASTIC_OCS_URI", "http://far.example/x")
    assert ocs_access().warnings == ("OCS's credential goes to http://far.example/x unencrypted: use https",)
    if os.name == "posix":
        Path("key").chmod(0o644)
        assert "key can be read by everyone" in ocs_access().warnings[0]


def test_ocss_keys_belong_in_a_profile() -> None:
    write("ocs_uri: http://proxy/x\n")
    with pytest.raises(ConfigurationError) as caught:
        load_settings(None)
    assert caught.value.hint == "'ocs_uri' belongs in a profile, under 'profiles' and a name of your choice"
