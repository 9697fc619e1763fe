"""The methods that a footprint compares, each as the config of a run that trains with it."""

from dataclasses import dataclass
from typing import Any

from crossbar.costs import ArrayLimits, Method
from crossbar.costs.method import MODULATED
from crossbar.costs.operations import ADC_BITS_OF_EXACT
from crossbar.readout import READOUTS, ColumnCurrent, PerDevice, Readout
from crossbar.rules import RULES
from crossbar.specs import SoftwareSpec, UpdateSpec
from imc_grapes.config import RunConfig
from imc_grapes.config.schema import PCMHardware
from imc_grapes.costs.methods import Circuits, circuits_of, compared, rule_of, usual_learning_rate
from kernels.errors import InputError


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
        name = {"grapes": "GRAPES", "lr_matched": "lr-matched"}.get(self.method.name)
        if name is None:
            name = RULES.entry(self.method.name).label
        readout = f", {self.method.readout.kind}" if self.method.name == "grapes" else ""  # type: ignore[union-attr]
        return f"{name}{readout}"

    @property
    def label(self) -> str:
        """For tables and charts that show both circuits together."""
        return f"{self.rule}, {self.method.update.kind}"


def compared_methods(config: RunConfig) -> list[ComparedMethod]:
    """Every method on all circuits that can run it, on the hardware of `config`; see `imc_grapes.costs.methods`.

    Raises:
        InputError: the config is not about PCM tiles, or about tiles that are never read.
    """
    if not isinstance(config.hardware, PCMHardware):
        raise InputError(
            f"hardware.tile: a footprint is that of PCM tiles (got '{config.hardware.tile}'); "
            "--set hardware.tile=pcm puts the network on them"
        )
    update = config.hardware.update
    if isinstance(update, SoftwareSpec):
        raise InputError(
            "hardware.update.kind: a footprint prices updates on the array, and with software they are computed "
            "digitally, the array being programmed once; --set hardware.update.kind=pulsed prices training in place"
        )
    if config.hardware.read.during_training == "never":
        raise InputError(
            "hardware.read.during_training: the prices of a footprint are those of tiles that are read at each step "
            "(got 'never')"
        )
    return [
        _method(config, name, periphery, readout)
        for periphery, name in compared(update)
        for readout in _readouts(config, name)
    ]


def array_limits(config: RunConfig) -> ArrayLimits:
    """The arrays of a config on PCM tiles."""
    assert isinstance(config.hardware, PCMHardware)
    array, io = config.hardware.array, config.hardware.io
    adc_bits = (None if io.perfect else io.adc_bits) or ADC_BITS_OF_EXACT
    return ArrayLimits(array.rows, array.columns, array.devices_per_polarity, adc_bits)


def _readouts(config: RunConfig, name: str) -> list[Readout | None]:
    if name not in MODULATED:
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
    config: RunConfig, name: str, periphery: Circuits, readout: Readout | None
) -> ComparedMethod:
    rule = rule_of(name)
    update = _update(config, periphery, rule)
    chosen = config.training.grapes
    mode = {"grapes": "propagating", "lr_matched": "lr_matched"}.get(name, "none")
    if name == "grapes" and chosen.mode == "local":
        mode = "local"
    values: dict[str, Any] = config.model_dump()
    values["hardware"]["update"] = update.model_dump()
    own = config.training.optimizer
    values["training"]["optimizer"] = {
        "name": rule,
        "lr": _learning_rate(config, name, periphery, mode),
        "lr_decay": own.lr_decay,
        **(own.given if own.name == rule else {}),
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


def _update(config: RunConfig, periphery: Circuits, rule: str) -> UpdateSpec:
    assert isinstance(config.hardware, PCMHardware)
    assert not isinstance(config.hardware.update, SoftwareSpec)
    own = circuits_of(config.hardware.update, periphery)
    chosen: dict[str, Any] = {"name": rule}
    if own.optimizer.name == rule:
        chosen |= own.optimizer.given
    if RULES[rule].state:
        chosen["state_bits"] = own.optimizer.state_bits
    update: UpdateSpec = type(own).of({**dict(own), "optimizer": chosen})
    return update


def _learning_rate(config: RunConfig, name: str, periphery: Circuits, mode: str) -> float:
    assert isinstance(config.hardware, PCMHardware)
    training = config.training
    is_own = (
        config.hardware.update.kind == periphery
        and training.optimizer.name == rule_of(name)
        and training.grapes.mode == mode
    )
    return training.optimizer.lr if is_own else usual_learning_rate(name, periphery)
