"""MNIST."""

from imc_grapes.data.base import DATA
from imc_grapes.data.idx_dataset import IdxData, mnist_files


@DATA.register("mnist", label="MNIST")
class MNISTConfig(IdxData):
    """MNIST: 60,000 handwritten digits of 28x28 to train on, 10,000 to test."""

    files = mnist_files("MNIST", "https://ossci-datasets.s3.amazonaws.com/mnist/")
