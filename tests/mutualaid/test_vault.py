"""What is sealed opens with its key, in its place, and nowhere else."""

from typing import Any

import pytest

from mutualaid import vault


def test_what_was_sealed_opens_again() -> None:
    key = vault.new_data_key(7)

    sealed = vault.seal("硬化病", key=key, member_id=7, where="claims_claim.story:1")

    assert vault.open_text(sealed, key=key, member_id=7, where="claims_claim.story:1") == "硬化病"
    assert "硬化病".encode() not in sealed


@pytest.mark.parametrize("where", ["claims_claim.story:2", "claims_claim.hospital:1", ""])
def test_a_ciphertext_moved_to_another_place_does_not_open(where: str) -> None:
    key = vault.new_data_key(7)
    sealed = vault.seal("text", key=key, member_id=7, where="claims_claim.story:1")

    with pytest.raises(vault.SealBroken, match="does not open"):
        vault.open_text(sealed, key=key, member_id=7, where=where)


def test_one_changed_bit_is_noticed() -> None:
    key = vault.new_data_key(7)
    sealed = bytearray(vault.seal("text", key=key, member_id=7, where="here"))
    sealed[-1] ^= 1

    with pytest.raises(vault.SealBroken):
        vault.open_text(bytes(sealed), key=key, member_id=7, where="here")


def test_another_members_key_does_not_open_it() -> None:
    sealed = vault.seal("text", key=vault.new_data_key(7), member_id=7, where="here")

    with pytest.raises(vault.SealBroken):
        vault.open_text(sealed, key=vault.new_data_key(8), member_id=8, where="here")


def test_a_data_key_is_bound_to_its_member() -> None:
    with pytest.raises(vault.SealBroken, match="data key of member 8"):
        vault.seal("text", key=vault.new_data_key(7), member_id=8, where="here")


def test_rotation_rewraps_the_key_and_leaves_the_values(settings: Any) -> None:
    settings.VAULT_KEYS = "old:" + "11" * 32
    key = vault.new_data_key(7)
    sealed = vault.seal("text", key=key, member_id=7, where="here")

    settings.VAULT_KEYS = "new:" + "22" * 32 + ",old:" + "11" * 32
    rewrapped = vault.rewrap(key, 7)
    settings.VAULT_KEYS = "new:" + "22" * 32

    assert vault.open_text(sealed, key=rewrapped, member_id=7, where="here") == "text"
    with pytest.raises(vault.SealBroken, match="not configured"):
        vault.open_text(sealed, key=key, member_id=7, where="here")


def test_the_hash_finds_but_depends_on_its_purpose() -> None:
    one = vault.keyed_hash("110101199003070015", purpose="id number")

    assert one == vault.keyed_hash("110101199003070015", purpose="id number")
    assert one != vault.keyed_hash("110101199003070015", purpose="bank account")
