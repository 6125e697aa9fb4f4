"""The toolkit's resources on the cluster: what the plan says, and what the indices behind the streams really are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from toolkit.change_class import MAPPING, REBUILD, ROLLOVER, SETTINGS
from toolkit.doctor.facts import Facts
from toolkit.doctor.finding import Finding, Level, ok
from toolkit.effective import effective
from toolkit.errors import ToolkitError
from toolkit.live import wanted_component
from toolkit.model import Body
from toolkit.plan import ADOPT, CREATE, UPDATE, Change

INSTALLED = "installed"
"""The check whose findings `apply` puts right."""
_APPLY = "look at it and make it so: ocs-elastic plan, ocs-elastic apply"
_PATHS_SHOWN = 5
_BEHIND = (MAPPING, SETTINGS, ROLLOVER, REBUILD)
"""The actions of changes to an index, whatever template it comes from."""


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
        yield _absent(facts, absent)
        return
    pending = facts.plan.pending
    for change in pending:
        if change.action in _BEHIND:
            yield _other_than_asked(change, facts.write_indices.get(change.name, change.name))
    wrong = [change for change in pending if _is_wrong(change)]
    yield from (_wrong(facts, change) for change in wrong)
    rest = [change for change in pending if change.action not in _BEHIND and change not in wrong]
    if rest:
        what = f"not as asked for: {_counted(rest)}"
        yield Finding(Level.NOTE, INSTALLED, what, "The cluster has something else.", _APPLY)
    if not pending:
        yield ok(INSTALLED, f"namespace {facts.namespace} is there, and as it is asked for")


def _absent(facts: Facts, names: list[str]) -> Finding:
    """Where nothing was ever installed, nothing is lost yet."""
    there = any(_answer(facts, f"/_index_template/{name}") is not None for name in names)
    streams = (_answer(facts, "/_data_stream/ocs-campaign-groups-*") or {}).get("data_streams", [])
    others = [stream["name"].removeprefix("ocs-campaign-groups-") for stream in streams]
    elsewhere = f"; or name one that is there: --namespace {' | '.join(others)}" if others and not facts.streams else ""
    return Finding(
        Level.CRITICAL if facts.streams or there else Level.WARNING,
        INSTALLED,
        f"{' and '.join(names)} {'is' if len(names) == 1 else 'are'} not there",
        "What OCS posts there is refused, and it does not repeat it.",
        f"install namespace {facts.namespace}: ocs-elastic bootstrap, or ocs-elastic apply{elsewhere}",
    )


def _answer(facts: Facts, path: str) -> Any:
    """What only makes a finding more precise: None too where it is refused."""
    try:
        return facts.get(path)
    except ToolkitError:
        return None


def _is_wrong(change: Change) -> bool:
    """Whether somebody has removed or changed it: then it is not what the files that made it said.

    What the toolkit or the configuration asks for anew changes the checksum in the mark (on OpenSearch, a pipeline's
    description holds it). A data stream has no mark: all that is ever updated of it is its failure store, and one that
    is not ours has another template, which is a clash. A transform that only stands still is another check's.
    """
    if change.kind == "data_stream":
        return False
    if change.action == UPDATE:
        paths = [difference.path for difference in change.differences]
        return paths != ["running"] and not any(path == "description" or "checksum" in path for path in paths)
    return change.action in (CREATE, ADOPT)


def _wrong(facts: Facts, change: Change) -> Finding:
    what = {CREATE: "is not there", ADOPT: "is not ours any more", UPDATE: "was changed by hand"}[change.action]
    paths = ", ".join(difference.path for difference in change.differences[:_PATHS_SHOWN])
    shown = f": {paths}" if paths and change.action == UPDATE else ""
    why = "What it is for does not work, or otherwise than it should."
    remedy = "ocs-elastic plan, ocs-elastic apply --adopt" if change.action == ADOPT else _APPLY
    lost = change.action == CREATE and change.name in _default_pipelines(facts)
    if lost:
        why = "The streams name it, so every message is refused, and OCS does not repeat it."
    level = Level.CRITICAL if lost else Level.WARNING
    return Finding(level, INSTALLED, f"{change.kind} {change.name} {what}{shown}", why, remedy)


def _default_pipelines(facts: Facts) -> set[str]:
    component = wanted_component(facts.resources, {})
    templates = [resource.body for resource in facts.resources if resource.kind == "index_template"]
    return {str(effective(body, component)["settings"].get("index.default_pipeline")) for body in templates}


def _counted(changes: list[Change]) -> str:
    counts = Counter(change.action for change in changes)
    names = ", ".join(f"{change.kind} {change.name}" for change in changes)
    return f"{', '.join(f'{count} to {action}' for action, count in counts.items())} ({names})"


def _other_than_asked(change: Change, index: str) -> Finding:
    paths = [difference.path for difference in change.differences]
    return Finding(
        Level.WARNING,
        INSTALLED,
        f"{index} is not what is asked for: {'; '.join(paths) or 'it is not there'}",
        f"It takes the messages of {change.name}, and they are kept as it says."
        if change.kind == "data_stream"
        else "It keeps the latest state of each campaign group.",
        _APPLY,
    )


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
