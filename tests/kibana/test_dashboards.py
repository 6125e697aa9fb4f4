"""The four dashboards as people see them: whole with a day of data, and with none.

Beside a Kibana and a Chromium (conftest.py) this needs a namespace whose resources, dashboards and simulated day
are there: `TEST_KIBANA_DAY` names it and the range to look at, `default/2026-11-22T08:00:00Z/2026-11-22T20:00:00Z`,
and `TEST_KIBANA_NONE` a namespace that is installed and holds no message. `TEST_KIBANA_SPACE` is the dashboards'
space, `TEST_KIBANA_SCREENSHOTS` a folder for their pictures.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.kibana.api import Space
from tests.kibana.browser import View, look
from tests.kibana.render import faults

if TYPE_CHECKING:
    from playwright.sync_api import Browser

DASHBOARDS = ("state", "activity", "performance", "health")

EMPTY_WITH_A_DAY: dict[str, set[str]] = {name: set() for name in DASHBOARDS}
"""Dashboard → titles of the panels that a day without faults leaves empty."""

EMPTY_WITH_NONE: dict[str, set[str]] = {name: set() for name in DASHBOARDS}
"""Dashboard → titles of the panels that have an empty state; the others show 0 or a text."""


@dataclass(frozen=True)
class Day:
    """A namespace and the time range to look at."""

    namespace: str
    start: str
    end: str


@pytest.fixture(scope="module")
def shared_space(kibana: str, headers: dict[str, str]) -> Space:
    """The space that the dashboards were imported into; read only."""
    return Space(kibana, os.environ.get("TEST_KIBANA_SPACE", "default"), headers)


@pytest.fixture(scope="module")
def day() -> Day:
    named = os.environ.get("TEST_KIBANA_DAY", "").split("/")
    if len(named) != 3:
        pytest.skip("TEST_KIBANA_DAY names no simulated day: it has to be <namespace>/<start>/<end>")
    return Day(*named)


@pytest.fixture(scope="module")
def none() -> str:
    if namespace := os.environ.get("TEST_KIBANA_NONE"):
        return namespace
    pytest.skip("TEST_KIBANA_NONE names no namespace that is installed and holds no message")


def dashboard_id(name: str, namespace: str, space: Space) -> str:
    return f"ocs-{name}-{namespace}-{space.id}"


def picture(name: str) -> Path | None:
    folder = os.environ.get("TEST_KIBANA_SCREENSHOTS")
    return Path(folder, f"{name}.png") if folder else None


@pytest.mark.parametrize("name", DASHBOARDS)
def test_a_day_renders_whole(browser: Browser, shared_space: Space, day: Day, name: str) -> None:
    view = View(shared_space, dashboard_id(name, day.namespace, shared_space), day.start, day.end)
    assert faults(look(browser, view, picture(name)), EMPTY_WITH_A_DAY[name]) == []


@pytest.mark.parametrize("name", DASHBOARDS)
def test_no_data_renders_whole(browser: Browser, shared_space: Space, none: str, name: str) -> None:
    view = View(shared_space, dashboard_id(name, none, shared_space), "now-24h", "now")
    assert faults(look(browser, view, picture(f"{name}-none")), EMPTY_WITH_NONE[name]) == []
