"""One settings file, from the environment. It refuses what it does not know.

Every variable is described in docs/operations.md.
"""

import sys
from pathlib import Path

from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import gettext_lazy as _

from mutualaid import env

BASE_DIR = Path(__file__).resolve().parent.parent
DATA_DIR = Path(env.text("MUTUALAID_DATA_DIR", str(BASE_DIR / ".data"))).absolute()
for _name in ("DATA_DIR", "URL", "OWNER_URL", "BROKER_URL"):
    env.text(f"MUTUALAID_TEST_{_name}")  # read by the tests alone, and by their workers

# Where we are. Only production is reachable from outside; it takes no default for a secret.
ENVIRONMENT = env.choice("MUTUALAID_ENV", "development", ("development", "production"))
PRODUCTION = ENVIRONMENT == "production"
DEBUG = env.flag("MUTUALAID_DEBUG", default=False)
EXAMPLE_SECRET = "example-secret-only-for-a-machine-that-nobody-else-can-reach"  # noqa: S105
SECRET_KEY = env.text("MUTUALAID_SECRET_KEY", EXAMPLE_SECRET)
# The key that wraps every member's data key: 32 bytes in hex, newest first, "id:hex,id:hex".
EXAMPLE_VAULT_KEY = "example:" + "2a" * 32
VAULT_KEYS = env.text("MUTUALAID_VAULT_KEYS", EXAMPLE_VAULT_KEY)
EXAMPLE_HASH_KEY = "3b" * 32
HASH_KEY = env.text("MUTUALAID_HASH_KEY", EXAMPLE_HASH_KEY)
ALLOWED_HOSTS = env.words("MUTUALAID_HOSTS", "localhost,127.0.0.1,[::1]")
CSRF_TRUSTED_ORIGINS = env.words("MUTUALAID_ORIGINS")
DEMO = env.flag("MUTUALAID_DEMO", default=not PRODUCTION)

if PRODUCTION:
    for _name, _value, _example in (
        ("MUTUALAID_SECRET_KEY", SECRET_KEY, EXAMPLE_SECRET),
        ("MUTUALAID_VAULT_KEYS", VAULT_KEYS, EXAMPLE_VAULT_KEY),
        ("MUTUALAID_HASH_KEY", HASH_KEY, EXAMPLE_HASH_KEY),
    ):
        if _value == _example or not _value:
            raise ImproperlyConfigured(f"{_name} is the example. Production needs its own secret.")
    if DEBUG or DEMO:
        raise ImproperlyConfigured("Production runs without MUTUALAID_DEBUG and MUTUALAID_DEMO.")
    if not env.text("DATABASE_URL") or not env.text("BROKER_URL"):
        raise ImproperlyConfigured("Production needs its own DATABASE_URL and BROKER_URL.")

# Two roles: the application, which cannot change history, and the owner, which only migrates.
# Unset, the servers of the wheels are started under DATA_DIR, by the programs that need them:
# reading the settings (a linter, a script, the tests) starts nothing.
PROGRAMS = {"manage.py", "run.py", "gunicorn", "celery"}
SERVERLESS = {"quote_share", "compile_texts", "collectstatic", "makemessages", "help", "version"}
DATABASE_URL, OWNER_URL = env.text("DATABASE_URL"), env.text("DATABASE_OWNER_URL")
BROKER_URL = env.text("BROKER_URL")
_program, _command = Path(sys.argv[0]).name, "".join(sys.argv[1:2])
if _program in PROGRAMS and _command not in SERVERLESS and not (DATABASE_URL and BROKER_URL):
    from mutualaid import embedded

    if not DATABASE_URL:
        _database = embedded.ensure_database(DATA_DIR)
        DATABASE_URL, OWNER_URL = _database.url, _database.owner_url
    if not BROKER_URL:
        BROKER_URL = embedded.ensure_broker(DATA_DIR)
_nowhere = "postgresql://nobody@localhost/none"
DATABASES = {
    "default": env.database(DATABASE_URL or _nowhere),
    "owner": env.database(OWNER_URL or DATABASE_URL or _nowhere),
}
DATABASES["default"] |= {"CONN_MAX_AGE": 60, "CONN_HEALTH_CHECKS": True}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

