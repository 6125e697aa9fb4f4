"""Opens a dashboard in a headless Chromium, as a person would, and reads what it shows.

No browser is downloaded: `TEST_CHROMIUM` names one, or a script that starts one with the arguments it is given,
or one is found by its usual names.
"""

from __future__ import annotations

import io
import json
import os
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from tests.kibana.api import Body, Space
from tests.kibana.render import Control, Panel, Rendered, Search, panel_of, searches

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, Route

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome-headless-shell", "chromium-headless-shell")
READ_PAGE = Path(__file__).with_name("read_page.js").read_text(encoding="utf-8")
SEARCHES = "/internal/bsearch"
CALM_S = 0.75
"""How long a page must stay the same, with no search under way, to count as finished."""


def chromium() -> str | None:
    """The browser that this machine offers; None where there is none."""
    return os.environ.get("TEST_CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)


@dataclass(frozen=True)
class View:
    """What to look at: a dashboard, a time range (ISO 8601 or date math), and what narrows it.

    `query` stands in the query bar (KQL), `filters` are Kibana's filters, and `choose` maps a control's title to
    the option that a person picks there.
    """

    space: Space
    dashboard: str
    start: str
    end: str
    query: str = ""
    filters: Sequence[Body] = ()
    choose: Mapping[str, str] = field(default_factory=dict)
    width: int = 1600
    height: int = 1000
    limit_s: float = 60

    @property
    def url(self) -> str:
        """With `embed`, Kibana leaves out its own frame, and the buttons of the filter bar with the other."""
        time_range = {"time": {"from": self.start, "to": self.end}, "refreshInterval": {"pause": True, "value": 0}}
        state = {"query": {"language": "kuery", "query": self.query}, "filters": list(self.filters)}
        place = f"_g={quote(rison(time_range))}&_a={quote(rison(state))}"
        return f"{self.space.url}/app/dashboards#/view/{self.dashboard}?embed=true&hide-filter-bar=true&{place}"


def rison(value: Any) -> str:
    """JSON as Kibana writes it in its addresses."""
    if isinstance(value, dict):
        return "(" + ",".join(f"{rison(key)}:{rison(item)}" for key, item in value.items()) + ")"
    if isinstance(value, list | tuple):
        return "!(" + ",".join(map(rison, value)) + ")"
    if value is None or isinstance(value, bool):
        return {None: "!n", True: "!t", False: "!f"}[value]
    if isinstance(value, str):
        return "'" + value.replace("!", "!!").replace("'", "!'") + "'"
    return json.dumps(value)


@contextmanager
def started(executable: str, address: str) -> Iterator[Browser]:
    """A browser that knows one address only: no test waits for, or tells anything to, another."""
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 - an extra of its own: `kibana`

    rules = f"--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE {urlsplit(address).hostname}"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=[rules])
        yield browser
        browser.close()


def look(browser: Browser, view: View, screenshot: Path | None = None) -> Rendered:
    """Open the dashboard, wait until every panel shows what it has to or the time is over, and read it all."""
    context = browser.new_context(
        viewport={"width": view.width, "height": view.height},
        color_scheme="light",
        timezone_id="UTC",
        locale="en-GB",
        extra_http_headers=view.space.headers,
    )
    try:
        sight = _Sight(context.new_page(), view)
        sight.open()
        for title, option in view.choose.items():
            sight.choose(title, option)
        if screenshot:
            sight.shoot(screenshot)
        return sight.result()
    finally:
        context.close()


