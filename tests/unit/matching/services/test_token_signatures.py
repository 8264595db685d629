"""RSA signatures: one encoding is right, and everything else is not, whoever wrote it."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matching.services.token_signatures import fits_signature
from tests.servers.identity_provider import RsaKey, published_key


@pytest.fixture(scope="module")
def key() -> RsaKey:
    return published_key()


def test_the_right_signature_fits_and_no_neighbour_does(key: RsaKey) -> None:
    signature = key.sign(b"claims")
    assert fits_signature(key.modulus, key.exponent, "RS256", b"claims", signature)
    assert not fits_signature(key.modulus, key.exponent, "RS512", b"claims", signature)
    assert not fits_signature(key.modulus, key.exponent, "RS256", b"Claims", signature)
    assert not fits_signature(key.modulus, key.exponent, "RS256", b"claims", b"\x00" + signature)
    assert not fits_signature(key.modulus, 1, "RS256", b"claims", signature)
    assert not fits_signature(3233, 17, "RS256", b"claims", b"\x01\x02")  # a key that anybody takes apart


@settings(max_examples=30, deadline=None)
@given(st.binary(min_size=256, max_size=256))
def test_nothing_else_fits(signature: bytes) -> None:
    one = published_key()
    assert not fits_signature(one.modulus, one.exponent, "RS256", b"claims", signature)


def test_a_padding_with_room_for_more_does_not_fit(key: RsaKey) -> None:
    """Bleichenbacher's forgery of 2006: a right digest behind a short padding, and rubbish behind it."""
    import hashlib

    digest = bytes.fromhex("3031300d060960864801650304020105000420") + hashlib.sha256(b"claims").digest()
    padded = b"\x00\x01\xff\xff\xff\xff\xff\xff\xff\xff\x00" + digest
    forged = pow(int.from_bytes(padded.ljust(256, b"\x00")), key.private, key.modulus).to_bytes(256)
    assert not fits_signature(key.modulus, key.exponent, "RS256", b"claims", forged)
