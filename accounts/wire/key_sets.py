"""``/.well-known/jwks.json``: the public keys of the addressed or the default tenant."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.views.decorators.http import require_safe

from accounts.tokens.jwks import key_set
from accounts.wire.call import host_of
from tenants.hint import TenantHint
from tenants.resolve import directory, explicit

# Short enough that a published key is seen well before it signs.
CACHE = "public, max-age=300"


@require_safe
def tenant_key_set(request: HttpRequest, tenant_slug: str | None = None) -> HttpResponse:
    """RFC 7517. No statement is run: keys and tenants are in memory."""
    hint = TenantHint(slug=tenant_slug, host=host_of(request))
    tenant = explicit(hint) or (directory().default if tenant_slug is None else None)
    if tenant is None or not tenant.active:
        return JsonResponse({"keys": []}, status=404)
    answer = JsonResponse(key_set(tenant.id, timezone.now()))
    answer["Cache-Control"] = CACHE
    return answer
