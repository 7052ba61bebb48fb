"""What a client is told of a contract that a tenant leaves behind: since when, until when, why.

``Deprecation`` (RFC 9745), ``Sunset`` (RFC 8594), and ``Link`` with the relations that both define.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time

from django.http import HttpResponseBase
from django.utils.http import http_date

from tenants.policy import ContractSettings, TenantRecord

_EXPOSE = "Access-Control-Expose-Headers"


def announcement(settings: ContractSettings) -> dict[str, str]:
    """The headers that a tenant's settings for a contract ask for; none where it goes on.

    A day begins at midnight UTC. A sunset without the day on which it was set says no more than
    that the contract will be deprecated then, as RFC 9745 section 2.1 allows for a day to come.
    """
    told: dict[str, str] = {}
    relations: list[str] = []
    if deprecated := settings.deprecated or settings.sunset:
        told["Deprecation"] = f"@{_midnight(deprecated)}"
        relations.append("deprecation")
    if settings.sunset:
        told["Sunset"] = http_date(_midnight(settings.sunset))
        relations.append("sunset")
    if relations and settings.policy:
        told["Link"] = ", ".join(f'<{settings.policy}>; rel="{name}"' for name in relations)
    return told


def announce(http: HttpResponseBase, tenant: TenantRecord | None, contract: str) -> None:
    """Put the headers on an answer of this contract, where the tenant serves it at all."""
    if tenant is None or not tenant.serves(contract):
        return
    told = announcement(tenant.contract(contract))
    for name, value in told.items():
        http[name] = value if name not in http else f"{http[name]}, {value}"
    if told and "Access-Control-Allow-Origin" in http and "Access-Control-Max-Age" not in http:
        # Pages of other origins may read what their maker should notice.
        http[_EXPOSE] = ",".join([*filter(None, [http.get(_EXPOSE)]), *told])


def _midnight(day: date) -> int:
    return int(datetime.combine(day, time(), UTC).timestamp())