class _Sight:
    """One page with one dashboard, and the searches that it made."""

    def __init__(self, page: Page, view: View) -> None:
        self.page, self.view = page, view
        attributes = view.space.dashboard(view.dashboard)
        self.panels = {one["panelIndex"]: _title(one) for one in json.loads(attributes["panelsJSON"])}
        group = json.loads(attributes.get("controlGroupInput", {}).get("panelsJSON", "{}"))
        self.controls = {id_: str(one["explicitInput"].get("title", id_)) for id_, one in group.items()}
        self.under_way = 0
        self.answered: list[tuple[str, bytes]] = []
        self.toasts: dict[str, None] = {}
        # Kibana's page cuts a search's connection off as soon as it knows enough, and a cut answer cannot be read.
        page.route(lambda url: SEARCHES in url, self._pass_on)

    def _pass_on(self, route: Route) -> None:
        """Fetch a search's answer for the page, and keep it; a refusal reaches the page as it is."""
        self.under_way += 1
        try:
            answer = route.fetch(timeout=self.view.limit_s * 1000)
            if answer.ok:
                self.answered.append((route.request.post_data or "", answer.body()))
            route.fulfill(response=answer)
        finally:
            self.under_way -= 1

    def open(self) -> None:
        self.page.goto(self.view.url, wait_until="domcontentloaded")
        self.settle()

    def settle(self) -> None:
        """Wait until the page is finished and stays so, or the time is over."""
        end = time.monotonic() + self.view.limit_s
        calm_since, before = time.monotonic(), None
        while time.monotonic() < end:
            seen = self.read()
            if self.under_way or seen != before or not _complete(seen):
                calm_since, before = time.monotonic(), seen
            elif time.monotonic() - calm_since >= CALM_S:
                return
            self.page.wait_for_timeout(150)

    def read(self) -> Body:
        seen: Body = self.page.evaluate(READ_PAGE, [list(self.panels), list(self.controls)])
        self.toasts |= dict.fromkeys(seen["toasts"])  # they go away by themselves
        return seen

    def choose(self, title: str, option: str) -> None:
        """Pick an option of a control as a person does: open it, search for it, click it."""
        ids = [id_ for id_, name in self.controls.items() if name == title]
        assert len(ids) == 1, f"{len(ids)} controls are called {title!r}: {sorted(self.controls.values())}"
        limit_ms = self.view.limit_s * 1000
        self.page.click(f'[data-test-subj="optionsList-control-{ids[0]}"]', timeout=limit_ms)
        self.page.fill('[data-test-subj="optionsList-control-search-input"] >> visible=true', option, timeout=limit_ms)
        self.answered.clear()  # what was asked before shows what is no longer seen
        wanted = json.dumps(f"optionsList-control-selection-{option}", ensure_ascii=False)
        with self.page.expect_request(lambda request: SEARCHES in request.url, timeout=limit_ms):
            self.page.click(f"[data-test-subj={wanted}]", timeout=limit_ms)
        self.page.keyboard.press("Escape")
        self.settle()

    def shoot(self, file: Path) -> None:
        """A picture of the whole dashboard: the window grows to its height. 256 colours make it small."""
        from PIL import Image  # noqa: PLC0415 - an extra of its own: `kibana`

        height = int(self.read()["height"]) + 8
        self.page.set_viewport_size({"width": self.view.width, "height": max(height, 200)})
        self.settle()
        picture = Image.open(io.BytesIO(self.page.screenshot(animations="disabled")))
        picture.convert("RGB").quantize(256, dither=Image.Dither.NONE).save(file, optimize=True)

    def result(self) -> Rendered:
        seen, made = self.read(), self._searches()
        panels = tuple(panel_of(id_, title, seen["panels"][id_], made[id_]) for id_, title in self.panels.items())
        controls = tuple(_control(id_, title, seen["controls"][id_]) for id_, title in self.controls.items())
        return Rendered(self.view.dashboard, self.view.limit_s, panels, controls, tuple(self.toasts))

    def _searches(self) -> dict[str, list[Search]]:
        made: dict[str, list[Search]] = {id_: [] for id_ in self.panels}
        for request, answer in self.answered:
            for place, search in searches(request, answer):
                for id_, title in self.panels.items():
                    if place.get("id") == id_ or (place.get("id") == "new" and place.get("description") == title):
                        made[id_].append(search)
        return made


def _title(panel: Body) -> str:
    config = panel.get("embeddableConfig", {})
    return str(panel.get("title") or config.get("title") or panel["panelIndex"])


def _complete(seen: Body) -> bool:
    parts = [*seen["panels"].values(), *seen["controls"].values()]
    return all(part and (part["rendered"] or part["errors"]) for part in parts)


def _control(id_: str, title: str, seen: Body | None) -> Control:
    if seen is None:
        return Control(id_, title, found=False, rendered=False)
    return Control(id_, title, rendered=seen["rendered"], errors=tuple(seen["errors"]))


__all__ = ["Panel", "Rendered", "View", "chromium", "look", "rison", "started"]
