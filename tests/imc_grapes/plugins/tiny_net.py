from torch import nn

from imc_grapes import register


@register.network("tiny_net")
def tiny_net(*, width: int = 4, bias: bool = False, shape, classes) -> nn.Module:
    """A convolution with batch normalisation, and a matrix.

    Args:
        width: filters of the
            convolution.
    """
    channels, height, columns = shape
    return nn.Sequential(
        nn.Conv2d(channels, width, 3, padding=1, bias=bias),
        nn.BatchNorm2d(width),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(width * (height // 2) * (columns // 2), classes),
    )
