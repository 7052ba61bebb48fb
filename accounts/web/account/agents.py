"""The short name of a program, as it tells about itself. Anybody can tell anything."""

from __future__ import annotations

from django.utils.translation import gettext as _

# The first that fits counts: browsers name others that they resemble.
_PROGRAMS = {
    "Rocket.Chat": "Rocket.Chat",
    "RC Mobile": "Rocket.Chat",
    "Edg": "Edge",
    "OPR/": "Opera",
    "SamsungBrowser/": "Samsung Internet",
    "Firefox/": "Firefox",
    "FxiOS/": "Firefox",
    "CriOS/": "Chrome",
    "Chrome/": "Chrome",
    "Safari/": "Safari",
}
_SYSTEMS = {
    "iPhone": "iOS",
    "iPad": "iPadOS",
    "Android": "Android",
    "Windows": "Windows",
    "Macintosh": "macOS",
    "CrOS": "ChromeOS",
    "Linux": "Linux",
}
_LONGEST = 40


def short(agent: str) -> str:
    """What people call the program of this ``User-Agent``."""
    text = "".join(each for each in agent if each.isprintable()).strip()
    if not text:
        return _("Unknown program")
    program = next((name for mark, name in _PROGRAMS.items() if mark in text), "")
    if not program:
        # As programs introduce themselves: name/version (details) and more.
        return text.split("/")[0].split(" (")[0][:_LONGEST] or _("Unknown program")
    system = next((name for mark, name in _SYSTEMS.items() if mark in text), "")
    told = {"program": program, "system": system}
    return _("%(program)s on %(system)s") % told if system else program
