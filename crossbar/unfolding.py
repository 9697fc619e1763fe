"""From an image to the input vectors of a convolution on crossbars."""

from collections.abc import Sequence

from torch import Tensor


def unfolded(
    image: Tensor,
    kernel_size: Sequence[int],
    stride: Sequence[int],
    dilation: Sequence[int],
    groups: int,
) -> Tensor:
    """Every position of the filter as a vector, channel by channel.

    Gokmen, Onen, Haensch, Front. Neurosci. 11, 538 (2017).

    Args:
        image: `[batch, in_channels, *size]`, padded already.
        kernel_size: of each of the one to three dimensions, as are the next two.
        stride: see above.
        dilation: see above.
        groups: of channels, which no weight connects.

    Returns:
        `[batch, *positions, groups, in_channels / groups * area]`.
    """
    dimensions, channels = len(kernel_size), image.shape[1]
    for axis, (size, step, apart) in enumerate(zip(kernel_size, stride, dilation, strict=True)):
        image = image.unfold(2 + axis, apart * (size - 1) + 1, step)[..., ::apart]
    # [batch, channels, *positions, *filter] with the filter's axes behind the channels of their group.
    image = image.movedim(1, 1 + dimensions).unflatten(1 + dimensions, (groups, channels // groups))
    return image.flatten(2 + dimensions)
