"""Finds the data folders: `templates`, `ingest_pipelines`, `dashboards`."""

from __future__ import annotations

from pathlib import Path

from toolkit.errors import SourceError

_PACKAGE = Path(__file__).resolve().parent


def data_folder(name: str) -> Path:
    """The folder of that name: inside an installed wheel, or beside the package in a checkout.

    Raises:
        SourceError: neither place has it, so the installation is damaged.
    """
    for parent in (_PACKAGE / "_data", _PACKAGE.parent):
        if (parent / name).is_dir():
            return parent / name
    raise SourceError(
        f"the toolkit's folder '{name}' is missing from {_PACKAGE}",
        hint="the installation is damaged: install ocs-elastic-toolkit again",
    )


def is_checkout() -> bool:
    """Whether the data folders are a repository's, and not inside an installed wheel."""
    return not (_PACKAGE / "_data").is_dir()
