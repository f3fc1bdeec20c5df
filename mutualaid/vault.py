"""Sealing what must not be read in a dump: one data key per member, wrapped by a key of the house.

AES-256-GCM. A sealed value is bound to its place (`where`, such as "members_member.id_number:17"),
so that a ciphertext moved to another row or column does not open. Rotation of the house's key
rewraps data keys only; deleting a member's data key makes everything sealed with it unreadable.
No key, no value: there is no fallback to plain text.

Layout: a wrapped key is key id (16 bytes, padded) + nonce (12) + ciphertext (48); a sealed value
is nonce + ciphertext.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Callable
from functools import cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

_NONCE, _ID, _HEX_KEY = 12, 16, 64
WRAPPED = _ID + _NONCE + 32 + 16  # bytes of a wrapped key


class SealBroken(Exception):
    """A sealed value does not open: wrong key, wrong place, or changed bytes."""


@cache
def _house_keys(written: str) -> dict[bytes, AESGCM]:
    keys = {}
    for pair in written.split(","):
        name, _, key = pair.strip().partition(":")
        if not name or len(name.encode()) > _ID or len(key) != _HEX_KEY:
            raise ImproperlyConfigured("MUTUALAID_VAULT_KEYS is written id:64 hex digits, …")
        keys[name.encode().ljust(_ID, b"\0")] = AESGCM(bytes.fromhex(key))
    return keys


def new_data_key(member_id: int) -> bytes:
    """A fresh data key for this member, wrapped by the newest house key. Store it as it is."""
    keys = _house_keys(settings.VAULT_KEYS)
    key_id, house = next(iter(keys.items()))
    nonce = os.urandom(_NONCE)
    return key_id + nonce + house.encrypt(nonce, AESGCM.generate_key(256), _bound(member_id))


def rewrap(wrapped: bytes, member_id: int) -> bytes:
    """The same data key under the newest house key."""
    key_id, house = next(iter(_house_keys(settings.VAULT_KEYS).items()))
    nonce = os.urandom(_NONCE)
    return key_id + nonce + house.encrypt(nonce, _unwrap(wrapped, member_id), _bound(member_id))


def is_newest(wrapped: bytes) -> bool:
    """Whether the newest house key wraps this data key."""
    return bytes(wrapped[:_ID]) == next(iter(_house_keys(settings.VAULT_KEYS)))


def names() -> list[str]:
    """The ids of the house's keys, newest first."""
    return [_name(key_id) for key_id in _house_keys(settings.VAULT_KEYS)]


def wrapped_by(wrapped: bytes) -> str:
    """The id of the house key that wraps this data key."""
    return _name(bytes(wrapped[:_ID]))


def _name(key_id: bytes) -> str:
    return key_id.rstrip(b"\0").decode(errors="replace")


def seal(text: str | bytes, *, key: bytes, member_id: int, where: str) -> bytes:
    """Encrypt under the member's wrapped data `key`, bound to the place `where`."""
    plain = text.encode() if isinstance(text, str) else text
    nonce = os.urandom(_NONCE)
    return nonce + AESGCM(_unwrap(key, member_id)).encrypt(nonce, plain, where.encode())


def new_sealer(member_id: int) -> tuple[bytes, Callable[[str, str], bytes]]:
    """For writing in sets: a fresh wrapped data key, and `seal(text, where)` under it."""
    key_id, house = next(iter(_house_keys(settings.VAULT_KEYS).items()))
    key, nonce = AESGCM.generate_key(256), os.urandom(_NONCE)
    cipher = AESGCM(key)

    def sealed(text: str, where: str) -> bytes:
        nonce = os.urandom(_NONCE)
        return nonce + cipher.encrypt(nonce, text.encode(), where.encode())

    return key_id + nonce + house.encrypt(nonce, key, _bound(member_id)), sealed


def open_bytes(sealed: bytes, *, key: bytes, member_id: int, where: str) -> bytes:
    """What `seal` was given. Raises SealBroken. Whoever calls writes an AccessRecord first."""
    sealed = bytes(sealed)
    try:
        return AESGCM(_unwrap(key, member_id)).decrypt(
            sealed[:_NONCE], sealed[_NONCE:], where.encode()
        )
    except InvalidTag as error:
        raise SealBroken(f"The value at {where} does not open.") from error


def open_text(sealed: bytes, *, key: bytes, member_id: int, where: str) -> str:
    """`open_bytes`, as text."""
    return open_bytes(sealed, key=key, member_id=member_id, where=where).decode()


def keyed_hash(value: str, *, purpose: str) -> bytes:
    """32 bytes by which a value is found again without being readable (HMAC-SHA-256)."""
    key = bytes.fromhex(settings.HASH_KEY)
    return hmac.new(key, f"{purpose}\0{value}".encode(), hashlib.sha256).digest()


def _unwrap(wrapped: bytes, member_id: int) -> bytes:
    wrapped = bytes(wrapped)
    house = _house_keys(settings.VAULT_KEYS).get(wrapped[:_ID])
    if house is None:
        raise SealBroken("The key of the house that wrapped this data key is not configured.")
    nonce, body = wrapped[_ID : _ID + _NONCE], wrapped[_ID + _NONCE :]
    try:
        return house.decrypt(nonce, body, _bound(member_id))
    except InvalidTag as error:
        raise SealBroken(f"The data key of member {member_id} does not open.") from error


def _bound(member_id: int) -> bytes:
    return f"data key:{member_id}".encode()
