"""The application with addresses put together once: a page has sixty links, most of them those of the page before."""

from __future__ import annotations

from typing import Any

from flask import Flask, has_request_context, request

MOST_KEPT = 4096


class Application(Flask):
    """A Flask application that remembers what it answered to `url_for`."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._kept_addresses: dict[tuple[Any, ...], str] = {}

    def url_for(
        self,
        /,
        endpoint: str,
        *,
        _anchor: str | None = None,
        _method: str | None = None,
        _scheme: str | None = None,
        _external: bool | None = None,
        **values: Any,
    ) -> str:
        """See Flask.url_for. Within a request a path depends on nothing but its parts and where the site is mounted."""
        plain = _anchor is None and _method is None and _scheme is None and not _external
        if (
            not plain
            or endpoint.startswith(".")
            # 1, True and 1.0 are one key and three addresses.
            or any(value is not None and type(value) is not str for value in values.values())
            or not has_request_context()
        ):
            return super().url_for(
                endpoint, _anchor=_anchor, _method=_method, _scheme=_scheme, _external=_external, **values
            )
        key = (request.script_root, endpoint, *values.items())
        address = self._kept_addresses.get(key)
        if address is None:
            address = super().url_for(endpoint, **values)
            if len(self._kept_addresses) >= MOST_KEPT:
                self._kept_addresses = {}
            self._kept_addresses[key] = address
        return address
