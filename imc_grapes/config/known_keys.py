"""Which keys a config could hold where it holds an unknown one, to suggest those that it may have meant."""

from collections.abc import Iterator
from functools import cache
from typing import Any

from pydantic import BaseModel

from device_models.registry import Registry
from imc_grapes.config.yaml_file import KeyPath
from kernels.errors import did_you_mean

Schema = dict[str, Any]
_MOST_PLACES = 3


def suggested_key(model: type[BaseModel], key: KeyPath, values: Any) -> str:
    """``; did you mean lr?`` for the unknown `key`, or nothing where no key is close.

    A key that stands in the wrong section is suggested where it belongs, if no key beside it is alike.

    Args:
        model: what the config was validated as.
        key: path of the unknown key.
        values: the whole config; its tags, such as ``tile: pcm``, choose among the keys of a union.
    """
    registered = tuple(registry.names for registry in Registry.all)
    known = list(_keys(_schema(model, registered), values))
    *section, name = key
    beside = [str(path[-1]) for path in known if path[:-1] == tuple(section)]
    elsewhere = [".".join(map(str, path)) for path in known if path[-1] == name]
    return did_you_mean(name, beside) or (
        f"; did you mean {' or '.join(elsewhere)}?" if 0 < len(elsewhere) <= _MOST_PLACES else ""
    )


@cache
def _schema(model: type[BaseModel], registered: tuple[tuple[str, ...], ...]) -> Schema:
    """The schema of `model` with the names that are `registered`: a sweep asks once per trial."""
    return model.model_json_schema()


def _keys(schema: Schema, values: Any) -> Iterator[KeyPath]:
    """The path of every key that a config may hold, given the tags that it holds, once each."""
    definitions = schema.get("$defs", {})
    seen: dict[KeyPath, None] = {}

    def walk(node: Schema, path: KeyPath, given: Any) -> None:
        if "$ref" in node:
            node = definitions[node["$ref"].rpartition("/")[2]]
        for choice in _choices(node, given, definitions):
            walk(choice, path, given)
        for name, inner in node.get("properties", {}).items():
            seen[*path, name] = None
            walk(inner, (*path, name), given.get(name) if isinstance(given, dict) else None)
        for word, inside in (
            ("items", enumerate(given) if isinstance(given, list) else ()),
            ("additionalProperties", given.items() if isinstance(given, dict) else ()),
        ):
            if isinstance(node.get(word), dict):
                for name, value in inside:
                    walk(node[word], (*path, name), value)

    walk(schema, (), values)
    return iter(seen)


def _choices(node: Schema, given: Any, definitions: Schema) -> list[Schema]:
    """The alternatives of a union that the tags of a mapping allow; all of them where it has none."""
    choices = [*node.get("oneOf", []), *node.get("anyOf", [])]
    resolved = [
        definitions[choice["$ref"].rpartition("/")[2]] if "$ref" in choice else choice
        for choice in choices
    ]
    return [choice for choice in resolved if _fits(choice, given)] or resolved


def _fits(choice: Schema, given: Any) -> bool:
    if not isinstance(given, dict):
        return True
    tags = {
        name: inner["const"]
        for name, inner in choice.get("properties", {}).items()
        if "const" in inner
    }
    return all(given.get(name, tag) == tag for name, tag in tags.items())