INSTALLED_APPS = [
    "mutualaid",
    "members",
    "claims",
    "jury",
    "assessments",
    "disclosures",
    "portal.apps.PortalConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "portal.apps.DeskConfig",
    "django.forms",
    "pgtrigger",
    "django_htmx",
    "django_filters",
    "csp",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.usersessions",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "mutualaid.display.DisplayMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "mutualaid.caching.PrivateMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "allauth.usersessions.middleware.UserSessionsMiddleware",
    "mutualaid.errors.RefusalMiddleware",
]

ROOT_URLCONF = "mutualaid.urls"
CSRF_FAILURE_VIEW = "mutualaid.views.csrf_failure"
WSGI_APPLICATION = "mutualaid.wsgi.application"
FORM_RENDERER = "mutualaid.forms.Renderer"
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
                "mutualaid.display.context",
            ],
            "builtins": ["django.templatetags.i18n", "mutualaid.templatetags.look"],
        },
    }
]

# Chinese first. The clock of the house is mutualaid.clock; dates are those of Shanghai.
LANGUAGE_CODE = "zh-hans"
LANGUAGES = [("zh-hans", "中文"), ("en", "English")]
LOCALE_PATHS = [BASE_DIR / "locale"]
USE_I18N = USE_TZ = True
TIME_ZONE = "Asia/Shanghai"
SITE_NAME = env.text("MUTUALAID_SITE_NAME", "")
SITE_URL = env.text("MUTUALAID_SITE_URL", "http://localhost:8000")
HELP_PHONE = env.text("MUTUALAID_HELP_PHONE", "400-000-1234")

STATIC_URL = "static/"
STATIC_ROOT = DATA_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
EVIDENCE_DIR = DATA_DIR / "evidence"
PUBLISHED_DIR = DATA_DIR / "published"
IMPORT_DIR = DATA_DIR / "imports"  # lists of members on their way in, sealed
ERASURE_LIST = DATA_DIR / "erasures"  # numbers of who was forgotten, for after a restore
# What each room holds of a person (members/rights.py), from left to right.
DATA_RIGHTS = [
    "members.rights",
    "claims.rights",
    "jury.rights",
    "assessments.rights",
    "disclosures.rights",
]
# Which illnesses there are definitions of (members/definitions.py).
DEFINITIONS = "claims.criteria"
EXPORT_DIR = DATA_DIR / "exports"  # copies of a family's data for a few days, sealed
# Who moves the money (assessments/providers.py). The sandbox moves none.
PAYMENT_PROVIDER = env.choice(
    "MUTUALAID_PAYMENTS", "batch_file" if PRODUCTION else "sandbox", ("sandbox", "batch_file")
)
PAYMENT_DIR = DATA_DIR / "payments"
# Who says whether a name bears an ID number (members/identity.py): none, sandbox, or a dotted path.
IDENTITY_PROVIDER = env.text("MUTUALAID_IDENTITY", "none" if PRODUCTION else "sandbox")
if IDENTITY_PROVIDER not in ("none", "sandbox") and "." not in IDENTITY_PROVIDER:
    raise ImproperlyConfigured("MUTUALAID_IDENTITY is none, sandbox, or package.module.Class.")
if PRODUCTION and IDENTITY_PROVIDER == "sandbox":
    raise ImproperlyConfigured("MUTUALAID_IDENTITY=sandbox knows nobody. Production needs another.")
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"
        if not DEBUG and "pytest" not in sys.modules
        else "django.contrib.staticfiles.storage.StaticFilesStorage"
    },
}
# Compressing is the longest step of a first start: only what is served, and no source maps.
WHITENOISE_KEEP_ONLY_HASHED_FILES = True
WHITENOISE_SKIP_COMPRESS_EXTENSIONS = ("br", "gz", "jpg", "map", "png", "webp", "woff", "woff2")
WHITENOISE_USE_FINDERS = DEBUG or "pytest" in sys.modules
FILE_UPLOAD_MAX_MEMORY_SIZE = 5 * 2**20
DATA_UPLOAD_MAX_MEMORY_SIZE = 5 * 2**20
DATA_UPLOAD_MAX_NUMBER_FILES = 40

