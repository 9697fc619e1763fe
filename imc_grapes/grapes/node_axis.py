"""Lay a vector of one number per output node along the right axis of a tensor."""

from functools import cache

from torch import Tensor, nn

_SPATIAL_AXES = {"Conv1d": 1, "Conv2d": 2, "Conv3d": 3}


def output_node_axis(layer: nn.Module) -> int:
    """The axis of a layer's output that counts its nodes, from the end: before the spatial axes of a convolution."""
    return _node_axis(tuple(cls.__name__ for cls in type(layer).__mro__))


@cache
def _node_axis(class_names: tuple[str, ...]) -> int:
    for name in class_names:
        kind = name.removeprefix("Analog").removesuffix("Mapped")
        if kind in _SPATIAL_AXES:
            return -1 - _SPATIAL_AXES[kind]
    return -1


def along(vector: Tensor, tensor: Tensor, axis: int) -> Tensor:
    """`vector` ``[n]`` shaped to multiply `tensor` along `axis`."""
    shape = [1] * tensor.dim()
    shape[axis] = -1
    return vector.to(tensor.dtype).view(shape)
