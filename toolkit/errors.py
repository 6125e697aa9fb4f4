"""What can go wrong, in the words of the person who has to put it right.

Every error that the toolkit raises on purpose is a `ToolkitError`: a reason (what happened, to which
file or resource, with the server's own words) and a hint (what to do next). Only `toolkit.cli.main`
catches them. Anything else that reaches the user is a bug.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class ToolkitError(Exception):
    """Something the user can act on; ends the command with `exit_code`."""

    exit_code = 1

    def __init__(self, reason: str, *, hint: str | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.hint = hint


class UsageError(ToolkitError):
    """The command line or the environment contradicts itself or lacks something."""

    exit_code = 2


class ConfigurationError(UsageError):
    """`ocs-elastic.yml` or an environment variable holds something that cannot be used."""


class NoClusterError(ConfigurationError):
    """Neither a flag nor the environment names a cluster, which not every command needs."""


class SourceError(ToolkitError):
    """A YAML file of ours cannot be read as it stands; the reason begins with file and line."""


class CatalogueError(SourceError):
    """`templates/catalogue.yml` contradicts itself."""


class RenderError(ToolkitError):
    """A template does not render, or renders to something that is not JSON."""


class InvalidResourceError(ToolkitError):
    """A rendered resource holds something that no supported server would take."""


class UnreachableError(ToolkitError):
    """No answer from the server: address, network, TLS or time-out."""


class RejectedError(ToolkitError):
    """The server answered and refused; the reason carries its own root cause."""

    def __init__(self, reason: str, *, hint: str | None = None, status: int | None = None) -> None:
        super().__init__(reason, hint=hint)
        self.status = status


class UnsafePlanError(ToolkitError):
    """The plan cannot be applied, or not without the user's consent."""


class StalePlanError(ToolkitError):
    """The cluster or the files changed between the plan that was shown and its application."""


class LockHeldError(ToolkitError):
    """Somebody else is changing the cluster."""


class CredentialError(RejectedError):
    """The server does not accept who is asking; asking again may lock the account."""


class UnsupportedServerError(RejectedError):
    """The server answered, and is none that the toolkit can work with."""


class ForbiddenRequestError(ToolkitError):
    """The toolkit itself was about to send what it must never send; nothing was sent."""

    def __init__(self, method: str, path: str, why: str) -> None:
        super().__init__(
            f"{method} {path} was not sent: {why}", hint="this is a bug of ocs-elastic, not yours: please report it"
        )


class EngineError(ToolkitError):
    """The embedded engine cannot be fetched, started or stopped."""


def nearest(word: str, known: Iterable[str]) -> str:
    """A sentence that names the known word closest to `word`, or, where none is close, all of them."""
    known = sorted(known)
    close = difflib.get_close_matches(word, known, n=1, cutoff=0.6)
    return f"Did you mean '{close[0]}'?" if close else f"Known: {', '.join(known)}."
