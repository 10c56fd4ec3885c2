"""Settings of the Core service, read from the environment."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator

from flowfile_engine.errors import SettingsError

DEFAULT_PORT = 63578

_VARIABLES = {
    "data_dir": "FLOWFILE_DATA_DIR",
    "host": "FLOWFILE_HOST",
    "port": "FLOWFILE_PORT",
    "database_url": "FLOWFILE_DATABASE_URL",
    "worker_url": "FLOWFILE_WORKER_URL",
    "internal_token": "FLOWFILE_INTERNAL_TOKEN",
    "roots": "FLOWFILE_ROOTS",
    "allowed_hosts": "FLOWFILE_ALLOWED_HOSTS",
    "allowed_origins": "FLOWFILE_ALLOWED_ORIGINS",
}


class Settings(BaseModel):
    """What a person or a deployment decides about Core. Made by `from_environment`.

    Attributes:
        data_dir: the folder that holds the database, the token and the logs of edits.
        host: the address to listen on.
        port: 0 takes a free one.
        database_url: SQLAlchemy's URL of the database; None: SQLite in the data folder.
        worker_url: a Worker that somebody else runs; None: Core starts one of its own.
        internal_token: what Core and the Worker know each other by; None: a new one at each start.
        roots: the folders that flow files and data must lie in; None: anywhere.
        allowed_hosts: names that Core may be called by besides those of this machine's loopback.
        allowed_origins: web pages from elsewhere that may call Core, as `http://host:port`.
        worker_command: how the embedded Worker is started; None: `python -m flowfile_worker`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    data_dir: Path = Field(default_factory=lambda: Path.home() / ".flowfile")
    host: str = "127.0.0.1"
    port: int = Field(default=DEFAULT_PORT, ge=0, le=65535)
    database_url: str | None = None
    worker_url: str | None = None
    internal_token: SecretStr | None = None
    roots: list[Path] | None = None
    allowed_hosts: list[str] = Field(default_factory=list)
    allowed_origins: list[str] = Field(default_factory=list)
    worker_command: list[str] | None = None

    @field_validator("data_dir")
    @classmethod
    def _whole_path(cls, path: Path) -> Path:
        return path.expanduser().absolute()

    @field_validator("roots")
    @classmethod
    def _whole_paths(cls, roots: list[Path] | None) -> list[Path] | None:
        return None if roots is None else [root.expanduser().absolute() for root in roots]

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None, **overrides: Any) -> Self:
        """The settings that the environment's variables give, and over them the ones given here.

        Args:
            environment: the variables; None: this process's.
            overrides: fields by name; None leaves the environment's value.

        Raises:
            SettingsError: a variable holds something that its field cannot take.
        """
        environment = os.environ if environment is None else environment
        values: dict[str, Any] = {
            name: environment[variable] for name, variable in _VARIABLES.items() if environment.get(variable)
        }
        if "roots" in values:
            values["roots"] = values["roots"].split(os.pathsep)
        for name in ("allowed_hosts", "allowed_origins"):
            if name in values:
                values[name] = [part.strip() for part in values[name].split(",") if part.strip()]
        values.update({name: value for name, value in overrides.items() if value is not None})
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            name = str(first["loc"][0])
            raise SettingsError(f"{_VARIABLES.get(name, name)}: {first['msg']}, not {first['input']!r:.80}") from error

    @property
    def database(self) -> str:
        """SQLAlchemy's URL of the database."""
        return self.database_url or f"sqlite:///{self.data_dir / 'flowfile.db'}"

    @property
    def on_loopback(self) -> bool:
        """Whether only this machine can reach the service."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False
