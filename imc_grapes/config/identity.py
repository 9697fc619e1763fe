"""The name of an experiment: a hash of everything that decides its result."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from device_models.registry import entries_in
from imc_grapes.config.schema import RunConfig
from imc_grapes.plugins import source_digest
from kernels.errors import InputError

HASH_DIGITS = 12
Digests = Mapping[str, str]
"""Path of a file, as a config names it, to the SHA-256 of its content."""


def config_hash(config: RunConfig, digests: Digests | None = None) -> str:
    """Twelve hexadecimal digits of the SHA-256 of the resolved config, written canonically as JSON.

    The free-text `name` does not decide a result and is left out; the content of every file that the config names
    does, and goes in.

    Args:
        config: the config.
        digests: of the files that it names, where they are not to be read now.

    Raises:
        InputError: a file that the config names cannot be read.
    """
    values = config.model_dump(mode="json", exclude={"name"})
    if digests is None:
        digests = file_digests(config)
    if digests:
        values["files"] = dict(digests)
    canonical = json.dumps(values, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()[:HASH_DIGITS]


def file_digests(config: RunConfig) -> dict[str, str]:
    """SHA-256 of the content of every file that `config` names, such as a table of measured devices.

    The source of a plugin whose entries the config uses counts among them, under the name of the entry.

    Raises:
        InputError: one cannot be read; the message names the key.
    """
    found = {
        f"{registry.key} '{entry.name}' ({Path(entry.where.rpartition(':')[0]).name})": digest
        for registry, entry in entries_in(config)
        if (digest := source_digest(entry)) is not None
    }
    for key, path in _named_files(config):
        try:
            if path.exists() and not path.is_file():
                raise InputError(f"{key}: {path}: is no file")
            with path.open("rb") as file:
                found[str(path)] = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise InputError(f"{key}: {path}: cannot be read: {error.strerror}") from None
    return found


def file_changes(before: Digests, now: Digests) -> list[str]:
    """``path: content old -> new``, by the first digits of the digests, for every file whose content has changed."""
    return [
        f"{path}: content {before[path][:HASH_DIGITS]} -> {digest[:HASH_DIGITS]}"
        for path, digest in now.items()
        if before.get(path, digest) != digest
    ]


def _named_files(section: BaseModel, prefix: str = "") -> Iterator[tuple[str, Path]]:
    for name in type(section).model_fields:
        yield from _files_in(getattr(section, name), f"{prefix}{name}")


def _files_in(value: Any, key: str) -> Iterator[tuple[str, Path]]:
    if isinstance(value, Path):
        yield key, value
    elif isinstance(value, BaseModel):
        yield from _named_files(value, f"{key}.")
    elif isinstance(value, tuple | list):
        for index, item in enumerate(value):
            yield from _files_in(item, f"{key}.{index}")
