"""Weight layers of well-known networks, by the shapes that their papers give."""

from crossbar.costs import LayerShape


def lenet5() -> tuple[LayerShape, ...]:
    """LeNet-5 for 32x32 images (LeCun et al., Proc. IEEE 86, 2278 (1998)); its second convolution fully connected."""
    return (
        LayerShape("C1", 25, 6, 28 * 28, sends_error=False),
        LayerShape("C3", 150, 16, 10 * 10),
        LayerShape("C5", 400, 120),
        LayerShape("F6", 120, 84),
        LayerShape("output", 84, 10, modulated=False, is_last=True),
    )


def resnet18() -> tuple[LayerShape, ...]:
    """ResNet-18 for 224x224 images (He et al., CVPR 2016), with projection shortcuts."""
    layers = [LayerShape("conv1", 3 * 49, 64, 112 * 112, sends_error=False)]
    channels = 64
    for stage, (width, side) in enumerate(((64, 56), (128, 28), (256, 14), (512, 7)), start=2):
        for block in (1, 2):
            name = f"conv{stage}_{block}"
            layers.append(LayerShape(f"{name}a", 9 * channels, width, side * side))
            layers.append(LayerShape(f"{name}b", 9 * width, width, side * side))
            if channels != width:
                layers.append(LayerShape(f"{name} shortcut", channels, width, side * side))
            channels = width
    return (*layers, LayerShape("fc", 512, 1000, modulated=False, is_last=True))


def gpt2_small_block() -> tuple[LayerShape, ...]:
    """One transformer block of GPT-2 small over its context of 1,024 tokens (Radford et al., 2019)."""
    tokens = 1024
    return (
        LayerShape("query, key, value", 768, 3 * 768, tokens),
        LayerShape("attention output", 768, 768, tokens),
        LayerShape("expansion", 768, 4 * 768, tokens),
        LayerShape("contraction", 4 * 768, 768, tokens),
    )


PUBLISHED_NETWORKS = {
    "LeNet-5": lenet5(),
    "ResNet-18": resnet18(),
    "GPT-2 small, one block": gpt2_small_block(),
}
