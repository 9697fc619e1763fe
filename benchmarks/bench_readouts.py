"""How close the readout circuits come to the true factors, on a layer trained on PCM pairs.

    IMC_GRAPES_DATA=~/datasets python benchmarks/bench_readouts.py

Trains `configs/mnist_pcm_fifth.yaml` without refresh, writes the weights into fresh pairs (one device of each at
RESET), reads the first layer; trains on for 1,000 SET-only updates, and reads it again. The truth is
``clip(2 I / max I, 1, 2)`` with ``I = sum |G+ - G-|`` in float64. Prints Markdown.
"""

from collections.abc import Iterator
from itertools import cycle
from pathlib import Path
from typing import Any

import numpy as np

from crossbar import ColumnCurrent, PerDevice, Probe, conductances
from crossbar.placement import placed_tiles
from crossbar.readout import Readout
from crossbar.specs import ProgramSpec
from imc_grapes.config import load_run_config
from imc_grapes.data.load import load_dataset
from imc_grapes.experiment.assemble import prepare
from imc_grapes.experiment.listener import Listener
from imc_grapes.grapes.factors import layer_factors
from imc_grapes.training.loop import Trainer, training_step

CONFIG = Path(__file__).parent.parent / "configs" / "mnist_pcm_fifth.yaml"
BITS = (4, 6, 8)
SET_ONLY_UPDATES = 1000
READINGS = 5
"""Of a readout that draws random vectors; its figures are means over them."""


def circuits(bits: int) -> dict[str, Readout]:
    return {
        "`per_device`, 784 reads": PerDevice(adc_bits=bits),
        "`column_current`, 2 reads": ColumnCurrent(adc_bits=bits),
        "`probe`, k = 16": Probe(k=16, adc_bits=bits),
        "`probe`, k = 64": Probe(k=64, adc_bits=bits),
        "`probe`, k = 256": Probe(k=256, adc_bits=bits),
        "`probe`, k = 4096": Probe(k=4096, adc_bits=bits),
    }


def true_factors(layer: Any) -> np.ndarray:
    importance = np.zeros(layer.analog_module.out_size)
    for pair in conductances(layer):
        difference = pair.g_plus.astype(np.float64) - pair.g_minus.astype(np.float64)
        importance[pair.columns] += np.abs(difference).sum(1)
    return np.clip(2.0 * importance / importance.max(), 1.0, 2.0)


def agreement(layer: Any, readout: Readout) -> tuple[float, float]:
    """Correlation with the true factors, and the worst error; means over readings."""
    truth = true_factors(layer)
    found = []
    for draw in range(READINGS if readout.is_random else 1):
        factors = layer_factors("layer", layer, readout, draw).double().numpy()
        found.append((np.corrcoef(factors, truth)[0, 1], np.abs(factors - truth).max()))
    correlation, worst = np.mean(found, axis=0)
    return float(correlation), float(worst)


def print_table(layer: Any, title: str) -> None:
    truth = true_factors(layer)
    print(f"\n{title}: true factors {truth.min():.2f} to 2, mean {truth.mean():.2f}\n")
    print("| readout | " + " | ".join(f"{bits}-bit ADC" for bits in BITS) + " |")
    print("| --- |" + " --- |" * len(BITS))
    for name in circuits(BITS[0]):
        cells = [agreement(layer, circuits(bits)[name]) for bits in BITS]
        print(f"| {name} | " + " | ".join(f"{c:.3f} / {worst:.3f}" for c, worst in cells) + " |")


def train(trainer: Trainer, batches: Iterator[Any], updates: int) -> None:
    trainer.model.train()
    for _ in range(updates):
        training_step(trainer.model, trainer.optimizer, next(batches), trainer.task)


def main() -> None:
    config = load_run_config(CONFIG, ["hardware.update.refresh={every_updates: null}"])
    dataset = load_dataset(config.data, config.seed)
    trainer, _ = prepare(config, dataset, Listener())
    batches = cycle(list(dataset.train.batches(config.data.batch_size, None)))
    train(trainer, batches, config.training.epochs * dataset.train.n_batches(64))
    layers = [module for module in trainer.model.modules() if hasattr(module, "analog_module")]
    for layer in layers:
        for placed in placed_tiles(layer):
            weights = placed.tile.tile.get_weights()
            placed.tile.tile.program(weights, ProgramSpec(kind="exact"))
    print("Correlation with the true factors / worst error.")
    print_table(layers[0], "Fresh pairs")
    train(trainer, batches, SET_ONLY_UPDATES)
    print_table(layers[0], f"After {SET_ONLY_UPDATES:,} SET-only updates")


if __name__ == "__main__":
    main()
