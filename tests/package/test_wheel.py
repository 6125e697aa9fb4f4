"""What is installed from a wheel is what a checkout has."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CONSTRAINTS = ROOT / ".ci" / "constraints.txt"

RENDER = """
import json, sys, toolkit
from toolkit.capabilities import of_elasticsearch
from toolkit.config import Settings
from toolkit.load import desired
print(toolkit.__file__, file=sys.stderr)
print(json.dumps([[r.kind, r.name, r.source, r.body] for r in desired(Settings(), of_elasticsearch((8, 17, 2)))]))
"""


def run(*command: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHONPATH", "OCS_"))}
    done = subprocess.run(
        [str(part) for part in command], cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from an sdist, as an index would."""
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--no-isolation", "--sdist", "--outdir", folder, ROOT, cwd=ROOT)
    (sdist,) = folder.glob("*.tar.gz")
    shutil.unpack_archive(sdist, folder)
    unpacked = folder / sdist.name.removesuffix(".tar.gz")
    run(sys.executable, "-m", "build", "--no-isolation", "--wheel", "--outdir", folder, unpacked, cwd=folder)
    (built,) = folder.glob("*.whl")
    return built


def test_a_wheel_holds_the_package_and_the_data_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"toolkit"}
    data = {name.removeprefix("toolkit/_data/") for name in names if name.startswith("toolkit/_data/")}
    folders = (ROOT / name for name in ("templates", "ingest_pipelines", "dashboards"))
    assert data == {
        path.relative_to(ROOT).as_posix() for folder in folders for path in folder.rglob("*") if path.is_file()
    }


@pytest.mark.timeout(600)
def test_an_installed_wheel_renders_what_the_checkout_renders(wheel: Path, tmp_path: Path) -> None:
    """In an environment of its own, with nothing but what the wheel asks for."""
    venv.create(tmp_path / "env", with_pip=True)
    binaries = tmp_path / "env" / ("Scripts" if sys.platform == "win32" else "bin")
    run(binaries / "python", "-m", "pip", "install", "--quiet", "-c", CONSTRAINTS, wheel, cwd=tmp_path)
    installed = run(binaries / "python", "-c", RENDER, cwd=tmp_path)
    assert str(tmp_path / "env") in installed.stderr
    assert installed.stdout == run(sys.executable, "-c", RENDER, cwd=ROOT).stdout
    assert run(binaries / "ocs-elastic", "--version", cwd=tmp_path).stdout.startswith("ocs-elastic ")
    without_extra = subprocess.run(
        [binaries / "ocs-elastic", "local", "up"], capture_output=True, text=True, check=False
    )
    assert without_extra.returncode == 1
    assert "ocs-elastic-toolkit[local]" in without_extra.stderr
