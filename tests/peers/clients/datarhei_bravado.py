"""datarhei Core through bravado: it checks every answer against the description, member by member.

No client of datarhei's own is on a package index, so this one is driven by a Swagger description
of the login, the form in which datarhei publishes its interface.
"""

import json
import time
import urllib.parse
from pathlib import Path
from typing import Any

from conversation import Answer, Asked, RefusedError, hold, load, shape

DESCRIPTION = Path(__file__).parent.parent / "descriptions" / "datarhei.swagger.json"


def _core(base_url: str) -> Any:
    described = json.loads(DESCRIPTION.read_text())
    # Core answers on /api, not on /api/: the description's only path without a name.
    described["paths"]["/api"] = described["paths"].pop("/")
    for path in [path for path in described["paths"] if path != "/api"]:
        described["paths"][f"/api{path}"] = described["paths"].pop(path)
    address = urllib.parse.urlsplit(base_url)
    described["basePath"] = address.path.rstrip("/") or "/"
    described["host"] = address.netloc
    described["schemes"] = [address.scheme]
    client = load("bravado.client").SwaggerClient.from_spec(
        described, origin_url=base_url, config={"use_models": False}
    )
    return client.core


def talk(asked: Asked) -> Answer:
    errors = load("bravado.exception")
    core = _core(asked["base_url"])

    def call(operation: str, token: str | None = None, **parameters: Any) -> Any:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        options = {"headers": headers, "connect_timeout": 10, "timeout": 10}
        return getattr(core, operation)(_request_options=options, **parameters).response().result

    before = call("about")
    try:
        tokens = call(
            "login",
            credentials={"username": asked["username"], "password": asked["password"]},
        )
    except errors.HTTPUnauthorized as refusal:
        raise RefusedError(
            refusal, status=refusal.status_code, message=json.dumps(refusal.swagger_result)
        ) from refusal
    after = call("about", tokens["access_token"])
    # Clients keep the first refresh token all day and use it again and again.
    time.sleep(1.1)
    first = call("refresh", tokens["refresh_token"])
    second = call("refresh", tokens["refresh_token"])

    def fails(operation: str, token: str | None) -> Answer:
        try:
            call(operation, token)
        except errors.HTTPError as refusal:
            return {"error": type(refusal).__name__, **refusal.swagger_result}
        return {"error": None}

    return {
        "before": before,
        "login": {name: shape(token) for name, token in tokens.items()},
        "whoami": {**after, "created_at": str(after["created_at"])},
        "refresh": [shape(first["access_token"]), shape(second["access_token"])],
        "refreshed_works": fails("processes", second["access_token"]),
        "access_token_does_not_refresh": fails("refresh", tokens["access_token"]),
        "refresh_token_opens_nothing": fails("processes", tokens["refresh_token"]),
    }


hold("bravado", talk)
