"""Finds a Kibana, its Elasticsearch and a browser for the tests that look at dashboards; else they skip.

`TEST_KIBANA_URL` and `TEST_ELASTICSEARCH_URL` name a pair that may be written to; where security is on,
`TEST_ELASTICSEARCH_USERNAME` and `TEST_ELASTICSEARCH_PASSWORD` are a superuser's of both.
"""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.kibana.api import Space, basic, new_space
from tests.kibana.browser import chromium, started

if TYPE_CHECKING:
    from playwright.sync_api import Browser


@pytest.fixture(scope="session")
def headers() -> dict[str, str]:
    return basic(os.environ.get("TEST_ELASTICSEARCH_USERNAME"), os.environ.get("TEST_ELASTICSEARCH_PASSWORD"))


@pytest.fixture(scope="session")
def kibana() -> str:
    """Where Kibana is."""
    return _named("TEST_KIBANA_URL", "a Kibana of 8.3 or later whose spaces may be written to")


@pytest.fixture(scope="session")
def elasticsearch() -> str:
    """Where Kibana's Elasticsearch is."""
    return _named("TEST_ELASTICSEARCH_URL", "the Elasticsearch that this Kibana shows")


def _named(variable: str, what: str) -> str:
    if url := os.environ.get(variable):
        return url.rstrip("/")
    pytest.skip(f"{variable} names no server: it has to be {what}")


@pytest.fixture(scope="session")
def browser(kibana: str) -> Iterator[Browser]:
    """One Chromium for all; every look has a profile of its own."""
    if importlib.util.find_spec("playwright") is None:
        pytest.skip("playwright is not installed: pip install -e '.[kibana]'")
    executable = chromium()
    if executable is None:
        pytest.skip("no Chromium is found: TEST_CHROMIUM names one, or a script that starts one")
    with started(executable, kibana) as running:
        yield running


@pytest.fixture
def space(kibana: str, headers: dict[str, str]) -> Iterator[Space]:
    """A space of the test's own."""
    made = new_space(kibana, headers)
    yield made
    made.delete()
