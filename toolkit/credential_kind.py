"""The kinds of credentials that OCS can have. Light: the command line reads it at start."""

from __future__ import annotations

from enum import StrEnum


class CredentialKind(StrEnum):
    """What Elasticsearch knows OCS by."""

    USER = "user"
    API_KEY = "api-key"
