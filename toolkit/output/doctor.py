"""Findings as text that says what to do, and as the one line of a monitoring plugin."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from toolkit.doctor.finding import Finding, Level
from toolkit.output.tables import readable

if TYPE_CHECKING:
    from collections.abc import Iterable

    from toolkit.uses.doctor import Diagnosis


def text(diagnosis: Diagnosis, *, with_ok: bool = True) -> str:
    """Every finding, the worst first; of what is well, one line each, or nothing."""
    shown = [finding for finding in _joined(diagnosis.findings) if with_ok or finding.level is not Level.OK]
    lines = [line for finding in shown for line in finding_lines(finding)]
    title = f"Doctor for {diagnosis.url}, namespace {diagnosis.namespace}"
    return "\n".join([title, "", *lines, *([""] if lines else []), _counts(diagnosis)])


def summary(diagnosis: Diagnosis) -> str:
    """The same in one line; of findings, only the worst."""
    worst = diagnosis.worst
    head = f"{_counts(diagnosis)}, namespace {diagnosis.namespace}"
    if worst in (Level.OK, Level.NOTE):
        return head
    return f"{head}: " + "; ".join(
        f"{finding.check}: {readable(finding.what)}" for finding in _joined(diagnosis.of(worst))
    )


def _joined(findings: Iterable[Finding]) -> list[Finding]:
    """Checks that one and the same refusal has kept from looking, as one; the order stays."""
    found: dict[Finding, list[str]] = {}
    for finding in findings:
        key = replace(finding, check="") if finding.level is Level.UNKNOWN else finding
        found.setdefault(key, []).append(finding.check)
    return [replace(finding, check=", ".join(dict.fromkeys(checks))) for finding, checks in found.items()]


def _counts(diagnosis: Diagnosis) -> str:
    return ", ".join(f"{level} {count}" for level, count in diagnosis.counts.items())


def finding_lines(finding: Finding) -> list[str]:
    """A finding; the level in words, never by colour alone."""
    head = f"{finding.level.upper() if finding.remedy else finding.level:9} {finding.check}: {readable(finding.what)}"
    indent = " " * 10
    why = [f"{indent}{readable(finding.why)}"] if finding.why else []
    return [head, *why, *([f"{indent}hint: {readable(finding.remedy)}"] if finding.remedy else [])]
