"""What the credential in use may do, against what the operator's role says that the commands need."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from toolkit.doctor.facts import Facts
from toolkit.doctor.finding import Finding, Level, ok
from toolkit.load import desired
from toolkit.model import Body

OPERATOR = "ocs-elastic-operator"
"""The role whose template says what all commands but the administrator's need."""

_CLUSTER, _STREAMS, _REPLACED, _MADE, _STATE, _KIBANA = "cluster", "streams", "replaced", "made", "state", "kibana"
NEEDED_BY = {
    _CLUSTER: {
        "monitor": "every command",
        "manage_ilm": "plan, apply, destroy, migrate",
        "manage_index_templates": "plan, apply, destroy",
        "manage_pipeline": "plan, apply, destroy, dashboards, failures replay, relabel",
        "manage_transform": "plan, apply, destroy",
    },
    _STREAMS: {
        "delete": "apply, verify",
        "index": "apply, verify, simulate, failures replay, relabel, migrate",
        "manage": "plan, apply, destroy, verify, failures replay, relabel, migrate",
        "read": "apply, status, report, verify, failures, relabel, migrate",
        "read_failure_store": "doctor, status, verify, failures",
    },
    _REPLACED: {"manage": "migrate"},
    _MADE: {"write": "migrate"},
    _STATE: {
        "create_index": "apply",
        "delete": "apply, destroy, failures replay, relabel, migrate",
        "delete_index": "destroy",
        "index": "apply, destroy, failures replay, relabel, migrate",
        "read": "plan, apply, destroy, failures replay, relabel, migrate",
        "view_index_metadata": "plan, apply, destroy",
    },
    _KIBANA: {},
}
"""Where → privilege → the commands that fail without it."""
_OTHERWISE = "dashboards, plan, apply"
_MISSING = "Commands that need what is missing are refused, some of them half-way."


def privileges(facts: Facts) -> Iterator[Finding]:
    """Every privilege of the operator's role, for the names of this namespace."""
    if facts.server.distribution != "elasticsearch":
        return
    if not facts.server.security:
        yield Finding(
            Level.WARNING,
            "privileges",
            "security is off on this cluster",
            "Whoever reaches it may read, change and delete everything; OCS cannot be given a credential.",
            "switch it on (xpack.security.enabled), or keep everybody else away from its port",
        )
        return
    wanted = _wanted(facts)
    answer = facts.transport.post("/_security/user/_has_privileges", wanted)
    who = answer.get("username", "the credential")
    missing: dict[tuple[str, str], list[str]] = {}
    for kind, privilege, where in _missing(wanted, answer):
        missing.setdefault((where, NEEDED_BY[kind].get(privilege, _OTHERWISE)), []).append(privilege)
    for (where, commands), lacking in missing.items():
        yield Finding(
            Level.WARNING,
            "privileges",
            f"{who} lacks {', '.join(lacking)} {where}; needed by: {commands}",
            _MISSING,
            f"give it the role {OPERATOR}, which an administrator's apply creates",
        )
    if not missing:
        yield ok("privileges", f"{who} has all that the commands need")
    if facts.server.manages_security:
        yield Finding(
            Level.NOTE,
            "privileges",
            f"{who} may manage security, so it is an administrator's",
            "Only roles and OCS's credential need that; the transform runs with the privileges of whoever applies.",
            f"for everything else use a credential with the role {OPERATOR}",
        )


def _wanted(facts: Facts) -> Body:
    """The role's template as a question: what it says of all namespaces and spaces is asked for this one."""
    everything = desired(facts.settings, replace(facts.server, security=True, manages_security=True))
    (role,) = (resource.body for resource in everything if resource.kind == "role" and resource.name == OPERATOR)
    indices = [
        {"names": [_here(name, facts.namespace) for name in entry["names"]], "privileges": entry["privileges"]}
        for entry in role.get("indices", [])
    ]
    applications = role.get("applications", []) if facts.kibana else []
    here = [{**entry, "resources": [f"space:{facts.kibana.space}"]} for entry in applications if facts.kibana]
    return {"cluster": role.get("cluster", []), "index": indices, "application": here}


def _here(name: str, namespace: str) -> str:
    """The first star stands for the namespace, others for what servers and migrations add to names."""
    return name.replace("-*", f"-{namespace}", 1)


def _missing(wanted: Body, answer: Body) -> Iterator[tuple[str, str, str]]:
    """The kind of place as in `NEEDED_BY`, the privilege, and where it is missing."""
    for privilege in wanted["cluster"]:
        if not answer["cluster"].get(privilege):
            yield _CLUSTER, privilege, "on the cluster"
    for entry in wanted["index"]:
        for privilege in entry["privileges"]:
            if names := [name for name in entry["names"] if not answer["index"].get(name, {}).get(privilege)]:
                yield kind_of(entry), privilege, f"on {', '.join(names)}"
    for entry in wanted["application"]:
        held = answer.get("application", {}).get(entry["application"], {})
        for privilege in entry["privileges"]:
            if not all(held.get(resource, {}).get(privilege) for resource in entry["resources"]):
                yield _KIBANA, privilege, "in Kibana"


def kind_of(entry: Body) -> str:
    """What an entry of a role is about: one of the places in `NEEDED_BY`."""
    if any(name.startswith(".ds-") for name in entry["names"]):
        return _REPLACED
    if any(name.endswith("-v*") for name in entry["names"]):
        return _MADE
    return _STREAMS if any(name.startswith(_OF_STREAMS) for name in entry["names"]) else _STATE


_OF_STREAMS = ("ocs-campaign-groups-", "ocs-dead-letters-")
