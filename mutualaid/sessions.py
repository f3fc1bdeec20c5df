"""What a session keeps is sealed before it lies in the database: a phone number on its way, a code
of allauth's, a form that waits for a login. A dump shows none of it."""

from __future__ import annotations

import hashlib
import json
import os
from typing import Any

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings

NONCE = 12
_ABOUT = b"session"


def _cipher() -> AESGCM:
    return AESGCM(hashlib.sha256(b"session\0" + settings.SECRET_KEY.encode()).digest())


class SealedSerializer:
    """settings.SESSION_SERIALIZER: JSON under AES-GCM. One that was written otherwise, or under
    another secret, is as none: its owner signs in again."""

    def dumps(self, data: dict[str, Any]) -> bytes:
        nonce = os.urandom(NONCE)
        text = json.dumps(data, separators=(",", ":")).encode()
        return nonce + _cipher().encrypt(nonce, text, _ABOUT)

    def loads(self, sealed: bytes) -> dict[str, Any]:
        text = _cipher().decrypt(sealed[:NONCE], sealed[NONCE:], _ABOUT)
        data: dict[str, Any] = json.loads(text)
        return data
