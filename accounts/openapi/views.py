"""Where the document is served, and the page that shows it.

Off unless ``DRAGOMAN_API_DOCS`` says otherwise: what nobody needs in production is not there
(ASVS 5.0, 13.4.5). The page has all its parts from this server and runs under the policy of every
other page.
"""

from __future__ import annotations

import json
from functools import lru_cache

import yaml
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe

from accounts.openapi.document import document
from accounts.wire.call import base_url

JSON, YAML = "application/json", "application/yaml"
# Both are said in the wild; the second is the registered name of OpenAPI in YAML.
_TYPES = (JSON, YAML, "application/vnd.oai.openapi+json", "application/vnd.oai.openapi")
# The one in C is not everywhere, and ten times as fast.
_DUMPER = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
# A new release may change the document.
_CACHE = "public, max-age=300"


# Nothing is written: who sends something is told so, and not that his form is too old.
@csrf_exempt
@require_safe
def schema(request: HttpRequest, form: str = "") -> HttpResponse:
    """The document: in the form that the address names, else as ``Accept`` prefers, else JSON."""
    wanted = request.get_preferred_type(_TYPES) or JSON
    written = form or ("json" if wanted.endswith("json") else "yaml")
    answer = HttpResponse(
        _written(base_url(request), written), content_type=JSON if written == "json" else YAML
    )
    answer["Cache-Control"] = _CACHE
    answer["Vary"] = "Accept"
    # The document is no secret where it is served at all; tools of other origins may read it.
    answer["Access-Control-Allow-Origin"] = "*"
    return answer


# A server without a configured address is known by the few names that it may be called by.
@lru_cache(maxsize=8)
def _written(base: str, form: str) -> bytes:
    text = json.dumps(document(base), ensure_ascii=False, separators=(",", ":"))
    if form == "json":
        return text.encode()
    # Read again, so that no part is there twice: YAML would refer from the one to the other.
    return yaml.dump(
        json.loads(text), Dumper=_DUMPER, allow_unicode=True, sort_keys=False, width=100
    ).encode()


@csrf_exempt
@require_safe
def docs(request: HttpRequest) -> HttpResponse:
    """The page: Swagger UI over the document."""
    return render(request, "openapi/docs.html")
