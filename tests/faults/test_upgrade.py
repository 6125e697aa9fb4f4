"""An operator changes everything that can be changed while OCS posts: nothing is refused, nothing is lost.

Fields, types, labels and retention, one after the other, on a stream that holds messages already:
`TEST_UPGRADE_MESSAGES` says how many (`make faults`: 200,000). `TEST_FAULTS_START` names an Elasticsearch; the embedded
engine cannot exchange the indices of a stream, so there the type stays as it is for what is stored.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.faults.account import Account, Posting, found_in, told
from tests.faults.conftest import Namespace, installed
from tests.faults.mortal import Node
from tests.faults.operator import Done, Operator
from toolkit.ocs.feed import Feed

MESSAGES = int(os.environ.get("TEST_UPGRADE_MESSAGES", "2000"))
"""How many are stored before the first change."""
RATE = float(os.environ.get("TEST_FAULTS_RATE", "100"))
"""Messages a second while changes are made."""
ENDLESS = 10_000_000

GOAL = {"properties": {"ocs": {"properties": {"optimize": {"properties": {"goal": {"type": "float"}}}}}}}
SHIFT = {"properties": {"ocs": {"properties": {"shift": {"type": "keyword"}}}}}
MIGRATION = """\
description: Goals with decimals, for what is stored too.
steps:
  - reindex:
      stream: campaign_groups
"""

pytestmark = [
    pytest.mark.timeout(3600),
    pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals"),
]


class Change:
    """An operator's folder: the configuration, the user's own component template, and the commands."""

    def __init__(self, node: Node, namespace: Namespace, folder: Path) -> None:
        self.node, self.namespace, self.folder = node, namespace, folder
        self.operator = Operator(node, folder, namespace.name)
        self.config: dict[str, Any] = {"migrations": "migrations"}
        (folder / "migrations").mkdir(parents=True)

    def configured(self, **settings: Any) -> None:
        self.config |= settings

    def custom(self, *mappings: dict[str, Any]) -> None:
        """What the user's own component template says; the last goes over the ones before."""
        merged: dict[str, Any] = {}
        for mapping in mappings:
            merged = _merged(merged, mapping)
        path = f"/_component_template/ocs-campaign-groups-{self.namespace.name}@custom"
        assert self.node.ask("PUT", path, {"template": {"mappings": merged}})[0] == 200

    def run(self, *arguments: str, code: int = 0) -> Done:
        file = self.folder / "ocs-elastic.yml"
        file.write_text(json.dumps(self.config), encoding="utf-8")
        done = self.operator.run(*arguments, "--config", str(file))
        assert done.code == code, done
        return done

    def plan(self) -> list[tuple[str, str]]:
        """Action and kind of each change that is pending."""
        done = json.loads(self.run("plan", "--json", code=3).out)
        return [(change["action"], change["kind"]) for change in done["changes"]]

    def indices(self) -> list[str]:
        """Behind the stream, the oldest first."""
        stream = self.node.ask("GET", f"/_data_stream/{self.namespace.stream}")[1]["data_streams"][0]
        return [index["index_name"] for index in stream["indices"]]

    def types(self, *path: str) -> list[str | None]:
        """The type of a field in every index of the stream."""
        found = []
        for index in self.indices():
            field = self.node.ask("GET", f"/{index}/_mapping")[1][index]["mappings"]
            for name in path:
                field = field.get("properties", {}).get(name, {})
            found.append(field.get("type"))
        return found


def test_everything_is_changed_while_ocs_posts(node: Node, tmp_path: Path) -> None:
    namespace = installed(node)
    change = Change(node, namespace, tmp_path / "operator")
    Posting(namespace.url, Feed(MESSAGES, groups=200)).finish()
    posting = Posting(namespace.url, Feed(ENDLESS, groups=200), rate=RATE, first=MESSAGES)
    exchanges = node.ask("POST", "/_data_stream/_modify", {"actions": []})[0] != 405
    took = {}
    for name, act in (("field", _a_field), ("type", _a_type), ("labels", _labels), ("retention", _retention)):
        posting.wait_for(int(RATE))
        began_s = time.monotonic()
        act(change, exchanges)
        took[name] = round(time.monotonic() - began_s, 1)
    posting.wait_for(int(RATE))
    assert not json.loads(change.run("plan", "--json").out)["pending"]
    assert change.run("migrate", "status").code == 0
    posting.stop.set()
    account = posting.finish()
    there = found_in(node, namespace.stream)
    told(
        stored=MESSAGES, posted_meanwhile=account.posted, accepted=len(account.accepted), found=len(there), took_s=took
    )
    _none_is_lost(account, there)


def _a_field(change: Change, exchanges: bool) -> None:
    """In place, in every index: no rollover."""
    before = change.indices()
    change.custom(SHIFT)
    change.run("apply", "--yes", "--older-indices")
    assert change.indices() == before
    assert set(change.types("ocs", "shift")) == {"keyword"}


def _a_type(change: Change, exchanges: bool) -> None:
    """New messages by a rollover; stored ones by a migration, where the engine can."""
    change.custom(SHIFT, GOAL)
    assert ("rollover", "data_stream") in change.plan()
    change.run("apply", "--yes")
    assert change.types("ocs", "optimize", "goal") == ["integer", "float"]
    (change.folder / "migrations" / "V1000__goal.yml").write_text(MIGRATION, encoding="utf-8")
    if not exchanges:
        assert "cannot" in change.run("migrate", "up", "--yes", code=1).err
        (change.folder / "migrations" / "V1000__goal.yml").unlink()
        change.run("migrate", "repair", "--yes")
        return
    change.run("migrate", "up", "--yes", "--rate", "0")
    assert set(change.types("ocs", "optimize", "goal")) == {"float"}


def _labels(change: Change, exchanges: bool) -> None:
    """New messages by the pipeline; stored ones by relabel, but where a write block keeps them."""
    change.configured(labels={"state": {"running": "Dialing"}})
    change.run("apply", "--yes")
    change.run("relabel", "--yes", "--rate", "0")


def _retention(change: Change, exchanges: bool) -> None:
    """A policy, where the engine has any; no index turns."""
    before = change.indices()
    change.configured(retention_days=30)
    change.run("apply", "--yes")
    assert change.indices() == before


def _none_is_lost(account: Account, there: dict[int, list[tuple[str, str]]]) -> None:
    """By number; a message may have moved to another index, under its own id."""
    assert account.reasons == {}
    twice = {number: places for number, places in there.items() if len(places) > 1}
    assert not twice, f"found twice: {twice}"
    assert there.keys() == set(range(MESSAGES)) | account.accepted.keys()
    moved = {n for n, place in account.accepted.items() if place and there[n][0][1] != place[1]}
    assert not moved, f"under another id: {moved}"


def _merged(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    merged = dict(one)
    for key, value in other.items():
        inner = merged.get(key)
        merged[key] = _merged(inner, value) if isinstance(inner, dict) and isinstance(value, dict) else value
    return merged
