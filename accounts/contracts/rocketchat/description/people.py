"""Users of the tenant, and what anybody may ask about the workspace."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from accounts.contracts.rocketchat import views, wording
from accounts.contracts.rocketchat.description.calls import guarded, open_to_all, success
from accounts.contracts.rocketchat.description.profiles import PROFILE
from accounts.wire.description import NUMBER, TEXT, Action, Parameter, listed, record

ACTIONS: Mapping[type[Any], Mapping[str, Action]] = {
    views.UsersInfo: {
        "GET": guarded(
            "A user of the tenant",
            success(user=PROFILE),
            parameters=[
                Parameter(name, TEXT, f"The user's {what}; the first one given counts")
                for name, what in (
                    ("userId", "id"),
                    ("username", "name"),
                    ("email", "e-mail address"),
                )
            ],
            answers=[wording.NO_SELECTOR, wording.USER_NOT_FOUND],
        )
    },
    views.Info: {
        "GET": open_to_all(
            "The version of the product",
            success(version=TEXT, minimumClientVersions=record({"desktop": TEXT, "mobile": TEXT})),
        )
    },
    views.PublicSettings: {
        "GET": open_to_all(
            "The settings of a login screen",
            success(
                settings=listed(record({"_id": TEXT, "value": {"type": ["string", "boolean"]}})),
                count=NUMBER,
                offset=NUMBER,
                total=NUMBER,
            ),
            parameters=[
                Parameter("_id", TEXT, "The settings' names, separated by commas"),
                Parameter("offset", NUMBER, "So many are passed over"),
                Parameter("count", NUMBER, "So many are listed, 50 if it is not said, 100 at most"),
            ],
        )
    },
    views.OAuthServices: {
        "GET": open_to_all("The buttons of other providers", success(services={"type": "array"}))
    },
}
