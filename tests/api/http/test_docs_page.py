"""/docs in a real browser."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.api.framed_service import build_service
from tests.api.live_server import serve_live
from tests.tower.conform import chromium


def test_an_operation_is_tried_from_the_page_which_asks_no_other_host() -> None:
    with serve_live(build_service(), token="") as service, chromium.browser() as browser:
        page = browser.new_page()
        faults: list[str] = []
        hosts: set[str] = set()
        page.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
        page.on("request", lambda request: hosts.add(request.url.split("/")[2]))
        page.goto(f"{service.url}/docs")
        page.locator(".opblock-tag").first.click()
        operation = page.locator(".opblock-get", has_text="/api/scenes").first
        operation.locator("button").first.click()
        operation.locator("button.execute").click()
        expect(operation.locator(".live-responses-table tbody td.response-col_status").first).to_have_text("200")
        assert (faults, hosts) == ([], {service.url.removeprefix("http://")})
