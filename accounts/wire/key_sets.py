"""``/.well-known/jwks.json``: the public keys of the addressed or the default tenant."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt

from accounts.tokens.jwks import key_set
from accounts.wire.call import host_of
from tenants.hint import TenantHint
from tenants.resolve import directory, explicit

# Short beside the time for which a key is published before it signs, where a rotation is given one
# (``rotate_keys --after``).
CACHE = "public, max-age=300"
_UNCACHED = {"Cache-Control": "no-store"}


@csrf_exempt
def tenant_key_set(request: HttpRequest, tenant_slug: str | None = None) -> HttpResponse:
    """RFC 7517. No statement is run: keys and tenants are in memory."""
    if request.method not in {"GET", "HEAD"}:
        return JsonResponse({"keys": []}, status=405, headers={"Allow": "GET, HEAD", **_UNCACHED})
    hint = TenantHint(slug=tenant_slug, host=host_of(request))
    tenant = explicit(hint) or (directory().default if tenant_slug is None else None)
    if tenant is None or not tenant.active:
        return JsonResponse({"keys": []}, status=404, headers=_UNCACHED)
    answer = JsonResponse(key_set(tenant.id, timezone.now()))
    answer["Cache-Control"] = CACHE
    return answer
