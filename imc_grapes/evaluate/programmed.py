"""What every kind of hardware that drifts offers to the evaluation."""

from abc import ABC, abstractmethod
from contextlib import AbstractContextManager
from typing import Self


class ProgrammedNetwork(ABC):
    """A trained network that can be programmed into devices and read at a later time."""

    @property
    @abstractmethod
    def layers(self) -> list[str]:
        """Names of the layers that lie on devices."""

    @abstractmethod
    def only(self, layer: str) -> Self:
        """The same with one layer on its devices, and all others as they were trained."""

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
    def without_compensation(self) -> AbstractContextManager[None]:
        """Within it, the outputs are taken as they come; otherwise global drift compensation scales each array's."""

    @abstractmethod
    def finish(self) -> None:
        """Give the network back as it was trained."""
