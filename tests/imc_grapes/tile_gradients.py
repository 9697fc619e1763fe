import torch
from torch import nn

from crossbar.placement import placed_tiles


def weight_gradient(layer):
    """The gradient ``[n_out, n_in]`` that the tiles of the analog `layer` will be updated with."""
    module = layer.analog_module
    found = torch.zeros(module.out_size, module.in_size)
    for placed in placed_tiles(layer):
        tile, context = placed.tile, placed.tile.analog_ctx
        if tile.shared_weights is not None:
            part = tile.shared_weights.grad
        elif isinstance(tile.tile, nn.Module):
            part = tile.tile.weight.grad
        else:
            errors, inputs = (
                torch.cat([part.reshape(-1, part.shape[-1]) for part in kept])
                for kept in (context.analog_grad_output, context.analog_input)
            )
            part = errors.T @ inputs
        found[placed.columns, placed.rows] += part
    return found
