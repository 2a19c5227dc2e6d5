"""The settings of the portal, typed from the environment; `docs/settings.md` describes them for operators.

What is unset and has a safe default takes it. Secrets have no default: they come from the
environment or from what `make run` prepared under `DATA_DIR`.
"""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import dj_database_url
import django_stubs_ext
from celery.schedules import schedule
from django.core.exceptions import ImproperlyConfigured

from observability.embedded.locations import (
    embedded_database_url,
    embedded_redis_url,
    read_secret,
)
from observability.environment import (
    DATABASE_SCHEMES,
    REDIS_SCHEMES,
    Environment,
    InvalidSettingError,
)

# Lets classes be written as generics, such as `models.Field[int, int]`, when they run too.
django_stubs_ext.monkeypatch()

BASE_DIR = Path(__file__).resolve().parent.parent
env = Environment()


def _required_secret(name: str) -> str:
    """Return a secret from the environment or from `DATA_DIR`; there is no working default."""
    return env.secret(name) or read_secret(DATA_DIR, name.lower())


# --- where things are -------------------------------------------------------------------------
DATA_DIR = env.path("DATA_DIR", BASE_DIR / "var")
RULES_DIR = env.path("RULES_DIR", DATA_DIR / "rules")
BIND = env.text("BIND", "127.0.0.1")
PORT = env.integer("PORT", 8000, minimum=1, maximum=65535)
EXTERNAL_URL = env.url(
    "EXTERNAL_URL",
    f"http://{'localhost' if BIND in {'127.0.0.1', '0.0.0.0', '::', '::1'} else BIND}:{PORT}",  # noqa: S104
    schemes=("http", "https"),
)
NODE_NAME = env.text("NODE_NAME", os.uname().nodename)

# --- security ---------------------------------------------------------------------------------
DEBUG = env.boolean("DEBUG", default=False)
SECRET_KEY = _required_secret("SECRET_KEY")
# The first key encrypts; the ones after it still decrypt (see access/secret_fields.py).
ENCRYPTION_KEYS = [key for key in _required_secret("ENCRYPTION_KEY").split(",") if key]
# Links are built from EXTERNAL_URL, never from the Host header, so a forged header gains nothing.
ALLOWED_HOSTS = ["*"]
CSRF_TRUSTED_ORIGINS = ["{0.scheme}://{0.netloc}".format(urlsplit(EXTERNAL_URL))]
TRUSTED_PROXIES = env.networks("TRUSTED_PROXIES", "")
METRICS_ALLOWED_NETWORKS = env.networks("METRICS_ALLOWED_NETWORKS", "127.0.0.0/8,::1")
BLOCK_PRIVATE_URLS = env.boolean("BLOCK_PRIVATE_URLS", default=False)
_https = EXTERNAL_URL.startswith("https://")
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT = _https
SECURE_HSTS_SECONDS = 31_536_000 if _https else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = _https
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if TRUSTED_PROXIES else None
# Probes and scrapers come from inside, past the proxy that speaks TLS.
SECURE_REDIRECT_EXEMPT = [r"^health", r"^metrics(/|$)", r"^api/", r"^influx/"]
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
SESSION_COOKIE_AGE = 14 * 86_400
DATA_UPLOAD_MAX_MEMORY_SIZE = 32 * 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 10_000

# --- applications -----------------------------------------------------------------------------
INSTALLED_APPS = [
    "unfold",
    "unfold.contrib.filters",
    "unfold.contrib.forms",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "axes",
    "django_prometheus",
    "observability.access",
    "observability.telemetry",
    "observability.caching",
    "observability.metrics",
    "observability.charts",
    "observability.logs",
    "observability.database",
    "alerts",
    "dashboards",
    "pool",
    "observability.celery.CeleryConfig",
]
MIDDLEWARE = [
    "django_prometheus.middleware.PrometheusBeforeMiddleware",
    "observability.telemetry.requests.RequestLogMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "axes.middleware.AxesMiddleware",
    "django_prometheus.middleware.PrometheusAfterMiddleware",
]
ROOT_URLCONF = "observability.urls"
WSGI_APPLICATION = "observability.wsgi.application"
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
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- database, cache, queue -------------------------------------------------------------------
DATABASE_URL = env.server_url("DATABASE_URL", schemes=DATABASE_SCHEMES) or embedded_database_url(
    DATA_DIR
)
REDIS_URL = env.server_url("REDIS_URL", schemes=REDIS_SCHEMES) or embedded_redis_url(DATA_DIR)
try:
    DATABASES = {
        "default": dj_database_url.parse(
            DATABASE_URL,
            engine="django_prometheus.db.backends.postgresql",
            conn_max_age=60,
            conn_health_checks=True,
        )
    }
