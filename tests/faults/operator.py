"""An operator: runs commands in processes of their own, directly at an engine."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.faults.mortal import Node


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    code: int
    out: str
    err: str


@dataclass(frozen=True)
class Operator:
    """Somebody with a folder of their own."""

    node: Node
    folder: Path
    namespace: str

    def begin(self, *arguments: str) -> subprocess.Popen[str]:
        """Start a command."""
        self.folder.mkdir(exist_ok=True)
        environment = {**os.environ, "OCS_ELASTIC_STATE": str(self.folder), "NO_COLOR": "1"}
        line = [sys.executable, "-m", "toolkit", *arguments, "--namespace", self.namespace]
        if self.node.embedded:
            (self.folder / "local.json").write_text(json.dumps({"url": self.node.url}), encoding="utf-8")
            line += ["--profile", "local"]
        else:
            environment["ELASTICSEARCH_URL"] = self.node.url
        pipe = subprocess.PIPE
        return subprocess.Popen(line, env=environment, stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe, text=True)

    def end(self, process: subprocess.Popen[str], *, timeout_s: float = 600) -> Done:
        """Wait for a command's end."""
        try:
            out, err = process.communicate(timeout=timeout_s)
        finally:
            process.kill()
        assert "Traceback" not in err
        return Done(process.returncode, out, err)

    def run(self, *arguments: str) -> Done:
        """Start a command and wait for its end."""
        return self.end(self.begin(*arguments))
