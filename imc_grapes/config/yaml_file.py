"""Read one YAML file into plain Python values, remembering the line that each key stands on.

PyYAML reads YAML 1.1, where ``lr: 1e-3`` is a string, ``mode: off`` is ``False`` and ``seed: 010`` is eight. Scalars
are resolved here by the YAML 1.2 core schema instead, and a key given twice is an error.
"""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import yaml

from kernels.bounded_file import MEBIBYTE, in_mebibytes, read_bounded
from kernels.errors import InputError

KeyPath = tuple[str | int, ...]

_MOST_BYTES = MEBIBYTE
_MOST_NODES = 100_000
_MOST_LETTERS = 20_000
MOST_DEPTH = 64


@dataclass(frozen=True)
class YamlDocument:
    """The values of a YAML file and where they stand."""

    values: dict[str, Any]
    source: str
    lines: dict[KeyPath, int] = field(default_factory=dict)
    overrides: dict[KeyPath, str] = field(default_factory=dict)
    """What the command line set, as the user wrote it."""

    def where(self, path: KeyPath) -> str:
        """``file:line`` of the key at `path`, or of its nearest ancestor that the file holds; or what overrode it."""
        if path and path not in self.lines:
            for overridden, origin in self.overrides.items():
                if overridden[: len(path)] == path:
                    return origin
        while path and path not in self.lines:
            if path in self.overrides:
                return self.overrides[path]
            path = path[:-1]
        line = self.lines.get(path)
        return self.source if line is None else f"{self.source}:{line}"


class _CoreSchemaLoader(yaml.SafeLoader):
    """PyYAML's safe loader with the scalars of YAML 1.2's core schema."""

    yaml_implicit_resolvers: ClassVar[dict[str, Any]] = {}  # type: ignore[misc]

    _nodes = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        self._nodes += 1
        if self._nodes > _MOST_NODES:
            raise yaml.YAMLError(f"holds more than {_MOST_NODES:,} values")
        return super().compose_node(parent, index)

    def construct_decimal_or_prefixed_int(self, node: yaml.ScalarNode) -> int:
        text = self.construct_scalar(node)
        if text.startswith("0x"):
            return int(text, 16)
        return int(text, 8) if text.startswith("0o") else int(text, 10)


class _QuotingDumper(yaml.SafeDumper):
    """PyYAML's safe dumper, which quotes what would be another type in YAML 1.1, and in 1.2's core schema as well."""


_CORE_SCHEMA = (
    ("int", r"^(?:[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+)$", "-+0123456789"),
    (
        "float",
        r"^(?:[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$",
        "-+0123456789.",
    ),
    ("bool", r"^(?:true|True|TRUE|false|False|FALSE)$", "tTfF"),
    ("null", r"^(?:~|null|Null|NULL|)$", ["~", "n", "N", ""]),
)
for _tag, _pattern, _first in _CORE_SCHEMA:
    for _reader_or_writer in (_CoreSchemaLoader, _QuotingDumper):
        _reader_or_writer.add_implicit_resolver(
            f"tag:yaml.org,2002:{_tag}", re.compile(_pattern), list(_first)
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
        text = read_bounded(path, _MOST_BYTES).decode("utf-8")
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read as text: {error}") from None
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return parse_yaml(text, str(path))


def parse_yaml(text: str, source: str) -> YamlDocument:
    """Like `read_yaml`, of a text; `source` names it in messages."""
    values, lines = _load(text, source)
    if values is None and not lines:
        raise InputError(f"{source}: is empty; see `imc-grapes schema` for what a config holds")
    if not isinstance(values, dict):
        raise InputError(f"{source}: must hold a mapping of keys to values at the top")
    return YamlDocument(values, source, lines)


def parse_scalar(text: str, source: str) -> Any:
    """The value of `text` read as YAML, as in ``--set key=text``; `source` names it in messages."""
    return _load(text, source)[0]


def dump_yaml(values: dict[str, Any]) -> str:
    """`values` as YAML that `parse_yaml` reads back unchanged, and that a YAML 1.1 reader understands alike."""
    return yaml.dump(values, Dumper=_QuotingDumper, sort_keys=False)


def _load(text: str, source: str) -> tuple[Any, dict[KeyPath, int]]:
    """Values of any kind, and the lines of their keys."""
    lines: dict[KeyPath, int] = {}
    loader = None
    try:
        if len(text) > _MOST_BYTES:
            raise InputError(f"{source}: is longer than {in_mebibytes(_MOST_BYTES)}")
        loader = _CoreSchemaLoader(text)
        root = loader.get_single_node()
        if root is None:
            return None, lines
        _refuse_more_than_it_looks(root, source)
        _note_lines(root, (), lines, source)
        return loader.construct_document(root), lines
    except InputError:
        raise
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        at = f":{mark.line + 1}" if mark else ""
        raise InputError(
            f"{source}{at}: not valid YAML: {error.problem or error.context}"
        ) from None
    except RecursionError:
        raise InputError(f"{source}: not valid YAML: is nested too deeply, or in itself") from None
    except (yaml.YAMLError, ValueError) as error:
        raise InputError(f"{source}: not valid YAML: {error}") from None
    finally:
        if loader is not None:
            loader.dispose()


def _refuse_more_than_it_looks(root: yaml.Node, source: str) -> None:
    """Refuse what would be too many, too deep or too long once every alias is replaced by what it stands for."""
    sizes: dict[int, tuple[int, int]] = {}

    def measure(node: yaml.Node, above: frozenset[int]) -> tuple[int, int]:
        if id(node) in above:
            raise InputError(
                f"{source}:{node.start_mark.line + 1}: not valid YAML: is nested too deeply, or in itself"
            )
        if id(node) in sizes:
            return sizes[id(node)]
        if isinstance(node, yaml.ScalarNode):
            if len(node.value) > _MOST_LETTERS:
                raise InputError(
                    f"{source}:{node.start_mark.line + 1}: a value has {len(node.value):,} letters; at most "
                    f"{_MOST_LETTERS:,} are read"
                )
            return 1, 0
        inner = node.value
        if isinstance(node, yaml.MappingNode):
            inner = [one for pair in node.value for one in pair]
        within = above | {id(node)}
        measured = [measure(one, within) for one in inner]
        total = 1 + sum(count for count, _ in measured)
        depth = 1 + max((below for _, below in measured), default=0)
        if total > _MOST_NODES or depth > MOST_DEPTH:
            raise InputError(
                f"{source}:{node.start_mark.line + 1}: holds more than {_MOST_NODES:,} values or {MOST_DEPTH} levels "
                "once its aliases are replaced"
            )
        sizes[id(node)] = total, depth
        return total, depth

    measure(root, frozenset())


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
