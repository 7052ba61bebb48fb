"""Where a sign-in may lead to: a page of this service, however ``next`` is written."""

from __future__ import annotations

import re

# Pages for people, with or without a tenant's prefix. Contracts have no pages.
_PAGE = re.compile(r"(?:/t/[-\w]+)?/(?:account|admin)/[^?#]*(?:\?[^#]*)?", re.ASCII)
# Leaving again at once is no destination, nor is the way in.
_WAYS = re.compile(r"(?:/t/[-\w]+)?/admin/(?:login|logout)/", re.ASCII)
_OPEN = re.compile(r"(?:/t/[-\w]+)?/(?:(?:sign-in|forgot)/)?(?:\?[^#]*)?", re.ASCII)
_LONGEST = 2000


def page_within(wanted: str, *, ways_in: bool = False) -> str:
    """``wanted`` if it is the path of one of our own pages, else the empty text.

    ``ways_in``: also a page that is open to everybody. What browsers read in more than one way is
    refused outright: backslashes, control characters, spaces, empty or dotted path segments, in
    clear or percent-encoded.
    """
    if len(wanted) > _LONGEST or not wanted.isascii() or not wanted.isprintable():
        return ""
    if any(each in wanted for each in ' \\"<>^`{|}'):
        return ""
    path = wanted.partition("?")[0].lower()
    if any(each in path for each in ("//", "%2f", "%5c", "%2e", "%00")):
        return ""
    if any(segment == "." or segment.startswith("..") for segment in path.split("/")):
        return ""
    if ways_in and _OPEN.fullmatch(wanted):
        return wanted
    return wanted if _PAGE.fullmatch(wanted) and not _WAYS.match(wanted) else ""
