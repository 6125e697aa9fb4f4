"""`ocs-elastic listen`: what an OCS really sends, before a cluster is touched."""

from __future__ import annotations

from collections import Counter
from ipaddress import ip_address
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Annotated

import typer

from toolkit.cli.options import Config, Namespace, Profile
from toolkit.errors import NoClusterError, UsageError
from toolkit.signals import set_when_asked_to_end

if TYPE_CHECKING:
    from toolkit.config import Settings
    from toolkit.listen.check import Checked
    from toolkit.listen.request import Trouble
    from toolkit.listen.server import Listener
    from toolkit.uses.listen import Document, Listening, Preview

_SAME_TROUBLE_MAX = 5  # of one kind that are shown; the summary counts all


def listen(
    *,
    port: Annotated[int, typer.Option(min=0, max=65535, help="The port; 0 is any that is free.")] = 8080,
    address: Annotated[
        str, typer.Option(help="The address of this machine to listen at; 0.0.0.0 is every one.")
    ] = "127.0.0.1",
    certificate: Annotated[
        Path | None,
        typer.Option(exists=True, dir_okay=False, help="Speak https by this certificate and chain (PEM)."),
    ] = None,
    key: Annotated[
        Path | None,
        typer.Option(exists=True, dir_okay=False, help="Its key (PEM), where the certificate's file does not hold it."),
    ] = None,
    status: Annotated[
        int | None,
        typer.Option(min=200, max=599, help="Answer every request so.  [default: as Elasticsearch would]"),
    ] = None,
    count: Annotated[int | None, typer.Option(min=1, help="End after so many requests.")] = None,
    samples: Annotated[
        Path | None,
        typer.Option(
            dir_okay=False,
            help="Keep what comes in this new file, names replaced by pseudonyms, to be sent to the maintainers.",
        ),
    ] = None,
    offline: Annotated[bool, typer.Option("--offline", help="Ask no cluster: show no documents.")] = False,
    profile: Profile = None,
    namespace: Namespace = None,
    config: Config = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object a line: requests, troubles, a summary.")
    ] = False,
) -> None:
    """Listen for what an OCS really sends: show each request, what it lacks, and the document that would come of it.

    Nothing is stored, but samples on request. The document comes from the engine of the cluster that is named, which
    is asked by `_simulate` and stores nothing either; nothing needs to be installed there. Secrets in headers are
    masked. Ctrl-C ends it, with a summary.
    """
    from toolkit.config import load_settings  # noqa: PLC0415 - start-up time of every other command
    from toolkit.listen.server import Listener, listening, server_tls  # noqa: PLC0415
    from toolkit.uses.listen import Listening, Samples  # noqa: PLC0415

    if key and not certificate:
        raise UsageError("--key is given without --certificate", hint="give both for https, or neither for http")
    if offline and profile:
        raise UsageError("--offline asks no cluster, so --profile cannot be given with it")
    tls = server_tls(certificate, key) if certificate else None
    settings = load_settings(config, namespace=namespace, profile=profile)
    run = Listening(settings, None if offline else _preview(profile, namespace, config))
    with Listener(address, port, run.judge, tls=tls, status=status, count=count) as listener:
        run.samples = Samples(samples, run.catalogue) if samples else None
        stop = Event()
        with set_when_asked_to_end(stop), listening(listener):
            _say_where(listener, run, settings)
            shown = _Shown(run, status, as_json=as_json)
            for heard, document in run.heard(listener, stop):
                shown.show(heard, document)
    shown.end(listener)
    if count is not None and run.summary.requests < count:
        raise typer.Exit(1)


def _preview(profile: str | None, namespace: str | None, config: Path | None) -> Preview | None:
    """What shows documents; None where no cluster is named, and none was asked for."""
    from toolkit.cli.cluster import connection_and_settings  # noqa: PLC0415
    from toolkit.uses.listen import preview  # noqa: PLC0415

    try:
        connection, settings = connection_and_settings(profile, namespace, config)
    except NoClusterError:
        return None
    return preview(connection, settings)


def _say_where(listener: Listener, run: Listening, settings: Settings) -> None:
    from toolkit.output import console  # noqa: PLC0415
    from toolkit.streams import Streams  # noqa: PLC0415

    say = console.TerminalProgress().say
    say(f"Listening: campaigngroup-states-uri = {listener.url}/{Streams(settings.namespace).campaign_groups}/_doc")
    if run.asked:
        say(f"Documents come from {run.asked.server} at {run.asked.transport.url}, which stores nothing.")
    else:
        say("No cluster is asked, so no documents are shown: --profile local asks the embedded engine.")
    if run.samples:
        say(f"Samples go to {run.samples.path}, names replaced by pseudonyms.")
    if ip_address(str(listener.server_address[0])).is_loopback:
        say("Only this machine reaches it: an OCS elsewhere needs --address 0.0.0.0.")
    else:
        console.warn("whoever reaches this port can send to it: end it when OCS was heard")
    say("Ctrl-C ends it.")


class _Shown:
    """Prints what is heard, and at the end what it came to."""

    def __init__(self, run: Listening, status: int | None, *, as_json: bool) -> None:
        self._run, self._status, self._as_json = run, status, as_json
        self._troubles: Counter[str] = Counter()

    def show(self, heard: Checked | Trouble, document: Document | None) -> None:
        from toolkit.listen.request import Trouble  # noqa: PLC0415
        from toolkit.output import console, listen  # noqa: PLC0415

        if isinstance(heard, Trouble):
            self._troubles[heard.kind] += 1
            if self._troubles[heard.kind] > _SAME_TROUBLE_MAX:
                return
            if self._as_json:
                console.result_json_line(listen.trouble_json(heard))
            else:
                console.result(listen.trouble(heard))
            return
        answered = self._status or heard.status
        if self._as_json:
            console.result_json_line(listen.request_json(heard, document, answered))
        else:
            console.result(listen.request(heard, document, answered, previewed=self._run.asked is not None))

    def end(self, listener: Listener) -> None:
        from toolkit.output import console, listen  # noqa: PLC0415

        samples = self._run.samples
        if self._as_json:
            written = samples.written if samples else None
            console.result_json_line(listen.summary_json(self._run.summary, samples=written))
        else:
            console.result(listen.summary(self._run.summary))
        if listener.dropped:
            console.warn(
                f"{listener.dropped:,} more attempts that were no requests came too fast to be counted by kind"
            )
        if samples:
            samples.close()
            say = console.TerminalProgress().say
            say(f"{samples.written:,} samples in {samples.path}: look through it before you send it on")
            if samples.full:
                console.warn(f"{samples.path}: {samples.full}; the rest was not kept")
