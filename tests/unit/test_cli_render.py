"""`ocs-elastic render`: what is written where, and what is refused."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from toolkit.capabilities import of_elasticsearch
from toolkit.catalogue import read_catalogue
from toolkit.cli.main import run
from toolkit.config import Settings
from toolkit.dashboards.compile import compile_dashboards
from toolkit.load import desired


@dataclass
class Ran:
    code: int
    out: str
    err: str


Render = Callable[..., Ran]


@pytest.fixture(name="render")
def _render(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path) -> Render:
    monkeypatch.chdir(tmp_path)

    def render(*arguments: str | Path) -> Ran:
        monkeypatch.setattr(sys, "argv", ["ocs-elastic", "render", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            run()
        captured = capfd.readouterr()
        return Ran(int(ended.value.code or 0), captured.out, captured.err)

    return render


def test_the_default_is_one_json_document_on_standard_output(render: Render) -> None:
    ran = render("--server", "8.17.2", "--namespace", "bar")
    assert ran.code == 0
    bodies = [request["body"] for request in json.loads(ran.out)["requests"] if "body" in request]
    for resource in desired(Settings(namespace="bar"), of_elasticsearch((8, 17, 2))):
        assert not resource.body or resource.body in bodies
    assert ran.err == "Wrote 18 resources of namespace bar for elasticsearch 8.17.2\n"


@pytest.mark.parametrize(
    ("version", "there"), [("8.18", False), ("8.19", True), ("9.0", False), ("9.1", True), ("9.5.3", True)]
)
def test_the_failure_store_is_rendered_for_who_has_it(render: Render, version: str, there: bool) -> None:
    """By the templates for new streams, and by a request where a stream is there already."""
    requests = json.loads(render("--server", version).out)["requests"]
    found = [f"{each['method']} {each['path']}" for each in requests if "failure_store" in str(each.get("body"))]
    streams = ("ocs-campaign-groups-default", "ocs-dead-letters-default")
    expected = [f"PUT /_index_template/{name}" for name in streams]
    expected += [f"PUT /_data_stream/{name}/_options" for name in streams]
    assert found == (expected if there else [])


def test_a_folder_is_made_and_may_be_written_again(render: Render, tmp_path: Path) -> None:
    folder = tmp_path / "review" / "here"
    arguments = ("--server", "8.3", "--output", folder)
    ran = render(*arguments)
    assert (ran.code, ran.out) == (0, "")
    assert ran.err == f"Wrote 18 resources of namespace default for elasticsearch 8.3.0 to {folder}\n"
    before = {path: path.read_bytes() for path in folder.rglob("*.json")}
    assert folder / "order.json" in before
    assert not any(b"\r" in text for text in before.values())
    assert render(*arguments).code == 0
    assert before == {path: path.read_bytes() for path in folder.rglob("*.json")}


def test_a_folder_with_anything_else_is_left_alone(render: Render, tmp_path: Path) -> None:
    """Whoever sends the folder's files would send what an earlier namespace left in it, too."""
    assert render("--server", "8.3.3", "--namespace", "one", "--output", tmp_path / "x").code == 0
    ran = render("--server", "8.3.3", "--namespace", "two", "--output", tmp_path / "x")
    assert ran.code == 2
    assert "ocs-campaign-groups-one" in ran.err
    assert "hint: name an empty folder" in ran.err
    assert not list(tmp_path.rglob("*-two.json"))


@pytest.mark.parametrize(("form", "start"), [("curl", "#!/bin/sh\n"), ("console", "# Makes Elasticsearch take ")])
def test_a_script_goes_to_a_file_or_to_standard_output(render: Render, tmp_path: Path, form: str, start: str) -> None:
    file = tmp_path / "script"
    assert render("--server", "8.17.2", "--format", form, "--output", file).code == 0
    ran = render("--server", "8.17.2", "--format", form)
    assert file.read_bytes() == ran.out.encode()
    assert ran.out.startswith(start)


def test_without_a_version_or_a_cluster_both_ways_are_named(render: Render) -> None:
    ran = render()
    assert ran.code == 2
    assert "no cluster is named" in ran.err
    for way in ("--server 8.17.2", "ELASTICSEARCH_URL", "--profile"):
        assert way in ran.err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--server", "8"), "hint: it looks like 8.17.2"),
        (("--server", "8.17.2-SNAPSHOT"), "no version of Elasticsearch"),
        (("--server", "8.2.9"), "8.3 is the oldest version"),
        (("--server", "8.17.2", "--profile", "local"), "exclude each other"),
        (("--server", "8.17.2", "--namespace", "No"), "'namespace' must be"),
        (("--server", "8.17.2", "--format", "yaml"), "yaml"),
        (("--profile", "nowhere"), "no profile 'nowhere'"),
    ],
)
def test_bad_usage(render: Render, arguments: tuple[str, ...], words: str) -> None:
    ran = render(*arguments)
    assert (ran.code, ran.out) == (2, "")
    assert words in ran.err


@pytest.mark.parametrize("form", ["json", "curl"])
def test_what_cannot_be_written_is_an_error(render: Render, tmp_path: Path, form: str) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    ran = render("--server", "8.17.2", "--format", form, "--output", tmp_path / "file" / "x")
    assert ran.code == 1
    assert "cannot be written" in ran.err


def test_the_dashboards_are_one_file_for_a_space(render: Render) -> None:
    ran = render("--format", "ndjson", "--namespace", "bar", "--space", "floor-2", "--output", "bar.ndjson")
    assert (ran.code, ran.out) == (0, "")
    assert ran.err == "Wrote the dashboards of namespace bar for space floor-2 to bar.ndjson\n"
    lines = [json.loads(line) for line in Path("bar.ndjson").read_text(encoding="utf-8").splitlines()]
    compiled = compile_dashboards(Settings(namespace="bar"), read_catalogue(), "floor-2")
    assert lines == [saved.body for saved in compiled]


@pytest.mark.parametrize("arguments", [("--space", "a"), ("--format", "ndjson", "--space", "A B")])
def test_a_space_is_for_the_dashboards_and_has_an_id(render: Render, arguments: tuple[str, ...]) -> None:
    ran = render("--server", "8.17.2", *arguments)
    assert ran.code == 2
    assert "--space" in ran.err
