"""Signatures of tokens by RSA (RFC 7518, 3.3: RS256, RS384, RS512), checked with the keys a provider publishes.

Checking needs the public key alone: one power modulo n and a comparison with the only encoding that is right (RFC 8017,
8.2.2). There is nothing secret in it, so it needs no library that guards secrets.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterable, Mapping
from typing import Any

# The DER beginning of a DigestInfo by hash (RFC 8017, 9.2, note 1).
_HASHES: Mapping[str, tuple[str, bytes]] = {
    "RS256": ("sha256", bytes.fromhex("3031300d060960864801650304020105000420")),
    "RS384": ("sha384", bytes.fromhex("3041300d060960864801650304020205000430")),
    "RS512": ("sha512", bytes.fromhex("3051300d060960864801650304020305000440")),
}
RSA_ALGORITHMS = tuple(_HASHES)
_LEAST_BITS, _MOST_BITS = 2048, 8192


def decode_part(part: str) -> bytes:
    """A part of a token: base64 for addresses, without its padding."""
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def is_signed_by_one_of(
    keys: Iterable[Mapping[str, Any]], algorithm: str, key_id: str | None, signed: bytes, signature: bytes
) -> bool:
    """Whether one of the provider's RSA keys made the signature. A token that names its key is checked with that."""
    for key in keys:
        if key.get("kty") != "RSA" or key.get("use", "sig") != "sig" or key.get("alg", algorithm) != algorithm:
            continue
        if key_id is not None and key.get("kid") not in (None, key_id):
            continue
        try:
            modulus = int.from_bytes(decode_part(str(key["n"])))
            exponent = int.from_bytes(decode_part(str(key["e"])))
        except (KeyError, ValueError):
            continue
        if fits_signature(modulus, exponent, algorithm, signed, signature):
            return True
    return False


def fits_signature(modulus: int, exponent: int, algorithm: str, signed: bytes, signature: bytes) -> bool:
    """RSASSA-PKCS1-v1_5: the signature, opened with the public key, is exactly the padded digest of what was signed."""
    size = (modulus.bit_length() + 7) // 8
    if not _LEAST_BITS <= modulus.bit_length() <= _MOST_BITS or exponent < 3 or exponent % 2 == 0:
        return False
    number = int.from_bytes(signature)
    if len(signature) != size or number >= modulus:
        return False
    name, beginning = _HASHES[algorithm]
    digest = beginning + hashlib.new(name, signed).digest()
    wanted = b"\x00\x01" + b"\xff" * (size - len(digest) - 3) + b"\x00" + digest
    return hmac.compare_digest(pow(number, exponent, modulus).to_bytes(size), wanted)
