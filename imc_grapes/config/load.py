"""From YAML to a validated `RunConfig`; every problem is reported with its key's path and its line."""

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from device_models.parameters import suggested_value
from device_models.registry import Registry, not_one_of
from imc_grapes.config.known_keys import suggested_key
from imc_grapes.config.overrides import apply_overrides
from imc_grapes.config.rules import broken_rules
from imc_grapes.config.schema import RunConfig
from imc_grapes.config.yaml_file import KeyPath, YamlDocument, read_yaml
from kernels.errors import InputError

Model = TypeVar("Model", bound=BaseModel)


def load_run_config(path: Path, overrides: Sequence[str] = ()) -> RunConfig:
    """Read, override and validate the run config at `path`.

    Args:
        path: a YAML file.
        overrides: ``dotted.key=value`` strings, applied in order.

    Raises:
        InputError: anything is wrong with the file, an override or a value.
    """
    return parse_run_config(apply_overrides(read_yaml(path), overrides))


def parse_run_config(document: YamlDocument) -> RunConfig:
    """Validate a document as a run config, the rules that span several keys included."""
    config = _with_absolute_weights(validate(RunConfig, document), document)
    problems = [describe(document, key, f"{message}") for key, message in broken_rules(config)]
    if problems:
        raise InputError("\n".join(problems))
    return config


def _with_absolute_weights(config: RunConfig, document: YamlDocument) -> RunConfig:
    """Weights lie beside the config that names them, from wherever it is run."""
    network = config.network
    if network.weights is None:
        return config
    path = (Path(document.source).parent / network.weights).absolute()
    if not path.is_file():
        raise InputError(describe(document, ("network", "weights"), f"{path}: no such file"))
    return config.model_copy(update={"network": network.model_copy(update={"weights": path})})


def validate(model: type[Model], document: YamlDocument) -> Model:
    """Validate the values of `document` as `model`, or raise one InputError that lists every problem."""
    try:
        as_json = json.dumps(document.values)
    except TypeError as error:
        raise InputError(
            f"{document.source}: holds a value that is not plain data: {error}"
        ) from None
    try:
        return model.model_validate_json(as_json, strict=True)
    except ValidationError as error:
        problems = []
        for problem in error.errors(include_url=False):
            key = _yaml_path(problem["loc"], document.values)
            if problem["type"] == "union_tag_invalid":
                key = (*key, problem["ctx"]["discriminator"].strip("'"))
            message = _explain(problem, key, document.values)
            if problem["type"] == "extra_forbidden":
                hint = suggested_key(model, key, document.values) or ";"
                message = f"unknown key{hint} `imc-grapes schema` lists the keys that exist"
            problems.append(describe(document, key, message + suggested_value(problem)))
        raise InputError("\n".join(dict.fromkeys(problems))) from None


def describe(document: YamlDocument, key: KeyPath, message: str) -> str:
    """``file:line: dotted.key: message``."""
    name = ".".join(map(str, key))
    return (
        f"{document.where(key)}: {name}: {message}" if name else f"{document.where(key)}: {message}"
    )


def _yaml_path(loc: tuple[str | int, ...], values: Any) -> KeyPath:
    """Pydantic's location less the tags of tagged unions, which stand in no file."""
    path: list[str | int] = []
    node = values
    for position, part in enumerate(loc, 1):
        if isinstance(node, dict):
            # A key that is missing has nothing below it.
            is_tag = part not in node and (position < len(loc) or part in node.values())
            if is_tag:
                continue
            node = node.get(part)
        elif isinstance(node, list) and isinstance(part, int) and part < len(node):
            node = node[part]
        elif not isinstance(node, list | dict) and path:
            break
        path.append(part)
    return tuple(path)


def _explain(problem: Any, key: KeyPath, values: Any) -> str:
    kind = problem["type"]
    context = problem.get("ctx", {})
    if kind == "missing":
        return "is required"
    if kind == "union_tag_invalid":
        is_open = ".".join(map(str, key)) in {registry.key for registry in Registry.all}
        known = re.findall(r"'([^']*)'", context["expected_tags"])
        return not_one_of(context["tag"], known, is_open=is_open)
    if kind == "union_tag_not_found":
        return f"needs the key {context['discriminator']} to say which kind it is"
    given = problem["input"]
    shown = "" if isinstance(given, dict | list) else f" (got {given!r})"
    message = problem["msg"].removeprefix("Value error, ")
    return f"{message[0].lower()}{message[1:]}{shown}"
