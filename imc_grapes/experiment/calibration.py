"""Samples on which a network is calibrated: training samples, never those for validation or test."""

from typing import Any

from torch import Tensor, nn

from imc_grapes.config.schema import EvaluationConfig
from imc_grapes.data.chorales import Chorales
from imc_grapes.data.dataset import Dataset
from imc_grapes.data.words import Words
from imc_grapes.evaluate.batch_norm import batch_norms
from kernels.errors import InputError

_AT_ONCE = 256
"""Images or chorales per forward pass; bounds the memory."""
_STREAMS = 10
"""Streams that a text is cut into."""


def calibration_batches(dataset: Dataset, samples: int) -> list[Tensor]:
    """Inputs of the first `samples` training samples, in batches of nearly equal size; all of them if there are fewer.

    Equal, because batch normalisation is recalibrated to a mean over batches. Of a text, samples are words, and the
    batches its windows.

    Args:
        dataset: a single task.
        samples: at least 2.
    """
    train: Any = dataset.train.first(samples)
    if isinstance(train, Words):
        return [batch.inputs for batch in train.batches(_STREAMS, order=None)]
    whole: Any = next(train.batches(len(train), order=None))
    count = -(-len(train) // _AT_ONCE)
    if isinstance(train, Chorales):
        return list(whole.inputs.tensor_split(count, 1))
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
