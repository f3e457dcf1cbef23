"""Every page: no accessibility violations in either theme, wide or on a phone, no sideways scroll, no script error."""

import re
from collections.abc import Iterator

import pytest
from flask import Flask
from playwright.sync_api import Page, ViewportSize

from app import create_app
from app.services import Services
from app.settings import Settings
from tests.e2e.browser_steps import THEMES, PageMonitor, Theme, find_violations, take_screenshot, use_theme
from tests.e2e.page_list import ADDRESSES, NO_PAGES, PAGES, Visitor

pytestmark = pytest.mark.browser

WIDE, PHONE = ViewportSize(width=1280, height=800), ViewportSize(width=390, height=844)


@pytest.fixture
def product_map(settings: Settings) -> Iterator[Flask]:
    made = create_app(settings)
    yield made
    services: Services = made.extensions["services"]
    made.extensions["services"].close()
    services.database.writer.close()
    services.database.engine.dispose()


def test_every_page_of_the_product_is_in_the_list(product_map: Flask):
    rules = [rule for rule in product_map.url_map.iter_rules() if "GET" in (rule.methods or ())]
    assert {rule.endpoint for rule in rules} == set(PAGES) | set(NO_PAGES)
    assert set(PAGES) & set(NO_PAGES) == set()
    ways = product_map.url_map.bind("127.0.0.1")
    for endpoint, addresses in PAGES.items():
        for address in addresses:
            # Words in braces stand for numbers and short names; a whole address in braces is found by walking.
            path = re.sub(r"\{\w+\}", "1", address).split("?")[0]
            assert path == "1" or ways.match(path)[0] == endpoint


@pytest.mark.parametrize("address", ADDRESSES)
def test_a_page_is_accessible_in_both_themes_and_fits_a_phone(visitor: Visitor, address: str):
    visitor.watched.faults.clear()
    visitor.page.set_viewport_size(WIDE)
    page, found = visitor.visit(address), []
    name = re.sub(r"\W+", "-", address).strip("-")
    for size, width in ((WIDE, "wide"), (PHONE, "phone")):
        page.set_viewport_size(size)
        use_theme(page, "light")
        take_screenshot(page, f"{name}-{width}")
        found += find_violations(page)
        use_theme(page, "dark")
        take_screenshot(page, f"{name}-{width}-dark")
        found += find_violations(page, colours=True)
        if page.evaluate("document.documentElement.scrollWidth") > size["width"]:
            found.append(f"scrolls sideways on a {width} screen")
    assert found == []
    assert visitor.watched.faults == []


@pytest.mark.parametrize("theme", THEMES)
def test_the_sign_in_and_the_error_page_have_no_accessibility_violation(
    operator: Page, theme: Theme, monitor: PageMonitor
):
    monitor.expect_status(404)
    page = operator
    page.goto("/no/such/page")
    use_theme(page, theme)
    take_screenshot(page, f"missing-{theme}")
    assert find_violations(page) == []
    page.context.clear_cookies()
    page.goto("/login")
    take_screenshot(page, f"login-{theme}")
    assert find_violations(page) == []
