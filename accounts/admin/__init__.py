"""What the console shows and lets officers do; Django finds this module by its name."""

from accounts.admin import (
    credentials,
    dashboard,
    events,
    groups,
    holdings,
    keys,
    providers,
    sessions,
    tenants,
    users,
)

__all__ = [
    "credentials",
    "dashboard",
    "events",
    "groups",
    "holdings",
    "keys",
    "providers",
    "sessions",
    "tenants",
    "users",
]
