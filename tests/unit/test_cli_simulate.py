"""`ocs-elastic simulate`: what is printed where, exit codes, files, and the order to stop."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pytest

from tests.unit.bodies import CATALOGUE
from tests.unit.receiver import CREATED, Receiver, receiver
from toolkit.cli.main import run
from toolkit.ocs.feed import Feed
from toolkit.ocs.truth import Truth


@dataclass
class Ran:
    code: int
    out: str
    err: str


Simulate = Callable[..., Ran]


@pytest.fixture(name="simulate")
def _simulate(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Simulate:
    def simulate(*arguments: str | Path) -> Ran:
        monkeypatch.setattr(sys, "argv", ["ocs-elastic", "simulate", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            run()
        captured = capsys.readouterr()
        return Ran(int(ended.value.code or 0), captured.out, captured.err)

    return simulate


@pytest.fixture(name="server")
def _server() -> Iterator[Receiver]:
    with receiver() as server:
        yield server


def test_the_truth_is_not_followed_where_nobody_asks_for_it(
    simulate: Simulate, server: Receiver, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Its changes grew with the messages, 45 MB for each million, and were thrown away."""
    monkeypatch.setattr(Truth, "observe", None)
    assert simulate("--output", tmp_path / "messages.ndjson", "--count", 50).code == 0
    assert simulate("--url", server.url, "--count", 50).code == 0


def test_a_file_holds_one_message_a_line(simulate: Simulate, tmp_path: Path) -> None:
    file = tmp_path / "messages.ndjson"
    ran = simulate("--output", file, "--count", 50, "--start", "2018-04-26T18:53:00.123Z", "--odd", 10)
    assert (ran.code, ran.err) == (0, f"Writing to {file}\n")
    assert ran.out.startswith("written 50 in ")
    assert "odd messages: 5 of 50 classes" in ran.out
    expected = Feed(50, odd_percent=10).messages(CATALOGUE, 1_524_768_780_123)
    assert file.read_text(encoding="utf-8").splitlines() == [message.text for message in expected]


def test_standard_output_holds_messages_and_nothing_else(simulate: Simulate) -> None:
    ran = simulate("--output", "-", "--count", 20)
    assert ran.code == 0
    assert len([json.loads(line) for line in ran.out.splitlines()]) == 20
    assert "written 20" in ran.err


def test_by_default_the_last_message_is_of_now(simulate: Simulate, tmp_path: Path) -> None:
    file = tmp_path / "messages.ndjson"
    before = time.time()
    simulate("--output", file, "--count", 200, "--groups", 3)
    last = float(json.loads(file.read_text(encoding="utf-8").splitlines()[-1])["GSW_DATE_TIME"])
    assert before - 0.01 <= last <= time.time()


def test_everything_posted_and_accepted_is_exit_code_0(simulate: Simulate, server: Receiver, tmp_path: Path) -> None:
    truth = tmp_path / "truth.json"
    ran = simulate("--url", server.url, "--count", 200, "--groups", 8, "--odd", 25, "--truth", truth, "--json")
    assert ran.code == 0
    found = json.loads(ran.out)
    assert {"posted", "accepted", "refused", "groups", "seconds", "reasons", "odd"} == found.keys()
    assert (found["posted"], found["accepted"], found["refused"], found["groups"]) == (200, 200, 0, 8)
    assert len(found["odd"]) == 50
    assert all(each.keys() == {"posted", "accepted", "refused"} for each in found["odd"].values())
    assert len(server.bodies) == 200
    totals = json.loads(truth.read_text(encoding="utf-8"))["totals"]
    assert (totals["messages"], totals["odd"], totals["groups"]) == (200, 50, 8)


def test_a_refusal_is_exit_code_1_with_its_reason(simulate: Simulate, server: Receiver, tmp_path: Path) -> None:
    server.answer = lambda number: (
        (400, b'{"error":{"type":"bad","reason":"so bad"}}') if number == 7 else (201, CREATED)
    )
    truth = tmp_path / "truth.json"
    ran = simulate("--url", server.url, "--count", 30, "--truth", truth)
    assert ran.code == 1
    assert "posted 30, accepted 29, refused 1 in " in ran.out
    assert "  1 x 400 bad, first: so bad" in ran.out
    assert json.loads(truth.read_text(encoding="utf-8"))["totals"]["refused"] == 1


def test_a_stream_that_is_not_there_gets_nothing(simulate: Simulate, server: Receiver) -> None:
    server.answer = lambda number: (201, CREATED) if number else (404, b"")
    ran = simulate("--url", server.url, "--count", 5)
    assert ran.code == 1
    assert "error: no data stream 'sim-x' on http://127.0.0.1:" in ran.err
    assert "\nhint: " in ran.err
    assert not server.bodies
    assert simulate("--url", server.url, "--count", 5, "--no-check").code == 0
    assert len(server.bodies) == 5


def test_real_time_starts_now_and_keeps_each_messages_time(simulate: Simulate, server: Receiver) -> None:
    began = time.time()
    ran = simulate("--url", server.url, "--count", 6, "--groups", 2, "--interval", 1, "--real-time")
    assert ran.code == 0
    last = float(json.loads(server.bodies[-1])["GSW_DATE_TIME"])
    assert 1 < last - began < 5
    assert last <= time.time()


