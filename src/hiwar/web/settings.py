"""Django's settings, all derived from the installation's own. Lean on purpose: no admin, no staticfiles
(the edge serves them), no messages; every app listed costs start-up time and memory.
"""

from pathlib import Path

from django.utils.functional import SimpleLazyObject
from django.utils.translation import gettext_lazy

from hiwar.assets.visitors import CSRF_COOKIE, LANGUAGE_COOKIE, SESSION_COOKIE
from hiwar.web import installation

_here = Path(__file__).parent
_settings = installation.settings()
_secure = _settings.listener_address.startswith("https:")

SECRET_KEY = SimpleLazyObject(lambda: installation.secrets().django_key)  # lazy: importing makes no file
DEBUG = False
ALLOWED_HOSTS = ["*"]  # no address is ever built from Host: they come from public_url
ROOT_URLCONF = "hiwar.web.urls"
APPEND_SLASH = False
INSTALLED_APPS = [
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "django.contrib.sessions",
    "hiwar.web.accounts",
    "hiwar.web.conversations",
]
MIDDLEWARE = [
    "hiwar.web.middleware.Headers",
    "hiwar.web.middleware.Language",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [_here / "templates"],
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "hiwar.web.context.page",
            ],
            "builtins": ["django.templatetags.i18n", "hiwar.web.conversations.tags"],
        },
    }
]

DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": _settings.data / "hiwar.sqlite3",
        "OPTIONS": {
            "timeout": 5,
            "transaction_mode": "IMMEDIATE",
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
        },
    }
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTH_USER_MODEL = "accounts.User"
PASSWORD_HASHERS = ["hiwar.web.accounts.hashers.Argon2"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
]
LOGIN_URL = "/login"
LOGIN_REDIRECT_URL = "/manage"
LOGOUT_REDIRECT_URL = "/"

SESSION_COOKIE_NAME = SESSION_COOKIE
SESSION_COOKIE_SECURE = _secure
CSRF_COOKIE_NAME = CSRF_COOKIE
CSRF_COOKIE_SECURE = _secure
CSRF_COOKIE_HTTPONLY = True
CSRF_FAILURE_VIEW = "hiwar.web.errors.csrf_failure"
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")  # only the edge reaches the socket
DATA_UPLOAD_MAX_MEMORY_SIZE = 256 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 50

LANGUAGE_CODE = "en"  # the language of the source texts; visitors' default is the setting `language`
LANGUAGES = [("ar", gettext_lazy("Arabic")), ("en", gettext_lazy("English"))]
LANGUAGE_COOKIE_NAME = LANGUAGE_COOKIE
LOCALE_PATHS = [_here / "locale"]
USE_I18N = True
USE_TZ = True
TIME_ZONE = "UTC"
FORMAT_MODULE_PATH = ["hiwar.web.formats"]
LOGGING_CONFIG = None  # the role's own logging is set up before Django
