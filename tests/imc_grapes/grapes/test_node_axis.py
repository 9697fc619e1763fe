import pytest
import torch
from torch import nn

from imc_grapes.grapes.node_axis import along, output_node_axis


@pytest.mark.parametrize(
    ("layer", "axis"),
    [
        (nn.Linear(2, 3), -1),
        (nn.Conv1d(2, 3, 1), -2),
        (nn.Conv2d(2, 3, 1), -3),
        (nn.Conv3d(2, 3, 1), -4),
    ],
)
def test_the_axis_of_the_nodes_is_counted_from_the_end(layer, axis):
    class Special(type(layer)):
        pass

    special = Special.__new__(Special)
    assert output_node_axis(layer) == output_node_axis(special) == axis


def test_a_vector_is_laid_along_one_axis_in_the_type_of_the_tensor():
    laid = along(torch.tensor([1.0, 2.0]), torch.zeros(4, 2, 5, dtype=torch.float64), -2)
    assert laid.shape == (1, 2, 1)
    assert laid.dtype == torch.float64
