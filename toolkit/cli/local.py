"""`ocs-elastic local`: the embedded engine, for trying things out on a machine that has nothing but Python."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from toolkit.cli.commands import Commands

if TYPE_CHECKING:
    from toolkit.local.engine import Engine

app = Commands(
    name="local",
    help="An engine of your own on this machine: OpenSearch, for trying out and for tests, not for production.",
    no_args_is_help=True,
)

_Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]


@app.command()
def up(
    archive: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="A copy of the engine's archive, for machines without internet."),
    ] = None,
    mirror: Annotated[
        str | None,
        typer.Option(metavar="URL", help="Fetch from a mirror of Maven Central instead; URL is its base address."),
    ] = None,
    port: Annotated[
        int | None, typer.Option(min=1024, max=65535, help="Listen on this port; without it, on a free one.")
    ] = None,
    as_json: _Json = False,
) -> None:
    """Start the engine and wait until it works.

    The first time, 162 MB are fetched from Maven Central and kept. It listens on 127.0.0.1 only, without
    authentication. Other commands find it by `--profile local`. If it is up already, nothing changes: exit code 0.
    """
    from toolkit.local import engine  # noqa: PLC0415 - start-up time of every other command
    from toolkit.output import console  # noqa: PLC0415

    before = engine.running()
    if before and (archive or mirror or port):
        console.TerminalProgress().say("It is up already; --archive, --mirror and --port have no effect.")
    found = before or engine.start(progress=console.TerminalProgress(), archive=archive, mirror=mirror, port=port)
    if as_json:
        console.result_json(_facts(found))
        return
    console.result(
        f"OpenSearch {found.version} {'is up already' if before else 'is up'}: {found.url}\n"
        "Use it by    --profile local\n"
        "Stop it by   ocs-elastic local down   (its data goes with it)"
    )


@app.command()
def down() -> None:
    """Stop the engine and delete its data. If it is not up, nothing changes: exit code 0."""
    from toolkit.local import engine  # noqa: PLC0415
    from toolkit.output import console  # noqa: PLC0415

    stopped = engine.stop()
    console.result(f"Stopped; deleted {stopped.folder}" if stopped else "The local engine is not up.")


@app.command()
def status(as_json: _Json = False) -> None:
    """Say whether the engine is up, where, and what it occupies. Exit code 0: it is up and answers; 1: it does not."""
    from toolkit.local import engine  # noqa: PLC0415
    from toolkit.output import console  # noqa: PLC0415

    found = engine.running()
    answers = found is not None and found.answers()
    if as_json:
        console.result_json({"up": answers, **(_facts(found) if found else {})})
    elif found is None:
        console.result("The local engine is not up. Start it by: ocs-elastic local up")
    else:
        words = {"state": "up" if answers else "does not answer; see its log", **_facts(found)}
        words["memory"] = f"{words.pop('memory_bytes') / 1e6:.0f} MB"
        console.result("\n".join(f"{name:<8} {value}" for name, value in words.items()))
    raise typer.Exit(0 if answers else 1)


def _facts(engine: Engine) -> dict[str, Any]:
    from datetime import UTC, datetime  # noqa: PLC0415

    return {
        "url": engine.url,
        "version": engine.version,
        "pid": engine.pid,
        "since": datetime.fromtimestamp(engine.created, UTC).isoformat(timespec="seconds"),
        "memory_bytes": engine.memory_bytes,
        "folder": str(engine.folder),
        "log": str(engine.log),
    }
