"""sentence-transformers without what the libraries under it print: bars of their own, reports of loaded weights.

Progress is shown by the command that was called, on a terminal only.
"""

from __future__ import annotations

from types import ModuleType


def import_sentence_transformers() -> ModuleType:
    """The module `sentence_transformers`; a few seconds and some hundred MB the first time."""
    import sentence_transformers
    from transformers.utils import logging

    logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    return sentence_transformers
