"""`ocs-elastic migrate`: what has to happen to stored documents once, in numbered steps."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from toolkit.cli.cluster import deployment_of
from toolkit.cli.commands import Commands
from toolkit.cli.consent import consent
from toolkit.cli.options import RATE, AllowMixed, AsJson, Config, Namespace, Profile, Rate, Yes
from toolkit.cli.plan import PENDING
from toolkit.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from toolkit.migrate.sources import Source
    from toolkit.uses.deployment import Deployment
    from toolkit.uses.migrate import Forecast

app = Commands(
    name="migrate",
    help="Numbered data migrations: what has to happen to stored documents once, beside what apply keeps in place.",
    no_args_is_help=True,
)


@app.command()
def status(
    *, profile: Profile = None, namespace: Namespace = None, config: Config = None, as_json: AsJson = False
) -> None:
    """Show what was migrated, when and by whom, and what is pending.

    Nothing is written. The exit code is 0 if there is nothing to do, 3 if something is pending, 1 if files and history
    contradict each other.
    """
    from toolkit.migrate.sequence import require_unchanged  # noqa: PLC0415 - start-up time
    from toolkit.output.console import result, result_json  # noqa: PLC0415
    from toolkit.output.migrate import overview_text  # noqa: PLC0415
    from toolkit.uses.migrate import overview  # noqa: PLC0415

    found = overview(_target(profile, namespace, config, read_only=True))
    if as_json:
        result_json(found.as_json())
    else:
        result(overview_text(found))
    require_unchanged(found.items)
    if found.pending:
        raise typer.Exit(PENDING)


@app.command()
def up(
    *,
    profile: Profile = None,
    namespace: Namespace = None,
    config: Config = None,
    to: Annotated[int | None, typer.Option(min=1, metavar="VERSION", help="The last version to run.")] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only show what each step would do, as the cluster is now.")
    ] = False,
    rate: Rate = RATE,
    drop_source: Annotated[
        bool,
        typer.Option(
            "--drop-source", help="Then delete the indices that a reindexing has replaced, now or earlier, at once."
        ),
    ] = False,
    allow_mixed: AllowMixed = False,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Run what is pending, in order; each step is checked before it and verified after it.

    Long work is a task of the server's. If it is interrupted, at whatever moment, run it again: it goes on where it
    was. A step that fails ends it; what is done stays done, and the history says how far it came. In the end it deletes
    what a reindexing has replaced and its file keeps no longer. The exit code is 0 if all is applied; of a dry run 0 if
    nothing is to do, 3 if something is, 1 if something is in the way of it.
    """
    from toolkit.output.console import result, result_json  # noqa: PLC0415
    from toolkit.output.migrate import forecast_text  # noqa: PLC0415
    from toolkit.uses.migrate import droppable, forecast  # noqa: PLC0415

    target = _target(profile, namespace, config, read_only=dry_run, allow_mixed=allow_mixed)
    found, gone = forecast(target, to=to), droppable(target, every=drop_source)
    if not as_json:
        result(forecast_text(found, gone, at_once=drop_source))
    if dry_run:
        if as_json:
            result_json({"migrations": [m.as_json() for m in found], "to_drop": [s.as_json() for s in gone]})
        raise typer.Exit(_previewed(found, gone))
    if found or gone:
        consent("Migrate?", yes=yes, hint="give --yes, after a look at what --dry-run says")
    _run(target, to, rate or None, pending=bool(found), drop_source=drop_source, as_json=as_json)


def _run(
    target: Deployment, to: int | None, rate: int | None, *, pending: bool, drop_source: bool, as_json: bool
) -> None:
    from toolkit.output.console import TerminalProgress, result, result_json  # noqa: PLC0415
    from toolkit.output.migrate import applied_text, dropped_text  # noqa: PLC0415
    from toolkit.uses.migrate import drop_sources  # noqa: PLC0415
    from toolkit.uses.migrate import up as run  # noqa: PLC0415

    rows, dropped = [], []
    try:
        if pending:
            for row in run(target, to=to, rate=rate, progress=TerminalProgress()):
                rows.append(row.as_json())
                if not as_json:
                    result(applied_text(row))
        for source in drop_sources(target, every=drop_source):
            dropped.append(source.as_json())
            if not as_json:
                result(dropped_text(source))
    finally:  # what was applied before one failed is told as well
        if as_json:
            result_json({"applied": rows, "dropped": dropped})


@app.command()
def new(
    name: Annotated[str, typer.Argument(metavar="NAME", help="What it is about: a-z, 0-9 and '_'.")],
    *,
    config: Config = None,
    description: Annotated[
        str, typer.Option(metavar="TEXT", help="Why it is done, in a sentence: a change board reads it.")
    ] = "Why this is done.",
    folder: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Where to.  [default: migrations of the configuration]")
    ] = None,
) -> None:
    """Write the file of a new migration, with the next version and an example of every step, to be filled in."""
    from toolkit.config import load_settings  # noqa: PLC0415
    from toolkit.output.console import result  # noqa: PLC0415
    from toolkit.uses.migrate import new as write  # noqa: PLC0415

    own = folder or load_settings(config).migrations
    if own is None:
        raise UsageError(
            "no folder for your migrations is named", hint="set migrations in ocs-elastic.yml, or give --folder"
        )
    result(f"Wrote {write(Path(own), name, description)}: fill in its steps, then ocs-elastic migrate up --dry-run")


