"""Open lists: what can be chosen by name in a config, each entry added by the file that defines it.

The entries of the project stand in the modules of one package, and are imported when they are first asked for. Others,
such as those of a user's plugin, are added as soon as their module is imported. Schemas, commands and reports ask the
registry, so that no list of names stands anywhere else.
"""

import importlib
import inspect
import json
import pkgutil
import re
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Generic, Literal, TypeVar

from pydantic import BaseModel, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.fields import FieldInfo
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticKnownError, core_schema

from device_models.parameters import Parameters
from kernels.errors import InputError, did_you_mean

T = TypeVar("T")
Thing = TypeVar("Thing")

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_\-]*")


@dataclass(frozen=True)
class Entry(Generic[T]):
    """One thing that can be chosen by name.

    Attributes:
        name: what a config calls it.
        value: the class or function that was registered.
        label: its name in tables and charts.
        description: one line that says what it is.
        module: name of the module that registered it.
        where: file and line of its definition, for messages.
    """

    name: str
    value: T
    label: str
    description: str
    module: str
    where: str


class Registry(Generic[T]):
    """Entries by name: the project's own in the order of their modules, then the others as they were registered.

    Args:
        key: of a config, under which a name is chosen; it begins every message.
        home: package whose modules register the project's own entries, best each in a module of its own name, which is
            then all that a look-up imports.
        base: class that every entry is a subclass of; None for functions.
        tag: field of those classes that holds the name; registering a class sets it.
        prepare: called with every class before it is registered; what it raises says why the class will not do.
    """

    all: ClassVar[list["Registry[Any]"]] = []

    def __init__(
        self,
        key: str,
        home: str,
        base: type | None = None,
        tag: str | None = None,
        prepare: Callable[[Any], None] | None = None,
    ) -> None:
        self.key = key
        self.base = base
        self.tag = tag
        self._home = home
        self._prepare = prepare
        self._searched = False
        self._entries: dict[str, Entry[T]] = {}
        Registry.all.append(self)

    def register(
        self, name: str, *, label: str = "", description: str = ""
    ) -> Callable[[Thing], Thing]:
        """A decorator that makes a class or function available as `name`.

        Args:
            name: letters, digits, ``_`` and ``-``.
            label: its name in tables and charts; `name` by default.
            description: one line that says what it is; by default the first line of the docstring.

        Raises:
            InputError: the name is taken or impossible, or the class lacks what the others have.
        """

        def decorate(thing: Thing) -> Thing:
            self.add(name, thing, label=label, description=description, origin=thing)  # type: ignore[arg-type]
            return thing

        return decorate

    def add(
        self, name: str, value: T, *, label: str = "", description: str = "", origin: Any
    ) -> None:
        """Register `value` as `name`; `origin` is the class or function that a user wrote."""
        where = where_defined(origin)
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise InputError(
                f"{self.key}: a name is made of letters, digits, _ and - (got {name!r}, {where})"
            )
        if not self._is_own(origin.__module__):
            self._find_all()
        if name in self._entries:
            raise InputError(
                f"{self.key}: '{name}' is registered twice: by {self._entries[name].where}, and by {where}"
            )
        if self.base is not None:
            self._check_class(name, value, where)
        docstring = inspect.getdoc(origin) or ""
        self._entries[name] = Entry(
            name=name,
            value=value,
            label=label or name,
            description=description or docstring.partition("\n")[0].removesuffix("."),
            module=origin.__module__,
            where=where,
        )

    def remove(self, name: str) -> None:
        """Forget an entry."""
        del self._entries[name]

    def __getitem__(self, name: str) -> T:
        """What is registered as `name`.

        Raises:
            InputError: nothing is; the message names what is close, and what there is.
        """
        return self.entry(name).value

    def entry(self, name: str) -> Entry[T]:
        """The whole entry; errors as for indexing."""
        if name not in self:
            raise InputError(f"{self.key}: {self.unknown(name)}")
        return self._entries[name]

    def __contains__(self, name: object) -> bool:
        if not isinstance(name, str):
            return False
        if name not in self._entries:
            self._find(name)
        return name in self._entries

    def __iter__(self) -> Iterator[Entry[T]]:
        self._find_all()
        own = [entry for entry in self._entries.values() if self._is_own(entry.module)]
        others = [entry for entry in self._entries.values() if not self._is_own(entry.module)]
        return iter([*sorted(own, key=lambda entry: entry.module), *others])

    @property
    def names(self) -> tuple[str, ...]:
        """Every name."""
        return tuple(entry.name for entry in self)

    def is_own(self, name: str) -> bool:
        """Whether an entry is one of the project's own."""
        return self._is_own(self.entry(name).module)

    @contextmanager
    def blaming(self, name: str) -> Iterator[None]:
        """Within it, whatever a user's entry raises becomes an InputError with its name, its file and the line."""
        entry = self.entry(name)
        try:
            yield
        except InputError:
            raise
        except Exception as error:
            if self._is_own(entry.module):
                raise
            where = _line_of(error, entry) or entry.where
            raise InputError(f"{self.key}: '{name}' ({where}): {_said(error)}") from error

    def unknown(self, name: Any) -> str:
        """What is wrong with a name that is not registered, and what would be right."""
        return not_one_of(name, self.names, is_open=True)

    def _check_class(self, name: str, value: Any, where: str) -> None:
        base: Any = self.base
        if not (isinstance(value, type) and issubclass(value, base)):
            raise InputError(
                f"{self.key}: '{name}' ({where}) must be a subclass of {base.__module__}.{base.__name__}"
            )
        missing = sorted(getattr(value, "__abstractmethods__", ()))
        if missing:
            raise InputError(f"{self.key}: '{name}' ({where}) lacks {', '.join(missing)}")
        if self._prepare is not None:
            try:
                self._prepare(value)
            except Exception as error:
                raise InputError(f"{self.key}: '{name}' ({where}): {_said(error)}") from error
        if self.tag is not None:
            _set_tag(value, self.tag, name)

    def _is_own(self, module: str) -> bool:
        return module.startswith(f"{self._home}.")

    def _modules(self) -> list[str]:
        package = importlib.import_module(self._home)
        return [module.name for module in pkgutil.iter_modules(package.__path__)]

    def _find(self, name: str) -> None:
        """Import the module of the project that has this name; all of them if there is none."""
        if not self._searched and name in self._modules():
            importlib.import_module(f"{self._home}.{name}")
        if name not in self._entries:
            self._find_all()

    def _find_all(self) -> None:
        if self._searched:
            return
        self._searched = True
        for module in self._modules():
            importlib.import_module(f"{self._home}.{module}")