except (ValueError, ImproperlyConfigured) as error:
    raise InvalidSettingError(
        "DATABASE_URL must be of the kind postgresql://user:password@host:5432/name"
    ) from error
DATABASES["default"].setdefault("OPTIONS", {})
DATABASES["default"]["OPTIONS"] |= {
    "connect_timeout": 5,
    "options": "-c statement_timeout=30000 -c lock_timeout=10000",
    # Tells who looks at the server which program a connection belongs to, such as "portal bulk".
    "application_name": f"portal {os.environ.get('PORTAL_PROGRAM', '')}".strip(),
}
CACHES = {
    "default": {
        "BACKEND": "django_redis.cache.RedisCache",
        "LOCATION": REDIS_URL,
        "OPTIONS": {"SOCKET_CONNECT_TIMEOUT": 10, "SOCKET_TIMEOUT": 10},
    }
}


def _broker_url(redis_url: str) -> str:
    """Return the Redis URL in Celery's spelling, which differs for UNIX sockets."""
    if not redis_url.startswith("unix://"):
        return redis_url
    address, _, query = redis_url.removeprefix("unix://").partition("?")
    database = query.removeprefix("db=") or "0"
    return f"redis+socket://{address}?virtual_host={database}"


CELERY_BROKER_URL = _broker_url(REDIS_URL)
CELERY_TASK_DEFAULT_QUEUE = "timely"
CELERY_TASK_ROUTES = {
    # Behind a long merge, pushed metrics would seem to have ended.
    "observability.metrics.tasks.keep_pushed_metrics_alive": {"queue": "timely"},
    "observability.metrics.tasks.*": {"queue": "bulk"},
    "observability.access.tasks.delete_old_access_records": {"queue": "bulk"},
    "alerts.tasks.delete_old_history": {"queue": "bulk"},
    "alerts.tasks.run_backtests": {"queue": "bulk"},
}
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_SOFT_TIME_LIMIT = 60
CELERY_TASK_TIME_LIMIT = 90
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = True
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_BEAT_SCHEDULE_FILENAME = str(DATA_DIR / "beat" / "schedule")


def _tick(task: str, seconds: float, **arguments: Any) -> dict[str, Any]:
    """Return a beat entry that says 'claim what is due'; a tick nobody took in time is worthless."""
    return {
        "task": task,
        "schedule": schedule(seconds),
        "kwargs": arguments,
        "options": {"expires": max(seconds, 5)},
    }


CELERY_BEAT_SCHEDULE = {
    "beat-heartbeat": _tick("observability.telemetry.tasks.beat_heartbeat", 5),
    "evaluate-due-rule-groups": _tick("alerts.tasks.evaluate_due", 1, is_patient=True),
    "flush-due-alert-groups": _tick("alerts.tasks.flush_due", 1),
    "deliver-due-notifications": _tick("alerts.tasks.deliver_due", 1),
    "compact-sample-log": _tick("observability.metrics.tasks.compact_sample_log", 30),
    "measure-store": _tick("observability.metrics.tasks.measure_store", 300),
    "merge-segments": _tick("observability.metrics.tasks.merge_segments", 60),
    "keep-pushed-metrics-alive": _tick("observability.metrics.tasks.keep_pushed_metrics_alive", 15),
    "tidy-amendments": _tick("observability.metrics.tasks.tidy_amendments", 60),
    "roll-up-days": _tick("observability.metrics.tasks.roll_up_days", 120),
    "delete-expired-rollups": _tick("observability.metrics.tasks.delete_expired_rollups", 3600),
    "delete-expired-samples": _tick("observability.metrics.tasks.delete_expired_samples", 3600),
    "run-deletions": _tick("observability.metrics.tasks.run_deletions", 10),
    "collect-idle-series": _tick("observability.metrics.tasks.collect_idle_series", 86_400),
    "delete-old-access-records": _tick(
        "observability.access.tasks.delete_old_access_records", 86_400
    ),
    "expire-acknowledgements": _tick("alerts.tasks.expire_acknowledgements", 10),
    "run-backtests": _tick("alerts.tasks.run_backtests", 10),
    "take-up-rule-files": _tick("alerts.tasks.take_up_rule_files", 10),
    "delete-old-alert-history": _tick("alerts.tasks.delete_old_history", 86_400),
}

