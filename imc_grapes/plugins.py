"""Code of a user's own: plugins that register networks, data sets, devices, statistics, readouts and update rules.

A plugin is a Python file, a folder with an ``__init__.py``, or the name of a module that can be imported. It is named
on the command line, in the variable IMC_GRAPES_PLUGINS, or by an installed package; a config never loads one.
"""

import hashlib
import importlib
import importlib.util
import os
import socket
import sys
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType

from device_models.registry import Entry, Registry
from kernels.errors import InputError

VARIABLE = "IMC_GRAPES_PLUGINS"
GROUP = "imc_grapes.plugins"
_PREFIX = "imc_grapes_plugin"
_OWN = ("kernels.", "device_models.", "crossbar.", "imc_grapes.")
_SHOWN_DIGITS = 12


@dataclass(frozen=True)
class Plugin:
    """A plugin that is loaded, with all that another process needs to load the same."""

    asked: str
    """How the user named it."""
    module: str
    """The name of its module."""
    digest: str
    """SHA-256 of its source."""
    sources: tuple[tuple[str, bytes], ...] | None
    """Every file of its source by its path below the plugin's folder; None for an installed module."""


_loaded: dict[str, Plugin] = {}


def load_plugins(names: Iterable[str] = ()) -> None:
    """Load plugins, and those that the variable IMC_GRAPES_PLUGINS and installed packages name.

    Args:
        names: paths of files or folders, or names of modules.

    Raises:
        InputError: a plugin is not there, fails, or registers a name that is taken; nothing of it stays registered.
    """
    from_variable = os.environ.get(VARIABLE, "").split(os.pathsep)
    for name in [*names, *filter(None, from_variable)]:
        load_plugin(name)
    for point in entry_points(group=GROUP):
        load_plugin(point.module)


def load_plugin(name: str) -> Plugin:
    """Load one plugin, if this process has not done so; errors as for `load_plugins`.

    Args:
        name: path of a file or a folder, or name of a module.
    """
    path = Path(name)
    if path.exists() or path.suffix == ".py" or os.sep in name:
        return _load_sources(name, _sources_at(path), path)
    for plugin in _loaded.values():
        if plugin.module == name:
            return plugin
    with _Registering(name):
        try:
            module = importlib.import_module(name)
        except ModuleNotFoundError as error:
            if error.name is None or not f"{name}.".startswith(f"{error.name}."):
                raise
            raise InputError(
                f"plugin {name}: is neither a file, a folder nor a module that can be imported"
            ) from None
    return _keep(Plugin(name, name, _digest(_sources_of(module)), None))


def loaded_plugins() -> tuple[Plugin, ...]:
    """Every plugin of this process."""
    return tuple(_loaded.values())


def load_again(plugins: Sequence[Plugin]) -> None:
    """Load, in another process, plugins that one process has loaded.

    Raises:
        InputError: an installed module is another one here.
    """
    for plugin in plugins:
        if plugin.sources is not None:
            _load_sources(plugin.asked, plugin.sources, Path(plugin.asked))
            continue
        here = load_plugin(plugin.asked)
        if here.digest != plugin.digest:
            raise InputError(
                f"plugin {plugin.asked}: is another one on {socket.gethostname()}: source "
                f"{plugin.digest[:_SHOWN_DIGITS]} here, {here.digest[:_SHOWN_DIGITS]} there"
            )


def source_digest(entry: Entry[object]) -> str | None:
    """SHA-256 of the source that an entry comes from; None for the project's own."""
    if entry.module.startswith(_OWN):
        return None
    for plugin in _loaded.values():
        if entry.module == plugin.module or entry.module.startswith(f"{plugin.module}."):
            return plugin.digest
    module = sys.modules.get(entry.module)
    return _digest(_sources_of(module)) if module else hashlib.sha256(b"").hexdigest()


