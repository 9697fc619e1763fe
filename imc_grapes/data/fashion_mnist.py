"""Fashion-MNIST."""

from imc_grapes.data.base import DATA
from imc_grapes.data.idx_dataset import IdxData, mnist_files


@DATA.register("fashion_mnist", label="Fashion-MNIST")
class FashionMNISTConfig(IdxData):
    """Fashion-MNIST: 60,000 images of clothes of 28x28 to train on, 10,000 to test."""

    files = mnist_files("FashionMNIST", "https://github.com/zalandoresearch/fashion-mnist")
