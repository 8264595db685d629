"""All settings of the product, read once from the environment into one frozen object.

Every setting is listed in the README's table; a test fails on one that is not.
Secrets may be given as files (`DUIJIE_SECRET_KEY_FILE`), as container platforms do.
"""

from __future__ import annotations

from decimal import Decimal
from importlib.resources import files
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from matching.errors import InvalidInput

DEMONSTRATION_SECRET = "demonstration-only-not-a-secret"  # noqa: S105 - refused outside demonstration mode


SECRETS = ("secret_key", "database_password", "oidc_client_secret", "smtp_password", "imap_password")
"""Settings that are never shown, logged or backed up. Each may come from the file that `<name>_file` names."""


def packaged_encoder() -> Path:
    """Folder of the encoder that ships with the package."""
    return Path(str(files("matching.embeddings"))) / "models" / "duijie-encoder"


class Settings(BaseSettings):
    """Read from variables `DUIJIE_<NAME>`; see the README for meaning and defaults."""

    model_config = SettingsConfigDict(env_prefix="DUIJIE_", frozen=True, extra="ignore")

    mode: Literal["production", "demonstration"] = Field(
        "production", description="`demonstration` loads sample posts and permits the built-in secret."
    )
    data_dir: Path = Field(Path("var"), description="Folder of the database, the embedded index and attachments.")
    database_url: str = Field("", description="SQLAlchemy URL; empty: SQLite in the data folder.")
    database_password: SecretStr = Field(
        SecretStr(""), description="The database account's password, if not in the URL."
    )
    database_password_file: Path | None = Field(None, description="File that holds the database account's password.")
    index_url: str = Field("", description="`embedded:///folder` or `http://host:9200`; empty: in the data folder.")
    index_prefix: str = Field("duijie", description="Prefix of the names of indices in Elasticsearch.")
    redis_url: str = Field("redis://127.0.0.1:6379/0", description="Broker of the workers' queues.")
    secret_key: SecretStr = Field(SecretStr(""), description="Signs sessions and tokens; at least 32 characters.")
    secret_key_file: Path | None = Field(None, description="File that holds the secret key.")
    public_url: str = Field("http://127.0.0.1:8000", description="Address under which users reach the pages.")
    encoder: Literal["onnx", "sentence-transformers"] = Field(
        "onnx", description="`onnx` is the fast int8 form of the shipped encoder, the other loads any model."
    )
    encoder_model: str = Field("", description="Folder or name of a sentence-transformers model; empty: the shipped.")
    ranker_model: Path | None = Field(None, description="File of a learned ranker; empty: the shipped one.")
    domain_dictionary: Path | None = Field(None, description="Further technical terms, one a line.")
    suggestions_per_post: int = Field(10, ge=1, le=100, description="How many suggestions a post keeps.")
    candidates_per_post: int = Field(200, ge=10, le=2000, description="How many candidates are ranked for a post.")
    weekly_load: int = Field(20, ge=0, description="New suggestions a researcher is sent in seven days, best first.")
    least_probability: float = Field(0.15, ge=0, le=1, description="Suggestions below are shown but not pushed.")
    review_before_publication: bool = Field(True, description="Posts of members wait for the staff's review.")
    post_lifetime_days: int = Field(365, ge=1, description="A post expires after so many days.")
    expiry_notice_days: int = Field(14, ge=0, description="Its owner is told so many days before.")
    interest_days: int = Field(14, ge=1, description="The other side has so many days to answer an interest.")
    interest_reminder_days: str = Field(
        "7,2", pattern=r"^(\d{1,3}(,\d{1,3})*)?$", description="It is reminded so many days before the time runs out."
    )
    renew_within_days: int = Field(
        30, ge=1, description="The owner may renew a published post in its last so many days."
    )
    good_probability: float = Field(
        0.25, ge=0, le=1, description="From here on a suggestion counts as a good match in reports."
    )
    lapse_shown_days: int = Field(
        3, ge=1, description="The desk shows an open interest so many days before its time runs out."
    )
    stalled_days: int = Field(14, ge=1, description="The desk shows an engagement after so many days without progress.")
    task_reminder_days: int = Field(
        2, ge=0, description="People are reminded of an engagement's task so many days before it is due."
    )
    register_reminder_days: int = Field(
        5,
        ge=0,
        description="The seller is reminded of a contract's registration so many working days before it is due.",
    )
    contract_days: int = Field(15, ge=1, description="A contract should be registered within so many working days.")
    contract_long_days: int = Field(30, ge=1, description="As long for large and disputed contracts.")
    contract_large_amount: Decimal = Field(Decimal(500), ge=0, description="From so many 万元 on a contract is large.")
    event_reminder_hours: int = Field(
        24, ge=1, description="Participants are reminded so many hours before their first meeting."
    )
    event_last_reminder_minutes: int = Field(60, ge=5, description="And once more so many minutes before it.")
    review_checks_required: bool = Field(
        False, description="Reviewers must tick the whole checklist before they publish."
    )
    undo_minutes: int = Field(10, ge=1, description="The desk's bulk actions can be taken back for so many minutes.")
    live_streams: int = Field(
        4, ge=0, description="Pages that are told of new messages at once, per web process; each holds a thread."
    )
    session_hours: int = Field(12, ge=1, description="A sign-in ends after so many hours without use.")
    address_days: int = Field(
        7, ge=1, le=90, description="A sign-in's network address is cut to its network after so many days."
    )
    delivery_days: int = Field(90, ge=1, description="What became of a delivery is kept so many days.")
    delivery_text_days: int = Field(7, ge=1, description="What a letter said is kept so many days after it left.")
    import_days: int = Field(30, ge=1, description="Uploaded tables and their rows are kept so many days.")
    unsent_text_days: int = Field(90, ge=1, description="Text in forms that nobody came back to is kept so many days.")
    vector_days: int = Field(30, ge=1, description="Kept vectors that nobody used for so many days are deleted.")
    notification_days: int = Field(365, ge=1, description="Notifications that were read are kept so many days.")
    suggestion_days: int = Field(730, ge=1, description="Withdrawn suggestions that led to nothing are kept so long.")
    refused_registration_days: int = Field(180, ge=1, description="Refused registrations are kept so many days.")
    invitation_days: int = Field(180, ge=1, description="Invitations that were not accepted are kept so many days.")
    audit_days: int = Field(
        1095, ge=1095, description="The audit log is kept so many days; `duijie audit forget` deletes what is older."
    )
    require_two_factor_for_staff: bool = Field(
        False, description="Staff and administrators must set up a second factor before anything else."
    )
    oidc_issuer: str = Field("", description="OpenID Connect provider for signing in; empty: none.")
    oidc_client_id: str = Field("", description="Our name at the provider.")
    oidc_client_secret: SecretStr = Field(SecretStr(""), description="Our secret at the provider.")
    oidc_client_secret_file: Path | None = Field(None, description="File that holds our secret at the provider.")
    oidc_name: str = Field("统一身份认证", description="What the button to the provider says.")
    private_networks: str = Field(
        "", description="Networks that webhooks and robots may be in though they are private, `10.1.0.0/16,…`."
    )
    operator_networks: str = Field(
        "127.0.0.0/8,::1/128", description="Networks that may read `/metrics` and the details of `/readyz`."
    )
    rate_limits: bool = Field(
        True, description="Limit requests by address and member; `false` for load tests from one address."
    )
    sign_in_limit: str = Field("120/minute", description="Attempts to sign in, from one address.")
    registration_limit: str = Field(
        "30/minute", description="Registrations, resets and the use of mailed links, from one address."
    )
    search_limit: str = Field(
        "300/minute", description="Searches, previews and exports of one member; ten times that of a visitor's address."
    )
    api_limit: str = Field("1200/minute", description="The same for requests to the API.")
    page_limit: str = Field("1200/minute", description="The same for all other requests.")
    trusted_proxies: int = Field(
        1, ge=1, le=10, description="How many proxies stand in front, with `DUIJIE_BEHIND_PROXY`."
    )
    smtp_host: str = Field("", description="Mail server; empty: no mail leaves, and pages say so.")
    smtp_port: int = Field(465, ge=1, le=65535, description="Its port.")
    smtp_security: Literal["ssl", "starttls", "none"] = Field("ssl", description="How the connection is secured.")
    smtp_user: str = Field("", description="Account at the mail server.")
    smtp_password: SecretStr = Field(SecretStr(""), description="Its password or authorisation code.")
    smtp_password_file: Path | None = Field(None, description="File that holds the mail account's password.")
    smtp_timeout_seconds: float = Field(20, gt=0, le=120, description="How long the mail server may take to answer.")
    smtp_ehlo_name: str = Field("", description="How we greet the mail server; empty: the host of the public address.")
    mail_from: str = Field("", description="Address that mails come from; empty: the account.")
    mail_from_name: str = Field("对接", description="Name that mails come from.")
    mail_reply_to: str = Field("", description="Address of the office, to which answers go.")
    imap_host: str = Field("", description="Mailbox that answers to invitations are read from; empty: none is read.")
    imap_port: int = Field(993, ge=1, le=65535, description="Its port.")
    imap_security: Literal["ssl", "starttls", "none"] = Field("ssl", description="How the connection is secured.")
    imap_user: str = Field("", description="Its account; empty: that of the mail server.")
    imap_password: SecretStr = Field(SecretStr(""), description="Its password; empty: that of the mail server.")
    imap_password_file: Path | None = Field(None, description="File that holds the mailbox's password.")
    imap_folder: str = Field("INBOX", description="The folder that is read; nothing in it is changed.")
    behind_proxy: bool = Field(False, description="Trust one proxy's X-Forwarded headers; cookies need HTTPS.")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field("INFO", description="Least level that is logged.")

    @model_validator(mode="after")
    def _complete(self) -> Self:
        """Fill the defaults that depend on other settings."""
        fill = object.__setattr__  # the object is frozen from here on
        data_dir = self.data_dir.absolute()
        fill(self, "data_dir", data_dir)
        if not self.database_url:
            fill(self, "database_url", f"sqlite:///{data_dir / 'duijie.db'}")
        if not self.index_url:
            fill(self, "index_url", f"embedded://{data_dir / 'index'}")
        if not self.encoder_model:
            fill(self, "encoder_model", str(packaged_encoder()))
        for name in SECRETS:
            if not getattr(self, name).get_secret_value() and (file := getattr(self, f"{name}_file")) is not None:
                fill(self, name, SecretStr(_read_secret(name, file)))
        if not self.secret_key.get_secret_value() and self.mode == "demonstration":
            fill(self, "secret_key", SecretStr(DEMONSTRATION_SECRET))
        return self

    def require_secret(self) -> str:
        """The signing secret; raises InvalidInput where it is missing, weak or the built-in one in production."""
        secret = self.secret_key.get_secret_value()
        if self.mode == "production" and (secret == DEMONSTRATION_SECRET or len(secret) < 32):
            raise InvalidInput(
                "settings.secret_key",
                "正式运行必须设置 DUIJIE_SECRET_KEY 或 DUIJIE_SECRET_KEY_FILE（至少 32 个字符）",
                message_en="Set DUIJIE_SECRET_KEY or DUIJIE_SECRET_KEY_FILE (at least 32 characters) in production",
            )
        return secret


def _read_secret(name: str, file: Path) -> str:
    """What the file holds, without the line's end; raises InvalidInput naming the variable."""
    variable = f"DUIJIE_{name.upper()}_FILE"
    try:
        return file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8"
        raise InvalidInput(
            f"settings.{name}_file",
            f"无法读取 {variable} 指定的文件：{reason}",
            where=variable,
            message_en=f"Cannot read the file of {variable}: {reason}",
        ) from error


def load_settings() -> Settings:
    """Read the environment; raises InvalidInput naming the variable that is wrong."""
    try:
        return Settings()
    except ValidationError as error:
        first = error.errors()[0]
        name = "_".join(str(part) for part in first["loc"]) or "settings"
        variable = f"DUIJIE_{name.upper()}"
        raise InvalidInput(
            "settings.invalid",
            f"设置无效：{first['msg']}",
            where=variable,
            message_en=f"Invalid setting: {first['msg']}",
        ) from error
