"""German words are long: the pages for people in a window of 360 pixels, in Chromium."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page

from tests.ops.demo import Demo
from tests.web.chromium import CHROMIUM, chromium
from tests.web.tour import WALKERS, opened, pages

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not CHROMIUM.exists(), reason="needs Chromium"),
]
WIDTH = 360
# What stands over the edge of the window, or is cut off by its own box. Heads of tables are for
# screen readers alone where the window is narrow: each cell has its label then.
_BEYOND = """() => [...document.querySelectorAll('body *')].filter(each => {
  const box = each.getBoundingClientRect();
  const unseen = !each.checkVisibility() || box.width <= 1 || each.closest('.skip, svg, thead');
  const cut = getComputedStyle(each).overflowX === 'hidden'
    && each.scrollWidth > each.clientWidth + 1;
  return !unseen && (box.right > innerWidth + 1 || box.left < -1 || cut);
}).map(each => `${each.tagName} ${each.textContent.trim().slice(0, 60)}`)"""


# Words of what is short and large that had to be broken in their midst.
_BROKEN = """() => [...document.querySelectorAll('h1, h2, dt, label, button, nav a')].flatMap(
each => {
  const texts = document.createTreeWalker(each, NodeFilter.SHOW_TEXT);
  const found = [];
  while (each.checkVisibility() && texts.nextNode()) {
    for (const word of texts.currentNode.data.matchAll(/[^\\s-]+/g)) {
      const range = document.createRange();
      range.setStart(texts.currentNode, word.index);
      range.setEnd(texts.currentNode, word.index + word[0].length);
      if (range.getClientRects().length > 1) found.push(`broken: ${word[0]}`);
    }
  }
  return found;
})"""


def objections(page: Page) -> list[str]:
    """What of the page that is open cannot be read without scrolling sideways."""
    width = page.evaluate("() => document.documentElement.scrollWidth")
    wide = [f"{width} pixels wide"] if width > WIDTH else []
    spoken = page.locator("html").get_attribute("lang")
    strange = [] if spoken == "de" else [f"speaks {spoken}"]
    return [*wide, *strange, *page.evaluate(_BEYOND), *page.evaluate(_BROKEN)]


def test_german_pages_fit_into_a_narrow_window(demo: Demo) -> None:
    wrong: dict[str, list[str]] = {}
    walked: list[str] = []
    with chromium() as browser:
        for walker in WALKERS:
            if walker.name == "officer":
                continue
            size = {"width": WIDTH, "height": 740}
            context = opened(browser, demo, walker, viewport=size)
            choice = {"name": "dragoman-language", "value": "de", "url": demo.base_url}
            # The library's type is too narrow.
            context.add_cookies([choice])  # type: ignore[list-item]
            page = context.new_page()
            for path in pages(page, demo.base_url, walker.starts, 40):
                walked.append(path)
                if found := objections(page):
                    wrong[f"{walker.name} {path}"] = found
            if not walker.persona:
                wrong |= {name: found for name, found in _steps(page, demo) if found}
            context.close()
    assert len(walked) > 15, walked
    assert wrong == {}


def _steps(page: Page, demo: Demo) -> Iterator[tuple[str, list[str]]]:
    """What a sign-in with a wrong password shows, and then the second step of the right one."""
    bob = demo.persona("bob", "acme")
    for name, password in (("refused", "wrong"), ("second step", bob["password"])):
        page.goto(f"{demo.base_url}/sign-in/")
        page.locator("[name=identifier]").fill(bob["email"])
        page.locator("[name=password]").fill(password)
        page.locator("[name=password]").press("Enter")
        page.locator(".said" if password == "wrong" else "[name=code]").first.wait_for()
        yield name, objections(page)
