"""Proof that aihwkit's compiled part fits the installed torch: `python -m` this module.

An aihwkit that was compiled against another torch imports without complaint and fails, or
computes nonsense, only once a layer is used. So one training step is taken and held against its
closed form. Nothing but torch and aihwkit is imported: set-up runs this before it is done.
"""

import sys

import torch

N_IN, N_OUT, BATCH = 5, 3, 4
LEARNING_RATE = 0.1


class AnalogProofError(RuntimeError):
    """An analog layer computed something else than it has to."""


def prove_analog_layer() -> None:
    """Take a forward, a backward and an update pass through analog layers.

    On an ideal tile all three must agree with their closed form; on PCM devices the update must
    change the conductances. Raises `AnalogProofError`, or whatever a binary that does not fit
    raises.
    """
    from aihwkit.simulator.configs import FloatingPointRPUConfig
    from aihwkit.simulator.presets import PCMPreset

    generator = torch.Generator().manual_seed(1)
    x = torch.rand(BATCH, N_IN, generator=generator)
    weight = 0.5 * torch.rand(N_OUT, N_IN, generator=generator) - 0.25

    output, x_grad, _, updated = _training_step(FloatingPointRPUConfig(), x, weight)
    output_grad = torch.ones(BATCH, N_OUT)
    _agree("forward pass", output, x @ weight.T)
    _agree("backward pass", x_grad, output_grad @ weight)
    _agree("update", updated, weight - LEARNING_RATE * output_grad.T @ x)

    output, x_grad, programmed, updated = _training_step(PCMPreset(), x, weight)
    for name, values in (("forward", output), ("backward", x_grad), ("update", updated)):
        if not torch.isfinite(values).all():
            raise AnalogProofError(f"the {name} pass on PCM devices gave {values.tolist()}")
    if torch.equal(updated, programmed):
        raise AnalogProofError("the update on PCM devices changed nothing")


def _training_step(
    rpu_config: object, x: torch.Tensor, weight: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return the output, the gradient of its sum by x, and the weights around an SGD step."""
    from aihwkit.nn import AnalogLinear
    from aihwkit.optim import AnalogSGD

    layer = AnalogLinear(N_IN, N_OUT, bias=False, rpu_config=rpu_config)
    layer.set_weights(weight)
    programmed = layer.get_weights()[0].clone()
    optimizer = AnalogSGD(layer.parameters(), lr=LEARNING_RATE)
    x = x.clone().requires_grad_()
    output = layer(x)
    output.sum().backward()
    optimizer.step()
    assert x.grad is not None
    return output.detach(), x.grad, programmed, layer.get_weights()[0].detach()


def _agree(name: str, result: torch.Tensor, expected: torch.Tensor) -> None:
    if not torch.allclose(result, expected, rtol=1e-4, atol=1e-5):
        raise AnalogProofError(f"the {name} gave {result.tolist()}, not {expected.tolist()}")


def main() -> int:
    """Print one line that says whether the proof holds; return 0 if so, else 1."""
    try:
        prove_analog_layer()
    except Exception as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return 1
    import aihwkit

    print(f"aihwkit {aihwkit.__version__} with torch {torch.__version__}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
