"""The admin console's site."""

from __future__ import annotations

from django.contrib.admin import AdminSite


class Console(AdminSite):
    """Django's admin under our own name."""

    site_header = "Dragoman"
    site_title = "Dragoman"
    index_title = "Console"


console = Console(name="admin")
