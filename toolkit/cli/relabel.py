"""`ocs-elastic relabel`: stored documents get the labels that catalogue and configuration have now."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from toolkit.cli.cluster import deployment_of
from toolkit.cli.consent import consent
from toolkit.cli.options import RATE, AsJson, Config, Namespace, Profile, Rate, Yes
from toolkit.cli.plan import PENDING
from toolkit.errors import ToolkitError

if TYPE_CHECKING:
    from toolkit.uses.relabel import Survey


def relabel(
    *,
    profile: Profile = None,
    namespace: Namespace = None,
    config: Config = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only show what would become of which labels; change nothing.")
    ] = False,
    rate: Rate = RATE,
    lift_write_blocks: Annotated[
        bool,
        typer.Option(
            "--lift-write-blocks",
            help="Relabel indices with a write block too: it is lifted for as long as that takes, and put back.",
        ),
    ] = False,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Derive the labels of stored documents anew from their codes, after labels or the toolkit have changed.

    New messages have the new labels as soon as apply has installed them; this is for those that are stored already,
    and for the latest-state index. The work is a task of the server's: interrupted, it goes on, and the next run
    attaches to it. The exit code is 0 only if nothing is left; of a dry run 0 if nothing is to do, 3 if something is.
    """
    from toolkit.output.console import TerminalProgress, counted, result, result_json  # noqa: PLC0415
    from toolkit.output.relabel import relabelled_text, survey_text  # noqa: PLC0415 - start-up time
    from toolkit.uses.relabel import relabel as run  # noqa: PLC0415
    from toolkit.uses.relabel import survey  # noqa: PLC0415

    target = deployment_of(profile, namespace, config, read_only=dry_run, no_dashboards=True)
    found = survey(target)
    if not as_json:
        result(survey_text(found, lift=lift_write_blocks))
    if dry_run:
        if as_json:
            result_json(found.as_json())
        raise typer.Exit(PENDING if found.pending else 0)
    if any(part.reachable(lift=lift_write_blocks) for part in found.parts):
        question = f"Relabel {counted(found.documents, 'document')}?"
        consent(question, yes=yes, hint="give --yes, after a look at what --dry-run says")
    done = run(target, rate=rate or None, lift=lift_write_blocks, progress=TerminalProgress())
    if as_json:
        result_json(done.as_json())
    else:
        result(relabelled_text(done))
    if done.left.parts:
        raise _left(done.left)


def _left(left: Survey) -> ToolkitError:
    reasons = [f"{part.index}: {part.hindrance}" for part in left.parts if part.hindrance]
    blocked = [part.index for part in left.parts if part.write_block and not part.hindrance]
    if blocked:
        reasons.append(f"write block: {', '.join(blocked)}")
    hints = ["--lift-write-blocks lifts write blocks for as long as it takes"] if blocked else []
    if any(part.hindrance for part in left.parts):
        hints.append("what is read-only has to be made writable by whoever made it so, or keeps its labels")
    return ToolkitError(
        f"{left.documents:,} documents keep their labels" + (f": {'; '.join(reasons)}" if reasons else ""),
        hint="; ".join(hints) or "others write them at the same time: run it again",
    )