class OneOf:
    """Annotation of a pydantic field that holds an instance of any class of a registry, chosen by its tag.

    A tagged union that is open: names are looked up when a value is validated. JSON, which is what files become, is
    validated strictly; Python values are not. Dumps are those of the class, and round-trip.

    Args:
        registry: of classes with a tag.
        default: name that a mapping without the tag means; None where the tag must be given.
    """

    def __init__(self, registry: Registry[Any], default: str | None = None) -> None:
        self._registry = registry
        self._default = default

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        """Validated here; serialised as what it is."""
        return core_schema.with_info_plain_validator_function(
            lambda value, info: self._validate(value, info.mode)
        )

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """One of what is registered now, each with its description, told apart by a tag that only the default lacks."""
        choices = []
        name_key: Any = self._registry.tag
        for entry in self._registry:
            parameters: type[BaseModel] = entry.value
            # Not by the handler alone, which would leave out what the class adds to its schema.
            choice = parameters.__get_pydantic_json_schema__(
                parameters.__pydantic_core_schema__, handler
            )
            resolved = handler.resolve_ref_schema(choice)
            what = entry.description or f"registered by {entry.where}"
            resolved["properties"][name_key]["description"] = f"{entry.name}: {what}."
            for about in resolved["properties"].values():
                about.setdefault("description", f"Not described by {entry.where}.")
            if entry.name != self._default:
                others = [key for key in resolved.get("required", []) if key != name_key]
                resolved["required"] = [name_key, *others]
            choices.append(choice)
        return {"oneOf": choices}

    def _validate(self, value: Any, mode: Literal["python", "json"]) -> Any:
        registry = self._registry
        tag: Any = registry.tag
        if isinstance(value, registry.base or ()):
            return value
        if not isinstance(value, Mapping):
            raise PydanticKnownError("model_attributes_type")
        name = value.get(tag, self._default)
        if name is None:
            raise PydanticKnownError("union_tag_not_found", {"discriminator": repr(tag)})
        if not isinstance(name, str) or name not in registry:
            expected = ", ".join(map(repr, registry.names))
            raise PydanticKnownError(
                "union_tag_invalid",
                {"discriminator": repr(tag), "tag": str(name), "expected_tags": expected},
            )
        chosen: type[BaseModel] = registry[name]
        values = {**value, tag: name}
        if mode == "json":
            return chosen.model_validate_json(json.dumps(values), strict=True)
        return chosen.model_validate(values)


