"""What every kind of hardware that drifts offers to the evaluation."""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext
from typing import ClassVar, Self

from crossbar.drift_compensation import Compensation
from kernels.errors import InputError


class ProgrammedNetwork(ABC):
    """A trained network that can be programmed into devices and read at a later time."""

    hardware: ClassVar[str]
    """What it lies on, in words."""
    compensations: ClassVar[tuple[Compensation, ...]] = ("none", "global", "column")
    """Kinds of drift compensation that it has."""

    @property
    @abstractmethod
    def layers(self) -> list[str]:
        """Names of the layers that lie on devices."""

    @abstractmethod
    def only(self, layer: str) -> Self:
        """The same with one layer on its devices, and all others as they were trained."""

    @property
    def nonidealities(self) -> list[str]:
        """Names of what it suffers from and can suffer from alone; none where training left all of it in the devices.

        They are fields of `crossbar.array_layers.nonidealities.Nonidealities`.
        """
        return []

    def suffering_from(self, nonideality: str) -> Self:
        """The same with one of `nonidealities` alone, in all layers."""
        raise NotImplementedError(f"{self.hardware} have no nonideality of their own to switch off")

    @abstractmethod
    def program(self, seed: int) -> None:
        """Program the trained weights into fresh devices; time starts at 0 s."""

    @abstractmethod
    def read(self, time_s: float) -> None:
        """Let the network compute with its devices as they are `time_s` seconds after programming."""

    @abstractmethod
    def n_devices(self) -> int:
        """Devices that the network is programmed into."""

    @abstractmethod
    def compensated(self, kind: Compensation) -> AbstractContextManager[None]:
        """Within it, the outputs of the last read are compensated for drift in this way."""

    def digital(self) -> AbstractContextManager[None]:
        """Within it, the network computes as it would without its devices, where it could."""
        return nullcontext()

    def check(self, compensation: Iterable[Compensation]) -> None:
        """Refuse what the hardware does not have.

        Raises:
            InputError: it has no such drift compensation.
        """
        for kind in compensation:
            if kind not in self.compensations:
                raise InputError(
                    f"compensation: {kind!r} multiplies each column by a factor of its own, which {self.hardware} do "
                    f"not have; allowed: {', '.join(map(repr, self.compensations))}"
                )

    @abstractmethod
    def finish(self) -> None:
        """Give the network back as it was trained."""
