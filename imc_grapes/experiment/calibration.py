"""Samples on which a network is calibrated: training samples, never those for validation or test."""

from typing import Any

from torch import Tensor, nn

from imc_grapes.config.schema import EvaluationConfig
from imc_grapes.data.dataset import Dataset
from imc_grapes.evaluate.batch_norm import batch_norms
from kernels.errors import InputError

_AT_ONCE = 256
"""Images per forward pass; bounds the memory."""


def calibration_batches(dataset: Dataset, samples: int) -> list[Tensor]:
    """Inputs of the first `samples` training images, in batches of nearly equal size; all images if there are fewer.

    Equal, because batch normalisation is recalibrated to a mean over batches.

    Args:
        dataset: a single task of images.
        samples: at least 2.
    """
    train = dataset.train.first(samples)
    count = -(-len(train) // _AT_ONCE)
    whole: Any = next(train.batches(len(train), order=None))
    return list(whole.images.tensor_split(count))


def refuse_impossible_calibration(
    evaluation: EvaluationConfig, network: nn.Module, dataset: Dataset
) -> None:
    """Refuse, before the training, a calibration that the network or the data do not allow.

    Raises:
        InputError: batch normalisation is to be recalibrated and there is none, or there are too few training samples.
    """
    if evaluation.batch_norm == "recalibrated" and not batch_norms(network):
        raise InputError(
            "evaluation.batch_norm: is recalibrated, but the network has no batch normalisation that keeps "
            "statistics; give it some (network.batch_norm: true of a cnn), or leave it out"
        )
    default = EvaluationConfig.model_fields["calibration_samples"].default
    asked, there = evaluation.calibration_samples, len(dataset.train)
    if asked > there and asked != default:
        raise InputError(
            f"evaluation.calibration_samples: {asked} is more than the {there} training samples"
        )
