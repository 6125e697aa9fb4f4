"""`ocs-elastic render`: what would be installed, as files and scripts that need no Python."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from toolkit.cli.cluster import connection_and_settings
from toolkit.cli.options import Config, Namespace, Profile, Space
from toolkit.errors import ConfigurationError, UsageError

if TYPE_CHECKING:
    from toolkit.config import Connection, Settings

_STDOUT = "-"


class Format(StrEnum):
    """What `render` writes."""

    JSON = "json"
    CURL = "curl"
    CONSOLE = "console"
    NDJSON = "ndjson"


def render(
    *,
    server: Annotated[
        str | None,
        typer.Option(
            metavar="VERSION",
            help="Elasticsearch version to render for, such as 8.17.2. Without it, the cluster is asked.",
        ),
    ] = None,
    profile: Profile = None,
    namespace: Namespace = None,
    config: Config = None,
    output_format: Annotated[
        Format,
        typer.Option(
            "--format",
            help="json: one file a resource, and order.json, which says what to send in which order. "
            "curl: a script for a POSIX shell, such as Git Bash on Windows. "
            "console: a script for Dev Tools in Kibana. "
            "ndjson: the dashboards, to be imported in Kibana under Stack Management, Saved Objects, in the space that "
            "--space names, with existing objects overwritten.",
        ),
    ] = Format.JSON,
    output: Annotated[
        str,
        typer.Option(
            metavar="PATH",
            help="For json a folder, for the others a file; - is standard output, json as one document.",
        ),
    ] = _STDOUT,
    space: Space = None,
) -> None:
    """Write down what apply would send, for review, or to be run where there is no Python.

    Nothing is changed anywhere. Whichever form is sent ends where apply ends, and may be sent again.
    """
    from toolkit.config import load_settings  # noqa: PLC0415 - start-up time of every other command
    from toolkit.output.console import TerminalProgress  # noqa: PLC0415
    from toolkit.scripts import console, curl, folder  # noqa: PLC0415
    from toolkit.uses import render as use  # noqa: PLC0415

    if server is not None and profile is not None:
        raise UsageError("--server and --profile exclude each other", hint="name a version, or a cluster to ask")
    if space is not None and output_format is not Format.NDJSON:
        raise UsageError("--space is for the dashboards: give --format ndjson with it")
    if output_format is Format.NDJSON:
        _dashboards(load_settings(config, namespace=namespace, profile=profile), space or "default", output)
        return
    if server is not None:
        settings, target = load_settings(config, namespace=namespace), use.server_of_version(server)
    else:
        connection, settings = _cluster(profile, namespace, config)
        target = use.server_of_cluster(connection)
    steps, head = use.rendered(settings, target)
    if output_format is Format.JSON and output != _STDOUT:
        use.write_folder(folder.files(steps), Path(output))
    else:
        match output_format:
            case Format.JSON:
                text = folder.document(steps)
            case Format.CURL:
                text = curl.script(steps, head)
            case Format.CONSOLE:
                text = console.script(steps, head)
        _write(text, output)
    where = "" if output == _STDOUT else f" to {output}"
    TerminalProgress().say(f"Wrote {len(steps)} resources of namespace {settings.namespace} for {target}{where}")


def _dashboards(settings: Settings, space: str, output: str) -> None:
    """The file is the same for every Kibana: each migrates what it imports."""
    from toolkit.output.console import TerminalProgress  # noqa: PLC0415
    from toolkit.uses.render import dashboards  # noqa: PLC0415

    _write(dashboards(settings, space), output)
    where = "" if output == _STDOUT else f" to {output}"
    TerminalProgress().say(f"Wrote the dashboards of namespace {settings.namespace} for space {space}{where}")


def _write(text: str, output: str) -> None:
    from toolkit.uses.render import write_file  # noqa: PLC0415

    if output == _STDOUT:
        _print(text)
    else:
        write_file(text, Path(output))


def _cluster(profile: str | None, namespace: str | None, config: Path | None) -> tuple[Connection, Settings]:
    try:
        return connection_and_settings(profile, namespace, config)
    except ConfigurationError as error:
        if profile is not None:
            raise
        hint = "or render for a version without asking a cluster: --server 8.17.2"
        raise UsageError(error.reason, hint=f"{error.hint}; {hint}" if error.hint else hint) from error


def _print(text: str) -> None:
    """To standard output as it is, since Windows would end its lines in CR LF; a reader may go away, as `head` does."""
    stream = typer.get_binary_stream("stdout")
    try:
        stream.write(text.encode())
        stream.flush()
    except BrokenPipeError:
        raise typer.Exit(1) from None
