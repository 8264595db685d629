"""For operators: `/healthz`, `/readyz`, `/metrics`. No sessions, no personal data.

The figures count what nobody but the staff may see, and the parts' versions and addresses help an attacker: both are
for the operators' networks. That a part does not answer is no secret, a load balancer asks for it.
"""

from __future__ import annotations

import time

from flask import Blueprint, Flask, Response, abort, current_app, g, jsonify, request
from prometheus_client import CONTENT_TYPE_LATEST

from matching.bootstrap import Platform
from matching.notifying.request_guard import is_in_networks, parse_networks
from matching.observing.metrics import REQUEST_SECONDS, render_metrics
from matching.observing.parts import check_parts, product_version


def watch_requests(app: Flask) -> None:
    """Count how long requests take, by the view that answered: an address could hold what somebody searched for."""

    @app.before_request
    def _begin() -> None:
        g.began = time.monotonic()

    @app.after_request
    def _end(response: Response) -> Response:
        began = g.pop("began", None)
        if began is not None:
            REQUEST_SECONDS.labels(request.endpoint or "none", request.method, str(response.status_code)).observe(
                time.monotonic() - began
            )
        return response


def make_ops(platform: Platform) -> Blueprint:
    """The blueprint over a platform."""
    ops = Blueprint("ops", __name__)
    networks = parse_networks(platform.settings.operator_networks)

    def is_operator() -> bool:
        """Whether the request comes from a network of theirs; through a proxy, its client must be in one."""
        return is_in_networks(request.remote_addr, networks)

    @ops.get("/healthz")
    def healthz() -> Response:
        """The process lives."""
        return jsonify(status="ok", version=product_version())

    @ops.get("/readyz")
    def readyz() -> tuple[Response, int]:
        """Its parts answer; 503 when a needed one does not."""
        parts = check_parts(platform)
        ready = all(part.ready for part in parts if part.needed)
        body = {
            "ready": ready,
            "parts": {
                part.name: {
                    "ready": part.ready,
                    "needed": part.needed,
                    **(
                        {"version": part.version, "detail": part.detail, "remedy": part.remedy} if is_operator() else {}
                    ),
                }
                for part in parts
            },
        }
        return jsonify(body), 200 if ready else 503

    @ops.get("/metrics")
    def metrics() -> Response:
        """Prometheus text format."""
        if not is_operator():
            abort(404)
        return current_app.response_class(render_metrics(platform), content_type=CONTENT_TYPE_LATEST)

    return ops
