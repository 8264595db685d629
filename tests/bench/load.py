"""A load generator: so many people on loopback, each with a session of their own, who read pages one after another.

Answers are read whole. A redirect, a status of 400 or more and a broken connection count as errors. With `think` each
person waits so many seconds on average between pages, as people do; with 0 each asks again at once, which measures how
much the servers can do rather than what a person waits for.
"""

from __future__ import annotations

import http.client
import random
import re
import statistics
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlencode, urlsplit


@dataclass(frozen=True, slots=True)
class Visit:
    """What is asked: a name under which it is reported, and how its address is made."""

    name: str
    address: Callable[[random.Random], str]


@dataclass
class Figures:
    """Milliseconds by name of what was asked, errors by name."""

    milliseconds: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    errors: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    seconds: float = 0.0

    def show(self) -> None:
        """Print a line for each name and one for all."""
        print(f"{'':26}{'asked':>7}{'p50 ms':>9}{'p95 ms':>9}{'p99 ms':>9}{'most':>9}{'errors':>8}")
        everything = [value for values in self.milliseconds.values() for value in values]
        rows = [*sorted(self.milliseconds.items()), ("all", everything)]
        for name, values in rows:
            errors = sum(map(len, self.errors.values())) if name == "all" else len(self.errors[name])
            print(
                f"{name:26}{len(values):>7}"
                + "".join(f"{percentile(values, part):>9.0f}" for part in (0.5, 0.95, 0.99, 1.0))
                + f"{errors:>8}"
            )
        print(f"{len(everything) / self.seconds:.0f} answers a second over {self.seconds:.0f} s")
        for name, reasons in self.errors.items():
            if reasons:
                print(f"  {name}: {reasons[0]}")


def percentile(values: Sequence[float], part: float) -> float:
    """The value below which that part lies; 0 without values."""
    return statistics.quantiles(values, n=1000, method="inclusive")[round(part * 998)] if len(values) > 1 else 0.0


class Reader:
    """One person with one connection and the cookies they were given."""

    def __init__(self, base: str) -> None:
        parts = urlsplit(base)
        self.connection = http.client.HTTPConnection(parts.hostname or "", parts.port or 80, timeout=60)
        self.cookies: dict[str, str] = {}

    def ask(self, method: str, path: str, form: dict[str, str] | None = None, token: str = "") -> tuple[int, str]:
        """Status and text."""
        headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        if form is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        self.connection.request(method, path, urlencode(form) if form is not None else None, headers)
        answer = self.connection.getresponse()
        text = answer.read().decode("utf-8", "replace")
        for line in answer.headers.get_all("Set-Cookie", []):
            name, _, rest = line.partition("=")
            self.cookies[name] = rest.partition(";")[0]
        return answer.status, text

    def sign_in(self, email: str, password: str) -> None:
        """As the form does; raises RuntimeError where it is refused."""
        _, page = self.ask("GET", "/sign-in")
        found = re.search(r'name="csrf_token"[^>]* value="([^"]+)"', page)
        assert found is not None
        form = {"csrf_token": found[1], "email": email, "password": password}
        status, _ = self.ask("POST", "/sign-in", form)
        if status not in (302, 303):
            raise RuntimeError(f"{email} was not signed in: {status}")


def run_load(readers: Sequence[Reader], visits: Sequence[Visit], seconds: float, think: float) -> Figures:
    """Let everybody read for so many seconds; what each asks next is drawn with a seed of their own."""
    figures, lock = Figures(), threading.Lock()
    begun = time.perf_counter()

    def read_on(number: int) -> None:
        chance = random.Random(number)
        # People do not begin in the same instant.
        time.sleep(chance.random() * min(1.0, think or 0.1))
        while time.perf_counter() - begun < seconds:
            visit = chance.choice(visits)
            asked = time.perf_counter()
            try:
                status, text = readers[number].ask("GET", visit.address(chance))
                problem = f"{status} {text[:200]}" if status >= 300 else ""
            except (OSError, http.client.HTTPException) as error:
                problem = repr(error)
                readers[number].connection.close()
            taken = (time.perf_counter() - asked) * 1e3
            with lock:
                figures.milliseconds[visit.name].append(taken)
                if problem:
                    figures.errors[visit.name].append(problem)
            if think:
                time.sleep(chance.uniform(0.5, 1.5) * think)

    threads = [threading.Thread(target=read_on, args=(number,)) for number in range(len(readers))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    figures.seconds = time.perf_counter() - begun
    return figures