# --- ways in for metrics ----------------------------------------------------------------------
PUSHGATEWAY_TTL_MS = env.duration_ms("PUSHGATEWAY_TTL", "0")  # 0: pushed metrics stay

# --- scraping ---------------------------------------------------------------------------------
# How many targets are asked at once; half of the places are for those that did not answer last time.
SCRAPE_CONCURRENCY = env.integer("SCRAPE_CONCURRENCY", 400, minimum=2, maximum=4000)

# --- people and keys --------------------------------------------------------------------------
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "django.contrib.auth.backends.ModelBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "admin:login"
LOGIN_REDIRECT_URL = "admin:index"
AXES_FAILURE_LIMIT = 10
AXES_COOLOFF_TIME = 0.25  # hours
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_RESET_ON_SUCCESS = True
AXES_CLIENT_IP_CALLABLE = "observability.access.client_address.client_address"
AXES_VERBOSE = False
AXES_LOCKOUT_CALLABLE = "observability.access.lockout.lockout_response"
SIMPLE_JWT = {
    "ACCESS_TOKEN_LIFETIME": timedelta(hours=12),
    "REFRESH_TOKEN_LIFETIME": timedelta(seconds=SESSION_COOKIE_AGE),
    # A changed password ends all tokens, as it ends all sessions.
    "CHECK_REVOKE_TOKEN": True,
}
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "observability.access.authentication.ApiKeyAuthentication",
        "observability.access.authentication.TokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    # A view without permissions of its own is open to nobody.
    "DEFAULT_PERMISSION_CLASSES": ["observability.access.permissions.Nobody"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["observability.access.parsers.LimitedJSONParser"],
    "EXCEPTION_HANDLER": "observability.access.api_errors.exception_handler",
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Observability Portal",
    "DESCRIPTION": "Record metrics, ask PromQL, manage alert rules, alerts and dashboards.",
    "VERSION": "1",
    "SERVE_PERMISSIONS": ["observability.access.permissions.SignedIn"],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "SCHEMA_PATH_PREFIX": r"/api",
    "ENUM_NAME_OVERRIDES": {
        "Otherwise": "alerts.models.rules.Otherwise.choices",
        "RuleKind": "alerts.models.rules.RuleKind.choices",
        "AlertState": "alerts.models.alerts.AlertState.choices",
        "AlertEventKind": "alerts.models.alerts.AlertEventKind.choices",
        "MatchOperator": ["=", "!=", "=~", "!~"],
        "Comparison": [">", ">=", "<", "<=", "==", "!="],
    },
}
BOOTSTRAP_API_KEY = env.secret("BOOTSTRAP_API_KEY")
ADMIN_PASSWORD = env.secret("ADMIN_PASSWORD")

# --- e-mail -----------------------------------------------------------------------------------
MAIL_SERVER = env.mail_server()
DEFAULT_FROM_EMAIL = env.text("DEFAULT_FROM_EMAIL", f"Observability Portal <portal@{NODE_NAME}>")
EMAIL_TIMEOUT = 15
if MAIL_SERVER is None:
    EMAIL_BACKEND = "observability.access.mail_files.EmailBackend"
    EMAIL_FILE_PATH = str(DATA_DIR / "mail")
else:
    EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    EMAIL_HOST, EMAIL_PORT = MAIL_SERVER.host, MAIL_SERVER.port
    EMAIL_HOST_USER, EMAIL_HOST_PASSWORD = MAIL_SERVER.username, MAIL_SERVER.password
    EMAIL_USE_TLS, EMAIL_USE_SSL = MAIL_SERVER.use_starttls, MAIL_SERVER.use_tls

