"""The first page in a real browser: it reads, it fits, and it breaks none of its own rules."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, sync_playwright

from tests.servers.andon import AndonServer
from tests.servers.tools import need

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Start the machine's own Chromium."""
    program = need("chromium", "chromium")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=str(program), args=ARGUMENTS)
        yield started
        started.close()


class Seen:
    """A page and everything that it complained of or asked for."""

    def __init__(self, page: Page, server: AndonServer) -> None:
        self.page = page
        self.complaints: list[str] = []
        self.asked: list[str] = []
        page.on("console", self._told)
        page.on("pageerror", lambda fault: self.complaints.append(str(fault)))
        page.on("request", self._request)
        answer = page.goto(f"{server.url}/")
        assert answer is not None
        self.status = answer.status

    def _told(self, message: ConsoleMessage) -> None:
        self.complaints.append(f"{message.type}: {message.text}")

    def _request(self, request: Request) -> None:
        self.asked.append(request.url)


@pytest.fixture
def seen(browser: Browser, andon_server: AndonServer) -> Iterator[Seen]:
    context = browser.new_context()
    yield Seen(context.new_page(), andon_server)
    context.close()


def test_the_page_reads(seen: Seen, andon_server: AndonServer) -> None:
    assert seen.status == 200
    assert seen.page.title() == "Andon"
    assert seen.page.get_by_role("heading", level=1).inner_text() == "Andon is running"
    text = seen.page.inner_text("body")
    for part in ("Report a first call", "curl", f"{andon_server.url}/api/v1/telemetry/llm-usage"):
        assert part in text
    assert "{" not in seen.page.title()


def test_the_browser_has_no_complaints(seen: Seen) -> None:
    # A browser asks for an icon of its own accord; it is told that there is none, or given one.
    complaints = [one for one in seen.complaints if "favicon" not in one]
    assert complaints == []


def test_the_page_asks_nobody_else(seen: Seen, andon_server: AndonServer) -> None:
    assert seen.asked
    assert all(url.startswith(f"{andon_server.url}/") for url in seen.asked)


def test_the_style_is_in_force(seen: Seen) -> None:
    border = "getComputedStyle(document.querySelector('pre')).borderTopStyle"
    assert seen.page.evaluate(border) == "solid"


def test_its_links_lead_somewhere(seen: Seen, andon_server: AndonServer) -> None:
    links = seen.page.eval_on_selector_all("a", "all => all.map(one => one.getAttribute('href'))")
    assert len(links) >= 4
    for link in links:
        answer = seen.page.request.get(f"{andon_server.url}{link}")
        assert answer.status == 200, link


@pytest.mark.parametrize("width", [320, 1280])
def test_the_page_fits_a_screen(browser: Browser, andon_server: AndonServer, width: int) -> None:
    context = browser.new_context(viewport={"width": width, "height": 700})
    page = Seen(context.new_page(), andon_server).page
    wider = page.evaluate("document.documentElement.scrollWidth > window.innerWidth")
    context.close()
    assert wider is False


def test_the_page_reads_without_javascript(browser: Browser, andon_server: AndonServer) -> None:
    context = browser.new_context(java_script_enabled=False)
    text = Seen(context.new_page(), andon_server).page.inner_text("body")
    context.close()
    assert "Report a first call" in text
