import numpy as np

from imc_grapes import register


@register.data("stripes")
def stripes(*, count: int = 240, noise: float = 0.1):
    """Stripes, upright or lying."""
    labels = np.arange(count) % 2
    images = np.random.default_rng(0).normal(0.0, noise, (count, 8, 8))
    images[labels == 0, :, ::2] += 1.0
    images[labels == 1, ::2, :] += 1.0
    cut = count * 3 // 4
    return (images[:cut], labels[:cut]), (images[cut:], labels[cut:])
