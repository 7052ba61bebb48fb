"""The product's addresses with those of the document, as where it is served."""

from django.urls import include, path

from config import urls

urlpatterns = [path("", include("accounts.openapi.urls")), *urls.urlpatterns]

handler400 = urls.handler400
handler403 = urls.handler403
handler404 = urls.handler404
handler500 = urls.handler500
