"""What goes goes, what is needed stays, and documents go only where their stream was named."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.engine.test_plan import applied, empty, settled
from toolkit.errors import UnsafePlanError, UsageError
from toolkit.kinds import KIND
from toolkit.kinds.ingest_pipeline import PIPELINE
from toolkit.lock import INDEX
from toolkit.streams import Streams
from toolkit.uses.deployment import Deployment
from toolkit.uses.destroy import destroy, removal
from toolkit.uses.migrate import overview, up

__all__ = ["applied", "empty"]


def streams(target: Deployment) -> tuple[str, ...]:
    namespace = target.settings.namespace
    return f"ocs-campaign-groups-{namespace}", f"ocs-dead-letters-{namespace}"


def present(target: Deployment) -> set[str]:
    return {
        f"{resource.kind} {resource.name}"
        for resource in target.resources
        if KIND[resource.kind].read(target.transport, resource.name) is not None
    }


def test_without_data_messages_still_come_and_what_stays_says_why(applied: Deployment) -> None:
    what = removal(applied, ())
    assert {resource.kind for resource in what.goes} == ({"index", "transform"} if applied.server.transforms else set())
    assert all("the stream needs it" in reason for _, reason in what.stays)
    before = present(applied)
    gone = {str(resource) for resource in destroy(applied, what)}
    assert present(applied) == before - gone
    stream = streams(applied)[0]
    applied.transport.post(f"/{stream}/_doc", {"GSW_CAMPAIGN_GROUP_GUID": "g"})
    assert KIND["data_stream"].read(applied.transport, stream) is not None


def test_with_both_streams_named_nothing_of_the_namespace_is_left(applied: Deployment) -> None:
    what = removal(applied, streams(applied))
    list(destroy(applied, what))
    own = {f"{resource.kind} {resource.name}" for resource in applied.resources if resource.namespace}
    assert not present(applied) & own
    if what.state_goes:
        assert not present(applied)
        assert applied.transport.get(f"/{INDEX}") is None
    assert not removal(applied, ()).goes
    list(applied.apply(applied.plan()))  # and it can be made again
    assert not applied.plan().pending


@pytest.mark.parametrize("wrong", ["ocs-campaign-groups-other", "*", ""])
def test_a_name_that_is_no_stream_of_the_namespace_is_refused(applied: Deployment, wrong: str) -> None:
    with pytest.raises(UsageError, match="no stream of this namespace"):
        removal(applied, (wrong,))


def test_one_stream_alone_is_refused(applied: Deployment) -> None:
    with pytest.raises(UsageError, match="is missing"):
        removal(applied, streams(applied)[:1])


def test_what_is_not_ours_is_not_removed(applied: Deployment) -> None:
    name = f"ocs-dead-letters-settings-{applied.settings.namespace}"
    applied.transport.put(f"/_component_template/{name}", {"template": {}})
    with pytest.raises(UnsafePlanError, match=name):
        removal(applied, streams(applied))


def test_with_its_data_goes_its_history_and_a_new_namespace_begins_with_none(
    applied: Deployment, tmp_path: Path
) -> None:
    """A migration would otherwise be held for applied where it never was; without data it stays with the documents."""
    (tmp_path / "V1000__turn.yml").write_text("description: d\nsteps: [{rollover: {stream: campaign_groups}}]\n")
    target = settled(applied, migrations=str(tmp_path))
    list(up(target))
    list(destroy(target, removal(target, ())))
    assert [item.state for item in overview(target).items] == ["applied"]
    what = removal(target, streams(target))
    assert what.history
    gone = list(destroy(target, replace(what, history=False, state_goes=False)))  # interrupted before its last part
    assert gone
    what = removal(target, streams(target))
    assert (what.goes, what.history, what.nothing) == ((), True, False)
    list(destroy(target, what))
    assert removal(target, streams(target)).nothing
    list(target.apply(target.plan()))
    assert [item.state for item in overview(target).items] == ["pending"]


def test_what_an_interrupted_migration_has_half_made_goes_too(applied: Deployment, tmp_path: Path) -> None:
    """It holds copies of documents, and names the pipeline, which no server deletes as long as an index does."""
    (tmp_path / "V1000__turn.yml").write_text("description: d\nsteps: [{rollover: {stream: campaign_groups}}]\n")
    target = settled(applied, migrations=str(tmp_path))
    list(up(target))
    stream = streams(target)[0]
    copy = f"{stream}-v1000-2026.11.23-000001"
    source = Streams(target.settings.namespace).backing(target.transport, stream)[0]
    made = {"checksum": "1:x", "migration": 1000, "source": source}
    settings = {"hidden": True, "default_pipeline": PIPELINE}
    body = {"settings": {"index": settings}, "mappings": {"_meta": {"reindexed": made}}}
    target.transport.put(f"/{copy}", body)
    assert copy not in [resource.name for resource in removal(target, ()).goes]
    assert copy in [resource.name for resource in destroy(target, removal(target, streams(target)))]
    assert target.transport.get(f"/{copy}") is None
