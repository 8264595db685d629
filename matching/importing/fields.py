"""The fields of each kind of record, and the headers under which files bring them.

Fields are those of the domain (needs, capabilities, experts, organisations), of the provincial 重大技术需求征集表
and of the 成果登记 form. Their Chinese and English names are the headers of templates and exports; how offices write
them otherwise is in header_names.tsv (kinds, field, sure or weak, names), which can be edited without touching code.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass, replace
from importlib.resources import files
from typing import Literal

RecordKind = Literal["needs", "capabilities", "experts", "organisations"]
RECORD_KINDS: tuple[RecordKind, ...] = ("needs", "capabilities", "experts", "organisations")

ValueKind = Literal[
    "id", "line", "prose", "lines", "list", "money", "least", "most", "date", "span", "phones", "emails", "contact",
    "uscc", "term", "terms", "industries", "maturity", "visibility",
]  # fmt: skip
JOINED_KINDS: frozenset[ValueKind] = frozenset(("prose", "lines", "list", "phones", "emails", "terms", "industries"))
"""Kinds of value that several columns may bring together; of the others the surest column is taken."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One field of a kind of record.

    `aliases` name it without doubt, `weak` ones only where nothing better does; both are compared after
    `columns.normalise_header`. `vocabulary` is the key of the vocabulary its codes come from. `span` and `contact`
    fields bring several attributes at once, `least` and `most` one bound of the money field `bounds`; they are only
    read, never written.
    """

    name: str
    zh: str
    en: str
    kind: ValueKind = "line"
    aliases: tuple[str, ...] = ()
    weak: tuple[str, ...] = ()
    required: bool = False
    vocabulary: str | None = None
    bounds: str | None = None
    note_zh: str = ""
    note_en: str = ""
    example: str = ""

    @property
    def written(self) -> bool:
        """Whether templates and exports have a column for it."""
        return self.kind not in ("span", "contact", "least", "most")


_EXTERNAL_ID = Field(
    name="external_id",
    zh="编号",
    en="ID",
    kind="id",
    note_zh="在本文件中不重复；有编号时重复导入不会新增",
    note_en="unique in this file; with it, importing again adds nothing",
    example="N-001",
)
_ORGANISATION_NAME = Field(
    name="organisation_name",
    zh="单位名称",
    en="Organisation",
    note_zh="营业执照上的全称",
    note_en="the full registered name",
    example="示例电路科技有限公司",
)
_USCC = Field(
    name="uscc",
    zh="统一社会信用代码",
    en="Unified social credit code",
    kind="uscc",
    note_zh="18 位，请设为文本格式",
    note_en="18 characters, formatted as text",
)
_CONTACT_NAME = Field(
    name="contact_name",
    zh="联系人",
    en="Contact",
    note_zh="双方都有意向后才向对方显示",
    note_en="shown to the other side only after mutual interest",
    example="张工",
)
_CONTACT_PHONES = Field(
    name="contact_phones",
    zh="联系电话",
    en="Phone",
    kind="phones",
    note_zh="多个号码用“；”分开",
    note_en="several numbers are separated by ;",
    example="0750-8888888",
)
_CONTACT_EMAIL = Field(
    name="contact_emails",
    zh="电子邮箱",
    en="E-mail",
    kind="emails",
    example="contact@example.org",
)
_CONTACT_BOTH = Field(
    name="contact",
    zh="联系人及电话",
    en="Contact and phone",
    kind="contact",
)
_KEYWORDS = Field(
    name="keywords",
    zh="关键词",
    en="Keywords",
    kind="list",
    note_zh="1–5 个，用“；”分开",
    note_en="1–5, separated by ;",
    example="HDI 板；电镀填孔",
)
_INDUSTRY = Field(
    name="industry_codes",
    zh="行业",
    en="Industry",
    kind="industries",
    vocabulary="industries",
    note_zh="国民经济行业分类的代码或名称",
    note_en="code or name of GB/T 4754",
    example="C39",
)
_DOMAIN = Field(
    name="domain",
    zh="技术领域",
    en="Domain",
    kind="term",
    vocabulary="domains",
    note_zh="见“词表”",
    note_en="see the sheet of vocabularies",
)
_DISCIPLINE = Field(
    name="discipline",
    zh="学科",
    en="Discipline",
    kind="term",
    vocabulary="disciplines",
    note_zh="学科分类的代码或名称",
    note_en="code or name of GB/T 13745",
)
_REGION = Field(
    name="region_code",
    zh="行政区划",
    en="Region",
    kind="term",
    vocabulary="regions",
    note_zh="代码或名称",
    note_en="code or name",
    example="440784",
)
_TOWN = Field(
    name="town",
    zh="镇街",
    en="Town",
    kind="term",
    vocabulary="towns",
)
_MODES = Field(
    name="cooperation_modes",
    zh="合作方式",
    en="Cooperation modes",
    kind="terms",
    vocabulary="cooperation_modes",
    note_zh="见“词表”，多个用“；”分开",
    note_en="see the sheet of vocabularies; several are separated by ;",
    example="技术开发",
)
_VISIBILITY = Field(
    name="visibility",
    zh="公开范围",
    en="Visibility",
    kind="visibility",
    note_zh="公开、登录可见、仅匹配对象、仅工作人员",
    note_en="public, members, matched or staff",
    example="公开",
)

_NEEDS = (
    _EXTERNAL_ID,
    Field(
        name="title",
        zh="需求名称",
        en="Need title",
        required=True,
        note_zh="一句话说清要解决什么",
        note_en="one line that says what is to be solved",
        example="HDI 板微盲孔电镀填铜空洞控制",
    ),
    Field(
        name="problem",
        zh="现状与问题",
        en="Problem",
        kind="prose",
        note_zh="现在怎样做、问题在哪里、已试过什么",
        note_en="what is done today, where it fails, what was tried",
        example="板厚 1.6 mm、孔径 0.1 mm 的盲孔填铜后空洞率约 3%",
    ),
    Field(
        name="indicators",
        zh="技术指标",
        en="Indicators",
        kind="lines",
        note_zh="一行一条，写出数值和单位",
        note_en="one a line, with value and unit",
        example="空洞率 ≤ 0.5 %",
    ),
    Field(
        name="expected_result",
        zh="预期目标",
        en="Expected result",
        kind="prose",
    ),
    _KEYWORDS,
    _INDUSTRY,
    _DOMAIN,
    _DISCIPLINE,
    _REGION,
    _TOWN,
    Field(
        name="span",
        zh="需求时限",
        en="Time span",
        kind="span",
    ),
    Field(
        name="starts_on",
        zh="开始日期",
        en="Starts on",
        kind="date",
        example="2026-01-01",
    ),
    Field(
        name="ends_on",
        zh="截止日期",
        en="Ends on",
        kind="date",
        example="2026-12-31",
    ),
    Field(
        name="budget",
        zh="拟投入资金（万元）",
        en="Budget (10,000 CNY)",
        kind="money",
        note_zh="数字、区间（20-30）或面议",
        note_en="a number, a range (20-30) or 面议",
        example="20-30",
    ),
    Field(
        name="budget_least",
        zh="最低资金（万元）",
        en="Least budget (10,000 CNY)",
        kind="least",
        bounds="budget",
    ),
    Field(
        name="budget_most",
        zh="最高资金（万元）",
        en="Most budget (10,000 CNY)",
        kind="most",
        bounds="budget",
    ),
    _MODES,
    Field(
        name="ip_arrangement",
        zh="知识产权归属",
        en="IP arrangement",
        kind="term",
        vocabulary="ip_arrangements",
    ),
    Field(
        name="preferred_partners",
        zh="合作意向单位",
        en="Preferred partners",
    ),
    _VISIBILITY,
    _ORGANISATION_NAME,
    _USCC,
    _CONTACT_NAME,
    _CONTACT_PHONES,
    _CONTACT_EMAIL,
    _CONTACT_BOTH,
)

_CAPABILITIES = (
    _EXTERNAL_ID,
    Field(
        name="kind",
        zh="供给类型",
        en="Kind",
        kind="term",
        vocabulary="capability_kinds",
        note_zh="成果、专利、专家能力、仪器设备、服务",
        note_en="achievement, patent, expertise, facility or service",
        example="成果",
    ),
    Field(
        name="title",
        zh="成果名称",
        en="Capability title",
        required=True,
        note_zh="一句话说清提供什么",
        note_en="one line that says what is offered",
        example="高深径比微盲孔脉冲电镀填铜工艺",
    ),
    Field(
        name="abstract",
        zh="简介",
        en="Abstract",
        kind="prose",
        example="用周期反向脉冲和自研添加剂，一次填满深径比 1:1 的盲孔",
    ),
    Field(
        name="advantages",
        zh="技术优势",
        en="Advantages",
        kind="prose",
    ),
    Field(
        name="applications",
        zh="应用领域",
        en="Applications",
        kind="prose",
    ),
    Field(
        name="maturity",
        zh="成熟度",
        en="Maturity (TRL)",
        kind="maturity",
        vocabulary="maturity_levels",
        note_zh="TRL 1–9，或小试、中试、量产；不详填“未评价”",
        note_en="TRL 1–9, or not assessed",
        example="TRL 6",
    ),
    Field(
        name="ip_status",
        zh="知识产权状态",
        en="IP status",
    ),
    Field(
        name="ip_type",
        zh="知识产权类型",
        en="IP type",
    ),
    Field(
        name="ip_number",
        zh="知识产权编号",
        en="IP number",
        kind="id",
        example="ZL202310000000.0",
    ),
    _DISCIPLINE,
    Field(
        name="ipc",
        zh="IPC 分类号",
        en="IPC",
    ),
    _KEYWORDS,
    _INDUSTRY,
    _DOMAIN,
    _MODES,
    Field(
        name="price",
        zh="意向价格（万元）",
        en="Price (10,000 CNY)",
        kind="money",
        note_zh="数字、区间或面议",
        note_en="a number, a range or 面议",
        example="面议",
    ),
    Field(
        name="price_least",
        zh="最低价格（万元）",
        en="Least price (10,000 CNY)",
        kind="least",
        bounds="price",
    ),
    Field(
        name="price_most",
        zh="最高价格（万元）",
        en="Most price (10,000 CNY)",
        kind="most",
        bounds="price",
    ),
    Field(
        name="experts",
        zh="完成人",
        en="Experts",
        kind="list",
    ),
    Field(
        name="registration_number",
        zh="成果登记号",
        en="Registration number",
        kind="id",
    ),
    Field(
        name="registered_on",
        zh="登记日期",
        en="Registered on",
        kind="date",
    ),
    Field(
        name="research_span",
        zh="研究起止时间",
        en="Research period",
        kind="span",
    ),
    Field(
        name="research_starts_on",
        zh="研究开始日期",
        en="Research started on",
        kind="date",
    ),
    Field(
        name="research_ends_on",
        zh="研究结束日期",
        en="Research ended on",
        kind="date",
    ),
    Field(
        name="secrecy",
        zh="密级",
        en="Secrecy",
    ),
    Field(
        name="origin",
        zh="成果属性",
        en="Origin",
    ),
    Field(
        name="form",
        zh="成果体现形式",
        en="Form",
    ),
    Field(
        name="evaluation",
        zh="成果水平",
        en="Evaluation",
    ),
    _VISIBILITY,
    _ORGANISATION_NAME,
    _USCC,
    _REGION,
    _TOWN,
    _CONTACT_NAME,
    _CONTACT_PHONES,
    _CONTACT_EMAIL,
    _CONTACT_BOTH,
)

_EXPERTS = (
    _EXTERNAL_ID,
    Field(
        name="name",
        zh="姓名",
        en="Name",
        required=True,
        example="李示例",
    ),
    Field(
        name="name_en",
        zh="英文名",
        en="English name",
    ),
    Field(
        name="title",
        zh="职称",
        en="Academic title",
        example="教授",
    ),
    Field(
        name="position",
        zh="职务",
        en="Position",
    ),
    _ORGANISATION_NAME,
    _USCC,
    Field(
        name="department",
        zh="部门",
        en="Department",
    ),
    Field(
        name="fields",
        zh="研究方向",
        en="Fields",
        kind="list",
        note_zh="多个用“；”分开",
        note_en="several are separated by ;",
        example="电镀；表面处理",
    ),
    Field(
        name="intro",
        zh="个人简介",
        en="Introduction",
        kind="prose",
    ),
    _CONTACT_PHONES,
    _CONTACT_EMAIL,
    Field(
        name="orcid",
        zh="ORCID",
        en="ORCID",
        kind="id",
    ),
    _DISCIPLINE,
    _REGION,
)

_ORGANISATIONS = (
    _EXTERNAL_ID,
    Field(
        name="name",
        zh="单位名称",
        en="Name",
        required=True,
        note_zh="营业执照上的全称",
        note_en="the full registered name",
        example="示例电路科技有限公司",
    ),
    Field(
        name="name_en",
        zh="英文名称",
        en="English name",
    ),
    _USCC,
    Field(
        name="kind",
        zh="机构属性",
        en="Kind",
        kind="term",
        vocabulary="organisation_kinds",
        note_zh="企业、高校、科研机构、科技中介、金融机构、政府部门",
        note_en="enterprise, university, institute, intermediary, financier or government",
        example="企业",
    ),
    _REGION,
    _TOWN,
    Field(
        name="address",
        zh="通讯地址",
        en="Address",
    ),
    Field(
        name="postcode",
        zh="邮编",
        en="Postcode",
        kind="id",
    ),
    Field(
        name="website",
        zh="网址",
        en="Website",
    ),
    Field(
        name="supervising_department",
        zh="归口管理部门",
        en="Supervising department",
    ),
    Field(
        name="legal_representative",
        zh="法人代表",
        en="Legal representative",
    ),
    Field(
        name="intro",
        zh="机构简介",
        en="Introduction",
        kind="prose",
    ),
    Field(
        name="stage",
        zh="企业阶段",
        en="Stage",
        kind="term",
        vocabulary="organisation_stages",
    ),
    _INDUSTRY,
    _CONTACT_NAME,
    _CONTACT_PHONES,
    Field(
        name="fax",
        zh="传真",
        en="Fax",
    ),
    _CONTACT_EMAIL,
    _CONTACT_BOTH,
)


def _header_names() -> Iterator[tuple[str, str, str, tuple[str, ...]]]:
    """(kind, field, strength, names) of every line of header_names.tsv."""
    with files("matching.importing").joinpath("header_names.tsv").open(encoding="utf-8") as lines:
        for row in csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE):
            for kind in row["kinds"].split():
                yield kind, row["field"], row["strength"], tuple(row["names"].split())


def _with_names(kind: RecordKind, fields: tuple[Field, ...]) -> tuple[Field, ...]:
    sure: dict[str, tuple[str, ...]] = {}
    weak: dict[str, tuple[str, ...]] = {}
    for of_kind, name, strength, names in _header_names():
        if of_kind == kind:
            (sure if strength == "sure" else weak)[name] = names
    return tuple(replace(field, aliases=sure.get(field.name, ()), weak=weak.get(field.name, ())) for field in fields)


FIELDS: dict[RecordKind, tuple[Field, ...]] = {
    "needs": _with_names("needs", _NEEDS),
    "capabilities": _with_names("capabilities", _CAPABILITIES),
    "experts": _with_names("experts", _EXPERTS),
    "organisations": _with_names("organisations", _ORGANISATIONS),
}

NOT_COLLECTED = ("身份证号", "身份证号码", "身份证", "证件号码", "银行卡号", "银行账号", "开户行", "idcard", "idnumber")
"""Headers whose columns are dropped unread: personal data that matching has no use for (个人信息保护法, article 6)."""

REASON_HEADER = "未导入原因"
PLACE_HEADER = "原位置"
OWN_HEADERS = (REASON_HEADER, PLACE_HEADER)
"""Columns that the file of refused rows adds; they are passed over when it comes back corrected."""

EXTRA_PREFIX = "附加："
"""Before the headers of columns that exports add for what the fields do not hold; taken off again on import."""


def field_named(kind: RecordKind, name: str) -> Field | None:
    """The field of that name, or None."""
    return next((field for field in FIELDS[kind] if field.name == name), None)


def title_field(kind: RecordKind) -> Field:
    """The field a record cannot be without."""
    return next(field for field in FIELDS[kind] if field.required)
