"""Every rendered resource, for every generation of server and for a configuration without a single default."""

from __future__ import annotations

import copy
import json
import re
from pathlib import Path
from typing import Any

import pytest

from toolkit.canonical import checksum
from toolkit.capabilities import Capabilities, of_elasticsearch, of_opensearch
from toolkit.client import kibana_refusal
from toolkit.config import NAMESPACE, Settings
from toolkit.kinds import KINDS
from toolkit.load import desired
from toolkit.model import Resource
from toolkit.resources import data_folder

GOLDEN = Path(__file__).with_name("resources")

EVERYTHING = Settings(
    namespace="bar",
    retention_days=7,
    dead_letter_retention_days=365,
    shards=3,
    replicas="2",
    rollover_size="50gb",
    refresh_interval_s=1,
    index_mode="standard",
    transform_frequency_s=60,
    current_state_days=1,
    labels={"state": {"running": 'Läuft "jetzt" ${{ settings }} {{x}}'}},
    state_change_actions=("start-dialing",),
)


def _administered(*version: int) -> Capabilities:
    """An Elasticsearch with security on, as its administrator sees it."""
    major, minor, patch = version
    return of_elasticsearch((major, minor, patch), security=True, manages_security=True)


CASES: dict[str, tuple[Settings, Capabilities]] = {
    "opensearch-3.6.0": (Settings(), of_opensearch((3, 6, 0))),
    "elasticsearch-8.3.3": (Settings(), _administered(8, 3, 3)),
    "elasticsearch-8.17.2": (Settings(), _administered(8, 17, 2)),
    "elasticsearch-9.5.3": (Settings(), _administered(9, 5, 3)),
    "elasticsearch-8.17.2-everything-configured": (EVERYTHING, _administered(8, 17, 2)),
}


def with_scripts_named(value: Any) -> Any:
    """The same with scripts as the names of their files."""
    texts = {path.name: path.read_text(encoding="utf-8") for path in data_folder("ingest_pipelines").glob("*.painless")}
    scripts = {text: f"<{name}>" for name, text in texts.items()}
    scripts |= {texts["json.painless"] + text: f"<json.painless> <{name}>" for name, text in texts.items()}

    def walk(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: walk(item) for key, item in value.items()}
        if isinstance(value, list):
            return [walk(item) for item in value]
        return scripts.get(value, value) if isinstance(value, str) else value

    return walk(value)


def shown(resource: Resource) -> Any:
    """The body with scripts as the names of their files, and without the mark's version and checksum."""

    def walk(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: walk(item) for key, item in value.items() if key not in ("toolkit_version", "checksum")}
        if isinstance(value, list):
            return [walk(item) for item in value]
        if isinstance(value, str) and "toolkit_version=" in value:
            return value.partition(" toolkit_version=")[0]
        return value

    return walk(with_scripts_named(resource.body))


@pytest.mark.parametrize("case", CASES)
def test_every_resource_renders_to_its_golden_file(case: str, update: bool) -> None:
    rendered = {
        f"{resource.kind}/{resource.name}.json": json.dumps(shown(resource), ensure_ascii=False, indent=2) + "\n"
        for resource in desired(*CASES[case])
    }
    folder = GOLDEN / case
    if update:
        for old in folder.rglob("*.json"):
            old.unlink()
        for name, text in rendered.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text, encoding="utf-8")
    golden = {path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8") for path in folder.rglob("*.json")}
    assert rendered == golden


def test_every_kind_has_a_resource() -> None:
    kinds = {resource.kind for resource in desired(*CASES["elasticsearch-8.17.2"])}
    assert kinds == {kind.name for kind in KINDS}


def test_what_is_ours_says_so_and_what_is_the_users_does_not() -> None:
    for resource in desired(*CASES["elasticsearch-8.17.2"]):
        body = resource.body.get("policy", resource.body)
        if resource.name.endswith("@custom") or resource.kind in ("data_stream", "index"):
            assert "_meta" not in body
            continue
        body = copy.deepcopy(body)
        mark = body["metadata"].pop("ocs_elastic") if resource.kind == "role" else body.pop("_meta")
        assert mark["managed_by"] == "ocs-elastic"
        assert mark["checksum"] == checksum(body)


def test_namespaces_share_only_what_is_meant_to_be_shared() -> None:
    server = _administered(8, 17, 2)
    one, other = (
        {(r.kind, r.name) for r in desired(Settings(namespace=namespace), server)} for namespace in ("one", "other")
    )
    assert one & other == {
        ("role", "ocs-elastic-operator"),
        ("ingest_pipeline", "ocs-campaign-groups"),
        ("ingest_pipeline", "ocs-campaign-groups-relabel"),
        ("ingest_pipeline", "ocs-campaign-groups-replay"),
        ("component_template", "ocs-campaign-groups-mappings"),
        ("component_template", "ocs-dead-letters-mappings"),
    }


@pytest.mark.parametrize("namespace", ["a", "0", "._a", "a_b.c", "z" * 46])
def test_every_allowed_namespace_renders(namespace: str) -> None:
    assert NAMESPACE.fullmatch(namespace)
    for resource in desired(Settings(namespace=namespace), _administered(8, 3, 3)):
        assert "{" not in resource.name
        if resource.kind == "transform":
            assert re.fullmatch(r"[a-z0-9](?:[a-z0-9_.-]{0,62}[a-z0-9])?", resource.name), "what Elasticsearch takes"


def test_the_hints_of_kibanas_refusals_name_what_the_operators_role_has() -> None:
    server = _administered(8, 3, 3)
    (role,) = (r.body for r in desired(Settings(), server) if r.name == "ocs-elastic-operator")
    (kibana,) = role["applications"]
    assert list(kibana_refusal.PRIVILEGES.values()) == kibana["privileges"]


def test_roles_are_only_for_who_may_write_them() -> None:
    for server in (of_elasticsearch((8, 17, 2)), of_elasticsearch((8, 17, 2), security=True)):
        assert "role" not in {resource.kind for resource in desired(Settings(), server)}
