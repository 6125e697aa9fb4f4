"""Artefacts of Maven Central, fetched once into the cache and pinned by their checksum."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pooch
import truststore
from jgo.constants import MAVEN_CENTRAL_URL

from toolkit.config import cache_folder


@dataclass(frozen=True)
class Artefact:
    """A file on Maven Central."""

    group: str
    name: str
    version: str
    kind: str
    """`jar` or `zip`."""
    sha256: str

    @property
    def file(self) -> str:
        return f"{self.name}-{self.version}.{self.kind}"

    @property
    def url(self) -> str:
        return "/".join((MAVEN_CENTRAL_URL, *self.group.split("."), self.name, self.version, self.file))


def folder() -> Path:
    """Where artefacts are kept and unpacked; other users can look into it, since engines do not run as root."""
    made = cache_folder() / "maven"
    if not made.is_dir():
        made.mkdir(parents=True)
        for path in (made, made.parent):
            path.chmod(0o755)
    return made


def fetch(artefact: Artefact) -> Path:
    """The artefact in the cache. What stands there under its name is whole, since pooch renames what it has checked."""
    truststore.inject_into_ssl()  # proxies that inspect TLS are trusted as the machine trusts them
    try:
        pooch.get_logger().setLevel("WARNING")
        return Path(pooch.retrieve(artefact.url, f"sha256:{artefact.sha256}", artefact.file, folder()))
    finally:
        truststore.extract_from_ssl()
