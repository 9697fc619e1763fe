"""The methods that a footprint compares, each as the config of a run that trains with it."""

from dataclasses import dataclass
from typing import Any, Literal

from crossbar.costs import Method
from crossbar.readout import READOUTS, ColumnCurrent, PerDevice, Readout
from crossbar.specs import AccumulatedSpec, PulsedSpec
from imc_grapes.config import RunConfig
from imc_grapes.config.schema import PCMHardware
from kernels.errors import InputError

Periphery = Literal["pulsed", "accumulated"]

CIRCUITS: dict[Periphery, str] = {"pulsed": "on pulses", "accumulated": "on the accumulator"}
"""What is compared with each other first: the methods on the same circuits, under this heading."""

LEARNING_RATES: dict[tuple[str, Periphery], float] = {
    ("sgd", "pulsed"): 0.1,
    ("grapes", "pulsed"): 0.05,
    ("lr_matched", "pulsed"): 0.05,
    ("sgd", "accumulated"): 0.8,
    ("grapes", "accumulated"): 0.4,
    ("lr_matched", "accumulated"): 0.4,
    ("momentum", "accumulated"): 0.04,
    ("nag", "accumulated"): 0.04,
    ("rmsprop", "accumulated"): 0.005,
    ("adam", "accumulated"): 0.005,
}
"""Of the methods that a config does not name; they decide how many pulses an update fires."""

_STATELESS = ("sgd", "grapes", "lr_matched")
_STATEFUL = ("momentum", "nag", "rmsprop", "adam")


@dataclass(frozen=True)
class ComparedMethod:
    """One row of the comparison.

    Attributes:
        method: what is priced.
        config: a run that trains with it.
    """

    method: Method
    config: RunConfig

    @property
    def rule(self) -> str:
        """For tables and charts of one kind of circuits."""
        name = {
            "sgd": "SGD",
            "grapes": "GRAPES",
            "lr_matched": "lr-matched",
            "momentum": "momentum",
            "nag": "NAG",
            "rmsprop": "RMSprop",
            "adam": "Adam",
        }[self.method.name]
        readout = f", {self.method.readout.kind}" if self.method.name == "grapes" else ""  # type: ignore[union-attr]
        return f"{name}{readout}"

    @property
    def label(self) -> str:
        """For tables and charts that show both circuits together."""
        return f"{self.rule}, {self.method.update.kind}"


def compared_methods(config: RunConfig) -> list[ComparedMethod]:
    """Every method on every periphery that can run it, on the hardware of `config`.

    Raises:
        InputError: the config is not about PCM tiles, or about tiles that are never read.
    """
    if not isinstance(config.hardware, PCMHardware):
        raise InputError(
            f"hardware.tile: a footprint is that of PCM tiles (got '{config.hardware.tile}'); "
            "--set hardware.tile=pcm puts the network on them"
        )
    if config.hardware.read.during_training == "never":
        raise InputError(
            "hardware.read.during_training: the prices of a footprint are those of tiles that are read at each step "
            "(got 'never')"
        )
    return [
        _method(config, name, periphery, readout)
        for periphery in CIRCUITS
        for name in (_STATELESS if periphery == "pulsed" else (*_STATELESS, *_STATEFUL))
        for readout in _readouts(config, name)
    ]


def _readouts(config: RunConfig, name: str) -> list[Readout | None]:
    if name not in ("grapes", "lr_matched"):
        return [None]
    grapes = config.training.grapes
    if config.training.error_transport == "dfa":
        # The factors are those of the inputs there, which no other circuit reads.
        return [PerDevice()]
    own = ColumnCurrent(adc_bits=8) if grapes.mode == "none" else grapes.readout
    if name == "lr_matched":
        return [own]
    others = [one.value.of({"adc_bits": 8}) for one in READOUTS]
    return [own, *(one for one in others if type(one) is not type(own))]


def _method(
    config: RunConfig, name: str, periphery: Periphery, readout: Readout | None
) -> ComparedMethod:
    optimizer = name if name in _STATEFUL else "sgd"
    update = _update(config, periphery, optimizer)
    chosen = config.training.grapes
    mode = {"grapes": "propagating", "lr_matched": "lr_matched"}.get(name, "none")
    if name == "grapes" and chosen.mode == "local":
        mode = "local"
    values: dict[str, Any] = config.model_dump()
    values["hardware"]["update"] = update.model_dump()
    values["training"]["optimizer"] |= {
        "name": optimizer,
        "lr": _learning_rate(config, name, periphery, mode),
    }
    values["training"]["grapes"] = {"mode": mode}
    if readout is not None:
        values["training"]["grapes"] |= {
            "exclude": chosen.exclude,
            "readout": readout.model_dump(),
            "factor_bits": chosen.factor_bits,
            "clip": chosen.clip,
        }
    priced: dict[str, Any] = {"name": name, "update": update, "readout": readout}
    if readout is not None and chosen.factor_bits is not None:
        priced["factor_bits"] = chosen.factor_bits
    if readout is not None and config.training.error_transport == "dfa":
        priced["factors_of"] = "inputs"
    return ComparedMethod(Method.of(priced), RunConfig.model_validate(values))


def _update(
    config: RunConfig, periphery: Periphery, optimizer: str
) -> PulsedSpec | AccumulatedSpec:
    assert isinstance(config.hardware, PCMHardware)
    own = config.hardware.update
    if periphery == "pulsed":
        if isinstance(own, PulsedSpec):
            return own
        return PulsedSpec(refresh=own.refresh, operand_bits=own.operand_bits)
    if not isinstance(own, AccumulatedSpec):
        own = AccumulatedSpec(refresh=own.refresh, operand_bits=own.operand_bits)
    bits = own.optimizer.state_bits if optimizer != "sgd" else 32
    rule = {"name": optimizer, "state_bits": bits}
    return AccumulatedSpec.of({**own.model_dump(), "optimizer": rule})


def _learning_rate(config: RunConfig, name: str, periphery: Periphery, mode: str) -> float:
    assert isinstance(config.hardware, PCMHardware)
    training = config.training
    is_own = (
        config.hardware.update.kind == periphery
        and training.optimizer.name == (name if name in _STATEFUL else "sgd")
        and training.grapes.mode == mode
    )
    return training.optimizer.lr if is_own else LEARNING_RATES[name, periphery]
