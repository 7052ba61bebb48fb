"""The document's addresses. They are there only where it is served."""

from __future__ import annotations

from django.urls import URLPattern, path, re_path

from accounts.openapi.views import docs, schema

urlpatterns: list[URLPattern] = [
    path("api/schema/", schema, name="openapi"),
    re_path(r"^api/schema\.(?P<form>json|yaml)\Z", schema),
    path("api/docs/", docs, name="openapi-docs"),
]
