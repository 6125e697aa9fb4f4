"""OCS's credential on an Elasticsearch with security on: what it may do, and nothing else; how one follows another."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import replace
from threading import Event, Thread

import pytest

from tests import refusals
from tests.running import Engine
from toolkit.apply import install, remove
from toolkit.client.connect import capabilities, connect
from toolkit.client.transport import Transport
from toolkit.config import Settings
from toolkit.credential_kind import CredentialKind
from toolkit.credentials import Issued, found
from toolkit.credentials import revoke as take_away
from toolkit.errors import CredentialError, RejectedError, ToolkitError
from toolkit.uses.credentials import create, ours, revocation, revoked, rotate
from toolkit.uses.deployment import Deployment
from toolkit.uses.destroy import destroy, removal, users_of_shared

MESSAGE = {"GSW_CAMPAIGN_GROUP_GUID": "g", "GSW_CAMPAIGN_GROUP_NAME": "n", "GSW_TENANT_CCID": 1}
DEAD_LETTER = {"nothing": "of OCS"}
KINDS = pytest.mark.parametrize("kind", list(CredentialKind))


@pytest.fixture
def target(engine: Engine) -> Iterator[Deployment]:
    """A namespace as its administrator sees it; nothing of it is left afterwards."""
    if not engine.server.manages_security:
        pytest.skip("security is off, or the tests' credential is no administrator's")
    yield from installed(engine, f"cred_{secrets.token_hex(4)}")


def installed(engine: Engine, namespace: str) -> Iterator[Deployment]:
    made = Deployment(engine.transport, engine.server, Settings(namespace=namespace, refresh_interval_s=1))
    install(engine.transport, [r for r in made.resources if r.name != "ocs-elastic-operator"])
    yield made
    for credential in found(engine.transport, namespace):
        take_away(engine.transport, credential)
    used = users_of_shared(made)
    remove(engine.transport, [resource for resource in made.resources if resource.namespace or not used])


def as_ocs(engine: Engine, made: Issued) -> Transport:
    """A connection with that credential alone."""
    if made.credential.kind is CredentialKind.API_KEY:
        return connect(replace(engine.connection, username=None, password=None, api_key=made.secret))
    return connect(replace(engine.connection, username=made.credential.name, password=made.secret))


def nowhere(_: Issued) -> None:
    """The tests have it from the result."""


@KINDS
def test_ocs_may_post_to_both_streams(target: Deployment, engine: Engine, kind: CredentialKind) -> None:
    ocs = as_ocs(engine, create(target, kind, nowhere))
    namespace = target.settings.namespace
    streams = [f"ocs-{name}-{namespace}" for name in ("campaign-groups", "dead-letters")]
    for message, stream in zip((MESSAGE, DEAD_LETTER), streams, strict=True):
        answer = ocs.post(f"/{streams[0]}/_doc", message)
        assert answer["_index"].startswith(f".ds-{stream}-")
        assert engine.transport.get(f"/{answer['_index']}/_doc/{answer['_id']}")["found"]
    assert ocs.post(f"/{streams[1]}/_doc", {"@timestamp": refusals.TIME})["result"] == "created"


@KINDS
def test_ocs_may_do_nothing_else(target: Deployment, engine: Engine, kind: CredentialKind) -> None:
    ocs = as_ocs(engine, create(target, kind, nowhere))
    namespace = target.settings.namespace
    (index,) = engine.transport.get(f"/ocs-campaign-groups-{namespace}/_settings")
    for other in installed(engine, f"cred_{secrets.token_hex(4)}"):
        for refusal in refusals.OCS:
            refusal.happens(ocs, ns=namespace, other=other.settings.namespace, index=index)


@KINDS
def test_while_one_follows_another_no_message_is_refused(
    target: Deployment, engine: Engine, kind: CredentialKind
) -> None:
    """OCS posts all the time, and changes over between the two steps."""
    first = create(target, kind, nowhere)
    current, stop, answers = [as_ocs(engine, first)], Event(), list[str]()

    def post() -> None:
        while not stop.is_set():
            try:
                answers.append(
                    current[0].post(f"/ocs-campaign-groups-{target.settings.namespace}/_doc", MESSAGE)["result"]
                )
            except ToolkitError as error:
                answers.append(error.reason)

    feed = Thread(target=post)
    feed.start()
    try:
        second = rotate(target, None, nowhere)
        assert second.replaces == first.credential
        assert second.credential.kind is kind
        current[0] = as_ocs(engine, second)
        posted = len(answers)
        while len(answers) < posted + 5:  # what was under way by the first has been answered then
            stop.wait(0.05)
        list(revoked(target, revocation(target, [first.credential.name])))
        while len(answers) < posted + 10:
            stop.wait(0.05)
    finally:
        stop.set()
        feed.join()
    assert set(answers) == {"created"}
    assert ours(target) == [second.credential]


@KINDS
def test_what_is_revoked_is_refused_at_once(target: Deployment, engine: Engine, kind: CredentialKind) -> None:
    made = create(target, kind, nowhere)
    ocs, path = as_ocs(engine, made), f"/ocs-campaign-groups-{target.settings.namespace}/_doc"
    assert ocs.post(path, MESSAGE)["result"] == "created"
    list(revoked(target, revocation(target, [made.credential.name])))
    with pytest.raises(CredentialError):
        ocs.post(path, MESSAGE)
    assert ours(target) == []
    assert create(target, kind, nowhere).credential.number == (2 if kind is CredentialKind.API_KEY else 1)


@KINDS
def test_under_an_api_key_it_stops_and_elasticsearch_would_too(
    target: Deployment, engine: Engine, kind: CredentialKind
) -> None:
    name = f"zz-{target.settings.namespace}"
    all_rights = {
        "role_descriptors": {"all": {"cluster": ["all"], "indices": [{"names": ["*"], "privileges": ["all"]}]}}
    }
    key = engine.transport.post("/_security/api_key", {"name": name, **all_rights})
    try:
        transport = connect(replace(engine.connection, username=None, password=None, api_key=key["encoded"]))
        by_key = Deployment(transport, capabilities(transport), target.settings)
        assert by_key.server.manages_security
        with pytest.raises(ToolkitError, match=f"is an API key \\({name}\\)"):
            create(by_key, kind, nowhere)
        with pytest.raises(RejectedError, match="derived api keys"):
            transport.post("/_security/api_key", {"name": f"{name}-2", **all_rights})
        assert ours(target) == []
    finally:
        engine.transport.delete("/_security/api_key", body={"ids": [key["id"]]})


def test_who_lacks_manage_security_is_told_so(target: Deployment, engine: Engine) -> None:
    """Whatever else they may do."""
    namespace = target.settings.namespace
    role = {"cluster": ["manage_api_key", "monitor"], "indices": [{"names": ["ocs-*"], "privileges": ["all"]}]}
    engine.transport.put(f"/_security/role/zz-{namespace}", role)
    engine.transport.put(f"/_security/user/zz-{namespace}", {"password": "a-Password", "roles": [f"zz-{namespace}"]})
    try:
        transport = connect(replace(engine.connection, username=f"zz-{namespace}", password="a-Password"))
        operator = Deployment(transport, capabilities(transport), target.settings)
        for command in (
            lambda: create(operator, CredentialKind.USER, nowhere),
            lambda: rotate(operator, None, nowhere),
            lambda: revocation(operator, ["x"]),
        ):
            with pytest.raises(ToolkitError) as raised:
                command()
            assert "may not manage security" in raised.value.reason
            assert "manage_security" in str(raised.value.hint)
    finally:
        engine.transport.delete(f"/_security/user/zz-{namespace}")
        engine.transport.delete(f"/_security/role/zz-{namespace}")


@KINDS
def test_destroy_ends_it(target: Deployment, engine: Engine, kind: CredentialKind) -> None:
    made = create(target, kind, nowhere)
    ocs = as_ocs(engine, made)
    what = removal(target, ())
    assert list(what.credentials) == [made.credential]
    assert made.credential.name in {resource.name for resource in destroy(target, what)}
    with pytest.raises(CredentialError):
        ocs.post(f"/ocs-campaign-groups-{target.settings.namespace}/_doc", MESSAGE)


@KINDS
def test_what_nobody_got_is_taken_back(target: Deployment, kind: CredentialKind) -> None:
    def full(_: Issued) -> None:
        raise ToolkitError("no space left on device")

    with pytest.raises(ToolkitError, match="no space left"):
        create(target, kind, full)
    assert ours(target) == []


@KINDS
def test_a_role_that_was_changed_gives_nobody_its_rights(target: Deployment, kind: CredentialKind) -> None:
    name = f"ocs-elastic-ocs-{target.settings.namespace}"
    target.transport.put(f"/_security/role/{name}", {"cluster": ["all"]})
    with pytest.raises(ToolkitError, match="is not as it should be"):
        create(target, kind, nowhere)
    target.transport.delete(f"/_security/role/{name}")
    with pytest.raises(ToolkitError, match="there is no role"):
        create(target, kind, nowhere)
