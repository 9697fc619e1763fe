"""A training whose readout is noisy and read at intervals goes on from a checkpoint to the same result."""

from pathlib import Path

import numpy as np

from imc_grapes.config import config_hash, load_run_config
from imc_grapes.data.load import load_dataset
from imc_grapes.experiment.assemble import prepare
from imc_grapes.experiment.listener import Listener
from imc_grapes.training.checkpoint import load_checkpoint, save_checkpoint
from imc_grapes.training.loop import training_step

CONFIG = Path(__file__).parents[3] / "configs" / "mnist_pcm.yaml"


def test_stale_factors_and_noise_go_on(tmp_path):
    config = load_run_config(
        CONFIG,
        [
            "data.name=digits",
            "network.hidden=[10]",
            "training.optimizer.lr=0.5",
            "training.grapes.readout={kind: probe, k: 3, read_noise: 0.1, refresh_every: 3}",
        ],
    )
    dataset = load_dataset(config.data, config.seed)
    batches = list(dataset.train.batches(64, None))

    def start():
        return prepare(config, dataset, Listener())[0]

    def train(trainer, first, past_last):
        for batch in batches[first:past_last]:
            training_step(trainer.model, trainer.optimizer, batch, trainer.task)

    whole = start()
    train(whole, 0, 4)
    save_checkpoint(whole, config_hash(config), tmp_path / "checkpoint.pt")
    train(whole, 4, 9)
    resumed = start()
    load_checkpoint(resumed, config_hash(config), tmp_path / "checkpoint.pt")
    train(resumed, 4, 9)
    for one, other in zip(whole.model.modules(), resumed.model.modules(), strict=True):
        if hasattr(one, "g_plus"):
            np.testing.assert_array_equal(one.g_plus, other.g_plus)
            np.testing.assert_array_equal(one.g_minus, other.g_minus)
