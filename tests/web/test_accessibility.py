"""Every page, as axe-core and two windows see it: WCAG 2.2 AA, light and dark, 360 pixels."""

from __future__ import annotations

from pprint import pformat
from typing import Any

import pytest
from playwright.sync_api import Page

from tests.ops.demo import ROOT, Demo
from tests.web.chromium import CHROMIUM, chromium
from tests.web.scenes import SCENES, Made, furnish, played
from tests.web.tour import WALKERS, Walker, opened, pages

AXE = ROOT / "var" / "peers" / "node" / "node_modules" / "axe-core" / "axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
MOST = 80

pytestmark = [
    pytest.mark.slow,
    pytest.mark.peers,
    pytest.mark.skipif(not CHROMIUM.exists(), reason="needs Chromium"),
    pytest.mark.skipif(not AXE.exists(), reason="needs axe-core, see tests/peers/install.sh"),
]


def violations(page: Page, rules: list[str], kind: str) -> list[str]:
    """What axe finds, a line for each rule with the elements concerned."""
    options = {"runOnly": {"type": kind, "values": rules}, "resultTypes": ["violations"]}
    found: dict[str, Any] = page.evaluate("options => axe.run(document, options)", options)
    return [
        f"{each['id']}: {[node['html'][:90] for node in each['nodes']][:3]}"
        for each in found["violations"]
    ]


# Axe leaves it to people whether a description that is not there matters.
_LOST = """() => {
  const names = ["aria-describedby", "aria-labelledby"];
  const lost = each => names.flatMap(name => (each.getAttribute(name) || "").split(" "))
    .some(id => id && !document.getElementById(id));
  const all = [...document.querySelectorAll(names.map(name => `[${name}]`))];
  return all.filter(lost).map(each => each.outerHTML.slice(0, 90));
}"""

# Tables may, in a narrow window.
_SIDEWAYS = """() => [...document.querySelectorAll(".results, .wide")]
  .filter(each => each.scrollWidth > each.clientWidth + 1)
  .map(each => `${each.className}, ${each.scrollWidth} pixels in ${each.clientWidth}`)"""


# Words on a button, one letter above the other.
_TORN = """() => [...document.querySelectorAll("button:not(.theme-toggle), .button")]
  .filter(each => each.innerText.trim().length > 3 && each.offsetWidth && each.offsetWidth < 40)
  .map(each => `“${each.innerText}” in ${each.offsetWidth} pixels`)"""

# What is folded is part of the page.
_UNFOLD = "() => document.querySelectorAll('details').forEach(each => { each.open = true; })"


def objections(page: Page) -> list[str]:
    """All that is wrong with the page that is open."""
    page.evaluate(_UNFOLD)
    # A colour that is still changing is nobody's.
    page.add_style_tag(content="* { transition: none !important; animation: none !important; }")
    page.set_viewport_size({"width": 1200, "height": 900})
    page.emulate_media(color_scheme="light")
    found = violations(page, RULES, "tag")
    page.emulate_media(color_scheme="dark")
    found += [f"dark {each}" for each in violations(page, ["color-contrast"], "rule")]
    found += [f"scrolls sideways on a desktop: {each}" for each in page.evaluate(_SIDEWAYS)]
    page.set_viewport_size({"width": 360, "height": 740})
    width = page.evaluate("() => document.documentElement.scrollWidth")
    if width > 360:
        found.append(f"{width} pixels wide in a window of 360")
    found += [f"torn: {each}" for each in page.evaluate(_TORN)]
    return found + [f"told by what is not there: {each}" for each in page.evaluate(_LOST)]


@pytest.mark.parametrize("walker", WALKERS, ids=[walker.name for walker in WALKERS])
def test_every_page_can_be_used_by_everybody(demo: Demo, walker: Walker) -> None:
    wrong: dict[str, list[str]] = {}
    walked: list[str] = []
    with chromium() as browser:
        # Our pages run no script but their own; axe is let in beside them.
        context = opened(browser, demo, walker, bypass_csp=True)
        context.add_init_script(path=AXE)
        page = context.new_page()
        for kind in pages(page, demo.base_url, walker.starts, MOST):
            walked.append(kind)
            if found := objections(page):
                wrong[kind] = found
    assert len(walked) >= len(walker.starts)
    assert not wrong, pformat(wrong, width=160)


@pytest.fixture(scope="session")
def made(demo: Demo) -> Made:
    return furnish(demo)


@pytest.mark.parametrize("name", SCENES)
def test_pages_that_no_link_leads_to_can_be_used_by_everybody(
    demo: Demo, made: Made, name: str
) -> None:
    wrong: dict[str, list[str]] = {}
    with chromium() as browser:
        for scene, page in played(browser, demo, made, name, script=AXE, bypass_csp=True):
            if found := objections(page):
                wrong[scene] = found
    assert not wrong, pformat(wrong, width=160)
