"""The residual networks of He et al. (2016) for CIFAR-10, as a plugin: `imc-grapes --plugin resnet20.py run ...`."""

import torch
from torch import Tensor, nn

from imc_grapes import register

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def convolution(n_in: int, n_out: int, size: int, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(n_in, n_out, size, stride=stride, padding=size // 2, bias=False)


class Block(nn.Module):
    def __init__(self, n_in: int, n_out: int, stride: int) -> None:
        super().__init__()
        self.conv1, self.bn1 = convolution(n_in, n_out, 3, stride), nn.BatchNorm2d(n_out)
        self.conv2, self.bn2 = convolution(n_out, n_out, 3), nn.BatchNorm2d(n_out)
        self.downsample: nn.Module = nn.Identity()
        if stride > 1:
            self.downsample = nn.Sequential(
                convolution(n_in, n_out, 1, stride), nn.BatchNorm2d(n_out)
            )

    def forward(self, x: Tensor) -> Tensor:
        inner = self.bn1(self.conv1(x)).relu()
        return (self.bn2(self.conv2(inner)) + self.downsample(x)).relu()


class ResNet(nn.Module):
    def __init__(self, blocks: int, classes: int) -> None:
        super().__init__()
        # Data sets give pixels in [0, 1]; not in the state dict, which was saved without them.
        self.register_buffer("mean", torch.tensor(MEAN).view(3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(STD).view(3, 1, 1), persistent=False)
        self.conv1, self.bn1 = convolution(3, 16, 3), nn.BatchNorm2d(16)
        self.res1, self.res2, self.res3 = (
            nn.Sequential(
                Block(n_in, n_out, stride), *(Block(n_out, n_out, 1) for _ in range(blocks - 1))
            )
            for n_in, n_out, stride in ((16, 16, 1), (16, 32, 2), (32, 64, 2))
        )
        self.classifier = nn.Sequential(
            nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, classes)
        )

    def forward(self, x: Tensor) -> Tensor:
        x = self.bn1(self.conv1((x - self.mean) / self.std)).relu()
        return self.classifier(self.res3(self.res2(self.res1(x))))


@register.network("resnet20", label="ResNet-20")
def resnet20(*, blocks: int = 3, shape: tuple[int, int, int], classes: int) -> nn.Module:
    """ResNet for colour images, 6 `blocks` + 2 layers deep, with the input's normalisation inside.

    Args:
        blocks: residual blocks of each of the three widths; 3 make ResNet-20, 5 ResNet-32.
    """
    if shape[0] != len(MEAN):
        raise ValueError(f"takes images in three colours (got {shape[0]} channels)")
    return ResNet(blocks, classes)
