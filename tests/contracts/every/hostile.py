"""Bodies, headers and queries that no honest client sends."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator, Sequence
from typing import NamedTuple

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"

# Texts that have broken parsers, databases, logs, headers or hashes somewhere.
TEXTS = {
    "empty": "",
    "blank": " ",
    "NUL": "a\x00b",
    "lone surrogate": "\ud800",
    "surrogates the wrong way round": "\udc00\ud800",
    "escape and bidi": "\x1b[2J\u202e\u2066",
    "line breaks": "a\r\nSet-Cookie: x=1\r\n\r\n<html>",
    "quotes": "' OR '1'='1'; DROP TABLE accounts_user; --",
    "template": "{{7*7}}${jndi:ldap://127.0.0.1/x}%s%n",
    "path": "../../../../etc/passwd",
    "decomposed": "e\u0301" * 1000,
    "expands under NFKC": "\ufdfa" * 3000,
    "64 KiB": "x" * 65_536,
    "as long as the body may be": "x" * 60_000,
    "an address of 10,000 at-signs": "@" * 10_000,
}
# Values of every other type, as JSON text.
VALUES = {
    "null": "null",
    "true": "true",
    "false": "false",
    "zero": "0",
    "fraction": "1.5",
    "minus zero": "-0.0",
    "too big for a float": "1e999",
    "100 digits": "9" * 100,
    "5,000 digits": "9" * 5000,
    "NaN": "NaN",
    "infinity": "-Infinity",
    "empty list": "[]",
    "list": '["x"]',
    "deep list": "[" * 40 + "]" * 40,
    "empty object": "{}",
    "operator": '{"$ne":""}',
    "pattern": '{"$regex":".*"}',
}
WHOLE = {
    "nothing": b"",
    "blanks": b" \r\n\t",
    "NUL byte": b"\x00",
    "no UTF-8": b"\xff\xfe\xfa",
    "overlong UTF-8": b'{"a":"\xc0\xaf"}',
    "UTF-16": '{"a":"b"}'.encode("utf-16"),
    "byte order mark": b"\xef\xbb\xbf{}",
    "cut off": b'{"a":',
    "cut off in a text": b'{"a":"b',
    "trailing comma": b'{"a":1,}',
    "two values": b"{}{}",
    "rubbish behind": b"{} x",
    "comment": b"/* x */ {}",
    "single quotes": b"{'a':'b'}",
    "null": b"null",
    "true": b"true",
    "number": b"42",
    "5,000 digits": b"9" * 5000,
    "NaN": b"NaN",
    "text": b'"text"',
    "lone surrogate": b'"\\ud800"',
    "empty list": b"[]",
    "list of objects": b"[{}]",
    "10,000 lists, open": b"[" * 10_000,
    "10,000 lists": b"[" * 10_000 + b"]" * 10_000,
    "10,000 objects": b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
    "300 members": json.dumps({f"m{i}": i for i in range(300)}).encode(),
    "long member name": json.dumps({"x" * 60_000: 1}).encode(),
    "prototype": b'{"__proto__":{"admin":true},"constructor":1,"__class__":2}',
    "gzip": gzip.compress(b"{}"),
    "XML": b"<?xml version='1.0'?><!DOCTYPE x [<!ENTITY e SYSTEM 'file:///etc/passwd'>]><x>&e;</x>",
    "multipart": b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\nb\r\n--x--\r\n',
    "over-long": b'{"a":"' + b"x" * 3_000_000 + b'"}',
}
FORMS = {
    "form": b"a=b&a=c",
    "form with NUL": b"a=%00",
    "form, no UTF-8": b"a=%ff%fe",
    "form of brackets": b"a[b][c]=d&a[]=1",
    "1,000 ampersands": b"&" * 1000,
    "1,000 members": b"&".join(b"m%d=1" % i for i in range(1000)),
    "half an escape": b"a=%4&b=%",
}
MEDIA = (
    "",
    "text/plain",
    "text/html",
    "application/xml",
    "application/octet-stream",
    "application/*+json",
    "application/json; charset=bz2_codec",
    "application/json; charset=utf-16",
    "application/json; charset=rot13",
    'application/json; charset="',
    "application/json, text/html",
    "multipart/form-data",
    "multipart/form-data; boundary=x",
    f"multipart/form-data; boundary={'x' * 300}",
    f"{FORM}; charset=bz2_codec",
    "application/x-amz-json-1.1",
    "json",
    "/",
    ";;;",
    "x/" + "y" * 8000,
)


class Body(NamedTuple):
    """One hostile body."""

    name: str
    content: bytes
    media: str


def bodies(members: Sequence[str]) -> Iterator[Body]:
    """About eighty bodies: broken as a whole, in every member, in their form, in their label."""
    names = members or ["a"]
    yield from (Body(name, content, JSON) for name, content in WHOLE.items())
    yield from (Body(name, content, FORM) for name, content in FORMS.items())
    for name, text in TEXTS.items():
        yield Body(name, json.dumps(dict.fromkeys(names, text)).encode(), JSON)
    for name, value in VALUES.items():
        pairs = ",".join(f"{json.dumps(member)}:{value}" for member in names)
        yield Body(name, f"{{{pairs}}}".encode(), JSON)
    twice = ",".join(f'{json.dumps(member)}:"x"' for member in [*names, *names])
    yield Body("every member twice", f"{{{twice}}}".encode(), JSON)
    valid = json.dumps(dict.fromkeys(names, "x")).encode()
    for media in MEDIA:
        yield Body(f"as {media[:40]!r}", valid, media)


_JWT = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhbGljZSIsImp0aSI6IngifQ."
TOKENS = (
    "",
    " ",
    "Bearer",
    "Bearer ",
    "Bearer x",
    f"Bearer {_JWT}",
    f"Bearer {_JWT}x",
    "Bearer a.b.c",
    "Bearer e30.e30.e30",
    "Bearer W10.W10.W10",
    "Bearer \x00",
    "Bearer é",
    f"Bearer {'x' * 20_000}",
    "Basic YWxpY2U6cGFzc3dvcmQ=",
    "Basic !!!",
    f"AWS4-HMAC-SHA256 Credential={_JWT}",
    "null",
)
COOKIES = (
    "access-token=x; refresh-token=y; user=z",
    f"access-token={_JWT}",
    "a=b; a=c; =; ;;",
    'sessionid="../../"; csrftoken=\xff',
    "x" * 10_000,
)
HEADERS: tuple[dict[str, str], ...] = (
    *({"Authorization": token} for token in TOKENS),
    *({"X-Auth-Token": token, "X-User-Id": token} for token in TOKENS),
    *({"Cookie": cookie} for cookie in COOKIES),
    {"X-Amz-Target": "AWSCognitoIdentityProviderService.\x00"},
    {"X-2fa-Code": "\x00", "X-2fa-Method": "é" * 300},
    {"X-Forwarded-For": "1.2.3.4, ::1, x, " + "9" * 1000},
    {"X-Forwarded-Host": "evil.invalid", "X-Forwarded-Proto": "gopher"},
    {"X-HTTP-Method-Override": "DELETE"},
    {"User-Agent": "\x00\x1b[2J" + "é" * 5000},
    {"Accept": "text/html", "Accept-Language": "../../x", "Accept-Encoding": "*;q=x"},
    {"Origin": "null", "Referer": "\x00"},
    {"Host": "evil.invalid"},
    {"Host": "[::1"},
    {"Host": "testserver:99999999"},
)
QUERIES = (
    "?",
    "?a=%00&%00=a",
    "?a=%ff&%ff",
    "?a[b]=c&a[]=",
    "?" + "a=1&" * 500,
    "?a=" + "x" * 9000,
)
