"""Where the document is served, in what form, and what the page around it loads."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml
from django.test import Client
from pytest_django import Settings

from accounts.wire.registry import contracts
from config import env
from tests.fixtures import Cast
from tests.ops.demo import Demo
from tests.web.chromium import CHROMIUM, chromium


@pytest.fixture
def served(settings: Settings) -> Client:
    settings.ROOT_URLCONF = "tests.openapi.urls"
    return Client(enforce_csrf_checks=True)


@pytest.mark.parametrize(
    ("path", "accept", "media"),
    [
        ("/api/schema/", "", "application/json"),
        ("/api/schema/", "text/html", "application/json"),
        ("/api/schema/", "application/yaml", "application/yaml"),
        ("/api/schema/", "application/vnd.oai.openapi, */*;q=0.1", "application/yaml"),
        ("/api/schema/", "application/vnd.oai.openapi+json", "application/json"),
        ("/api/schema.json", "application/yaml", "application/json"),
        ("/api/schema.yaml", "application/json", "application/yaml"),
    ],
)
def test_the_document_comes_in_the_form_that_is_asked_for(
    served: Client, path: str, accept: str, media: str
) -> None:
    answer = served.get(path, headers={"Accept": accept} if accept else {})
    assert (answer.status_code, answer["Content-Type"]) == (200, media)
    text = answer.content.decode()
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    made: dict[str, Any] = (
        # Our own document.
        json.loads(text) if media.endswith("json") else yaml.load(text, Loader=loader)  # noqa: S506
    )
    assert "&id" not in text
    assert made["openapi"] == "3.1.1"
    assert made["servers"][0]["url"] == "http://testserver"
    assert "/account/login" in made["paths"]


def test_the_page_loads_nothing_from_elsewhere_and_holds_no_script(served: Client) -> None:
    answer = served.get("/api/docs/")
    page = answer.content.decode()
    assert answer.status_code == 200
    assert "default-src 'self'" in answer["Content-Security-Policy"]
    assert "unsafe" not in answer["Content-Security-Policy"]
    assert "//" not in page.replace("<!DOCTYPE html>", "")
    assert "<style" not in page
    assert " style=" not in page
    assert page.count("<script src=") == page.count("<script") == 2


@pytest.mark.parametrize("path", ["/api/schema/", "/api/docs/"])
def test_nothing_is_written_there(served: Client, path: str) -> None:
    for method in ("POST", "PUT", "DELETE", "PATCH"):
        assert served.generic(method, path, b"{}", "application/json").status_code == 405


@pytest.mark.parametrize("path", ["/api/schema/", "/api/schema.json", "/api/docs/"])
def test_where_it_is_off_there_is_nothing(path: str, cast: Cast) -> None:
    answer = Client().get(path)
    assert answer.status_code == 404
    assert answer.json() == {"code": 404, "message": "Not Found", "details": ["Not Found"]}


def test_it_is_on_in_a_demo_and_elsewhere_where_the_operator_says_so() -> None:
    def read(**variables: str) -> bool:
        return env.read(variables).conf.api_docs

    assert not read()
    assert not read(DRAGOMAN_MODE="test")
    assert read(DRAGOMAN_MODE="demo")
    assert read(DRAGOMAN_API_DOCS="on")
    assert not read(DRAGOMAN_MODE="demo", DRAGOMAN_API_DOCS="off")


@pytest.mark.slow
@pytest.mark.skipif(not CHROMIUM.exists(), reason="no Chromium here")
def test_the_page_shows_every_contract_in_a_browser_and_asks_nobody_else(demo: Demo) -> None:
    with chromium() as browser:
        page = browser.new_page()
        asked: list[str] = []
        said: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.on("console", lambda message: said.append(message.text))
        page.goto(f"{demo.base_url}/api/docs/")
        page.wait_for_selector(".opblock-tag")
        shown = page.locator(".opblock-tag").all_inner_texts()
        page.locator(".opblock-tag").first.click()
        page.locator(".opblock").first.click()
        page.wait_for_selector(".responses-table")
    assert [text.split("\n")[0] for text in shown] == [c.title for c in contracts().values()]
    assert [url for url in asked if not url.startswith((demo.base_url, "data:"))] == []
    assert said == []
