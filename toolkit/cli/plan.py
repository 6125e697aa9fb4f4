"""`ocs-elastic plan` and `apply`: what would change on a cluster and in its Kibana, and the change."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from toolkit.cli.cluster import deployment_of
from toolkit.cli.consent import consent
from toolkit.cli.options import Adopt, AllowMixed, AsJson, Config, Namespace, NoDashboards, Overwrite, Profile, Yes
from toolkit.errors import StalePlanError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from toolkit.apply import Event
    from toolkit.plan import Plan
    from toolkit.uses.deployment import Deployment

OlderIndices = Annotated[
    bool,
    typer.Option("--older-indices", help="Put new fields into the older indices of a stream too, not only the newest."),
]
PENDING = 3
"""Exit code when something is pending; of `plan` also when something was changed by hand in Kibana."""


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
    overwrite: Overwrite = False,
    no_dashboards: NoDashboards = False,
    allow_mixed: AllowMixed = False,
    older_indices: OlderIndices = False,
    as_json: AsJson = False,
) -> None:
    """Show what would change on the cluster and in its Kibana, and what that means for stored documents.

    Changes nothing. The exit code is 0 if there is nothing to do, 3 if changes are pending or something was changed
    by hand in Kibana, 1 if something stands in the way.
    """
    target = deployment_of(
        profile,
        namespace,
        config,
        read_only=True,
        overwrite=overwrite,
        no_dashboards=no_dashboards,
        allow_mixed=allow_mixed,
        older_indices=older_indices,
    )
    report(target.plan(), format, as_json=as_json)


def apply(
    *,
    profile: Profile = None,
    namespace: Namespace = None,
    config: Config = None,
    yes: Yes = False,
    adopt: Adopt = False,
    overwrite: Overwrite = False,
    no_dashboards: NoDashboards = False,
    allow_mixed: AllowMixed = False,
    older_indices: OlderIndices = False,
    checksum: Annotated[
        str | None, typer.Option(help="Only if the plan is still the one with this checksum, which plan prints.")
    ] = None,
) -> None:
    """Show the plan, ask, and make its changes: those and no others.

    If it is interrupted, run it again: it goes on where it was. Afterwards plan has nothing to do.
    """
    applied(
        profile,
        namespace,
        config,
        yes=yes,
        adopt=adopt,
        overwrite=overwrite,
        no_dashboards=no_dashboards,
        allow_mixed=allow_mixed,
        older_indices=older_indices,
        checksum=checksum,
    )


def applied(
    profile: str | None,
    namespace: str | None,
    config: Path | None,
    *,
    yes: bool,
    adopt: bool,
    overwrite: bool,
    no_dashboards: bool,
    allow_mixed: bool,
    older_indices: bool = False,
    checksum: str | None = None,
) -> Deployment:
    """What `apply` does; the deployment, for those who go on from there."""
    target = deployment_of(
        profile,
        namespace,
        config,
        overwrite=overwrite,
        no_dashboards=no_dashboards,
        allow_mixed=allow_mixed,
        older_indices=older_indices,
    )
    found = target.plan()
    show(found, Format.TEXT)
    if checksum is not None and found.checksum != checksum:
        raise StalePlanError(
            f"the plan's checksum is {found.checksum}, not {checksum}: it has changed since it was approved",
            hint="have the new plan approved: ocs-elastic plan",
        )
    carry_out(found, target.apply, adopt=adopt, yes=yes)
    return target


def report(found: Plan, format: Format, *, as_json: bool) -> None:  # noqa: A002
    """Print a plan.

    Raises:
        Exit: with the code that says what it comes to.
    """
    from toolkit.output.console import result_json  # noqa: PLC0415

    if as_json:
        result_json(found.as_json())
    else:
        show(found, format)
    if found.problems:
        raise typer.Exit(1)
    if found.pending or found.edited:
        raise typer.Exit(PENDING)


def carry_out(
    found: Plan, apply: Callable[..., Iterator[Event]], *, adopt: bool, yes: bool, quiet: bool = False
) -> None:
    """Ask, and make a plan's changes.

    Args:
        found: the plan.
        apply: makes its changes.
        adopt: whether what is not ours may be taken over.
        yes: whether nobody is asked.
        quiet: whether the result is left to the caller.
    """
    from toolkit.output.console import TerminalProgress, counted, result, warn  # noqa: PLC0415

    found.raise_if_unsafe(adopt=adopt)
    if found.pending:
        consent("Apply this plan?", yes=yes, hint="give --yes if the plan may be applied unseen")
        progress = TerminalProgress()
        for event in apply(found, adopt=adopt):
            progress.say(f"done: {event.change}")
        if not quiet:
            result(f"Applied {counted(len(found.pending), 'change')}; the plan is empty now.")
    elif found.outdated_record:
        list(apply(found, adopt=adopt))  # nothing happens to what people see, so nobody is asked
    for change in found.edited:
        warn(f"left as it is: {change.kind} {change.name} {change.meaning}")


def show(found: Plan, format: Format) -> None:  # noqa: A002
    """Print a plan for people."""
    from toolkit.output.console import result  # noqa: PLC0415
    from toolkit.output.plan import plan_markdown, plan_text  # noqa: PLC0415

    result(plan_markdown(found) if format is Format.MARKDOWN else plan_text(found))
