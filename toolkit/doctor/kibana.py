"""Kibana: whether it is there and fits, its space, and the dashboards in it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from toolkit.doctor.facts import Facts
from toolkit.doctor.finding import Finding, Level, ok
from toolkit.errors import ToolkitError
from toolkit.plan import EDITED, SPACE, UNAVAILABLE

_UNSEEN = "Nobody sees the dashboards meanwhile; OCS's messages are kept all the same."


def kibana(facts: Facts) -> Iterator[Finding]:
    """Whether it answers, and its version against the cluster's."""
    if facts.kibana is None:
        if facts.server.distribution == "elasticsearch":
            yield Finding(
                Level.NOTE,
                "kibana",
                "no address of Kibana is known",
                "So there are no dashboards.",
                "give one in the profile (kibana: {url: ...}), or as KIBANA_URL beside ELASTICSEARCH_URL",
            )
        return
    try:
        version = facts.kibana_version or ""
    except ToolkitError as error:
        yield Finding(Level.WARNING, "kibana", error.reason, _UNSEEN, error.hint or "")
        return
    if _minor(version) == facts.server.version[:2]:
        yield ok("kibana", f"{facts.kibana.url} is Kibana {version}")
        return
    yield Finding(
        Level.WARNING,
        "kibana",
        f"{facts.kibana.url} is Kibana {version}, and the cluster's oldest node is {facts.server}",
        "Elastic supports Kibana with its own version of Elasticsearch; a newer one may refuse to start.",
        "bring both to one version, Elasticsearch first",
    )


def dashboards(facts: Facts) -> Iterator[Finding]:
    """Whether the space is there, and the dashboards are as they were imported."""
    if not _answers(facts) or facts.kibana is None:
        return
    changes = [change for change in facts.plan_dashboards.changes if change.action != UNAVAILABLE]
    told = {problem.reason for problem in facts.plan.problems}  # by another check
    for problem in facts.plan_dashboards.problems if facts.streams else ():
        if problem.reason in told:
            continue
        yield Finding(Level.WARNING, "dashboards", problem.reason, "There is nothing to show.", problem.hint)
    if any(change.kind == SPACE for change in changes):
        yield Finding(
            Level.NOTE,
            "dashboards",
            f"there is no space {facts.kibana.space} in {facts.kibana.url}",
            "The dashboards go there.",
            "ocs-elastic apply creates it; kibana.space names another",
        )
        return
    for change in (change for change in changes if change.action == EDITED):
        what = f"{change.kind} {change.name} was changed by hand"
        yield Finding(Level.NOTE, "dashboards", what, change.meaning, "ocs-elastic dashboards export keeps it")
    counts = Counter(change.action for change in changes if change.pending)
    if counts:
        what = ", ".join(f"{count} to {action}" for action, count in counts.items())
        why = "Kibana has other dashboards than this toolkit, or none."
        yield Finding(Level.NOTE, "dashboards", what, why, "ocs-elastic dashboards plan, ocs-elastic dashboards import")
    if not changes:
        yield ok("dashboards", f"in space {facts.kibana.space}, as they were imported")


def _answers(facts: Facts) -> bool:
    """Whether Kibana can be asked at all; if not, `kibana` says why."""
    try:
        return facts.kibana_version is not None
    except ToolkitError:
        return False


def _minor(version: str) -> tuple[int, int]:
    major, minor = version.split(".")[:2]
    return int(major), int(minor)
