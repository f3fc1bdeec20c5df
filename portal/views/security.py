"""Everything about getting into one's account, on one page."""

from __future__ import annotations

from typing import Any

from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from members import actions
from members.models import Account, Phone
from portal.views.shared import signed_in

RECENT = 20


@never_cache
@require_GET
@login_required
def security(request: HttpRequest) -> HttpResponse:
    """Number, address, password, passkeys, the second step, and where one is signed in."""
    account = signed_in(request)
    sessions = UserSession.objects.filter(user=account).order_by("-created_at")
    phone = Phone.objects.filter(account=account).first()
    current = request.session.session_key
    context = {
        "account": account,
        "phone": phone,
        "recoveries": actions.open_recoveries(account),
        "has_password": account.has_usable_password(),
        "sessions": [
            {
                "session": each,
                "device": device(each.user_agent),
                "here": each.session_key == current,
            }
            for each in sessions[:RECENT]
        ],
    } | _factors(account)
    return render(request, "portal/security.html", context)


_SYSTEMS = {
    "iPhone": "iPhone", "iPad": "iPad", "HarmonyOS": "HarmonyOS", "Android": "Android",
    "Windows": "Windows", "Macintosh": "Mac", "CrOS": "ChromeOS", "Linux": "Linux",
}  # fmt: skip
# The first that fits: most browsers call themselves Chrome and Safari as well.
_BROWSERS = {
    "MicroMessenger": _("WeChat"), "AlipayClient": _("Alipay"), "HuaweiBrowser": "Huawei",
    "MiuiBrowser": "MIUI", "UCBrowser": "UC", "MQQBrowser": "QQ", "Edg": "Edge",
    "Firefox": "Firefox", "FxiOS": "Firefox", "Chrome": "Chrome", "CriOS": "Chrome",
    "Safari": "Safari",
}  # fmt: skip


def device(user_agent: str) -> str:
    """What a browser says of itself, in two words that its owner knows; else as it says it."""
    known = [
        str(next((word for sign, word in names.items() if sign in user_agent), ""))
        for names in (_BROWSERS, _SYSTEMS)
    ]
    return gettext(", ").join(word for word in known if word) or user_agent


def _factors(account: Account) -> dict[str, Any]:
    """What allauth keeps: passkeys, the code app, how many spare codes are left (None: no list)."""
    found = list(Authenticator.objects.filter(user=account).order_by("pk"))
    spare = [each for each in found if each.type == Authenticator.Type.RECOVERY_CODES]
    return {
        "passkeys": [each for each in found if each.type == Authenticator.Type.WEBAUTHN],
        "totp": any(each.type == Authenticator.Type.TOTP for each in found),
        "spare": len(spare[0].wrap().get_unused_codes()) if spare else None,
        "mfa": bool(found),
    }
