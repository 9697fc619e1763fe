"""Decorators that make a user's own code available by name in configs, as the project's own entries are.

In a file that is named by ``imc-grapes --plugin FILE``::

    from imc_grapes import register

    @register.network("resnet20")
    def resnet20(*, width: int = 16, shape, classes) -> nn.Module:
        ...

makes ``network: {kind: resnet20, width: 32}`` work. The arguments of a function become keys: their annotations and
defaults say what a config may write, the docstring what it means.
"""

import inspect
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal, TypeVar, get_type_hints

import numpy as np
import torch
from pydantic import Field, create_model
from torch import Tensor, nn

from crossbar.readout import READOUTS
from crossbar.rules import RULES
from device_models.parameters import Parameters, described_in
from device_models.registry import Registry, where_defined
from device_models.statistics.base import STATISTICS
from device_models.training import DEVICES
from imc_grapes.data.base import DATA, ImageData
from imc_grapes.data.dataset import Split
from imc_grapes.networks.base import NETWORKS, NetworkConfig
from kernels.errors import InputError

Thing = TypeVar("Thing")
Decorator = Callable[[Thing], Thing]

_BRIGHTEST = 255.0


def network(
    name: str, *, takes: Literal["images", "sequences"] = "images", label: str = ""
) -> Decorator[Thing]:
    """A function (or a class of modules) that builds a network becomes ``network: {kind: NAME}``.

    Args:
        name: of the kind.
        takes: images, ``[batch, channels, height, width]`` to a number per class ``[batch, classes]``; or sequences,
            ``model(x, state)`` of ``[time, batch, features]`` to outputs ``[time, batch, classes]`` and the state.
        label: its name in tables and charts.

    The function gets ``shape`` (channels, height, width; or features) and ``classes`` of the data set, if it has such
    arguments; all others are keys. Random numbers of torch that it draws are decided by the seed.

    Raises:
        InputError: the name is taken, or an argument cannot be a key.
    """

    def decorate(function: Thing) -> Thing:
        made = _parameters_of(
            function, name, NETWORKS, _FunctionNetwork, given=("shape", "classes"), takes=takes
        )
        NETWORKS.add(name, made, label=label, origin=function)
        return function

    return decorate


def data(name: str, *, classes: int | None = None, label: str = "") -> Decorator[Thing]:
    """A function that returns images and labels becomes ``data: {name: NAME}``, with all keys of the built-in sets.

    Args:
        name: of the data set.
        classes: how many there are; None: as many as the labels show.
        label: its name in tables and charts.

    The function returns ``(train_images, train_labels), (test_images, test_labels)``, tensors or arrays: images
    ``[n, channels, height, width]``, ``[n, height, width]`` or ``[n, features]``, bytes (which are divided by 255) or
    floating point; labels ``[n]``, whole numbers from 0. It gets ``data_dir``, the folder of ``--data-dir`` or None, if
    it has such an argument; all others are keys.

    Raises:
        InputError: the name is taken, or an argument cannot be a key.
    """

    def decorate(function: Thing) -> Thing:
        made = _parameters_of(
            function, name, DATA, _FunctionData, given=("data_dir",), n_classes=classes
        )
        DATA.add(name, made, label=label, origin=function)
        return function

    return decorate


def device(name: str, *, label: str = "") -> Decorator[Thing]:
    """A subclass of `device_models.TrainingModel` becomes ``hardware: {tile: pcm, device: {model: NAME}}``.

    What it needs stands in the docstring of `TrainingModel`.

    Raises:
        InputError: the name is taken, a pulse is missing or fails, or is no function that Numba takes.
    """
    return DEVICES.register(name, label=label)


def statistics(name: str, *, label: str = "") -> Decorator[Thing]:
    """A function without arguments becomes ``hardware: {statistics: {preset: NAME}}``.

    It returns `device_models.InferenceStatistics`, or a mapping with any of the keys programming, drift, read_noise.
    """
    return STATISTICS.register(name, label=label)


def readout(name: str, *, label: str = "") -> Decorator[Thing]:
    """A subclass of `crossbar.readout.Readout` becomes ``training: {grapes: {readout: {kind: NAME}}}``."""
    return READOUTS.register(name, label=label)


def rule(name: str, *, label: str = "") -> Decorator[Thing]:
    """A subclass of `crossbar.rules.Rule` becomes ``training: {optimizer: {name: NAME}}``, with its fields as keys.

    `imc_grapes.optimizer` takes the name as well.

    Raises:
        InputError: the name is taken, the update is missing, or a field has a name that a config uses otherwise.
    """
    return RULES.register(name, label=label)


class _FunctionNetwork(NetworkConfig):
    function: ClassVar[Any]
    given: ClassVar[tuple[str, ...]]
    keys: ClassVar[tuple[str, ...]]

    def build(self, shape: tuple[int, ...], classes: int, generator: torch.Generator) -> nn.Module:
        """What the function returns, checked to be a network for such inputs."""
        offered = {"shape": shape, "classes": classes}
        arguments = {name: offered[name] for name in self.given}
        seed = int(torch.randint(2**62, (1,), generator=generator))
        with NETWORKS.blaming(self.kind), torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            built = self.function(**arguments, **{key: getattr(self, key) for key in self.keys})
            if not isinstance(built, nn.Module):
                raise TypeError(f"must return an nn.Module (got a {type(built).__name__})")
            if self.takes == "images":
                _try(built, shape, classes)
        return built

    def __reduce__(self) -> Any:
        return _again, (NETWORKS.key, self.kind, self.model_dump())


