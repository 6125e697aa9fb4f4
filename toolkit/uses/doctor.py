"""What is wrong with a cluster, its Kibana and what was installed there, and what to do about it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace

from toolkit.capabilities import of_elasticsearch
from toolkit.client.connect import OLDEST, connect
from toolkit.client.kibana import connect_kibana
from toolkit.config import Connection, Settings
from toolkit.doctor import look_at_cluster, look_at_connection
from toolkit.doctor.credential import privileges
from toolkit.doctor.facts import Facts
from toolkit.doctor.finding import WORST_FIRST, Finding, Level
from toolkit.doctor.resources import INSTALLED
from toolkit.errors import RejectedError, ToolkitError, UnreachableError
from toolkit.model import Body
from toolkit.uses.deployment import Deployment, deployment


@dataclass(frozen=True)
class Diagnosis:
    """All that the checks say."""

    url: str
    namespace: str
    findings: tuple[Finding, ...]
    """The worst first."""

    @property
    def worst(self) -> Level:
        """The level of the worst finding; where something could not be checked, nothing is ok."""
        return self.findings[0].level if self.findings else Level.OK

    @property
    def counts(self) -> dict[Level, int]:
        """Level → findings, the worst first; only levels that occur."""
        found = Counter(finding.level for finding in self.findings)
        return {level: found[level] for level in WORST_FIRST if level in found}

    @property
    def blocking(self) -> list[Finding]:
        """What has to be put right before anything is installed: what is critical, and not for want of installing."""
        return [finding for finding in self.of(Level.CRITICAL) if finding.check != INSTALLED]

    def of(self, level: Level) -> list[Finding]:
        """The findings of one level."""
        return [finding for finding in self.findings if finding.level is level]

    def as_json(self) -> Body:
        """For programs."""
        return {
            "url": self.url,
            "namespace": self.namespace,
            "level": self.worst.value,
            "counts": {level.value: count for level, count in self.counts.items()},
            "findings": [finding.as_json() for finding in self.findings],
        }


def doctor(connection: Connection, settings: Settings) -> Diagnosis:
    """Make every check that can be made. Reads only.

    Raises:
        ConfigurationError: the connection or the settings cannot be used at all.
    """
    findings = look_at_connection(connection)
    try:
        target = deployment(connection, settings, read_only=True)
    except ToolkitError as error:
        if error.exit_code != 1:
            raise
        findings += _no_cluster(error, findings)
        if isinstance(error, RejectedError) and error.status == 403:
            findings += look_at_cluster(_unknown_server(connection, settings), [privileges])
    else:
        findings += look_at_cluster(facts(connection, target))
    ordered = sorted(findings, key=lambda finding: WORST_FIRST.index(finding.level))
    return Diagnosis(connection.shown_url, settings.namespace, tuple(ordered))


def facts(connection: Connection, target: Deployment) -> Facts:
    """What the checks look at: the plan of the cluster and that of Kibana apart, since either may be out of reach.

    Nodes of different versions are a finding of their own, with their names.
    """
    return Facts(
        connection=connection,
        transport=target.transport,
        server=target.server,
        settings=target.settings,
        resources=target.resources,
        kibana=target.kibana,
        plan=replace(target, kibana=None, allow_mixed=True).plan,
        plan_dashboards=target.plan_dashboards,
    )


def _unknown_server(connection: Connection, settings: Settings) -> Facts:
    """For the one thing that every credential may ask for: what it may do. Without `monitor` nothing else is known."""
    server = of_elasticsearch(OLDEST, security=True)
    target = Deployment(connect(connection, read_only=True), server, settings, connect_kibana(connection))
    return facts(connection, target)


def _no_cluster(error: ToolkitError, known: list[Finding]) -> Iterator[Finding]:
    """Why nothing else could be checked, unless the checks of the connection have said so."""
    critical = [finding.what for finding in known if finding.level is Level.CRITICAL]
    if error.reason in critical or (isinstance(error, UnreachableError) and critical):
        return
    refused = isinstance(error, RejectedError) and error.status in (401, 403)
    level = Level.UNKNOWN if refused else Level.CRITICAL
    yield Finding(level, "cluster", error.reason, "Nothing else could be checked.", error.hint or "")
