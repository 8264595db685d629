"""The trees' library comes alone, and keeps nobody from importing what it was kept from."""

from __future__ import annotations

import subprocess
import sys


def run(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    return done.stdout.strip()


def test_no_libraries_of_tables_come_with_it_and_all_can_be_imported_later() -> None:
    code = (
        "import sys\nfrom matching.ranking.trees import import_lightgbm\n"
        "assert import_lightgbm() is import_lightgbm()\n"
        "print(sorted({'pandas', 'pyarrow', 'sklearn'} & set(sys.modules)))\n"
        "import pandas, pyarrow, sklearn\nprint(pandas.DataFrame({'a': [1]}).shape)"
    )
    assert run(code) == "[]\n(1, 1)"


def test_what_was_there_before_stays() -> None:
    code = (
        "import pandas, sys\nfrom matching.ranking.trees import import_lightgbm\nimport_lightgbm()\n"
        "print(sys.modules['pandas'] is pandas)"
    )
    assert run(code) == "True"
