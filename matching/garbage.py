"""How often a process looks for garbage in cycles. The default suits small programs: with as many objects as a page or
an imported row makes, up to a fourth of the time goes into looking, and nearly nothing is found."""

from __future__ import annotations

import gc


def collect_seldom() -> None:
    """Look after 20,000 new objects instead of 700; called once by each kind of process when it starts."""
    gc.set_threshold(20_000, 10, 10)
