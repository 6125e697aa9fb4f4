"""The migrations that a namespace has: the toolkit's files, the user's own, and what of them is history."""

from __future__ import annotations

from pathlib import Path

from toolkit.client.transport import Transport
from toolkit.config import Settings
from toolkit.migrate.file import Migration, read_migrations
from toolkit.migrate.history import History
from toolkit.migrate.sequence import Item, sequence
from toolkit.resources import data_folder


def toolkits_folder() -> Path:
    """Where the toolkit's own are."""
    return data_folder("templates") / "migrations"


def files(settings: Settings) -> list[Migration]:
    """The toolkit's migrations and the user's own, in the order of their versions.

    Raises:
        SourceError: a file is not understood, a version stands twice, or one is left out.
    """
    own = settings.migrations
    return read_migrations([toolkits_folder(), *([Path(own)] if own else [])])


def items(transport: Transport, settings: Settings) -> list[Item]:
    """Every version that has a file or a history. Reads only.

    Raises:
        SourceError: as `files`.
        UnreachableError, RejectedError: the server does not answer, or refuses.
    """
    return sequence(files(settings), History(transport, settings.namespace).rows)
