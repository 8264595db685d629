"""The document itself at /api/v1/openapi.json, and a page that shows it at /api/docs, without scripts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, Response, current_app, json, render_template

from web.api.document import PREFIX, ApiDocument

guide = Blueprint("api_guide", __name__)

JSON = "application/json"
_METHODS = ("get", "post", "patch", "put", "delete")


@dataclass(frozen=True, slots=True)
class Line:
    """One field, parameter or status. `link` is the anchor of the schema it consists of, if it has one."""

    name: str
    kind: str = ""
    needed: bool = False
    text: str = ""
    link: str | None = None


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation as the page shows it."""

    method: str
    path: str
    anchor: str
    title: str
    text: str
    locked: bool
    parameters: list[Line]
    body: Line | None
    answers: list[Line]


@dataclass(frozen=True, slots=True)
class Chapter:
    """The operations on one noun."""

    name: str
    text: str
    operations: list[Operation]


@dataclass(frozen=True, slots=True)
class Shape:
    """One schema."""

    name: str
    text: str
    fields: list[Line]


@guide.get(f"{PREFIX}/openapi.json")
def show_document() -> Response:
    """The OpenAPI document."""
    return Response(json.dumps(read_document(), sort_keys=False, indent=1), content_type=JSON)


@guide.get("/api/docs")
def show_guide() -> str:
    """The document for people."""
    document = read_document()
    return render_template(
        "api/guide.html",
        chapters=list(chapters_of(document)),
        shapes=list(shapes_of(document)),
        problems=problems_of(document),
        version=document["info"]["version"],
    )


def read_document() -> dict[str, Any]:
    """The application's document as plain data."""
    document: ApiDocument = current_app.extensions["duijie.api_document"]
    return document.to_dict()


def chapters_of(document: Mapping[str, Any]) -> Iterator[Chapter]:
    """The document's operations by noun, in the order of registration."""
    by_tag: dict[str, list[Operation]] = {}
    for path, item in document["paths"].items():
        for method in _METHODS:
            if method in item:
                declared = item[method]
                parameters = [*item.get("parameters", ()), *declared.get("parameters", ())]
                by_tag.setdefault(declared["tags"][0], []).append(_operation(path, method, declared, parameters))
    texts = {tag["name"]: tag["description"] for tag in document["tags"]}
    for name, operations in by_tag.items():
        yield Chapter(name, texts[name], operations)


def shapes_of(document: Mapping[str, Any]) -> Iterator[Shape]:
    """The document's schemas, by name."""
    for name, schema in sorted(document["components"]["schemas"].items()):
        needed = schema.get("required", ())
        fields = [
            Line(
                field,
                _kind(described),
                field in needed,
                described.get("description", ""),
                _link(described),
            )
            for field, described in schema.get("properties", {}).items()
        ]
        yield Shape(name, schema.get("description", ""), fields)


def problems_of(document: Mapping[str, Any]) -> list[Line]:
    """Every status of a problem that any operation can have."""
    found: dict[str, str] = {}
    for item in document["paths"].values():
        for method in _METHODS:
            for status, answer in item.get(method, {}).get("responses", {}).items():
                if status >= "400":
                    found[status] = answer["description"]
    return [Line(status, text=text) for status, text in sorted(found.items())]


def _operation(path: str, method: str, declared: Mapping[str, Any], parameters: list[dict[str, Any]]) -> Operation:
    body = declared.get("requestBody")
    return Operation(
        method=method.upper(),
        path=path,
        anchor=declared["operationId"],
        title=declared["summary"],
        text=declared.get("description", ""),
        locked={} not in declared["security"],
        parameters=[
            Line(
                one["name"],
                _kind(one["schema"]),
                bool(one.get("required")),
                one.get("description", one["schema"].get("description", "")),
            )
            for one in parameters
        ],
        body=_content("", body["content"]) if body else None,
        answers=[
            _content(status, answer.get("content", {}), answer["description"])
            for status, answer in sorted(declared["responses"].items())
        ],
    )


def _content(name: str, content: Mapping[str, Any], text: str = "") -> Line:
    schema = next(iter(content.values()))["schema"] if content else {}
    return Line(name, _kind(schema) if schema else "", text=text, link=_link(schema))


def _link(schema: Mapping[str, Any]) -> str | None:
    """The name of the schema that this one consists of, directly, as a list, or beside null."""
    if "$ref" in schema:
        return str(schema["$ref"]).rsplit("/", 1)[-1]
    inner = [schema["items"]] if "items" in schema else []
    inner += [*schema.get("anyOf", ()), *schema.get("allOf", ()), *schema.get("oneOf", ())]
    return next((link for one in inner if (link := _link(one))), None)


def _kind(schema: Mapping[str, Any]) -> str:
    """The type in a few words: `string or null`, `list of Reason`, `one of need, capability`, `1–9`."""
    if "$ref" in schema:
        return str(schema["$ref"]).rsplit("/", 1)[-1]
    for combined in ("anyOf", "oneOf", "allOf"):
        if combined in schema:
            return " or ".join(_kind(one) for one in schema[combined])
    if "enum" in schema:
        return "one of " + ", ".join("null" if value is None else str(value) for value in schema["enum"])
    declared = schema.get("type", "object")
    names = list(declared) if isinstance(declared, list) else [declared]
    if "items" in schema:
        names = [f"list of {_kind(schema['items'])}" if name == "array" else name for name in names]
    if schema.get("format"):
        names = [f"{name} ({schema['format']})" if name == "string" else name for name in names]
    text = " or ".join(names)
    bounds = [str(schema[key]) for key in ("minimum", "maximum") if key in schema]
    if len(bounds) == 2:
        text += f", {bounds[0]}–{bounds[1]}"
    if "maxLength" in schema:
        text += f", at most {schema['maxLength']} characters"
    if "maxItems" in schema:
        text += f", at most {schema['maxItems']}"
    return text