@app.command()
def baseline(
    *,
    profile: Profile = None,
    namespace: Namespace = None,
    config: Config = None,
    to: Annotated[int, typer.Option(min=1, metavar="VERSION", help="The last version that is done.")],
    yes: Yes = False,
) -> None:
    """Write into the history that everything up to a version is done, without running any of it.

    For a cluster that was brought to that state in another way.
    """
    from toolkit.output.console import result  # noqa: PLC0415
    from toolkit.uses.migrate import declarable, declare  # noqa: PLC0415

    target = _target(profile, namespace, config)
    for migration in declarable(target, to):
        result(f"{migration}: {migration.description}")
    where = f"namespace {target.settings.namespace} on {target.transport.url}"
    question = f"Is all of that done in {where}, though it was not run by this command?"
    consent(question, yes=yes, hint="give --yes if that is so")
    for row in declare(target, to):
        result(f"V{row.version:04d}__{row.name}: declared to be done; nothing was run")


@app.command()
def repair(
    *,
    profile: Profile = None,
    namespace: Namespace = None,
    config: Config = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would be repaired.")] = False,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Compare history and files with the cluster, put the history right where it can be, and say what is left.

    Only the history is written: no step is run, and no document is touched. The exit code is 1 if something is left
    that only a person can decide.
    """
    from toolkit.output.console import result, result_json  # noqa: PLC0415
    from toolkit.output.migrate import repair_text  # noqa: PLC0415
    from toolkit.uses.migrate import repair as run  # noqa: PLC0415
    from toolkit.uses.migrate import repairable  # noqa: PLC0415

    target = _target(profile, namespace, config, read_only=dry_run)
    found = repairable(target)
    act = not dry_run and any(each.pending for each in found)
    if act:
        if not as_json:
            result("\n".join(repair_text(each, done=False) for each in found))
        consent("Repair the history?", yes=yes, hint="give --yes, after a look at what --dry-run says")
        found = run(target)
    if as_json:
        result_json([each.as_json(done=act) for each in found])
    else:
        for each in found:
            result(repair_text(each, done=act))
        if not found:
            result("Nothing to repair.")
    if any(not each.pending for each in found):
        raise typer.Exit(1)
    if dry_run and found:
        raise typer.Exit(PENDING)


@app.command()
def unlock(
    *,
    profile: Profile = None,
    namespace: Namespace = None,
    config: Config = None,
    host: Annotated[
        str | None, typer.Option(metavar="HOST", help="The host of who holds it, instead of being asked for it.")
    ] = None,
) -> None:
    """Take the lock away from a run that died on another machine, without waiting until it expires.

    A lock expires two minutes after its holder was last heard of, so this is for impatience. It is watched for half a
    minute first: who is alive keeps it.
    """
    from toolkit.output.console import TerminalProgress, result  # noqa: PLC0415
    from toolkit.output.migrate import lock_text  # noqa: PLC0415
    from toolkit.uses.migrate import locks  # noqa: PLC0415
    from toolkit.uses.migrate import unlock as take  # noqa: PLC0415

    target = _target(profile, namespace, config)
    found = locks(target)
    for lock in found:
        result(f"{lock.name}: {lock_text(lock)}")
    for name in dict.fromkeys(lock.host for lock in found):
        _name_the_host(name, host)
    if alive := {str(lock) for lock in found if not lock.gone}:
        TerminalProgress().say(f"watching for half a minute whether {' and '.join(sorted(alive))} is alive")
    take(target, found)
    for lock in found:
        result(f"Unlocked: {lock.name}")
    if not found:
        result("Nothing is locked.")


def _previewed(found: Sequence[Forecast], gone: Sequence[Source]) -> int:
    """The exit code of a dry run; what is in the way of a later migration may be gone when it is its turn."""
    if found and found[0].hindrances:
        return 1
    return PENDING if found or gone else 0


def _name_the_host(holder: str, host: str | None) -> None:
    if host is None:
        question = f"Type the host's name ({holder}) to take the lock away"
        consent(question, yes=False, hint=f"give --host {holder}", word=holder)
    elif host != holder:
        raise UsageError(f"--host {host}: a lock is held on {holder}", hint="see ocs-elastic migrate status")


def _target(
    profile: str | None,
    namespace: str | None,
    config: Path | None,
    *,
    read_only: bool = False,
    allow_mixed: bool = False,
) -> Deployment:
    return deployment_of(profile, namespace, config, read_only=read_only, no_dashboards=True, allow_mixed=allow_mixed)
