"""What a run computes on: a device of torch, and a number of threads."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

import torch
from threadpoolctl import threadpool_limits

from imc_grapes.config.schema import AihwkitHardware, HardwareConfig, PCMHardware
from kernels.errors import InputError
from kernels.threads import get_threads, set_threads

DeviceName = Literal["cpu", "cuda"]


@dataclass(frozen=True)
class Compute:
    """Sums are taken in an order that both decide: other ones give other last bits, and with them another training."""

    device: DeviceName = "cpu"
    threads: int = 1

    def __post_init__(self) -> None:
        if self.device not in ("cpu", "cuda"):
            raise InputError(f"device: must be cpu or cuda (got {self.device!r})")
        if self.threads < 1:
            raise InputError(f"threads: must be 1 or more (got {self.threads})")

    def refuse_hardware(self, hardware: HardwareConfig) -> None:
        """Make sure that hardware can be computed on such a device.

        Raises:
            InputError: it computes on the CPU only.
        """
        if self.device == "cpu":
            return
        if isinstance(hardware, AihwkitHardware):
            tiles = "aihwkit's tiles"
        elif isinstance(hardware, PCMHardware) and not hardware.in_software:
            tiles = f"devices in place (update.kind: {hardware.update.kind})"
        else:
            return
        raise InputError(
            f"device: {self.device}, but hardware.tile: {hardware.tile} computes {tiles} on the CPU; use cpu, or "
            "hardware.tile: digital, or pcm with update.kind: software"
        )

    def refuse_missing(self) -> None:
        """Make sure that this machine has the device.

        Raises:
            InputError: it has not.
        """
        if self.device == "cuda" and not torch.cuda.is_available():
            raise InputError(f"device: {self.device}, but torch finds none here; use cpu")

    @contextmanager
    def limits(self) -> Iterator[None]:
        """Within it, torch, BLAS and the kernels use that many threads."""
        of_torch, of_kernels = torch.get_num_threads(), get_threads()
        torch.set_num_threads(self.threads)
        set_threads(self.threads)
        try:
            with threadpool_limits(self.threads):
                yield
        finally:
            torch.set_num_threads(of_torch)
            set_threads(of_kernels)

    def __str__(self) -> str:
        return f"--device {self.device} --threads {self.threads}"
