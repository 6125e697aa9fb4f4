"""Plans as text that a change board can read, and as Markdown."""

from __future__ import annotations

import difflib
import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

from toolkit.plan import Change, Difference, Plan

_SIGNS = {"create": "+", "update": "~", "adopt": "!", "delete": "-", "unavailable": "x", "edited": "*", "mapping": "~",
          "settings": "~", "rollover": ">", "rebuild": "!", "reindex": "*", "impossible": "x"}  # fmt: skip
_DONE_BY = {"mapping": "extend", "settings": "set"}
"""The verb of an action that is none."""
_INDICES_SHOWN = 3
_VALUE_MAX = 200
"""Characters of a value that are shown; JSON has all."""

_MARK = {
    f"{place}.{leaf}" for place in ("_meta", "policy._meta", "metadata.ocs_elastic") for leaf in ("checksum", "schema")
}


def plan_text(plan: Plan) -> str:
    """A plan for a terminal or a mail."""
    lines = [f"Plan for {plan.url} (cluster '{plan.cluster}', {plan.server}), namespace {plan.namespace}"]
    lines += [*([f"and for Kibana at {plan.kibana}"] if plan.kibana else []), ""]
    for change in plan.changes:
        lines.append(f"  {_SIGNS[change.action]} {change.action:11} {change.kind} {change.name}")
        lines.extend(f"      {line}" for line in _details(change))
    if plan.changes:
        lines.append("")
    lines.extend(f"PROBLEM: {problem.reason}\n  hint: {problem.hint}\n" for problem in plan.problems)
    lines.extend(f"NOTE: {note}\n" for note in plan.notes)
    lines.append(_summary(plan))
    return "\n".join(lines)


def plan_markdown(plan: Plan) -> str:
    """A plan for a ticket."""
    lines = [
        f"## Plan for `{plan.url}`, namespace `{plan.namespace}`",
        "",
        f"Cluster `{plan.cluster}`, {plan.server}. Checksum `{plan.checksum}`.",
        *([f"Kibana {plan.kibana}."] if plan.kibana else []),
        "",
    ]
    if plan.changes:
        lines += ["| action | resource | what changes | meaning |", "|---|---|---|---|"]
        for change in plan.changes:
            named = [_indices(change)] if change.indices and change.indices != (change.name,) else []
            leaves = [line for difference in _shown(change) for line in _difference(difference)]
            shown = "<br>".join(f"`{_cell(line)}`" for line in [*named, *leaves])
            lines.append(f"| {change.action} | {change.kind} `{change.name}` | {shown} | {_cell(change.meaning)} |")
        lines.append("")
    lines.extend(f"**Problem:** {problem.reason} ({problem.hint})\n" for problem in plan.problems)
    lines.extend(f"**Note:** {note}\n" for note in plan.notes)
    lines.append(_summary(plan))
    return "\n".join(lines)


def _summary(plan: Plan) -> str:
    if not plan.pending and plan.edited and not plan.problems:
        return f"Nothing to do but for {len(plan.edited)} edited by hand in Kibana."
    if not plan.pending:
        return "Nothing to do." if not plan.problems else "Nothing can be done before the problems are solved."
    counts = Counter(change.action for change in plan.pending)
    parts = [f"{count} to {_DONE_BY.get(action, action)}" for action, count in counts.items()]
    if plan.edited:
        parts.append(f"{len(plan.edited)} edited by hand in Kibana and left alone")
    return ", ".join(parts) + f". Checksum {plan.checksum}"


def _details(change: Change) -> Iterator[str]:
    if change.indices and change.indices != (change.name,):
        yield _indices(change)
    for difference in _shown(change):
        yield from _difference(difference)
    if change.meaning:
        yield change.meaning


def _indices(change: Change) -> str:
    """The first few by name: a stream may have hundreds, and JSON has all."""
    left = len(change.indices) - _INDICES_SHOWN
    return "of " + ", ".join(change.indices[:_INDICES_SHOWN]) + (f" and {left} more" if left > 0 else "")


def _shown(change: Change) -> list[Difference]:
    """Without the mark's checksum, where something else differs: it says nothing more."""
    telling = [difference for difference in change.differences if difference.path not in _MARK]
    return telling or list(change.differences)


def _difference(difference: Difference) -> Iterator[str]:
    before, after = difference.before, difference.after
    if isinstance(before, str) and isinstance(after, str) and ("\n" in before or "\n" in after):
        yield f"{difference.path}:"
        for line in difflib.unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=1):
            if not line.startswith(("---", "+++")):
                yield f"  {line}"
    elif before is None and after is None:
        yield difference.path
    elif before is None:
        yield f"{difference.path}: {_value(after)} (new)"
    elif after is None:
        yield f"{difference.path}: {_value(before)} (goes)"
    else:
        yield f"{difference.path}: {_value(before)} → {_value(after)}"


def _value(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _VALUE_MAX else f"{text[:_VALUE_MAX]}… ({len(text)} characters)"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
