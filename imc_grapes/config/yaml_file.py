"""Read one YAML file into plain Python values, remembering the line that each key stands on.

PyYAML reads YAML 1.1, where ``lr: 1e-3`` is a string, ``mode: off`` is ``False`` and ``seed: 010`` is eight. Scalars
are resolved here by the YAML 1.2 core schema instead, and a key given twice is an error.
"""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import yaml

from kernels.errors import InputError

KeyPath = tuple[str | int, ...]


@dataclass(frozen=True)
class YamlDocument:
    """The values of a YAML file and where they stand."""

    values: dict[str, Any]
    source: str
    lines: dict[KeyPath, int] = field(default_factory=dict)

    def where(self, path: KeyPath) -> str:
        """``file:line`` of the key at `path`, or of its nearest ancestor that the file holds."""
        while path and path not in self.lines:
            path = path[:-1]
        line = self.lines.get(path)
        return self.source if line is None else f"{self.source}:{line}"


class _CoreSchemaLoader(yaml.SafeLoader):
    """PyYAML's safe loader with the scalars of YAML 1.2's core schema."""

    yaml_implicit_resolvers: ClassVar[dict[str, Any]] = {}  # type: ignore[misc]

    def construct_decimal_or_prefixed_int(self, node: yaml.ScalarNode) -> int:
        text = self.construct_scalar(node)
        if text.startswith("0x"):
            return int(text, 16)
        return int(text, 8) if text.startswith("0o") else int(text, 10)


_INT = re.compile(r"^(?:[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+)$")
_FLOAT = re.compile(
    r"^(?:[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$"
)
_CoreSchemaLoader.add_implicit_resolver("tag:yaml.org,2002:int", _INT, list("-+0123456789"))
_CoreSchemaLoader.add_implicit_resolver("tag:yaml.org,2002:float", _FLOAT, list("-+0123456789."))
_CoreSchemaLoader.add_implicit_resolver(
    "tag:yaml.org,2002:bool", re.compile(r"^(?:true|True|TRUE|false|False|FALSE)$"), list("tTfF")
)
_CoreSchemaLoader.add_implicit_resolver(
    "tag:yaml.org,2002:null", re.compile(r"^(?:~|null|Null|NULL|)$"), ["~", "n", "N", ""]
)
_CoreSchemaLoader.add_constructor(
    "tag:yaml.org,2002:int", _CoreSchemaLoader.construct_decimal_or_prefixed_int
)


def read_yaml(path: Path) -> YamlDocument:
    """Read the mapping in the YAML file at `path`.

    Raises:
        InputError: the file is missing, is a directory, is empty, is not UTF-8, is not YAML, holds a key twice, or
            holds something other than a mapping.
    """
    if path.is_dir():
        raise InputError(f"{path}: is a directory; give the path of a YAML file inside it")
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read as text: {error}") from None
    return parse_yaml(text, str(path))


def parse_yaml(text: str, source: str) -> YamlDocument:
    """Like `read_yaml`, of a text; `source` names it in messages."""
    loader = _CoreSchemaLoader(text)
    try:
        root = loader.get_single_node()
        if root is None:
            raise InputError(f"{source}: is empty; see `imc-grapes schema` for what a config holds")
        if not isinstance(root, yaml.MappingNode):
            raise InputError(f"{source}: must hold a mapping of keys to values at the top")
        lines: dict[KeyPath, int] = {}
        _note_lines(root, (), lines, source)
        values = loader.construct_document(root)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        at = f":{mark.line + 1}" if mark else ""
        raise InputError(
            f"{source}{at}: not valid YAML: {error.problem or error.context}"
        ) from None
    except yaml.YAMLError as error:
        raise InputError(f"{source}: not valid YAML: {error}") from None
    finally:
        loader.dispose()
    return YamlDocument(values, source, lines)


def parse_scalar(text: str) -> Any:
    """The value of `text` read as YAML, as in ``--set key=text``."""
    try:
        return yaml.load(text, Loader=_CoreSchemaLoader)
    except yaml.YAMLError as error:
        raise InputError(f"'{text}' is not valid YAML: {error}") from None


def _note_lines(node: yaml.Node, path: KeyPath, lines: dict[KeyPath, int], source: str) -> None:
    """Record the line of every key and list item below `node`, refusing keys given twice."""
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise InputError(f"{source}:{key.start_mark.line + 1}: a key must be a plain name")
            inner = (*path, key.value)
            if inner in lines:
                line = key.start_mark.line + 1
                name = ".".join(map(str, inner))
                raise InputError(
                    f"{source}:{line}: {name}: given twice (first on line {lines[inner]})"
                )
            lines[inner] = key.start_mark.line + 1
            _note_lines(value, inner, lines, source)
    elif isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            lines[(*path, index)] = item.start_mark.line + 1
            _note_lines(item, (*path, index), lines, source)
