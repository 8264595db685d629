"""LightGBM without the libraries of tables and estimators that it looks for when it is imported.

It works on arrays here. What it would load besides (pandas, pyarrow, scikit-learn) takes 80 MB of each process.
"""

from __future__ import annotations

import sys
import threading
from types import ModuleType

_NOT_WANTED = ("sklearn", "pandas", "pyarrow", "dask")
_lock = threading.Lock()


def import_lightgbm() -> ModuleType:
    """The module `lightgbm`. What somebody else has imported stays as it is, and can be imported afterwards."""
    with _lock:
        if "lightgbm" not in sys.modules:
            hidden = [name for name in _NOT_WANTED if name not in sys.modules]
            try:
                for name in hidden:
                    sys.modules[name] = None  # type: ignore[assignment]  # as a missing one looks to `import`
                import lightgbm  # noqa: F401
            finally:
                for name in hidden:
                    del sys.modules[name]
        return sys.modules["lightgbm"]
