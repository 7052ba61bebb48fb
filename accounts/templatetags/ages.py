"""How long ago something was, as a sentence of the reader's language.

Django's ``timesince`` gives an age without its case: German says "3 Tage" and "vor 3 Tagen".
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django import template
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

register = template.Library()
_MINUTE, _HOUR, _DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
_MONTH, _YEAR = timedelta(days=30), timedelta(days=365)


@register.filter
def ago(at: datetime, now: datetime) -> str:
    """The age in the largest unit that fits, rounded down; what lies ahead is "just now"."""
    age = now - at
    if age >= _YEAR:
        count = age // _YEAR
        told = ngettext("%(count)d year ago", "%(count)d years ago", count)
    elif age >= 2 * _MONTH:
        count = age // _MONTH
        told = ngettext("%(count)d month ago", "%(count)d months ago", count)
    elif age >= _DAY:
        count = age // _DAY
        told = ngettext("%(count)d day ago", "%(count)d days ago", count)
    elif age >= _HOUR:
        count = age // _HOUR
        told = ngettext("%(count)d hour ago", "%(count)d hours ago", count)
    elif age >= _MINUTE:
        count = age // _MINUTE
        told = ngettext("%(count)d minute ago", "%(count)d minutes ago", count)
    else:
        return _("just now")
    return told % {"count": count}
