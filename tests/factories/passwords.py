"""How passwords are hashed: by the product, and by the tests."""

from __future__ import annotations

from argon2 import PasswordHasher

from matching.services import passwords

PRODUCT_HASHER = passwords._hasher
CHEAP_HASHER = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
"""The same algorithm with the least work."""
