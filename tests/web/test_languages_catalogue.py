"""The German catalogue: whole, exact, and the same in both of its files."""

from __future__ import annotations

import ast
import re
from html.parser import HTMLParser

import pytest
from django.conf import settings

from tests.web.catalogue import (
    GERMAN,
    ROOT,
    Entry,
    Marked,
    compiled,
    entries,
    files,
    in_template,
    marked,
)

# %(name)s, and the tags with their addresses.
_HOLDERS = re.compile(r"%(?:\(\w+\))?[a-z%]|<[^>]+>")
# Translated texts, comments, and a class that pages set.
_NO_TEXT = r"{% blocktranslate.*?endblocktranslate %}|{#.*?#}|{% block width %}\w+{% endblock %}"
# What may stand in a template between tags without a translation: signs, and the product's name.
_NOT_A_WORD = re.compile(r"Dragoman|UTC|[\W\d_]")


@pytest.fixture(scope="module")
def german() -> list[Entry]:
    return entries(GERMAN.read_text("utf-8").splitlines())


@pytest.fixture(scope="module")
def texts(german: list[Entry]) -> list[Entry]:
    """The entries without the header."""
    return [entry for entry in german if entry.parts["msgid"]]


def test_every_marked_text_is_in_the_catalogue_and_no_other(texts: list[Entry]) -> None:
    held, wanted = [entry.marked for entry in texts], marked()
    assert len(wanted) > 300
    assert {
        "not in the catalogue (make messages)": wanted - set(held),
        "in no source": set(held) - wanted,
        "twice": len(held) - len(set(held)),
    } == {
        "not in the catalogue (make messages)": set(),
        "in no source": set(),
        "twice": 0,
    }


def test_every_text_has_a_translation_that_somebody_has_judged(german: list[Entry]) -> None:
    wrong = []
    for entry in german:
        text = entry.marked.text
        forms = 2 if entry.marked.plural else 1
        if len(entry.forms) != forms or not all(entry.forms):
            wrong.append(f"not translated: {text}")
        if "fuzzy" in entry.flags or "#~" in entry.flags:
            wrong.append(f"fuzzy or obsolete: {text}")
        for form in entry.forms if text else ():
            if form.endswith(".") != text.endswith(".") and not entry.marked.plural:
                wrong.append(f"a full stop: {form}")
            if form != form.strip() or re.search(r"\b(du|dein\w*|dir|dich)\b", form):
                wrong.append(f"form: {form}")
    assert wrong == []


def test_placeholders_and_tags_are_the_same_in_both_languages(texts: list[Entry]) -> None:
    def holders(text: str) -> list[str]:
        return sorted(_HOLDERS.findall(text))

    wrong = [
        (entry.marked.text, form)
        for entry in texts
        for form in entry.forms
        if holders(form) != holders(entry.marked.plural or entry.marked.text)
    ]
    assert wrong == []


def test_the_compiled_catalogue_is_the_one_that_is_read(german: list[Entry]) -> None:
    wanted: dict[str | tuple[str, int], str] = {}
    for entry in german:
        text, forms = entry.marked.text, entry.forms
        if entry.marked.plural:
            wanted |= {(text, number): form for number, form in enumerate(forms)}
        else:
            wanted[text] = forms[0]
    held = compiled(GERMAN.with_suffix(".mo"))
    assert vars(held)["_catalog"] == wanted


def test_every_language_of_the_footer_has_its_compiled_catalogue() -> None:
    there = {path.name for path in (ROOT / "locale").iterdir() if path.is_dir()}
    assert there == {code for code, _ in settings.LANGUAGES} - {settings.LANGUAGE_CODE}
    assert [str(path) for path in settings.LOCALE_PATHS] == [str(ROOT / "locale")]
    assert all((ROOT / "locale" / each / "LC_MESSAGES/django.mo").is_file() for each in there)


def test_one_word_has_one_translation(texts: list[Entry]) -> None:
    """The terms of the head of the catalogue, wherever the English has them."""
    terms = {
        r"authenticator app": "Authenticator-App",
        r"recovery codes?": "Wiederherstellungscode",
        r"passkey": "Passkey",
        r"app passwords?": "App-Pass(wort|wörter)",
        r"personal access tokens?": "persönliche[sn]? Zugriffstoken",
        r"sessions?": "Sitzung",
        r"organization": "Organisation",
        r"administrator": "Administration",
        r"second factor": "zweite[nr] Faktor",
    }
    wrong = [
        (english, form)
        for entry in texts
        for form in entry.forms
        for english, german in terms.items()
        if re.search(rf"\b{english}\b", entry.marked.text, re.IGNORECASE)
        and not re.search(german, form, re.IGNORECASE)
    ]
    assert wrong == []


def test_texts_are_found_in_templates_as_gettexts_own_tool_finds_them() -> None:
    source = (
        '{% load i18n %}{% translate "It\'s" %}{% translate "May" context "month" %}'
        "{% blocktranslate with a=b %}100% of {{ a }}{% endblocktranslate %}"
        "{% blocktranslate count n=n %}one{% plural %}{{ n }}{% endblocktranslate %}"
        '{{ x|default:_("none") }}'
    )
    assert list(in_template(source, "here")) == [
        Marked("It's"),
        Marked("month\x04May"),
        Marked("100%% of %(a)s"),
        Marked("one", "%(n)s"),
        Marked("none"),
    ]


class _Plain(HTMLParser):
    """The words of a template that stand outside of its tags and variables."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.words: list[str] = []
        bare = re.sub(_NO_TEXT, "", source, flags=re.DOTALL)
        self.feed(re.sub(r"{%.*?%}|{{.*?}}", "", bare))

    def handle_data(self, data: str) -> None:
        if _NOT_A_WORD.sub("", data):
            self.words.append(data.strip())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = {"alt", "aria-label", "placeholder", "title"}
        self.words += [v for k, v in attrs if k in told and v and _NOT_A_WORD.sub("", v)]


def test_no_page_for_people_holds_a_text_that_is_not_marked() -> None:
    pages = [path for path in files(".html") if "templates/web" in str(path)]
    assert len(pages) > 30
    found = {path.name: words for path in pages if (words := _Plain(path.read_text()).words)}
    assert found == {}


def test_no_view_of_the_pages_shows_a_text_that_is_not_marked() -> None:
    """Messages, titles, labels and help texts that are plain strings."""
    found = []
    for path in files(".py"):
        if "/web/" not in str(path):
            continue
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call):
                found += [f"{path.name}: {text}" for text in _shown(node)]
            elif isinstance(node, ast.Dict):
                pairs = zip(node.keys, node.values, strict=True)
                titles = [v for k, v in pairs if k and ast.unparse(k) == "'title'"]
                found += [f"{path.name}: {ast.unparse(v)}" for v in titles if _is_plain(v)]
    assert found == []


def _is_plain(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str) and " " in node.value


def _shown(call: ast.Call) -> list[str]:
    name = ast.unparse(call.func)
    shown = [each.value for each in call.keywords if each.arg in {"label", "help_text", "title"}]
    if name.startswith("messages.") or name in {"refused", "Words", "ValidationError"}:
        shown += call.args
    if name.endswith("add_error"):
        shown += call.args[1:]
    return [ast.unparse(each) for each in shown if _is_plain(each)]
