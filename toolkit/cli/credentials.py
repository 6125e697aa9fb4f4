"""`ocs-elastic credentials`: what OCS proves itself with, made, replaced and taken away by the administrator."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from toolkit.cli.cluster import connection_and_settings, deployment_of
from toolkit.cli.commands import Commands
from toolkit.cli.consent import consent
from toolkit.cli.options import AsJson, Config, Namespace, Profile, Yes
from toolkit.credential_kind import CredentialKind
from toolkit.errors import ToolkitError, UsageError

if TYPE_CHECKING:
    from toolkit.credentials import Issued
    from toolkit.uses.credentials import Deliver
    from toolkit.uses.deployment import Deployment

app = Commands(
    name="credentials",
    help="OCS's own user or API key: it may post to the two streams of its namespace, and nothing else. "
    "For the administrator, by user and password.",
    no_args_is_help=True,
)


class Form(StrEnum):
    """What a file holds."""

    SECRET = "secret"  # noqa: S105 - a word, not one
    NGINX = "nginx"


_Output = Annotated[
    Path | None,
    typer.Option(
        "--output",
        metavar="FILE",
        help="Write the secret into this new file, which only you can read, and do not show it. On Windows the file "
        "has the access rights of its folder.",
    ),
]
_Form = Annotated[
    Form,
    typer.Option(
        "--format",
        help="What FILE holds. secret: the password, or the API key in its encoded form, and nothing else. "
        "nginx: the header, as the configuration of options --format nginx includes it.",
    ),
]
_JsonWithSecret = Annotated[
    bool, typer.Option("--json", help="Print the result as JSON, the secret included unless --output is given.")
]


@app.command()
def create(
    *,
    profile: Profile = None,
    namespace: Namespace = None,
    config: Config = None,
    kind: Annotated[
        CredentialKind,
        typer.Option(
            help="user: works in a URI, in a header and behind a proxy. api-key: in a header and behind a proxy."
        ),
    ] = CredentialKind.USER,
    output: _Output = None,
    output_format: _Form = Form.SECRET,
    as_json: _JsonWithSecret = False,
) -> None:
    """Make OCS's credential of a namespace, and show its secret once.

    The role ocs-elastic-ocs-NAMESPACE and the streams must be there: apply makes them. Under an API key it stops,
    since Elasticsearch lets no key make a key that has any rights.
    """
    from toolkit.uses.credentials import create as use  # noqa: PLC0415 - start-up time of every other command

    _issue(
        lambda target, deliver: use(target, kind, deliver),
        profile,
        namespace,
        config,
        output=output,
        form=output_format,
        as_json=as_json,
    )


@app.command()
def rotate(
    *,
    profile: Profile = None,
    namespace: Namespace = None,
    config: Config = None,
    kind: Annotated[
        CredentialKind | None, typer.Option(help="What to make.  [default: the same as what is replaced]")
    ] = None,
    output: _Output = None,
    output_format: _Form = Form.SECRET,
    as_json: _JsonWithSecret = False,
) -> None:
    """Make the successor of OCS's credential, which itself stays valid until it is revoked.

    So no message is lost while OCS is told: put the new one into OCS, see that messages come, revoke the former one.
    """
    from toolkit.uses.credentials import rotate as use  # noqa: PLC0415

    _issue(
        lambda target, deliver: use(target, kind, deliver),
        profile,
        namespace,
        config,
        output=output,
        form=output_format,
        as_json=as_json,
    )


@app.command()
def revoke(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="NAME...", help="Names of the credentials. Without any, those that are valid are named."
        ),
    ] = None,
    *,
    profile: Profile = None,
    namespace: Namespace = None,
    config: Config = None,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Take a credential of OCS's away, for ever: whoever posts with it is refused at once.

    Only what carries our mark, and is this namespace's, is ever revoked.
    """
    from toolkit.output import console, credentials  # noqa: PLC0415
    from toolkit.uses.credentials import revocation, revoked  # noqa: PLC0415

    target = deployment_of(profile, namespace, config)
    what = revocation(target, names or ())
    if not as_json:
        console.result(credentials.revocation(what, target.transport.url, target.settings.namespace))
    consent("Revoke?", yes=yes, hint="give --yes, once OCS does not need it any more")
    progress = console.TerminalProgress()
    for each in revoked(target, what):
        progress.say(f"revoked: {each}")
    if as_json:
        console.result_json(
            {"revoked": list(map(credentials.as_json, what.goes)), "valid": list(map(credentials.as_json, what.stays))}
        )


def _issue(
    make: Callable[[Deployment, Deliver], Issued],
    profile: str | None,
    namespace: str | None,
    config: Path | None,
    *,
    output: Path | None,
    form: Form,
    as_json: bool,
) -> None:
    """Make one, bring its secret to where it was asked for, and say what to do with it."""
    from toolkit.config.secret import new_secret_file  # noqa: PLC0415
    from toolkit.output import console, credentials  # noqa: PLC0415
    from toolkit.signals import terminable  # noqa: PLC0415
    from toolkit.uses.options import posted_to  # noqa: PLC0415

    if form is Form.NGINX and output is None:
        raise UsageError("--format nginx is a file for nginx to include: name it by --output FILE")
    connection, settings = connection_and_settings(profile, namespace, config)
    uri = posted_to(connection, settings.namespace)
    target = deployment_of(profile, namespace, config)
    with terminable():
        if output is None:
            made = make(target, lambda made: show_secret(made, uri, as_json=as_json))
        else:
            with new_secret_file(output) as write:
                made = make(target, lambda made: write(_content(made, form)))
            warn_of_rights(output)
            if as_json:
                console.result_json(credentials.issued_json(made, output))
            else:
                console.result(credentials.kept(made, output))
    if not as_json:
        console.result("\n" + credentials.next_step(made))


def warn_of_rights(file: Path) -> None:
    """Say what a file's mode does not say on Windows."""
    from toolkit.output.console import warn  # noqa: PLC0415

    if os.name == "nt":
        warn(f"{file} has the access rights of its folder: keep it where only you can read")


def show_secret(made: Issued, uri: str, *, as_json: bool) -> None:
    """Print a secret, all the way: what is only buffered may never be seen.

    Raises:
        ToolkitError: whoever reads standard output has gone.
    """
    from toolkit.output import console, credentials  # noqa: PLC0415

    try:
        if as_json:
            console.result_json(credentials.issued_json(made, None))
        else:
            console.result(credentials.issued(made, uri))
        sys.stdout.flush()
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # Python tries once more when it ends
        raise ToolkitError(
            f"standard output takes nothing ({error.strerror}), so nobody has seen the secret: {made.credential} is "
            "taken back"
        ) from error


def _content(made: Issued, form: Form) -> str:
    from toolkit.output.credentials import nginx_line  # noqa: PLC0415

    return nginx_line(made) if form is Form.NGINX else made.secret
