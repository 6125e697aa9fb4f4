"""`ocs-elastic.yml`, as it was written, with its lines."""

from __future__ import annotations

import os
from pathlib import Path

from toolkit.errors import ConfigurationError, SourceError
from toolkit.yaml_source import Document, load


def document(path: Path | None) -> Document | None:
    """The configuration file: the given one, `OCS_ELASTIC_CONFIG`, or `ocs-elastic.yml` in the working folder.

    None where there is none, or it is empty.

    Raises:
        ConfigurationError: it cannot be read, or is no mapping.
    """
    given = path or (Path(os.environ["OCS_ELASTIC_CONFIG"]) if os.environ.get("OCS_ELASTIC_CONFIG") else None)
    file = given or Path("ocs-elastic.yml")
    if given is None and not file.exists():
        return None
    try:
        document = load(file)
    except SourceError as error:
        raise ConfigurationError(error.reason, hint=error.hint) from error
    if document.value is None:
        return None
    if not isinstance(document.value, dict):
        raise ConfigurationError(f"{document.at()}: must be a mapping of settings")
    return document