def _try(built: nn.Module, shape: tuple[int, ...], classes: int) -> None:
    was_training = built.training
    built.eval()
    with torch.no_grad():
        answers = built(torch.zeros(1, *shape))
    built.train(was_training)
    found = list(answers.shape) if isinstance(answers, Tensor) else type(answers).__name__
    if found != [1, classes]:
        raise ValueError(
            f"one image {list(shape)} must give a number per class [1, {classes}] (got {found})"
        )


class _FunctionData(ImageData):
    function: ClassVar[Any]
    given: ClassVar[tuple[str, ...]]
    keys: ClassVar[tuple[str, ...]]

    def read(self, data_dir: Path | None) -> tuple[Split, Split]:
        """What the function returns, checked and brought into the form of the built-in sets."""
        arguments = {"data_dir": data_dir} if "data_dir" in self.given else {}
        found = self.function(**arguments, **{key: getattr(self, key) for key in self.keys})
        try:
            (train_images, train_labels), (test_images, test_labels) = found
        except (TypeError, ValueError):
            raise TypeError(
                "must return (train_images, train_labels), (test_images, test_labels)"
            ) from None
        training = self._split("training", train_images, train_labels)
        test = self._split("test", test_images, test_labels)
        if training.images.shape[1:] != test.images.shape[1:]:
            raise ValueError(
                f"training images {list(training.images.shape[1:])} and test images "
                f"{list(test.images.shape[1:])} differ in size"
            )
        return training, test

    def _split(self, part: str, images: Any, labels: Any) -> Split:
        pixels, classes = torch.as_tensor(np.asarray(images)), torch.as_tensor(np.asarray(labels))
        if pixels.dtype == torch.uint8:
            pixels = pixels.to(torch.float32) / _BRIGHTEST
        if not pixels.is_floating_point():
            raise TypeError(f"{part} images must be bytes or floating point (got {pixels.dtype})")
        if pixels.dim() == 2:
            pixels = pixels[:, None, None, :]
        elif pixels.dim() == 3:
            pixels = pixels[:, None]
        if pixels.dim() != 4 or not pixels.numel():
            raise ValueError(
                f"{part} images must be [n, channels, height, width], [n, height, width] or [n, features] "
                f"(got {list(np.shape(images))})"
            )
        if not bool(pixels.isfinite().all()):
            raise ValueError(f"{part} images hold NaN or infinity")
        if classes.is_floating_point() or classes.shape != pixels.shape[:1]:
            raise ValueError(
                f"{part} labels must be {len(pixels)} whole numbers (got {list(classes.shape)} {classes.dtype})"
            )
        low, high = int(classes.min()), int(classes.max())
        if low < 0 or (self.n_classes is not None and high >= self.n_classes):
            raise ValueError(
                f"{part} labels must count from 0 to classes - 1 (got {low} to {high})"
            )
        if self.rate_coding is not None and (pixels.min() < 0.0 or pixels.max() > 1.0):
            raise ValueError(f"rate coding needs {part} images within [0, 1]")
        return Split(pixels.to(torch.float32).contiguous(), classes.to(torch.int64))

    def __reduce__(self) -> Any:
        return _again, (DATA.key, self.name, self.model_dump())


def _again(key: str, name: str, values: Mapping[str, Any]) -> Parameters:
    """A made parameter object, in a process that has loaded the same plugins: its class has no place in a module."""
    registry = next(one for one in Registry.all if one.key == key)
    made: Parameters = registry[name].model_validate(values)
    return made


def _parameters_of(
    function: Any,
    name: str,
    registry: Registry[Any],
    base: type[Parameters],
    *,
    given: tuple[str, ...],
    **facts: Any,
) -> Any:
    """A parameter class with a key per argument of `function`, but for those that are `given`."""
    where = f"{registry.key}: '{name}' ({where_defined(function)})"
    if not callable(function):
        raise InputError(f"{where}: must be a function")
    try:
        signature = inspect.signature(function)
        annotated: Any = vars(function)["__init__"] if isinstance(function, type) else function
        hints = get_type_hints(annotated, include_extras=True)
    except (TypeError, ValueError, NameError, KeyError) as error:
        raise InputError(f"{where}: its arguments cannot be read: {error}") from None
    described = described_in(inspect.getdoc(function) or "", "Args")
    fields: dict[str, Any] = {}
    for argument in signature.parameters.values():
        if argument.kind in (
            argument.VAR_POSITIONAL,
            argument.VAR_KEYWORD,
            argument.POSITIONAL_ONLY,
        ):
            raise InputError(f"{where}: every argument needs a name, and {argument} has none")
        if argument.name in given:
            continue
        if argument.name in base.model_fields:
            raise InputError(f"{where}: the argument {argument.name} is a key of its own already")
        if argument.name not in hints:
            raise InputError(
                f"{where}: the argument {argument.name} needs an annotation, which says what a config may write"
            )
        default = ... if argument.default is argument.empty else argument.default
        fields[argument.name] = (
            hints[argument.name],
            Field(default, description=described.get(argument.name)),
        )
    try:
        made = create_model(
            getattr(function, "__name__", name),
            __base__=base,
            __doc__=inspect.getdoc(function),
            **fields,
        )
    except Exception as error:
        raise InputError(f"{where}: its arguments cannot be keys: {error}") from None
    made.function = staticmethod(function)  # type: ignore[attr-defined]
    made.given = tuple(one for one in given if one in signature.parameters)  # type: ignore[attr-defined]
    made.keys = tuple(fields)  # type: ignore[attr-defined]
    for fact, value in facts.items():
        setattr(made, fact, value)
    return made
