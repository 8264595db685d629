"""The OpenAPI document, generated from the blueprints, and how an operation is declared."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from threading import Lock
from typing import Any, TypeVar

from apispec.ext.marshmallow import MarshmallowPlugin
from apispec.ext.marshmallow.openapi import OpenAPIConverter
from flask import Flask, Response
from flask_smorest import Api, Blueprint
from marshmallow import fields
from werkzeug.routing import BaseConverter

from matching.observing.parts import product_version
from web.api.access import Access, require_access
from web.api.body import IDEMPOTENCY_KEY, ExactParser, require_acceptable, require_json
from web.api.fields import ID_PATTERN, ApiSchema
from web.api.once import answer_once
from web.api.problems import PROBLEM_TYPE, answer_with_problems, language

View = TypeVar("View", bound=Callable[..., Any])

PREFIX = "/api/v1"

_DESCRIPTION = """\
The API of Duijie (对接): technical needs, capabilities, who fits whom and why.

Present a token as `Authorization: Bearer dj_…`; `POST /api/v1/tokens` makes one from e-mail and password. \
Operations without a lock answer visitors too, with what is public. Amounts are in 万元 (10,000 CNY), moments in UTC. \
Errors are problem documents (RFC 9457) in Chinese, or in English where `Accept-Language` prefers it. Lists come a \
page at a time: give `next` back as `cursor` until it is null."""

_PROBLEMS = {
    400: "The body is not JSON.",
    401: "No token, or one that does not work; on `POST /tokens`, a wrong e-mail or password.",
    403: "The token lacks the scope, or its owner the role.",
    404: "There is no such thing, or it is not for this reader.",
    406: "`Accept` takes no JSON, which is all there is here.",
    409: "The state machine has no such move now, or somebody changed the post meanwhile.",
    412: "`If-Match` does not name the present version.",
    413: "More than 2 MB.",
    415: "The body is not `application/json`.",
    422: "Something in the request is wrong; `errors` names each place.",
    428: "`If-Match` is missing.",
    429: "Too many requests or attempts; `Retry-After` says when to try again.",
    503: "A part of the product does not answer; try again.",
}


class FieldProblem(ApiSchema):
    """One place that is wrong."""

    where = fields.String(
        required=True,
        allow_none=True,
        metadata={"description": "A path such as `budget.minimum` or `keywords[0]`; null for the whole."},
    )
    detail = fields.String(required=True)


class Problem(ApiSchema):
    """A problem document (RFC 9457)."""

    type = fields.String(required=True, metadata={"format": "uri-reference"})
    title = fields.String(required=True, metadata={"description": "What kind of problem, for people."})
    status = fields.Integer(required=True)
    detail = fields.String(required=True, metadata={"description": "This problem, for people."})
    code = fields.String(required=True, metadata={"description": "This problem, for programs; stable."})
    where = fields.String(metadata={"description": "The place in the request: a field, parameter or header."})
    errors = fields.List(fields.Nested(FieldProblem), metadata={"description": "All places, where several are wrong."})
    request_id = fields.String(metadata={"description": "Names the request in the operator's logs."})


class DescribingConverter(OpenAPIConverter):
    """Describes a schema with what its class says of itself."""

    def schema2jsonschema(self, schema: Any) -> Any:
        """As apispec does, with the docstring."""
        described = super().schema2jsonschema(schema)  # type: ignore[no-untyped-call]
        text = (schema if isinstance(schema, type) else type(schema)).__doc__ or ""
        return {"description": " ".join(text.split()), **described}


class SchemaPlugin(MarshmallowPlugin):
    """apispec's plugin with our converter."""

    Converter = DescribingConverter


