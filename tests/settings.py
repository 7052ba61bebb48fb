"""The product's own settings over an environment made for tests, with secrets of this run alone."""

import base64
import os
import secrets
from dataclasses import replace

from tests.ops import throwaway

ENVIRON = {
    "DRAGOMAN_MODE": "test",
    "DRAGOMAN_SECRET_KEY": secrets.token_urlsafe(64),
    "DRAGOMAN_SEALING_KEYS": base64.b64encode(secrets.token_bytes(32)).decode(),
    "DRAGOMAN_BASE_URL": "http://testserver",
    "DRAGOMAN_ALLOWED_HOSTS": "testserver,localhost,127.0.0.1,.example.com",
    # Tests of races open many connections at once beside those of the test itself.
    "DRAGOMAN_DATABASE_POOL": "40",
    "DRAGOMAN_HASH_WAIT_MS": "20000",
    "DRAGOMAN_VAR_DIR": str(throwaway.directory()),
}
for _name, _value in ENVIRON.items():
    # Worker processes of the test runner inherit what the first process chose.
    os.environ.setdefault(_name, _value)
throwaway.ensure_postgres()

from config.settings import *  # noqa: E402, F403  # the environment comes first

# Mail has left when the call that set it off is answered.
MAIL_INLINE = True
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
# Finding the static files anew for every test client costs more than most tests.
WHITENOISE_USE_FINDERS = False
# Most stories have an officer with a password alone; tests/console/test_staff_policy.py tells the
# one of the product's own default, where that is not enough. No look for changed keys and tenants
# falls among the statements that a test counts.
DRAGOMAN = replace(ENVIRONMENT.conf, staff_second_factor=False, key_poll=3600.0)  # noqa: F405
