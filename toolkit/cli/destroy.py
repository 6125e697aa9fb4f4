"""`ocs-elastic destroy`: takes the toolkit's resources away again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from toolkit.cli.cluster import deployment_of
from toolkit.cli.consent import consent
from toolkit.cli.options import Config, Namespace, NoDashboards, Profile, Yes

if TYPE_CHECKING:
    from toolkit.uses.destroy import Removal


def destroy(
    *,
    profile: Profile = None,
    namespace: Namespace = None,
    config: Config = None,
    data: Annotated[
        list[str] | None,
        typer.Option("--data", metavar="STREAM", help="Remove this data stream with all its documents; once for each."),
    ] = None,
    no_dashboards: NoDashboards = False,
    yes: Yes = False,
) -> None:
    """Remove what the toolkit made in a namespace; documents only where their stream is named by --data.

    Without --data the transform and its index go, and what was imported into Kibana, changed by hand or not, but for
    data views that others use; and OCS's users and API keys, where this credential may manage security: OCS's messages
    are refused from then on. Streams, templates, pipeline and ILM policies stay: Elasticsearch refuses to delete what a
    stream needs.
    """
    from toolkit.output.console import TerminalProgress, counted, result  # noqa: PLC0415
    from toolkit.uses.destroy import destroy as run  # noqa: PLC0415
    from toolkit.uses.destroy import removal  # noqa: PLC0415

    target = deployment_of(profile, namespace, config, no_dashboards=no_dashboards)
    what = removal(target, tuple(data or ()))
    result(_text(what, target.settings.namespace, target.transport.url))
    if what.nothing:
        return
    question = "Type the namespace's name to remove this"
    consent(question, yes=yes, hint="give --yes, after a look at what goes", word=target.settings.namespace)
    progress = TerminalProgress()
    for resource in run(target, what):
        progress.say(f"removed: {resource}")
    gone = len(what.goes) + len(what.saved_objects) + len(what.revoked)
    result(f"Removed {counted(gone, 'resource')}.")


def _text(what: Removal, namespace: str, url: str) -> str:
    lines = [f"On {url}, namespace {namespace}:", ""]
    lines += [f"  - goes   {resource} ({resource.source})" for resource in what.saved_objects]
    lines += [
        f"  - goes   {resource}: OCS is refused from then on, and its messages are lost" for resource in what.revoked
    ]
    lines += [f"  - goes   {resource}" for resource in what.goes]
    lines += [f"    stays  {resource}: {reason}" for resource, reason in what.stays]
    if what.history:
        lines.append("  - goes   history of migrations")
    if what.state_goes:
        lines.append("  - goes   index ocs-elastic-state: no namespace is left")
    lines += [f"NOTE: {note}" for note in what.notes]
    if what.nothing:
        lines.append("Nothing to remove.")
    return "\n".join(lines)
