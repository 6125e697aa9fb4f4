"""The same files on test, staging and production: what their profiles do not say is the same on all three."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.golden.test_resources import CASES
from tests.running import Engine
from toolkit.apply import remove
from toolkit.canonical import checksum
from toolkit.config import Settings, load_connection, load_settings
from toolkit.kinds import KIND
from toolkit.load import desired
from toolkit.lock import INDEX
from toolkit.model import Resource
from toolkit.plan import differences
from toolkit.uses.deployment import Deployment
from toolkit.uses.destroy import users_of_shared

FILE = """\
retention_days: 30
refresh_interval_s: 2
labels:
  state: {running: Läuft}
profiles:
  test:
    url: https://test.example:9200
    namespace: env_test
    retention_days: 7
    replicas: 0
  staging:
    url: https://staging.example:9200
    namespace: env_staging
  production:
    url: https://production.example:9200
    namespace: env_production
    retention_days: 365
    dead_letter_retention_days: 365
    rollover_size: 50gb
    shards: 2
"""
ENVIRONMENTS = ("test", "staging", "production")

_SETTINGS = "component_template ocs-campaign-groups-settings"
_DEAD_LETTERS = "component_template ocs-dead-letters-settings"
_SHARDS = {"template.settings.index.number_of_shards"}
_REPLICAS = {"index.number_of_replicas", "index.auto_expand_replicas"}
_AGES = {"policy.phases.delete.min_age", "policy.phases.hot.actions.rollover.max_age"}
_SIZE = {"policy.phases.hot.actions.rollover.max_primary_shard_size"}
_OF_REPLICAS = {
    name: {f"template.settings.{setting}" for setting in _REPLICAS}
    for name in (_SETTINGS, _DEAD_LETTERS, "index_template ocs-current-state")
}
OTHERWISE = {
    "test": {**_OF_REPLICAS, "ilm_policy ocs-campaign-groups": _AGES},
    "production": {
        _SETTINGS: _SHARDS,
        _DEAD_LETTERS: _SHARDS,
        "ilm_policy ocs-campaign-groups": _AGES | _SIZE,
        "ilm_policy ocs-dead-letters": _AGES | _SIZE,
    },
}
"""Environment → resource → what is otherwise there than on staging: what the profile says, and nothing else."""


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Settings]:
    """One file, by its profiles."""
    file = tmp_path / "ocs-elastic.yml"
    file.write_text(FILE, encoding="utf-8")
    urls = {name: load_connection(file, profile=name).url for name in ENVIRONMENTS}
    assert urls == {name: f"https://{name}.example:9200" for name in ENVIRONMENTS}
    return {name: load_settings(file, profile=name) for name in ENVIRONMENTS}


@pytest.fixture
def installed(engine: Engine, settings: dict[str, Settings]) -> Iterator[dict[str, Deployment]]:
    """All three, one engine behind them."""
    found = {name: Deployment(engine.transport, engine.server, settings[name]) for name in ENVIRONMENTS}
    for target in found.values():
        _forget(target)
    for target in found.values():
        list(target.apply(target.plan()))
    yield found
    for target in found.values():
        _forget(target)


def _forget(target: Deployment) -> None:
    users = users_of_shared(target)
    remove(target.transport, [resource for resource in target.resources if resource.namespace or not users])
    target.transport.delete(f"/{INDEX}")


def of_any(resources: Sequence[Resource], namespace: str) -> dict[str, Any]:
    """Bodies as they compare, by kind and name, under a namespace that is none; marks without their checksum."""
    found = {}
    for resource in resources:
        body = json.dumps(KIND[resource.kind].normalize(resource.body)).replace(namespace, "any")
        name = str(resource).replace(f"-{namespace}", "")
        found[name] = _without_checksum(json.loads(body)) if resource.namespace else json.loads(body)
    return found


def _without_checksum(value: Any) -> Any:
    """What a namespace has of its own names it, so its checksum is its own."""
    if isinstance(value, dict):
        return {key: _without_checksum(item) for key, item in value.items() if key != "checksum"}
    return [_without_checksum(item) for item in value] if isinstance(value, list) else value


def otherwise(there: dict[str, dict[str, Any]], environment: str) -> dict[str, set[str]]:
    """What an environment has otherwise than staging."""
    assert there[environment].keys() == there["staging"].keys()
    return {
        name: {difference.path for difference in differences(body, there[environment][name])}
        for name, body in there["staging"].items()
        if checksum(body) != checksum(there[environment][name])
    }


def expected(environment: str, there: dict[str, dict[str, Any]]) -> dict[str, set[str]]:
    return {name: paths for name, paths in OTHERWISE[environment].items() if name in there["staging"]}


@pytest.mark.parametrize("environment", OTHERWISE)
@pytest.mark.parametrize("server", sorted(CASES.keys() - {"elasticsearch-8.17.2-everything-configured"}))
def test_what_the_profiles_do_not_say_is_the_same(settings: dict[str, Settings], server: str, environment: str) -> None:
    there = {name: of_any(desired(settings[name], CASES[server][1]), settings[name].namespace) for name in ENVIRONMENTS}
    assert otherwise(there, environment) == expected(environment, there)


def test_all_three_on_one_engine_are_as_their_plans_say(installed: dict[str, Deployment]) -> None:
    """None of them wants what they share otherwise than another."""
    for target in installed.values():
        plan = target.plan()
        assert (plan.pending, plan.problems) == ((), ())
    there = {name: of_any(_live(target), target.settings.namespace) for name, target in installed.items()}
    for environment in OTHERWISE:
        found = otherwise(there, environment)
        assert found == expected(environment, there)


def _live(target: Deployment) -> list[Resource]:
    found = []
    for resource in target.resources:
        body = KIND[resource.kind].read(target.transport, resource.name)
        assert body is not None
        found.append(replace(resource, body=body))
    return found
