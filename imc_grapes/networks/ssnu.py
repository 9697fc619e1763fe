"""Networks of soft spiking neural units."""

from collections.abc import Iterator

from torch import nn

from imc_grapes.data.base import DataConfig
from imc_grapes.networks.base import NETWORKS, Problem
from imc_grapes.networks.snu import SNUConfig


@NETWORKS.register("ssnu", label="sSNU")
class SSNUConfig(SNUConfig):
    """Layers of soft spiking neural units, whose outputs are analog."""

    def units(self, n_in: int, n_out: int) -> nn.Module:
        """A layer of soft units."""
        from imc_grapes.spiking import sSNU  # compiles a kernel, which takes seconds

        return sSNU(n_in, n_out, **self.unit_options(n_out))

    def problems(self, data: DataConfig, *, on_devices: bool) -> Iterator[Problem]:
        """As for spiking units, and there is no step whose derivative could be replaced."""
        yield from super().problems(data, on_devices=on_devices)
        if self.pseudo_derivative != "tanh":
            yield ("pseudo_derivative",), "belongs to snu: the derivatives of ssnu are its own"
