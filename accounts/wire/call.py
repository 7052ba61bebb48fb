"""One request as a contract sees it: body, headers, address, tenant, time."""

from __future__ import annotations

import ipaddress
import re
import secrets
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.core.exceptions import DisallowedHost, RequestDataTooBig
from django.http import HttpRequest
from django.http.request import UnreadablePostError, split_domain_port
from django.utils import timezone

from accounts.client import ClientContext
from accounts.wire.contract import Fault, Faulted
from tenants.conf import conf
from tenants.hint import TenantHint
from tenants.policy import TenantRecord
from tenants.resolve import directory, explicit

_WITH_PORT = re.compile(r"\[([^]]+)](?::[0-9]+)?|([0-9.]+):[0-9]+")


@dataclass(frozen=True, slots=True)
class Call:
    """A request, read once."""

    request: HttpRequest = field(repr=False)
    contract: str
    now: datetime
    request_id: str
    hint: TenantHint
    # The tenant that the address names by prefix or host.
    addressed: TenantRecord | None

    @property
    def tenant(self) -> TenantRecord | None:
        """The addressed tenant, else the default one."""
        return self.addressed or directory().default

    @property
    def body(self) -> bytes:
        """The raw body. Raises Faulted(TOO_LARGE), or MALFORMED where the client broke off."""
        try:
            return self.request.body
        except RequestDataTooBig as error:
            raise Faulted(Fault.TOO_LARGE, "the body is too large") from error
        except UnreadablePostError as error:
            raise Faulted(Fault.MALFORMED, "the body could not be read") from error

    @property
    def media_type(self) -> str:
        """The request's media type in lower case, without parameters; empty if none was sent."""
        return self.header("Content-Type").partition(";")[0].strip().lower()

    def header(self, name: str) -> str:
        """A request header, or the empty text. Texts that cannot be stored count as absent."""
        value: str = self.request.headers.get(name, "")
        return "" if "\x00" in value else value

    def cookie(self, name: str) -> str:
        """A cookie's value, or the empty text."""
        return self.request.COOKIES.get(name, "")

    def query(self, name: str) -> str | None:
        """The last value of a query parameter; one with a NUL counts as absent."""
        value = self.request.GET.get(name)
        return None if value is None or "\x00" in value else value

    def client(self, **bound: Any) -> ClientContext:
        """The context for the core and the audit row."""
        return ClientContext(
            contract=self.contract,
            now=self.now,
            address=client_address(self.request),
            agent=self.header("User-Agent").encode("utf-8", "replace").decode()[:256],
            request_id=self.request_id,
            **bound,
        )


def read_call(request: HttpRequest, contract: str, tenant_slug: str | None) -> Call:
    """Read a request. Raises Faulted(BAD_HOST) for a host that is not served."""
    try:
        host = host_of(request)
    except DisallowedHost as error:
        raise Faulted(Fault.BAD_HOST, "unknown host") from error
    hint = TenantHint(slug=tenant_slug, host=host)
    addressed = explicit(hint)
    if tenant_slug is not None and addressed is None:
        raise Faulted(Fault.NOT_FOUND, "no such tenant")
    return Call(request, contract, timezone.now(), secrets.token_hex(8), hint, addressed)


def host_of(request: HttpRequest) -> str:
    """The host that was called, without port. Raises DisallowedHost."""
    return split_domain_port(request.get_host())[0]


def client_address(request: HttpRequest) -> str | None:
    """The client's address: the peer's, or what the last of N trusted proxies saw.

    ``X-Forwarded-For`` is read from its end, as far as proxies are trusted (ASVS 5.0, 15.3.4);
    where they say nothing that can be read, all that comes through them counts as one client. The
    address is written as the database writes it.
    """
    hops = conf().trusted_proxies
    seen = request.headers.get("X-Forwarded-For", "").split(",")
    forwarded = seen[-hops].strip() if 0 < hops <= len(seen) else ""
    return _address(forwarded) or _address(request.META.get("REMOTE_ADDR", ""))


def _address(text: str) -> str | None:
    """An IPv4 client of an IPv6 socket by its own address; no address with the zone of a link.

    Some proxies write the port behind it.
    """
    with_port = _WITH_PORT.fullmatch(text)
    try:
        address = ipaddress.ip_address(with_port[1] or with_port[2] if with_port else text)
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address):
        return str(address.ipv4_mapped or ipaddress.IPv6Address(int(address)))
    return str(address)


def base_url(request: HttpRequest) -> str:
    """The public base address without trailing slash: the configured one, else as called."""
    return conf().base_url or f"{request.scheme}://{request.get_host()}"


def site_url(call: Call) -> str:
    """The address that clients know the called tenant by, without a slash at its end.

    Of a tenant with a host of its own it is that host: the service's address is another tenant's.
    """
    base = base_url(call.request)
    if call.hint.slug:
        return f"{base}/t/{call.hint.slug}"
    if call.addressed is None:
        return base
    return f"{base.partition('://')[0]}://{call.request.get_host()}"
