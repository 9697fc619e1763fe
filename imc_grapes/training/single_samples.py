"""Batch normalisation and training batches of one sample: found before the training, not in its last batch."""

from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from imc_grapes.data.dataset import Dataset, Split
from imc_grapes.data.permuted_tasks import PermutedTasks
from imc_grapes.objectives.evaluation_mode import evaluation_mode
from kernels.errors import InputError


def refuse_single_values(network: nn.Module, dataset: Dataset, batch_size: int) -> None:
    """Refuse a batch size that leaves a training batch in which a normalisation sees one value per channel.

    Such a value has no variance. It takes a batch of one image whose feature map has shrunk to one pixel, as in
    `resnet9` on images below 16x16.

    Args:
        network: a digital network.
        dataset: its samples; only images are looked at, no sequence network has batch normalisation.
        batch_size: samples of a training batch.

    Raises:
        InputError: there is such a batch; names batch sizes without one.
    """
    train = dataset.train.task(0) if isinstance(dataset.train, PermutedTasks) else dataset.train
    if not isinstance(train, Split) or not _leaves_one(len(train), batch_size):
        return
    single = _of_single_values(network, train.first(1).images)
    if single is None:
        return
    others = [
        size
        for size in sorted(range(2, 2 * batch_size + 2), key=lambda size: abs(size - batch_size))
        if not _leaves_one(len(train), size)
    ]
    advice = f"; {' or '.join(map(str, others[:2]))} leaves none" if others else ""
    raise InputError(
        f"data.batch_size: {len(train)} training images in batches of {batch_size} leave a batch of one, in "
        f"which the batch normalisation '{single}' sees a single value per channel{advice}"
    )


def _leaves_one(samples: int, batch_size: int) -> bool:
    return samples > 0 and (batch_size == 1 or samples % batch_size == 1)


def _of_single_values(network: nn.Module, image: Tensor) -> str | None:
    """Name of the first batch normalisation that gets one value per channel from one image."""
    names: list[str] = []

    def note(name: str, inputs: tuple[Tensor, ...]) -> None:
        if inputs[0].numel() == inputs[0].shape[1]:
            names.append(name)

    hooks = [
        module.register_forward_pre_hook(lambda _, inputs, name=name: note(name, inputs))
        for name, module in network.named_modules()
        if isinstance(module, _BatchNorm)
    ]
    try:
        if hooks:
            with evaluation_mode(network):
                network(image)
    finally:
        for hook in hooks:
            hook.remove()
    return names[0] if names else None
