"""ColdStream's own Python library: login, the code it asks for, `/users/me`."""

import io
import re
import sys

from conversation import Answer, Asked, RefusedError, hold, load, shape
from stand_in_host import stand_in_host

REGION = "eu1"


def talk(asked: Asked) -> Answer:
    coldstream = load("coldstream")
    error = load("coldstream.rest_api").ApiError
    # The library asks a person for the code with input().
    sys.stdin = io.StringIO(f"{asked['code']}\n" if asked.get("code") else "")
    with stand_in_host(f"identity.{REGION}.coldstream.diabatix.com", asked["base_url"]) as visited:
        try:
            session = coldstream.ColdstreamSession.create_from_login(
                asked["email"], asked["password"], REGION
            )
        except error as refusal:
            told = re.match(r"API Error (\d+): (.*)", str(refusal), re.DOTALL)
            if told is None:
                raise
            raise RefusedError(refusal, status=int(told[1]), message=told[2]) from refusal
        user = session.users.current_user
        organization = user.organization
    return {
        "login": shape(session.users.token),
        "whoami": user.data,
        "organization": {"id": organization.ID, "name": organization.data["name"]},
        "visited": visited,
    }


hold("pycoldstream", talk)
