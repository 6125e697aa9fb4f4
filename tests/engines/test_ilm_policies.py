"""Every ILM policy that a configuration can lead to, put to Elasticsearch's own parser and validation.

`LifecyclePolicies.java` does what Elasticsearch does with the body of a `PUT _ilm/policy`, with the classes of 8.19
and 9.5. What it does not do is what needs a cluster: executing a policy.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.engines import partial
from tests.engines.java import compiled, java
from toolkit import load
from toolkit.capabilities import of_elasticsearch
from toolkit.catalogue import read_catalogue
from toolkit.config import Settings
from toolkit.kinds import KIND
from toolkit.model import Body

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the distribution is unpacked by Linux's means")

SOURCE = Path(__file__).with_name("LifecyclePolicies.java")
Judge = Callable[[Sequence[Body]], list[str]]

DAYS = [*range(1, 401), *range(407, 3651, 7), 3649, 3650, 36_500, 1_000_000]
"""Each day of more than a year, and later ones; 300 is where the age of rollover stops to grow."""
SIZES = ["1mb", "50gb", "1023gb", "99999gb", "8589934591gb"]
"""The last is the greatest number of gigabytes that fits into Elasticsearch's 64 bits."""


@pytest.fixture(scope="module", params=partial.DISTRIBUTIONS)
def judge(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Judge:
    """Elasticsearch's verdicts on policies, in their order."""
    home = partial.unpacked(request.param)
    jars = [*home.glob("lib/*.jar"), *home.glob("modules/x-pack-core/x-pack-core-*.jar")]
    path = compiled(SOURCE, jars, tmp_path_factory.mktemp("classes"))

    def verdicts(policies: Sequence[Body]) -> list[str]:
        lines = "".join(json.dumps(policy) + "\n" for policy in policies)
        answers = java("-cp", path, "LifecyclePolicies", given=lines).splitlines()
        assert len(answers) == len(policies)
        return answers

    return verdicts


@lru_cache
def _over_the_range() -> list[tuple[int, Body]]:
    """Retention in days and the policy for it: of campaign groups and, the other way round, of dead letters."""
    cases = []
    for days, days_of_dead_letters in zip(DAYS, reversed(DAYS), strict=True):
        some = Settings(retention_days=days, dead_letter_retention_days=days_of_dead_letters)
        policies = _policies(some)
        cases += [
            (days, policies["ocs-campaign-groups-default"]),
            (days_of_dead_letters, policies["ocs-dead-letters-default"]),
        ]
    return cases


def _policies(settings: Settings) -> dict[str, Body]:
    return {policy.name: policy.body for policy in load.desired(settings, of_elasticsearch((8, 19, 21)))}


@pytest.fixture(autouse=True, scope="module")
def _nothing_else() -> Iterator[None]:
    """Policies alone are rendered, and the catalogue is read once: a thousand configurations in seconds."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(load, "KINDS", (KIND["ilm_policy"],))
        patch.setattr(load, "read_catalogue", lru_cache(read_catalogue))
        yield


def test_every_retention_is_accepted(judge: Judge) -> None:
    cases = _over_the_range()
    answers = judge([policy for _, policy in cases])
    refused = [(days, answer) for (days, _), answer in zip(cases, answers, strict=True) if answer != "accepted"]
    assert refused == []


def test_age_of_rollover_and_age_of_deletion_make_the_retention_to_the_minute() -> None:
    """An index's oldest document may be as old as the index: it waits for the rollover, and then for `delete`."""
    for days, body in _over_the_range():
        phases = body["policy"]["phases"]
        rollover = _minutes(phases["hot"]["actions"]["rollover"]["max_age"])
        assert rollover + _minutes(phases["delete"]["min_age"]) == days * 24 * 60, f"{days} days"
        assert rollover == min(days * 144, 30 * 24 * 60), f"{days} days"


def test_phases_follow_each_other() -> None:
    for days, body in _over_the_range():
        phases = body["policy"]["phases"]
        ages = [_minutes(phases[name].get("min_age", "0m")) for name in ("hot", "delete")]
        assert phases.keys() == {"hot", "delete"}
        assert all(earlier < later for earlier, later in pairwise(ages)), f"{days} days"


def _minutes(age: str) -> int:
    """Our own reading of Elasticsearch's notation, in the units that no policy of ours goes below."""
    found = re.fullmatch(r"(\d+)([dhm])", age)
    assert found, age
    return int(found[1]) * {"d": 24 * 60, "h": 60, "m": 1}[found[2]]


def test_every_rollover_size_is_accepted_in_every_namespace(judge: Judge) -> None:
    cases = [(name, size) for name in ("default", "a", ".", "a_b.c", "z" * 80) for size in SIZES]
    policies = [
        policy for name, size in cases for policy in _policies(Settings(namespace=name, rollover_size=size)).values()
    ]
    assert judge(policies) == ["accepted"] * 2 * len(cases)


def _rename(body: Body, old: str, new: str) -> None:
    body[new] = body.pop(old)


WRONG: dict[str, tuple[Callable[[Any], object], str]] = {
    "unknown action": (lambda p: _rename(p["hot"]["actions"], "rollover", "roll"), r"unknown field \[roll\]"),
    "action of another phase": (
        lambda p: p["hot"]["actions"].update(delete={}),
        r"invalid action \[delete\] defined in phase \[hot\]",
    ),
    "unknown phase": (lambda p: _rename(p, "hot", "hott"), r"does not support phase \[hott\]"),
    "unknown key of a phase": (lambda p: p["hot"].update(age="1d"), r"unknown field \[age\]"),
    "unknown condition": (
        lambda p: p["hot"]["actions"]["rollover"].update(max_shard_size="1gb"),
        r"unknown field \[max_shard_size\]",
    ),
    "rollover without a condition": (
        lambda p: p["hot"]["actions"].update(rollover={}),
        r"At least one max_\* rollover condition",
    ),
    "size that is none": (
        lambda p: p["hot"]["actions"]["rollover"].update(max_primary_shard_size="25xb"),
        r"max_primary_shard_size\] with value \[25xb\]",
    ),
    "size beyond 64 bits": (
        lambda p: p["hot"]["actions"]["rollover"].update(max_primary_shard_size="8589934592gb"),
        r"Values greater than 9223372036854775807 bytes are not supported",
    ),
    "number of documents that is none": (
        lambda p: p["hot"]["actions"]["rollover"].update(max_primary_shard_docs="200m"),
        r"failed to parse field \[max_primary_shard_docs\]",
    ),
    "age without a unit": (
        lambda p: p["delete"].update(min_age="81"),
        r"failed to parse setting \[min_age\] with value \[81\]",
    ),
    "age with a fraction": (
        lambda p: p["hot"]["actions"]["rollover"].update(max_age="1.5d"),
        r"fractional time values are not supported",
    ),
    "phase that begins before the one in front of it": (
        lambda p: p.update(warm={"min_age": "82d", "actions": {}}),
        r"run the delete phase \(min_age: 81d\) before the warm phase \(min_age: 82d\)",
    ),
}


@pytest.fixture(scope="module")
def verdicts_on_wrong(judge: Judge) -> dict[str, str]:
    """On all of them in one run of Java."""
    wrong = {}
    for name, (spoil, _) in WRONG.items():
        wrong[name] = _policies(Settings())["ocs-campaign-groups-default"]
        spoil(wrong[name]["policy"]["phases"])
    return dict(zip(wrong, judge(list(wrong.values())), strict=True))


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_policy_is_refused(verdicts_on_wrong: dict[str, str], name: str) -> None:
    """It is right but for one thing, and refused for that: so the verdicts above mean something."""
    assert re.match(f"refused: .*{WRONG[name][1]}", verdicts_on_wrong[name])
