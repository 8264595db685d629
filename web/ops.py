"""For operators: `/healthz`, `/readyz`, `/metrics`. No sessions, no personal data."""

from __future__ import annotations

from flask import Blueprint, Response, current_app, jsonify
from prometheus_client import CONTENT_TYPE_LATEST

from matching.bootstrap import Platform
from matching.observing.metrics import render_metrics
from matching.observing.parts import check_parts, product_version


def make_ops(platform: Platform) -> Blueprint:
    """The blueprint over a platform."""
    ops = Blueprint("ops", __name__)

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
                    "version": part.version,
                    "detail": part.detail,
                    "remedy": part.remedy,
                }
                for part in parts
            },
        }
        return jsonify(body), 200 if ready else 503

    @ops.get("/metrics")
    def metrics() -> Response:
        """Prometheus text format."""
        return current_app.response_class(render_metrics(platform), content_type=CONTENT_TYPE_LATEST)

    return ops
