"""Ranges of the converters from calibration samples."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from crossbar.array_layers.layer import ArrayLayer
from crossbar.array_layers.magnitudes import Magnitudes
from crossbar.array_layers.product import vector_product
from crossbar.calibration_batches import inputs_of, refuse_one_tensor
from crossbar.module_modes import modes_kept
from kernels.errors import InputError


def calibrate(model: nn.Module, batches: Iterable[Any]) -> None:
    """Set every calibrated range of a model to the largest magnitude, or a percentile of them, in calibration samples.

    The samples run through the model once, in evaluation mode with its clean weights and without converters, so that
    a range depends neither on the order of the samples nor on the ranges before it. A range of outputs is that of an
    array, in units of a pair at full range driven by a full input.

    In the forward passes of a training ranges grow with what comes, since weights do; calibrate again behind it.

    Args:
        model: with layers on arrays; those without calibrated ranges stay as they are.
        batches: inputs, or tuples that begin with them. Never of the test set.

    Raises:
        InputError: no range of the model is to be calibrated, there is no batch or an empty one, a layer gets no input,
            or an input is NaN or infinite.

    Example:
        >>> import torch
        >>> from imc_grapes import PCMConfig, calibrate, to_crossbar
        >>> net = torch.nn.Sequential(torch.nn.Linear(20, 8), torch.nn.ReLU(), torch.nn.Linear(8, 2))
        >>> ranges = {"inp_range": "calibrated", "out_range": "calibrated", "dac_bits": 8, "adc_bits": 8}
        >>> model = to_crossbar(net, PCMConfig(update="software", io=ranges, seed=0))
        >>> x = torch.rand(100, 20)
        >>> calibrate(model, [x])
        >>> bool(model[0].input_range == x.max()), tuple(model(x).shape)
        (True, (100, 2))
    """
    layers = [
        layer
        for layer in model.modules()
        if isinstance(layer, ArrayLayer)
        and (layer.input_range is not None or layer.output_range is not None)
    ]
    if not layers:
        raise InputError(
            "model: has no range to calibrate; PCMConfig(update='software', io={'inp_range': 'calibrated'}) has"
        )
    refuse_one_tensor(batches, "batches")
    seen = [_Ranges(layer) for layer in layers]
    none = True
    with _watched(model, seen), torch.no_grad():
        for batch in batches:
            none = False
            model(inputs_of(batch, "batches"))
    if none:
        raise InputError("batches: holds no batch to calibrate with")
    for one in seen:
        one.refuse_unseen()
    for one in seen:
        one.set()


@contextmanager
def _watched(model: nn.Module, seen: list[_Ranges]) -> Iterator[None]:
    every = [layer for layer in model.modules() if isinstance(layer, ArrayLayer)]
    reads = [(layer, layer.read_state, layer.digital) for layer in every]
    watchers = {one.layer: one for one in seen}
    try:
        for layer in every:
            layer.digital = layer not in watchers
            layer.watch = watchers.get(layer)
        with modes_kept(model):
            model.eval()
            yield
    finally:
        for layer, _, digital in reads:
            layer.watch = None
            layer.digital = digital


class _Ranges:
    """Watches one layer."""

    def __init__(self, layer: ArrayLayer) -> None:
        assert layer.config.io_spec is not None
        percentile = layer.config.io_spec.percentile
        self.layer = layer
        self.inputs = Magnitudes(percentile)
        self.outputs = [Magnitudes(percentile) for _ in layer.blocks]
        self.read = layer.ideal_read()

    def see(self, layer: ArrayLayer, image: Tensor) -> None:
        self.inputs.see(image)
        if layer.output_range is None:
            return
        around = layer.converters
        assert around is not None
        vectors = layer.vectors(image) if around.abs_max else None
        arrays = iter(self.outputs)
        for rows, block in zip(layer.blocks.row_blocks, self.read.row_blocks, strict=True):
            weights = block.weights.detach()
            if vectors is None:
                y = layer.image_product(image, rows, weights)
            else:
                part = vectors[..., rows]
                largest = part.abs().amax(-1, keepdim=True)
                part = part / torch.where(largest > 0.0, largest, 1.0)
                y = vector_product(part, weights)
            for columns in layer.blocks.column_blocks:
                next(arrays).see(y[:, columns])

    def refuse_unseen(self) -> None:
        if self.inputs.largest is None:
            raise InputError(
                f"batches: none of them reached layer '{self.layer.name}', so its ranges are not calibrated"
            )

    def set(self) -> None:
        layer = self.layer
        full = 1.0
        if layer.input_range is not None:
            full = _finite(self.inputs, layer.name)
            layer.input_range.fill_(full)
        if layer.output_range is None:
            return
        for array, outputs in zip(layer.blocks, self.outputs, strict=True):
            layer.output_range[array.row_block, array.columns] = _finite(outputs, layer.name) / full


def _finite(magnitudes: Magnitudes, name: str) -> float:
    value = float(magnitudes.value())
    if not value < float("inf"):
        raise InputError(f"batches: give layer '{name}' a value that is NaN or infinite")
    # Where nothing ever comes, any range will do.
    return value if value > 0.0 else 1.0