class ApiDocument(Api):  # type: ignore[misc]
    """flask-smorest's Api without its own pages and its handler for the whole application."""

    DEFAULT_ERROR_RESPONSE_NAME = None
    ERROR_SCHEMA = Problem

    def _register_error_handlers(self) -> None:
        """Pages have their own errors; each noun gets its handlers in `Noun`."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._nouns: list[Noun] = []
        self._described: dict[str, Any] | None = None
        self._describing = Lock()
        super().__init__(*args, **kwargs)

    def add_noun(self, noun: Noun) -> None:
        """Register a noun; it is described when somebody asks, which most processes never see."""
        self._app.register_blueprint(noun)
        self._nouns.append(noun)

    def to_dict(self) -> dict[str, Any]:
        """The document as plain data. Pages have blueprints of the same names as nouns, so tags differ."""
        with self._describing:
            if self._described is None:
                for noun in self._nouns:
                    noun.register_views_in_doc(self, self._app, self.spec, name=noun.name, parameters=None)
                    self.spec.tag({"name": noun.tag, "description": noun.description})
                self._described = self.spec.to_dict()
            return self._described


class IdConverter(BaseConverter):
    """An id in an address; anything else is no address of ours."""

    regex = ID_PATTERN.strip("^$")


class Noun(Blueprint):  # type: ignore[misc]
    """The operations on one noun."""

    ARGUMENTS_PARSER = ExactParser()

    def __init__(self, name: str, path: str, description: str) -> None:
        super().__init__(f"api-{name}", __name__, url_prefix=PREFIX + path, description=description)
        self.tag = name
        answer_with_problems(self)
        self.after_request(_keep_private)

    def operation(
        self,
        method: str,
        path: str,
        *,
        name: str,
        zh: str,
        en: str,
        access: Access,
        answers: type[ApiSchema] | None,
        status: int = 200,
        query: type[ApiSchema] | None = None,
        body: type[ApiSchema] | None = None,
        problems: Sequence[int] = (),
        headers: dict[str, Any] | None = None,
        links: Sequence[str] = (),
        parameters: Sequence[dict[str, Any]] = (),
    ) -> Callable[[View], View]:
        """Declare a view: its address, who may call it, what it reads and answers, and every status it can have.

        Access is checked first, then the body's type, then its content. `problems` are those beyond the ones that
        follow from the rest of the declaration; `parameters` are headers, which no operation with a query has.
        What a member creates (201) is created once for an Idempotency-Key; an operation that names this parameter
        itself sees to it, others need not know of it.
        `links` name operations that take the answer's `id` as their `post_id`.
        """
        assert not (query and parameters)
        once = status == 201 and access != "open" and IDEMPOTENCY_KEY not in parameters
        if once:
            assert not headers  # only the body is given again
            parameters = (*parameters, IDEMPOTENCY_KEY)

        def declare(view: View) -> View:
            @wraps(view)
            def guarded(*args: Any, **kwargs: Any) -> Any:
                return view(*args, **kwargs)

            inner: Any = guarded
            if query is not None:
                inner = self.arguments(query, location="query")(inner)
            if body is not None:
                inner = self.arguments(body, location="json")(inner)
            inner = self.response(status, answers, headers=headers)(inner)

            @wraps(inner)
            def entered(*args: Any, **kwargs: Any) -> Any:
                require_acceptable()
                require_access(access)
                if body is not None:
                    require_json()
                return answer_once(lambda: inner(*args, **kwargs)) if once else inner(*args, **kwargs)

            documented: Any = entered
            implied = {401, 403, 406, 429, 503}
            if "<" in path:
                implied.add(404)
            if query is not None or body is not None:
                implied.add(422)
            if body is not None:
                implied |= {400, 413, 415}
            if once:
                implied |= {409, 422}
            for code in sorted(implied | set(problems)):
                documented = self.alt_response(
                    code, schema=Problem, content_type=PROBLEM_TYPE, description=_PROBLEMS[code]
                )(documented)
            security: list[dict[str, list[str]]] = [{"token": []}]
            if access == "open":
                security = [{}, *security]
            described: dict[str, Any] = {"operationId": name, "summary": f"{zh} / {en}", "security": security}
            if parameters:
                described["parameters"] = list(parameters)
            if links:
                described["responses"] = {
                    status: {
                        "links": {
                            link: {"operationId": link, "parameters": {"post_id": "$response.body#/id"}}
                            for link in links
                        }
                    }
                }
            documented = self.doc(**described)(documented)
            self.route(path, methods=[method], endpoint=name, tags=[self.tag])(documented)
            return view

        return declare


def _keep_private(response: Response) -> Response:
    """Answers differ by reader and language, and no cache in between may keep them."""
    response.cache_control.no_store = True
    response.vary.update(("Authorization", "Accept-Language"))
    response.headers.setdefault("Content-Language", "en" if language() == "en" else "zh-CN")
    return response


def make_document(app: Flask) -> ApiDocument:
    """The document of an application, to which nouns are then registered."""
    app.config.update(
        API_TITLE="Duijie 对接",
        API_VERSION=product_version(),
        OPENAPI_VERSION="3.1.0",
        OPENAPI_URL_PREFIX=None,
    )
    app.url_map.converters["id"] = IdConverter
    document = ApiDocument(
        app,
        spec_kwargs={
            "marshmallow_plugin": SchemaPlugin(),
            "info": {"description": _DESCRIPTION, "license": {"name": "Apache-2.0"}},
        },
    )
    document.register_converter(IdConverter, lambda _converter: {"type": "string", "pattern": ID_PATTERN})
    document.spec.components.security_scheme(
        "token", {"type": "http", "scheme": "bearer", "description": "A token made by `POST /api/v1/tokens`."}
    )
    return document
