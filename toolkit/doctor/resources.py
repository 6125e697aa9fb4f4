"""The toolkit's resources on the cluster: what the plan says, and what the indices behind the streams really are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from toolkit.doctor.facts import Facts
from toolkit.doctor.finding import Finding, Level, ok
from toolkit.effective import effective
from toolkit.live import wanted_component
from toolkit.model import Body
from toolkit.plan import ROLLOVER, Change

INSTALLED = "installed"
"""The check whose findings `apply` puts right."""
_APPLY = "look at it and make it so: ocs-elastic plan, ocs-elastic apply"


def clashes(facts: Facts) -> Iterator[Finding]:
    """Templates that would win over ours, indices in a stream's place, and whatever else keeps apply from working."""
    for problem in facts.plan.problems:
        why = "Until it is solved, apply refuses to change anything, and messages may be kept as ours are not."
        yield Finding(Level.CRITICAL, "clashes", problem.reason, why, problem.hint)
    if not facts.plan.problems:
        yield ok("clashes", "no template, index or schema stands in the way")


def installed(facts: Facts) -> Iterator[Finding]:
    """Whether everything is there and as it is asked for, the write indices' real settings included."""
    wanted = [resource.name for resource in facts.resources if resource.kind == "data_stream"]
    if absent := [name for name in wanted if name not in facts.streams]:
        yield Finding(
            Level.CRITICAL if facts.streams else Level.WARNING,
            INSTALLED,
            f"{' and '.join(absent)} {'is' if len(absent) == 1 else 'are'} not there",
            "What OCS posts there is refused, and it does not repeat it.",
            "install the namespace: ocs-elastic bootstrap, or ocs-elastic apply",
        )
        return
    for change in facts.plan.pending:
        if change.action == ROLLOVER:
            yield _other_than_asked(change, facts.write_indices.get(change.name, change.name))
    rest = Counter(change.action for change in facts.plan.pending if change.action != ROLLOVER)
    if rest:
        counts = ", ".join(f"{count} to {action}" for action, count in rest.items())
        yield Finding(Level.NOTE, INSTALLED, f"not as asked for: {counts}", "The cluster has something else.", _APPLY)
    if not facts.plan.pending:
        yield ok(INSTALLED, f"namespace {facts.namespace} is there, and as it is asked for")


def _other_than_asked(change: Change, index: str) -> Finding:
    return Finding(
        Level.WARNING,
        INSTALLED,
        f"{index} is not what is asked for: {'; '.join(difference.path for difference in change.differences)}",
        f"It takes the messages of {change.name}, and they are kept as it says.",
        _APPLY,
    )


def blocks(facts: Facts) -> Iterator[Finding]:
    """What is blocked takes no message, and OCS does not ask twice."""
    names = [*facts.write_indices.values(), *(name for name in facts.indices if name.startswith("ocs-"))]
    found = 0
    for name in names:
        answer = facts.get(f"/{name}/_settings/index.blocks*", {"flat_settings": "true"}) or {}
        settings = answer.get(name, {}).get("settings", {})
        blocked = sorted(key for key, value in settings.items() if str(value) == "true")
        found += len(blocked)
        if blocked:
            yield Finding(
                Level.CRITICAL,
                "blocks",
                f"{name} is blocked: {', '.join(blocked)}",
                "Every message that goes there is refused, and OCS does not repeat it."
                if name in facts.write_indices.values()
                else "The latest states cannot be written.",
                "free disk space first if it is read_only_allow_delete (the server then lifts it by itself); otherwise "
                f'PUT /{name}/_settings {{"{blocked[0]}": null}}',
            )
    if names and not found:
        yield ok("blocks", "what takes messages is not blocked")


def fields(facts: Facts) -> Iterator[Finding]:
    """A field that has another type in an older index breaks questions that reach so far back."""
    templates = {resource.name: resource.body for resource in facts.resources if resource.kind == "index_template"}
    component = wanted_component(facts.resources, {})
    found = 0
    for name, stream in facts.streams.items():
        if name not in templates:
            continue
        wanted = _types(effective(templates[name], component)["mappings"])
        answer = facts.get(f"/{name}/_mapping") or {}
        for index in (each["index_name"] for each in stream["indices"]):
            live = _types(answer.get(index, {}).get("mappings", {}))
            other = [
                f"{field} ({live[field]}, not {wanted[field]})" for field in wanted if _is_other(field, wanted, live)
            ]
            found += bool(other)
            if other:
                yield Finding(
                    Level.WARNING,
                    "fields",
                    f"{index} has other types: {', '.join(other)}",
                    "Queries, dashboards and reports over its time fail or leave it out.",
                    "newer indices are right after a rollover; copy this one's documents into the stream with _reindex "
                    "(dest.op_type create, pipeline _none), or let them age out",
                )
    if facts.streams and not found:
        yield ok("fields", "every index behind the streams has the fields' types")


def _is_other(field: str, wanted: dict[str, str], live: dict[str, str]) -> bool:
    return field in live and live[field] != wanted[field]


def _types(mappings: Body) -> dict[str, str]:
    """Every field's type by its full name; of objects, that of their fields."""
    types: dict[str, str] = {}

    def walk(prefix: str, properties: dict[str, Any]) -> None:
        for name, field in properties.items():
            types[prefix + name] = field.get("type", "object")
            walk(f"{prefix}{name}.", field.get("properties", {}))

    walk("", mappings.get("properties", {}))
    return types
