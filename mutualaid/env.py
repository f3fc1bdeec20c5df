"""Settings come from the environment, and what is not understood is refused."""

import os
from urllib.parse import unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

_TRUE, _FALSE = {"1", "true", "yes", "on"}, {"0", "false", "no", "off", ""}
KNOWN: set[str] = set()


def text(name: str, default: str = "") -> str:
    """The variable as it is. Every name asked for becomes known to `refuse_unknown`."""
    KNOWN.add(name)
    return os.environ.get(name, default)


def flag(name: str, *, default: bool) -> bool:
    """True or false, in the usual words; anything else is refused."""
    value = text(name, "1" if default else "0").strip().lower()
    if value not in _TRUE | _FALSE:
        raise ImproperlyConfigured(f"{name}={value!r}: write 1 or 0.")
    return value in _TRUE


def choice(name: str, default: str, choices: tuple[str, ...]) -> str:
    """One of `choices`; anything else is refused."""
    value = text(name, default)
    if value not in choices:
        raise ImproperlyConfigured(f"{name}={value!r}: choose one of {', '.join(choices)}.")
    return value


def words(name: str, default: str = "") -> list[str]:
    """A list, written with commas."""
    return [word.strip() for word in text(name, default).split(",") if word.strip()]


def refuse_unknown(prefix: str) -> None:
    """A misspelt setting stops the start: nobody should believe a switch that nothing reads."""
    strange = sorted(name for name in os.environ if name.startswith(prefix) and name not in KNOWN)
    if strange:
        raise ImproperlyConfigured(
            f"Unknown settings: {', '.join(strange)}. See docs/operations.md."
        )


def database(url: str) -> dict[str, object]:
    """A Django DATABASES entry from postgresql://user:password@host:port/name."""
    parts = urlsplit(url)
    if parts.scheme not in {"postgres", "postgresql"}:
        raise ImproperlyConfigured(
            "A database URL begins with postgresql:// — only PostgreSQL will do."
        )
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.lstrip("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": unquote(parts.hostname or ""),
        "PORT": str(parts.port or ""),
    }
