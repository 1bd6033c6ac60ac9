"""The shell of every page: header, navigation, banner. Every colour is in static/theme.css alone."""

from collections.abc import Iterator
from contextlib import contextmanager
from copy import copy
from typing import NamedTuple

import msgspec
from nicegui import Client, ui
from nicegui.elements.mixins.text_element import TextElement

from headwater import __version__
from headwater.ui.language import COOKIE, LANGUAGES, Language, language_of
from headwater.ui.texts.common import COMMON, Common

STATIC = f"/static/{__version__}"
"""The version is in the address, for browsers keep these files for long."""


class Page(NamedTuple):
    """An entry of the navigation."""

    key: str
    """Names its text in `Common`."""
    address: str


PAGES = (
    Page("grid", "/"),
    Page("lineage", "/lineage"),
    Page("find", "/find"),
    Page("query", "/query"),
    Page("reports", "/reports"),
)


def element(tag: str, classes: str = "") -> ui.element:
    """An element without the looks of a component."""
    return ui.element(tag).classes(classes)


def text(content: str, classes: str = "", tag: str = "span") -> TextElement:
    """Text is never markup: it travels as a text node, whatever a sensor calls itself."""
    return TextElement(tag=tag, text=content).classes(classes)


def script(name: str) -> None:
    """Have the page load a script of ours."""
    ui.add_head_html(f'<script src="{STATIC}/{name}" defer></script>')


def module(name: str) -> None:
    """Have the page load a script of ours that imports others, and what NiceGUI brings."""
    ui.add_head_html(f'<script src="{STATIC}/{name}" type="module"></script>')


def styles(name: str) -> None:
    """Have the page load styles of ours, behind those of all pages."""
    ui.add_head_html(f'<link rel="stylesheet" href="{STATIC}/{name}">')


def encode(value: object) -> str:
    """A value as JSON that may stand in a script element."""
    return msgspec.json.encode(value).decode().replace("<", "\\u003c")


def spoken(client: Client) -> Language:
    """The language of the one who asks for a page."""
    asked = client.request
    return language_of(asked.cookies.get(COOKIE), asked.headers.get("accept-language", ""))


@contextmanager
def shell(client: Client, current: str, title: str, topic: str = "grid") -> Iterator[Language]:
    """Everything around a page's own content, which goes inside; `topic` is what the page follows live."""
    language = spoken(client)
    texts = COMMON[language]
    client.page = copy(client.page)  # The one of all clients would give its language to everyone.
    client.page.language = "de" if language == "de" else "en-GB"
    ui.page_title(f"{title} · Headwater")
    styles("theme.css")
    ui.add_head_html(f'<link rel="icon" href="{STATIC}/logo.svg" type="image/svg+xml">')
    script("theme.js")
    script("live.js")
    live = {"topic": topic, "texts": msgspec.to_builtins(texts)}
    ui.add_head_html(f'<script id="live-options" type="application/json">{encode(live)}</script>')
    text(texts.to_content, "skip", "a").props('href="#content"')
    with element("header", "bar"):
        with element("a", "brand").props('href="/"').props(f'aria-label="{texts.to_grid}"'):
            element("img").props(f'src="{STATIC}/logo.svg" alt="" width=22 height=22')
            text("Headwater", "name")
        with element("nav").props(f'aria-label="{texts.pages}"'):
            for page in PAGES:
                entry = text(getattr(texts, page.key), tag="a").props(f'href="{page.address}"')
                if page.key == current:
                    entry.props("aria-current=page")
        with element("a", "count").props('href="/#alarms"'):
            text("", "badge").props("data-live=alarms")
        with element("span", "live").props("role=status"):
            element("i")
            text(texts.connecting, "state")
        _languages(texts, language)
        theme = element("button", "icon theme").props(f'type=button aria-label="{texts.theme}" title="{texts.theme}"')
        with theme:
            element("img").props(f'src="{STATIC}/contrast.svg" alt="" width=18 height=18')
    text(texts.away, "away", "div").props("role=alert hidden")
    with element("div", "page").props('id="content" tabindex=-1'):  # NiceGUI has its own <main> around everything.
        yield language


def _languages(texts: Common, current: Language) -> None:
    with element("span", "languages").props(f'role=group aria-label="{texts.language}"'):
        for language, name in LANGUAGES.items():
            button = text(language.upper(), "icon language", "button")
            button.props(f'type=button lang={language} title="{name}" aria-label="{name}" data-language={language}')
            button.props(f"aria-pressed={'true' if language == current else 'false'}")