def test_a_start_is_utc_unless_it_says_otherwise(simulate: Simulate, tmp_path: Path) -> None:
    firsts = []
    for start in ("2024-01-01T00:00:00", "2024-01-01T02:00:00+02:00", "2024-01-01"):
        simulate("--output", tmp_path / "x", "--count", 1, "--start", start)
        firsts.append(json.loads((tmp_path / "x").read_text(encoding="utf-8"))["GSW_DATE_TIME"])
    assert set(firsts) == {f"{datetime.fromisoformat('2024-01-01T00:00:00Z').timestamp():.3f}"}


@pytest.mark.parametrize(
    ("arguments", "names"),
    [
        (["--odd", "101"], "--odd"),
        (["--odd", "-1"], "--odd"),
        (["--groups", "0"], "--groups"),
        (["--interval", "0"], "--interval"),
        (["--count", "0"], "--count"),
        (["--concurrency", "0"], "--concurrency"),
        (["--rate", "0"], "--rate"),
        (["--rate", "-3"], "--rate"),
        (["--rate", "nan"], "--rate"),
        (["--periodic-action", "first"], "--periodic-action"),
        (["--calling-lists", "tree"], "--calling-lists"),
        (["--start", "yesterday"], "--start"),
        (["--start", "1960-01-01"], "--start"),
        (["--start", "2999-01-01"], "--start"),
        (["--real-time", "--start", "2024-01-01"], "--start"),
        (["--real-time", "--rate", "5"], "--rate"),
        (["--url", "http://localhost/x/_doc"], "--url"),
        (["--truth", "no/such/folder/truth.json"], "--truth"),
    ],
)
def test_what_cannot_be_is_a_usage_error_that_names_the_flag(
    simulate: Simulate, tmp_path: Path, arguments: list[str], names: str
) -> None:
    ran = simulate("--output", tmp_path / "x", *arguments)
    assert ran.code == 2
    assert names in ran.err
    assert not (tmp_path / "x").exists()


def test_without_a_place_for_the_messages_the_hint_names_both(simulate: Simulate) -> None:
    ran = simulate()
    assert ran.code == 2
    assert "--url" in ran.err
    assert "--output" in ran.err


def test_messages_and_tally_cannot_share_standard_output(simulate: Simulate) -> None:
    assert simulate("--output", "-", "--json").code == 2


def test_a_file_that_cannot_be_written_is_an_error(simulate: Simulate, tmp_path: Path) -> None:
    ran = simulate("--output", tmp_path, "--count", 1)
    assert ran.code == 1
    assert f"error: --output {tmp_path} cannot be written" in ran.err


def test_a_password_in_the_url_is_refused_and_never_printed(simulate: Simulate, server: Receiver) -> None:
    """Everybody on the machine may read a command line, and the shell keeps it."""
    ran = simulate("--url", server.url.replace("http://", "http://ocs:s3cret@"), "--count", "1")
    assert (ran.code, "s3cret" in ran.out + ran.err) == (2, False)
    assert "must not hold user and password" in ran.err
    assert "hint: name the cluster in a profile" in ran.err
    assert server.connections == 0


def test_a_profiles_password_is_sent_and_never_printed(simulate: Simulate, server: Receiver, tmp_path: Path) -> None:
    password, config = tmp_path / "password", tmp_path / "ocs-elastic.yml"
    password.write_text("s3cret", encoding="utf-8")
    address = server.url.partition("/ocs-campaign-groups-default")[0]
    config.write_text(
        f"profiles: {{test: {{url: '{address}', username: ocs, password_file: '{password}'}}}}", encoding="utf-8"
    )
    to = ("--profile", "test", "--config", config, "--count", "1")
    for arguments in ([], ["--json"]):
        ran = simulate(*to, *arguments)
        assert ran.code == 0, ran.err
        assert "s3cret" not in ran.out + ran.err
    server.answer = lambda _: (401, b"")
    ran = simulate(*to)
    assert (ran.code, "s3cret" in ran.out + ran.err) == (1, False)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals for another process")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("place", ["url", "real-time", "output"])
def test_an_interrupted_run_reports_what_it_did(tmp_path: Path, server: Receiver, number: int, place: str) -> None:
    truth = tmp_path / "truth.json"
    options = {
        "url": ["--url", server.url, "--count", "1000000", "--start", "2000-01-01"],
        "real-time": ["--url", server.url, "--interval", "600", "--count", "1000", "--real-time"],
        "output": ["--output", os.devnull, "--count", "1000000", "--start", "2000-01-01"],
    }[place]
    command = [sys.executable, "-m", "toolkit", "simulate", *options, "--json", "--truth", str(truth)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        process.stderr.readline()  # Posting to …
        time.sleep(1)
        process.send_signal(number)
        out, err = process.communicate(timeout=30)
    assert process.returncode == 1
    assert "interrupted" in err
    assert "Traceback" not in err
    found = json.loads(out)
    done = found["posted"] or found["written"]
    assert 0 < done < 1_000_000
    assert found["posted"] == len(server.bodies)
    assert json.loads(truth.read_text(encoding="utf-8"))["totals"]["messages"] == done
