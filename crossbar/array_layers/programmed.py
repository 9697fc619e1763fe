"""What the arrays of one layer hold once they are programmed, and what they show at a later time.

Every weight is a differential pair: `w = scale (G+ - G-) / g_max`, the device that it does not need at 0 µS, the K
devices of one polarity all programmed to the same target, and their mean counted (V. Joshi et al., Nat. Commun. 11,
2473 (2020); K: I. Boybat et al., Nat. Commun. 9, 2514 (2018)). A read at a time t gives the mean conductances after
drift and the variance of the read noise, both of `InferenceStatistics.read` with its bounds at 0 and at a device's
largest conductance, so that the noise can be drawn for every input vector and not once for all.

**Wires.** The K devices of one polarity lie in parallel at one crosspoint, and the two polarities of a pair in
neighbouring columns, G+ first. What the array shows is `T(G)` of `crossbar.wires`, solved once per array and read for
the mean conductances G. The variance goes through to first order: that of each device times `(T / G)^2`, the square of
its share of the read voltage and of its current, taken as at most 1: where a device holds next to nothing, T is current
that found other ways, and carries none of its noise.

**Compensation.** Its reads are reads like others, with noise drawn once, right after programming and at the time t,
through the wires if there are any; what they sum up is `crossbar.drift_compensation`'s choice.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from crossbar.array_layers.array_read import ArrayRead, RowBlockRead
from crossbar.array_layers.blocks import Block, Blocks
from crossbar.array_layers.nonidealities import Nonidealities
from crossbar.drift_compensation import Compensation, CompensationRead, compensation_read
from crossbar.specs import WiresSpec
from crossbar.wires import effective_conductances
from device_models.inference.state import ProgrammedState
from device_models.inference.statistics import InferenceStatistics
from kernels.errors import InputError
from kernels.random_streams import stream_key

Array = NDArray[np.float32]
Sums = NDArray[np.float64]
ALL = Nonidealities()


def pair_targets(matrix: Tensor, block: Block, scale: Tensor, g_max_uS: float) -> Array:
    """Conductances that the weights of one array are programmed to.

    Args:
        matrix: float32 `[n_out, n_in]`, the layer's weights.
        block: the array.
        scale: `[n_out]`, weight that g_max stands for in the array's row block.
        g_max_uS: µS.

    Returns:
        float32 `[2, columns, rows]`, µS: G+, then G-; one of the two is 0.

    Raises:
        InputError: a weight is not finite.
    """
    part = matrix[block.columns, block.rows].detach() / scale[block.columns].unsqueeze(1)
    g = part.cpu().numpy() * np.float32(g_max_uS)
    if not np.isfinite(g).all():
        raise InputError(
            "weights: hold a value that is not finite, which no device can be programmed to"
        )
    limit = np.float32(g_max_uS)
    return np.stack([np.clip(g, 0.0, limit), np.clip(-g, 0.0, limit)])


@dataclass(frozen=True)
class _Seen:
    """What one array shows at a time: float32 `[2, columns, rows]`, G+ and G-, summed over K, µS.

    Attributes:
        g: mean conductances of the devices.
        through: the same through the wires; `g` itself without.
        share: what a change of `g` changes in `through`, to first order; None without wires: all of it.
        variance: of the read noise in `through`, µS squared.
    """

    g: Array
    through: Array
    share: Array | None
    variance: Array


@dataclass(frozen=True)
class _ProgrammedArray:
    """The devices of one array.

    Attributes:
        block: the part of the layer that it holds.
        state: `[2, K, columns, rows]`.
        statistics: of the devices.
        wires: None for none.
        seed: of the noise of its compensating reads.
    """

    block: Block
    state: ProgrammedState
    statistics: InferenceStatistics
    wires: WiresSpec | None
    seed: int

    def seen(self, state: ProgrammedState, time_s: float) -> _Seen:
        """What it shows; `state` is its own, or that rewound."""
        mean, variance = (part.sum(1) for part in self.statistics.read_moments(state, time_s))
        if self.wires is None:
            return _Seen(mean, mean, None, variance)
        # [2, columns, rows] to neighbouring columns, and back.
        columns = mean.swapaxes(0, 1).reshape(-1, mean.shape[2])
        solved = effective_conductances(columns, self.wires.row_ohm, self.wires.column_ohm)
        through = solved.reshape(-1, *mean.shape[::2]).swapaxes(0, 1).astype(np.float32)
        share = np.zeros_like(mean)
        np.divide(through, mean, out=share, where=mean > 0.0)
        np.clip(share, 0.0, 1.0, out=share)
        return _Seen(mean, through, share, variance * share * share)

    def compensating_read(
        self, state: ProgrammedState, seen: _Seen, time_s: float, what: CompensationRead
    ) -> Sums:
        """What a compensating read sums up, `[columns]`."""
        read = self.statistics.read(state, time_s, self.seed).sum(1)
        if seen.share is not None:
            read = seen.through + seen.share * (read - seen.g)
        sums: Sums = compensation_read(read[0], read[1], what).sum(1, dtype=np.float64)
        return sums

    def reference(self, what: CompensationRead) -> Sums:
        """The same right after programming."""
        state = self.state.rewound()
        return self.compensating_read(state, self.seen(state, 0.0), 0.0, what)


@dataclass(frozen=True)
class ProgrammedLayer:
    """The programmed arrays of one layer; `program_layer` makes it.

    Attributes:
        blocks: how its weights lie on arrays.
        scales: per row block `[n_out]`: weight that g_max stands for.
        full_range_uS: K g_max.
        seed: of the layer's devices.
        nonidealities: what they suffer from.
    """

    blocks: Blocks
    scales: Sequence[Tensor]
    full_range_uS: float
    seed: int
    nonidealities: Nonidealities
    _arrays: tuple[_ProgrammedArray, ...]
    _references: dict[CompensationRead, list[Sums]] = field(default_factory=dict)

    def n_devices(self) -> int:
        """Devices of all arrays."""
        return sum(array.state.g_programmed_uS.size for array in self._arrays)

    def read(self, time_s: float) -> "LayerRead":
        """Read all arrays.

        Args:
            time_s: s since programming; not earlier than the latest read.

        Raises:
            InputError: the time is negative, not finite, or goes backwards.
        """
        seen = [array.seen(array.state, time_s) for array in self._arrays]
        unit = np.float32(1.0 / self.full_range_uS)
        n_out = self.blocks.n_out
        row_blocks = []
        for index, rows in enumerate(self.blocks.row_blocks):
            shape = (n_out, rows.stop - rows.start)
            weights, variance = np.empty(shape, np.float32), np.empty(shape, np.float32)
            for array, shows in zip(self._arrays, seen, strict=True):
                if array.block.row_block == index:
                    columns = array.block.columns
                    weights[columns] = (shows.through[0] - shows.through[1]) * unit
                    variance[columns] = (shows.variance[0] + shows.variance[1]) * (unit * unit)
            noisy = bool(variance.any())
            row_blocks.append(
                RowBlockRead(
                    torch.from_numpy(weights),
                    self.scales[index],
                    torch.from_numpy(variance) if noisy else None,
                )
            )
        read = ArrayRead(
            tuple(row_blocks),
            seed=int(stream_key(self.seed, "products", float(time_s))) >> 1,
            perfect_converters=not self.nonidealities.converters,
        )
        return LayerRead(self, float(time_s), seen, read)

    def references(self, what: CompensationRead) -> list[Sums]:
        """What compensating reads right after programming summed up, an array each."""
        if what not in self._references:
            self._references[what] = [array.reference(what) for array in self._arrays]
        return self._references[what]


@dataclass(frozen=True)
class LayerRead:
    """One read of a layer's arrays, with every kind of drift compensation.

    Attributes:
        layer: whose.
        time_s: s since programming.
        as_read: what the arrays show, without compensation.
    """

    layer: ProgrammedLayer
    time_s: float
    _seen: list[_Seen]
    as_read: ArrayRead

    def compensated(self, kind: Compensation, what: CompensationRead = "weights") -> ArrayRead:
        """The read with digital factors.

        An array, or column, that shows nothing now gets the factor 1.

        Args:
            kind: "none", a factor per array ("global"), or per column of an array.
            what: what the compensating reads sum up.

        Raises:
            InputError: an array that showed something after programming shows nothing now.
        """
        if kind == "none":
            return self.as_read
        n_out = self.layer.blocks.n_out
        factors = [torch.empty(n_out) for _ in self.as_read.row_blocks]
        arrays = self.layer._arrays
        for array, seen, before in zip(
            arrays, self._seen, self.layer.references(what), strict=True
        ):
            now = array.compensating_read(array.state, seen, self.time_s, what)
            factors[array.block.row_block][array.block.columns] = torch.from_numpy(
                _factors(before, now, kind)
            )
        blocks = tuple(
            replace(block, factor=factor)
            for block, factor in zip(self.as_read.row_blocks, factors, strict=True)
        )
        return replace(self.as_read, row_blocks=blocks)


def program_layer(
    matrix: Tensor,
    blocks: Blocks,
    scales: Sequence[Tensor],
    statistics: InferenceStatistics,
    seed: int,
    *,
    devices_per_polarity: int = 1,
    wires: WiresSpec | None = None,
    nonidealities: Nonidealities = ALL,
) -> ProgrammedLayer:
    """Program the weights of one layer into the devices of its arrays.

    Args:
        matrix: float32 `[n_out, n_in]`, finite.
        blocks: how they lie on arrays.
        scales: per row block `[n_out]`: the weight that g_max stands for.
        statistics: of the devices.
        seed: fixes the devices, their programming and their reads. Layers that must differ need two.
        devices_per_polarity: K.
        wires: of the arrays; None for none.
        nonidealities: what takes part.

    Raises:
        InputError: a weight is not finite, or a target lies outside a measured table.
    """
    left = nonidealities.left_in(statistics)
    arrays = []
    for block in blocks:
        targets = pair_targets(matrix, block, scales[block.row_block], left.g_max_uS)
        shape = (2, devices_per_polarity, *targets.shape[1:])
        key = int(stream_key(seed, "array", block.row_block, block.columns.start))
        state = left.program(np.broadcast_to(targets[:, None], shape), key)
        arrays.append(
            _ProgrammedArray(block, state, left, wires if nonidealities.wires else None, key)
        )
    return ProgrammedLayer(
        blocks,
        tuple(scale.detach().cpu() for scale in scales),
        devices_per_polarity * left.g_max_uS,
        seed,
        nonidealities,
        tuple(arrays),
    )


def _factors(before: Sums, now: Sums, kind: Compensation) -> Array:
    if kind == "global":
        before, now = before.sum(keepdims=True), now.sum(keepdims=True)
        if before > 0.0 and not now > 0.0:
            raise InputError(
                "compensation: an array that conducted after programming shows nothing now, so drift cannot be "
                "compensated"
            )
    factors = np.ones_like(now)
    np.divide(before, now, out=factors, where=now > 0.0)
    return factors.astype(np.float32)
