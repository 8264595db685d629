"""Files brought in: tables to import, and the files of a post."""

from __future__ import annotations

from marshmallow import fields
from marshmallow.validate import OneOf, Range

from matching.importing.fields import RECORD_KINDS
from matching.models.import_job import IMPORT_STATUSES
from web.api.fields import ApiSchema, Base64Bytes, BodyFlag, Identifier, Moment, Text, Whole

ROW_STATUSES = ("accepted", "warned", "refused")


class ImportEntry(ApiSchema):
    """A table to import."""

    kind = fields.String(required=True, validate=OneOf(RECORD_KINDS))
    file_name = Text(most=255, least=1, required=True, metadata={"description": "Its suffix says how it is read."})
    content = Base64Bytes(required=True)
    organisation_id = Identifier(metadata={"description": "Of rows that name no organisation."})


class ImportColumn(ApiSchema):
    """A column of the file and what it is taken for."""

    header = fields.String(required=True)
    field = fields.String(required=True, allow_none=True)


class ImportJob(ApiSchema):
    """An uploaded table and what became of it."""

    id = fields.String(required=True)
    kind = fields.String(required=True)
    file_name = fields.String(required=True)
    status = fields.String(required=True, validate=OneOf(IMPORT_STATUSES))
    rows_total = fields.Integer(required=True)
    rows_warned = fields.Integer(required=True)
    rows_refused = fields.Integer(required=True)
    rows_done = fields.Integer(required=True, metadata={"description": "Progress: rows that were put in."})
    added = fields.Integer(required=True)
    changed = fields.Integer(required=True)
    unchanged = fields.Integer(required=True)
    refused = fields.Integer(required=True, metadata={"description": "By the reading and by the rules."})
    columns = fields.List(fields.Nested(ImportColumn), required=True)
    error = fields.String(required=True, allow_none=True, metadata={"description": "Why the whole file failed."})
    created_at = Moment(required=True)
    finished_at = Moment(required=True, allow_none=True)


class ImportList(ApiSchema):
    """The caller's imports of the last weeks, the latest first."""

    items = fields.List(fields.Nested(ImportJob), required=True)


class ImportColumns(ApiSchema):
    """How the file is to be read: header to field, null to keep the column beside."""

    columns = fields.Dict(
        keys=Text(most=300), values=Text(most=60, allow_none=True), required=True,
        metadata={"maxProperties": 200},
    )  # fmt: skip
    include_hidden = BodyFlag(load_default=False)


class ImportDecision(ApiSchema):
    """What becomes of the posts."""

    then = fields.String(validate=OneOf(("publish", "draft")), load_default="publish")


class ImportRowQuery(ApiSchema):
    """Which rows of the file."""

    status = fields.String(validate=OneOf(ROW_STATUSES))
    page = fields.Integer(validate=Range(min=1, max=100_000), load_default=1)


class ImportFinding(ApiSchema):
    """What is wrong or to be looked at in a row."""

    code = fields.String(required=True)
    column = fields.String(required=True, allow_none=True)
    detail = fields.String(required=True)


class ImportRow(ApiSchema):
    """A row of the file."""

    sheet = fields.String(required=True, allow_none=True)
    row = fields.Integer(required=True, allow_none=True)
    name = fields.String(required=True)
    status = fields.String(required=True, validate=OneOf(ROW_STATUSES))
    outcome = fields.String(required=True, allow_none=True)
    findings = fields.List(fields.Nested(ImportFinding), required=True)
    cells = fields.Dict(
        keys=fields.String(), values=fields.String(allow_none=True), required=True,
        metadata={"description": "The row's texts by header, to correct and send again."},
    )  # fmt: skip


class ImportRowPage(ApiSchema):
    """A page of 50 rows; one beyond the last is the last."""

    items = fields.List(fields.Nested(ImportRow), required=True)
    page = fields.Integer(required=True)
    pages = fields.Integer(required=True)


class AttachmentEntry(ApiSchema):
    """A file for a post."""

    file_name = Text(most=255, least=1, required=True)
    content = Base64Bytes(required=True)


class Attachment(ApiSchema):
    """A file of a post; its bytes are at `GET /posts/{id}/attachments/{id}` of the pages, and here as `content`."""

    id = fields.String(required=True)
    file_name = fields.String(required=True)
    media_type = fields.String(required=True)
    size = Whole(least=0, most=1_000_000_000, required=True)
    sha256 = fields.String(required=True)
    created_at = Moment(required=True)


class AttachmentContent(Attachment):
    """A file with its bytes."""

    content = fields.String(required=True, metadata={"contentEncoding": "base64"})


class AttachmentList(ApiSchema):
    """The files of a post, in the order they were added."""

    items = fields.List(fields.Nested(Attachment), required=True)
