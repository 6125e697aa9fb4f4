"""`ocs-elastic plan` and `apply`: what would change on a cluster, and the change."""

from __future__ import annotations

import sys
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from toolkit.cli.cluster import deployment_of
from toolkit.cli.options import AsJson, Config, Namespace, Profile
from toolkit.errors import StalePlanError, UsageError

if TYPE_CHECKING:
    from toolkit.plan import Plan

PENDING = 3
"""Exit code of `plan` when changes are pending."""


class Format(StrEnum):
    """How a plan is printed."""

    TEXT = "text"
    MARKDOWN = "markdown"


def plan(
    *,
    profile: Profile = None,
    namespace: Namespace = None,
    config: Config = None,
    format: Annotated[Format, typer.Option(help="For a terminal, or for a ticket.")] = Format.TEXT,  # noqa: A002
    as_json: AsJson = False,
) -> None:
    """Show what would change on the cluster, and what that means for stored documents. Changes nothing.

    The exit code is 0 if there is nothing to do, 3 if changes are pending, 1 if something stands in the way.
    """
    from toolkit.output.console import result_json  # noqa: PLC0415

    found = deployment_of(profile, namespace, config, read_only=True).plan()
    if as_json:
        result_json(found.as_json())
    else:
        _show(found, format)
    if found.problems:
        raise typer.Exit(1)
    if found.pending:
        raise typer.Exit(PENDING)


def apply(
    *,
    profile: Profile = None,
    namespace: Namespace = None,
    config: Config = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    adopt: Annotated[bool, typer.Option("--adopt", help="Take over what has our names but not our mark.")] = False,
    checksum: Annotated[
        str | None, typer.Option(help="Only if the plan is still the one with this checksum, which plan prints.")
    ] = None,
) -> None:
    """Show the plan, ask, and make its changes: those and no others.

    If it is interrupted, run it again: it goes on where it was. Afterwards plan has nothing to do.
    """
    from toolkit.output.console import TerminalProgress, result  # noqa: PLC0415

    target = deployment_of(profile, namespace, config)
    found = target.plan()
    _show(found, Format.TEXT)
    if checksum is not None and found.checksum != checksum:
        raise StalePlanError(
            f"the plan's checksum is {found.checksum}, not {checksum}: it has changed since it was approved",
            hint="have the new plan approved: ocs-elastic plan",
        )
    found.raise_if_unsafe(adopt=adopt)
    if not found.pending:
        return
    _consent(yes=yes)
    progress = TerminalProgress()
    for event in target.apply(found, adopt=adopt):
        progress.say(f"done: {event.change}")
    result(f"Applied {len(found.pending)} changes; the plan is empty now.")


def _show(found: Plan, format: Format) -> None:  # noqa: A002
    from toolkit.output.console import result  # noqa: PLC0415
    from toolkit.output.plan import plan_markdown, plan_text  # noqa: PLC0415

    result(plan_markdown(found) if format is Format.MARKDOWN else plan_text(found))


def _consent(*, yes: bool) -> None:
    """Ask, where somebody can answer.

    Raises:
        UsageError: nobody can.
        Exit: the answer was no.
    """
    if yes:
        return
    if not sys.stdin.isatty():
        raise UsageError("there is no terminal to ask on", hint="give --yes if the plan may be applied unseen")
    if not typer.confirm("Apply this plan?"):
        raise typer.Exit(1)