# --- own metrics and logs ---------------------------------------------------------------------
PROMETHEUS_ENABLED = env.boolean("PROMETHEUS_ENABLED", default=True)
METRICS_PORT = env.integer("METRICS_PORT", 0, minimum=1, maximum=65535)  # 0: no port of its own
PROMETHEUS_METRIC_NAMESPACE = env.text("METRICS_PREFIX", "")
# Read by prometheus_client when it is first imported, hence set here, before anything imports it.
PROMETHEUS_MULTIPROC_DIR = DATA_DIR / "own-metrics"
PROMETHEUS_MULTIPROC_DIR.mkdir(parents=True, exist_ok=True)
os.environ.setdefault("PROMETHEUS_MULTIPROC_DIR", str(PROMETHEUS_MULTIPROC_DIR))
PROMETHEUS_EXPORT_MIGRATIONS = False
# Few, as every bucket of every route is a series; p99 targets of 50, 200 and 500 ms can be judged.
PROMETHEUS_LATENCY_BUCKETS = (
    0.005, 0.025, 0.05, 0.1, 0.2, 0.5, 1.0, 2.5, 5.0, 10.0, float("inf"),
)  # fmt: skip
LOGGING_CONFIG = "observability.telemetry.logging.configure"
LOGGING = {"console": DEBUG}
HOST_COLLECTOR_INTERVAL_SECONDS = env.integer(
    "HOST_COLLECTOR_INTERVAL", 15, minimum=1, maximum=3600
)

# --- limits on writes -------------------------------------------------------------------------
# Lets a Prometheus with 100,000 series start at once, and holds back a label that is never the same.
MAX_NEW_SERIES_PER_MINUTE = env.integer(
    "MAX_NEW_SERIES_PER_MINUTE", 200_000, minimum=1, maximum=100_000_000
)
# A metric with more series has a label that holds ids.
MAX_SERIES_PER_METRIC = env.integer(
    "MAX_SERIES_PER_METRIC", 200_000, minimum=1, maximum=100_000_000
)
MAX_LABELS_PER_SERIES = env.integer("MAX_LABELS_PER_SERIES", 40, minimum=1, maximum=250)
MAX_WRITE_BODY_BYTES = env.integer(
    "MAX_WRITE_BODY_BYTES", 16 * 1024**2, minimum=64 * 1024, maximum=1024**3
)
# Below it writes are refused: PostgreSQL stops when it has no room for its log. The disk of one's
# own PostgreSQL is elsewhere.
MIN_FREE_DISK_MB = env.integer(
    "MIN_FREE_DISK_MB", 0 if env.secret("DATABASE_URL") else 512, minimum=0, maximum=100_000_000
)

# --- queries ----------------------------------------------------------------------------------
PROMQL_COMPAT = env.integer("PROMQL_COMPAT", 3, minimum=2, maximum=3)
QUERY_CACHE = env.boolean("QUERY_CACHE", default=True)
# What reads less takes some 10 ms, about as much as to look it up and to complete it.
QUERY_CACHE_MIN_SAMPLES = env.integer(
    "QUERY_CACHE_MIN_SAMPLES", 200_000, minimum=0, maximum=1_000_000_000
)

# --- language, time, static files -------------------------------------------------------------
LANGUAGE_CODE = "en"
USE_I18N = True
USE_TZ = True
TIME_ZONE = env.time_zone("TIME_ZONE", "UTC")
STATIC_URL = "/static/"
STATIC_ROOT = DATA_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
MEDIA_ROOT = DATA_DIR / "media"

# --- the admin's look -------------------------------------------------------------------------
UNFOLD = {
    "SITE_TITLE": "Observability Portal",
    "SITE_HEADER": "Observability",
    "SITE_SUBHEADER": NODE_NAME,
    "SITE_SYMBOL": "monitoring",
    "SITE_URL": None,
    "SHOW_HISTORY": True,
    "SHOW_VIEW_ON_SITE": False,
    "SHOW_BACK_BUTTON": True,
    "DASHBOARD_CALLBACK": "observability.home.home_context",
    "GLOBAL_CALLBACK": "observability.home.notices_context",
    "STYLES": ["observability.home.stylesheet"],
    "SITE_FAVICONS": [
        {"rel": "icon", "type": "image/svg+xml", "href": "observability.home.favicon"}
    ],
    "COLORS": {
        "primary": {
            "50": "oklch(97.7% .013 236.6)",
            "100": "oklch(95.1% .026 236.8)",
            "200": "oklch(90.1% .058 230.9)",
            "300": "oklch(82.8% .111 230.3)",
            "400": "oklch(74.6% .16 232.7)",
            "500": "oklch(62% .169 237.3)",
            "600": "oklch(53.5% .158 241.9)",
            "700": "oklch(46% .134 242.7)",
            "800": "oklch(40.3% .11 240.8)",
            "900": "oklch(35.1% .09 240.9)",
            "950": "oklch(26.3% .066 243.2)",
        },
    },
    "SIDEBAR": {
        "show_search": True,
        "show_all_applications": False,
        "navigation": "observability.home.navigation",
    },
}
