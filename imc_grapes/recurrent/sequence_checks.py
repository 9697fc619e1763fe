"""What can be wrong with the sizes of a layer over time, and with a sequence that is given to it."""

from torch import Tensor

from kernels.errors import InputError


def check_sizes(**sizes: int) -> None:
    """Refuse a layer without inputs or units.

    Raises:
        InputError: it names the size that is below 1.
    """
    for key, size in sizes.items():
        if size < 1:
            raise InputError(f"{key}: must be at least 1 (got {size})")


def check_sequence(x: Tensor, input_size: int, axes: tuple[str, str, str]) -> None:
    """Refuse a sequence of the wrong shape or type.

    Args:
        x: what the user gave.
        input_size: features that the layer takes.
        axes: what the axes of `x` mean, in their order.

    Raises:
        InputError: it names the axis that is wrong.
    """
    meaning = f"[{', '.join(axes)}]"
    if x.dim() != 3:
        raise InputError(f"x: must have the axes {meaning}, not the shape {tuple(x.shape)}")
    if not x.is_floating_point():
        raise InputError(f"x: must be floating point, not {x.dtype}; x.float() makes it so")
    if x.shape[2] != input_size:
        hint = ""
        for axis in (0, 1):
            if x.shape[axis] == input_size:
                hint = f"; axis {axis} ({axes[axis]}) has {input_size}: features must come last"
        raise InputError(
            f"x: axis 2 (features) has {x.shape[2]} entries, but the layer takes {input_size}; "
            f"x must be {meaning}{hint}"
        )
    for axis, name in enumerate(axes):
        if x.shape[axis] == 0:
            raise InputError(f"x: axis {axis} ({name}) is empty; x has the shape {tuple(x.shape)}")


def check_state(name: str, state: Tensor, x: Tensor, hidden_size: int, batch_axis: int) -> None:
    """Refuse a state ``[batch, units]`` that does not belong to `x`.

    Raises:
        InputError: it names the axis that is wrong; in particular when time and batch of `x` are swapped.
    """
    batch, time = x.shape[batch_axis], x.shape[1 - batch_axis]
    if state.shape == (batch, hidden_size):
        return
    if state.shape == (time, hidden_size):
        raise InputError(
            f"x: axis {batch_axis} (batch) has {batch} entries and axis {1 - batch_axis} (time) has {time}, but the "
            f"state is for a batch of {time}: time and batch of x look swapped"
        )
    raise InputError(
        f"state: {name} must be [batch, units], here ({batch}, {hidden_size}), not {tuple(state.shape)}"
    )


def check_finite(name: str, values: Tensor, axes: tuple[str, ...]) -> None:
    """Refuse what holds NaN or infinity; silent if it holds neither.

    Args:
        name: of the tensor, for the message.
        values: what is looked through.
        axes: what its axes mean, in their order.

    Raises:
        InputError: it names the first such entry, axis by axis.
    """
    finite = values.isfinite()
    if bool(finite.all()):
        return
    at = (~finite).nonzero()[0].tolist()
    place = ", ".join(f"{axis} {index}" for axis, index in zip(axes, at, strict=True))
    raise InputError(f"{name}: is {float(values[tuple(at)])} at {place}")