class _Registering:
    """Whatever a plugin raises becomes an InputError that names it, and what it had registered is forgotten."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._before: list[tuple[Registry[object], set[str]]] = []

    def __enter__(self) -> None:
        self._before = [(registry, set(registry.names)) for registry in Registry.all]

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if error is None:
            return
        for registry, names in self._before:
            for name in set(registry.names) - names:
                registry.remove(name)
        if isinstance(error, InputError):
            raise InputError(f"plugin {self._name}: {error}") from None
        if isinstance(error, Exception):
            raise InputError(f"plugin {self._name}: {_place(error)}") from error


def _place(error: Exception) -> str:
    trace, frames = error.__traceback__, []
    while trace is not None:
        frames.append((trace.tb_frame.f_code.co_filename, trace.tb_lineno))
        trace = trace.tb_next
    if isinstance(error, SyntaxError):
        where = f"{error.filename}:{error.lineno}"
    else:
        outside = [
            frame for frame in frames if "importlib" not in frame[0] and frame[0] != __file__
        ]
        where = ":".join(map(str, (outside or frames)[-1]))
    advice = ""
    if isinstance(error, ModuleNotFoundError):
        advice = "; files beside a plugin belong to it only in a folder with an __init__.py"
    return f"{where}: {type(error).__name__}: {error}{advice}"


def _sources_at(path: Path) -> tuple[tuple[str, bytes], ...]:
    try:
        if path.is_dir():
            if not (path / "__init__.py").is_file():
                raise InputError(f"plugin {path}: a folder must hold an __init__.py")
            return tuple(
                (file.relative_to(path).as_posix(), file.read_bytes())
                for file in sorted(path.rglob("*.py"))
            )
        return ((path.name, path.read_bytes()),)
    except OSError as error:
        raise InputError(f"plugin {path}: cannot be read: {error.strerror}") from None


def _sources_of(module: ModuleType) -> tuple[tuple[str, bytes], ...]:
    """The source of a module; of one in a package, that of the whole package."""
    package = sys.modules.get(module.__name__.partition(".")[0])
    file = getattr(package or module, "__file__", None) or getattr(module, "__file__", None)
    if file is None:
        return ()
    return _sources_at(Path(file).parent if Path(file).name == "__init__.py" else Path(file))


def _digest(sources: Iterable[tuple[str, bytes]]) -> str:
    found = hashlib.sha256()
    for name, source in sources:
        found.update(f"{name}\n{len(source)}\n".encode() + source)
    return found.hexdigest()


def _load_sources(name: str, sources: tuple[tuple[str, bytes], ...], path: Path) -> Plugin:
    digest = _digest(sources)
    if digest in _loaded:
        return _loaded[digest]
    # The same name on every machine: what was pickled on one is found on another.
    stem = "".join(letter if letter.isalnum() else "_" for letter in path.stem)
    module_name = f"{_PREFIX}_{stem}_{digest[:_SHOWN_DIGITS]}"
    if not path.exists() or _sources_at(path) != sources:
        path = _written(sources, path)
    with _Registering(name):
        _import_from(path, module_name)
    return _keep(Plugin(str(path.absolute()), module_name, digest, sources))


def _written(sources: tuple[tuple[str, bytes], ...], path: Path) -> Path:
    """The sources in a folder of this process, where their files are not those that were read elsewhere."""
    folder = Path(tempfile.mkdtemp(prefix="imc-grapes-plugin-"))
    place = folder if path.suffix == ".py" else folder / path.name
    for name, source in sources:
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_bytes(source)
    return folder / path.name


def _import_from(path: Path, module_name: str) -> None:
    is_folder = path.is_dir()
    file = path / "__init__.py" if is_folder else path
    spec = importlib.util.spec_from_file_location(
        module_name,
        file.absolute(),
        submodule_search_locations=[str(path.absolute())] if is_folder else None,
    )
    if spec is None or spec.loader is None:
        raise InputError("is no Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[module_name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        for name in [one for one in sys.modules if one.startswith(module_name)]:
            del sys.modules[name]
        raise


def _keep(plugin: Plugin) -> Plugin:
    _loaded[plugin.digest] = plugin
    return plugin
