import os
import time

from django.db import connection
from django.http import HttpRequest, JsonResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt


@csrf_exempt
def echo(request: HttpRequest) -> JsonResponse:
    body = request.body.decode()
    meta = {name: value for name, value in request.META.items() if isinstance(value, str)}
    return JsonResponse({"length": len(body), "start": body[:20], "meta": meta})


def slow(request: HttpRequest) -> JsonResponse:
    time.sleep(float(request.GET["seconds"]))
    return JsonResponse({"pid": os.getpid()})


def database(request: HttpRequest) -> JsonResponse:
    del request
    with connection.cursor() as cursor:
        cursor.execute("SELECT %s::int", [1])
        cursor.execute("SELECT count(*) FROM pg_prepared_statements")
        prepared = cursor.fetchone()[0]
        cursor.execute("SHOW statement_timeout")
        timeout = cursor.fetchone()[0]
    return JsonResponse({"prepared": prepared, "statement_timeout": timeout})


urlpatterns = [path("echo", echo), path("slow", slow), path("database", database)]
