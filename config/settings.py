"""Django's settings. What an operator may change comes from the environment: `config.env`."""

from pathlib import Path

from config import database, env, logs

BASE_DIR = Path(__file__).resolve().parent.parent

ENVIRONMENT = env.read()
DRAGOMAN = ENVIRONMENT.conf
DRAGOMAN_PROBLEMS = ENVIRONMENT.problems
DRAGOMAN_UNKNOWN = ENVIRONMENT.unknown

# Libraries read it while they are imported; the check that names the missing one comes after.
SECRET_KEY = ENVIRONMENT.secret_key or env.MISSING_SECRET
DEBUG = False
ALLOWED_HOSTS = list(ENVIRONMENT.allowed_hosts)

INSTALLED_APPS = [
    "accounts",
    "mfa",
    "tenants",
    "django_otp",
    "rest_framework",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.postgres",
    "django.contrib.staticfiles",
]
if DRAGOMAN.api_docs:
    # The files of the page that shows the OpenAPI document.
    INSTALLED_APPS.append("drf_spectacular_sidecar")
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "accounts.web.headers.PageHeadersMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "accounts.web.browser.BrowserMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
# A slash that a client did not send is never added: a redirected POST loses its body.
APPEND_SLASH = False
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

DATABASES = {"default": database.database(ENVIRONMENT.database_url, ENVIRONMENT.database_pool)}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTH_USER_MODEL = "accounts.User"
# The console logs in through the same gate as every contract.
AUTHENTICATION_BACKENDS = ["accounts.backends.GateBackend"]
PASSWORD_HASHERS = ["accounts.login.passwords.DragomanHasher"]
SILENCED_SYSTEM_CHECKS = [
    "auth.W004",  # user names are unique in a tenant, not over all of them
    "admin.E410",  # the console's sessions are rows of accounts.Session, not of Django's store
    "security.W005",  # what HSTS says of other hosts of the domain is its owner's decision
    "security.W008",  # the proxy that ends TLS redirects; a redirected POST would lose its body
    "security.W021",  # as W005
]

LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("de", "Deutsch")]
LOCALE_PATHS = [BASE_DIR / "locale"]
USE_I18N = True
TIME_ZONE = "UTC"
USE_TZ = True

STATIC_URL = "/static/"
# Pages load straight from the apps: there is no build step between a checkout and a server.
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = False
WHITENOISE_MAX_AGE = 3600

for _name, _value in database.mail(ENVIRONMENT.email_url, DRAGOMAN.mode).items():
    globals()[_name] = _value
DEFAULT_FROM_EMAIL = ENVIRONMENT.email_from
SERVER_EMAIL = ENVIRONMENT.email_from

DATA_UPLOAD_MAX_MEMORY_SIZE = DRAGOMAN.body_limit
DATA_UPLOAD_MAX_NUMBER_FIELDS = 200

_HTTPS = DRAGOMAN.base_url.startswith("https://")
SECURE_SSL_REDIRECT = False
SECURE_HSTS_SECONDS = 365 * 86400 if _HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = False
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
# The cookie of short messages goes by the settings of Django's session cookie, which is not used.
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = _HTTPS
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_NAME = "__Host-dragoman-csrf" if _HTTPS else "dragoman-csrf"
LANGUAGE_COOKIE_NAME = "__Host-dragoman-language" if _HTTPS else "dragoman-language"
LANGUAGE_COOKIE_SECURE = _HTTPS
LANGUAGE_COOKIE_HTTPONLY = True
LANGUAGE_COOKIE_SAMESITE = "Lax"
CSRF_FAILURE_VIEW = "accounts.web.errors.csrf_failure"
MESSAGE_STORAGE = "accounts.web.messages.Messages"
if DRAGOMAN.trusted_proxies > 0:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [],
    "DEFAULT_PERMISSION_CLASSES": [],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_THROTTLE_CLASSES": [],
    "UNAUTHENTICATED_USER": None,
    "UNAUTHENTICATED_TOKEN": None,
}

# The document itself is made by accounts.openapi.
SPECTACULAR_SETTINGS = {"OAS_VERSION": "3.1.1", "POSTPROCESSING_HOOKS": []}

LOGGING = logs.configuration(ENVIRONMENT.log_level)