# Accounts: one login path for members and staff.
AUTH_USER_MODEL = "members.Account"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 10},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "portal:me"
LOGOUT_REDIRECT_URL = ACCOUNT_LOGOUT_REDIRECT_URL = "portal:home"
ACCOUNT_LOGIN_METHODS = {"email", "phone"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*", "password2*"]
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_UNIQUE_EMAIL = True
ACCOUNT_EMAIL_VERIFICATION = "mandatory"
ACCOUNT_EMAIL_VERIFICATION_BY_CODE_ENABLED = True
ACCOUNT_LOGIN_BY_CODE_ENABLED = True
ACCOUNT_PREVENT_ENUMERATION = True
ACCOUNT_ADAPTER = "members.adapters.AccountAdapter"
ACCOUNT_FORMS = {
    "login": "members.login_forms.LoginForm",
    "request_login_code": "members.login_forms.RequestLoginCodeForm",
    "signup": "members.login_forms.SignupForm",
    "set_password": "members.login_forms.SetPasswordForm",
    "change_password": "members.login_forms.ChangePasswordForm",
    "reset_password_from_key": "members.login_forms.ResetPasswordForm",
}
ACCOUNT_EMAIL_NOTIFICATIONS = True
ACCOUNT_REAUTHENTICATION_TIMEOUT = 10 * 60
# How many proxies of our own stand before us: whose word on a visitor's address counts.
ALLAUTH_TRUSTED_PROXY_COUNT = int(env.text("MUTUALAID_PROXIES", "1" if PRODUCTION else "0"))
ACCOUNT_SESSION_REMEMBER = True
MFA_ADAPTER = "members.adapters.MfaAdapter"
MFA_FORMS = {"add_webauthn": "members.login_forms.AddPasskeyForm"}
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes", "webauthn"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_ALLOW_UNVERIFIED_EMAIL = True  # nobody logs in unverified, and a phone alone will do
# A browser takes http://localhost for a safe origin; on a server it has to be https.
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = not PRODUCTION
MFA_TOTP_ISSUER = "Xiangzhu"
EMAIL_BACKEND = env.choice(
    "MUTUALAID_EMAIL",
    "django.core.mail.backends.filebased.EmailBackend",
    (
        "django.core.mail.backends.filebased.EmailBackend",
        "django.core.mail.backends.smtp.EmailBackend",
        "django.core.mail.backends.console.EmailBackend",
    ),
)
EMAIL_FILE_PATH = DATA_DIR / "mail"
EMAIL_HOST = env.text("MUTUALAID_EMAIL_HOST", "localhost")
EMAIL_HOST_USER = env.text("MUTUALAID_EMAIL_USER")
EMAIL_HOST_PASSWORD = env.text("MUTUALAID_EMAIL_PASSWORD")
EMAIL_TIMEOUT = 10  # seconds; a mail server that is silent holds nobody up
EMAIL_USE_TLS = env.flag("MUTUALAID_EMAIL_TLS", default=False)
DEFAULT_FROM_EMAIL = env.text("MUTUALAID_FROM", "相助 <no-reply@localhost>")

# Short messages (members/sms.py). Chinese binds, English explains; %(name)s are filled in.
SMS_BACKEND = env.choice("MUTUALAID_SMS", "file", ("file", "console", "http"))
SMS_DIR = DATA_DIR / "sms"
SMS_URL = env.text("MUTUALAID_SMS_URL")
SMS_TOKEN = env.text("MUTUALAID_SMS_TOKEN")
if SMS_BACKEND == "http" and not (SMS_URL.startswith("https://") or DEBUG):
    raise ImproperlyConfigured("MUTUALAID_SMS=http needs MUTUALAID_SMS_URL, an https:// address.")
SMS_TEMPLATES = {
    "code_enter": (
        "【相助】登录验证码%(code)s，%(minutes)s分钟内有效。我们不会向您要这个验证码，谁要都别给。",
        "Xiangzhu: %(code)s is your code to sign in, for %(minutes)s minutes. We never ask for it;"
        " give it to nobody.",
    ),
    "code_change": (
        "【相助】更换登录手机号的验证码%(code)s，%(minutes)s分钟内有效。谁要都别给；不是您本人操作请不理会。",
        "Xiangzhu: %(code)s makes this the number of your account, for %(minutes)s minutes. Give it"
        " to nobody; if you did not ask, do nothing.",
    ),
    "code_fresh": (
        "【相助】确认是您本人操作的验证码%(code)s，%(minutes)s分钟内有效。谁要都别给；不是您本人请打客服电话。",
        "Xiangzhu: %(code)s confirms that it is you, for %(minutes)s minutes. Give it to nobody; if"
        " you did not ask, call us.",
    ),
    "code_recover": (
        "【相助】找回账户的验证码%(code)s，%(minutes)s分钟内有效。谁要都别给；不是您本人操作请不理会。",
        "Xiangzhu: %(code)s is your code to get an account back, for %(minutes)s minutes. Give it"
        " to nobody; if you did not ask, do nothing.",
    ),
    "family_consent": (
        "【相助】%(name)s您好：家人想替您办理互助（加入、申请、退出）。同意就把验证码%(code)s告诉家人，"
        "%(minutes)s分钟内有效；不同意请不理会。",
        "Xiangzhu: your family asks to act for you (join, claim, leave). If you agree, tell them"
        " the code %(code)s within %(minutes)s minutes. If not, do nothing.",
    ),
    "help_call": (
        "【相助】您正在和客服通话，客服想替您办：%(reason)s。同意就把验证码%(code)s念给客服，%(minutes)s分钟内有效；"
        "您没有打电话给我们，就不要念，并打客服电话。",
        "Xiangzhu: our help line is on the phone with you and wants to do for you: %(reason)s. If"
        " you agree, read out the code %(code)s within %(minutes)s minutes. If you have not called"
        " us, tell it to nobody, and call us.",
    ),
    "notice": (
        "【相助】%(title)s。详情请登录后看消息。",
        "Xiangzhu: %(title)s. Log in to read more.",
    ),
    "notices": (
        "【相助】您有%(count)s条新消息。详情请登录后看消息。",
        "Xiangzhu: %(count)s new messages for you. Log in to read them.",
    ),
}

# Sessions, transport, content.
SESSION_SERIALIZER = "mutualaid.sessions.SealedSerializer"
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = LANGUAGE_COOKIE_SECURE = PRODUCTION
SECURE_SSL_REDIRECT = PRODUCTION
SECURE_HSTS_SECONDS = 365 * 24 * 3600 if PRODUCTION else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = PRODUCTION
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if PRODUCTION else None
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "img-src": [SELF, "data:"],
        "object-src": [NONE],
        "base-uri": [NONE],
        "frame-ancestors": [SELF],
        "form-action": [SELF],
    }
}

# The broker only rings; what is due stands in tables. No result back end, JSON only.
CELERY_BROKER_URL = BROKER_URL
CELERY_TASK_SERIALIZER = "json"
# A queue of its own, so that a slow gateway can have workers of its own (docs/operations.md).
CELERY_TASK_ROUTES = {"members.tasks.copies": {"queue": "copies"}}
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TIMEZONE = TIME_ZONE
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_WORKER_HIJACK_ROOT_LOGGER = False

REST_FRAMEWORK = {
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_AUTHENTICATION_CLASSES": ["rest_framework.authentication.SessionAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "mutualaid.errors.api_refusal",
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Xiangzhu API",
    "VERSION": "1",
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
}
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"console": {"class": "logging.StreamHandler"}},
    "root": {"handlers": ["console"], "level": env.text("MUTUALAID_LOG", "WARNING")},
}
SITE_TITLE = _("Xiangzhu")

env.refuse_unknown("MUTUALAID_")