class NameIn:
    """Annotation of a text field that holds the name of an entry; the name is looked up when it is validated."""

    def __init__(self, registry: Registry[Any]) -> None:
        self.registry = registry

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        """A text, then looked up."""
        return core_schema.no_info_after_validator_function(
            self._known, core_schema.str_schema(), serialization=core_schema.to_string_ser_schema()
        )

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """One of the names that are registered now."""
        return {"type": "string", "enum": list(self.registry.names)}

    def _known(self, name: str) -> str:
        if name not in self.registry:
            raise ValueError(self.registry.unknown(name))
        return name


def entries_in(value: Any) -> Iterator[tuple[Registry[Any], Entry[Any]]]:
    """Every entry that parameters use, those inside them included, with its registry."""
    if isinstance(value, tuple | list):
        for item in value:
            yield from entries_in(item)
    if not isinstance(value, BaseModel):
        return
    for registry in Registry.all:
        if registry.tag is not None and isinstance(value, registry.base or ()):
            name = getattr(value, registry.tag)
            if name in registry:
                yield registry, registry.entry(name)
    for name, field in type(value).model_fields.items():
        inner = getattr(value, name)
        for mark in field.metadata:
            if isinstance(mark, NameIn) and inner in mark.registry:
                yield mark.registry, mark.registry.entry(inner)
        yield from entries_in(inner)


def not_one_of(name: Any, names: Iterable[str], *, is_open: bool = False) -> str:
    """``'mpl' is not one of 'mlp', 'cnn'; did you mean mlp?``; of an open list also how it gets more names.

    Args:
        name: what was asked for.
        names: what there is.
        is_open: whether plugins add to the list.
    """
    known = list(names)
    listed = ", ".join(map(repr, known)) or "nothing: there are none"
    message = f"{name!r} is not one of {listed}"
    if any(mark in str(name) for mark in "./:\\"):
        return (
            f"{message}; a config loads no code: --plugin FILE makes what FILE registers available"
        )
    message += did_you_mean(name, known)
    if is_open:
        message += " (what a file of your own registers needs --plugin FILE before the command)"
    return message


def where_defined(thing: Any) -> str:
    """``file:line`` of a class or function, or its module where there is no file."""
    try:
        file = inspect.getsourcefile(thing)
        line = inspect.getsourcelines(thing)[1]
    except (OSError, TypeError):
        return str(getattr(thing, "__module__", "an interactive session"))
    return f"{_short(Path(file))}:{line}" if file else str(thing.__module__)


def _line_of(error: BaseException, entry: Entry[Any]) -> str | None:
    """Where in the entry's own file an error came up."""
    file = getattr(sys.modules.get(entry.module), "__file__", None)
    lines = [
        frame.lineno
        for frame in traceback.extract_tb(error.__traceback__)
        if frame.filename == file
    ]
    return f"{_short(Path(str(file)))}:{lines[-1]}" if lines else None


def _said(error: BaseException) -> str:
    return str(error) if isinstance(error, InputError) else f"{type(error).__name__}: {error}"


def _short(path: Path) -> Path:
    """Relative to the working directory, where it lies below it."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def _set_tag(parameters: type[Parameters], tag: str, name: str) -> None:
    """Give a class the field `tag`, whose only value is `name`."""
    only: Any = Literal[name]
    parameters.__annotations__[tag] = only
    parameters.__pydantic_fields__[tag] = FieldInfo.from_annotated_attribute(only, name)
    parameters.model_rebuild(force=True)
