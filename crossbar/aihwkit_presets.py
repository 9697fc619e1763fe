"""aihwkit's named presets: what device each has, how it is trained, where it was published.

Everything is read from aihwkit's own classes and docstrings, so a newer aihwkit lists its newer presets.
"""

import inspect
import re
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

from kernels.errors import InputError, did_you_mean

_REFERENCE = re.compile(r"\.\. _`(?P<text>[^`]+)`:\s*(?P<url>\S+)")


@dataclass(frozen=True)
class AihwkitPreset:
    """One configuration class of aihwkit.simulator.presets."""

    name: str
    device: str
    """What stores a weight."""
    training: Literal["in-situ", "HWA"]
    """in-situ: pulses update the devices themselves; HWA: hardware-aware training in software, then programming."""
    drifts: bool
    """Whether its devices can be programmed and read after a time."""
    references: tuple[str, ...]
    """Publications that aihwkit names for the preset or its device."""
    config_class: type[Any]


@cache
def all_presets() -> dict[str, AihwkitPreset]:
    """Every preset by its name, in alphabetical order."""
    import aihwkit.simulator.presets as presets
    from aihwkit.simulator.parameters.base import RPUConfigBase

    classes = {
        name: cls
        for name, cls in sorted(vars(presets).items())
        if inspect.isclass(cls) and issubclass(cls, RPUConfigBase)
    }
    return {name: _describe(name, cls) for name, cls in classes.items()}


def find_preset(name: str) -> AihwkitPreset:
    """The preset called `name`.

    Raises:
        InputError: there is none; the message names the closest ones.
    """
    presets = all_presets()
    if name in presets:
        return presets[name]
    hint = did_you_mean(name, presets) or ";"
    raise InputError(f"'{name}' is no preset of aihwkit{hint} `imc-grapes presets` lists them all")


def _describe(name: str, cls: type[Any]) -> AihwkitPreset:
    config = cls()
    drifts = hasattr(config, "noise_model")
    devices = _devices(config)
    references = [
        f"{match['text']}, {match['url']}"
        for source in (cls, *map(type, devices))
        for match in _REFERENCE.finditer(inspect.cleandoc(source.__doc__ or ""))
    ]
    return AihwkitPreset(
        name=name,
        device=_device_words(config, devices, drifts),
        training="HWA" if drifts else "in-situ",
        drifts=drifts,
        references=tuple(dict.fromkeys(references)),
        config_class=cls,
    )


def _devices(config: Any) -> list[Any]:
    """The outer device of a config and the devices inside it, outermost first."""
    device = getattr(config, "device", None)
    devices = []
    while device is not None:
        devices.append(device)
        inner = getattr(device, "unit_cell_devices", None) or [getattr(device, "device", None)]
        device = inner[0]
    return devices


def _device_words(config: Any, devices: list[Any], drifts: bool) -> str:
    if drifts:
        return f"pairs programmed once, {type(config.noise_model).__name__}"
    names = [type(device).__name__.removesuffix("Device") for device in devices]
    count = len(getattr(devices[0], "unit_cell_devices", [])) or 1
    times = f"{count} x " if count > 1 else ""
    return names[0] if len(names) == 1 else f"{names[0]} of {times}{names[-1]}"
