import subprocess
import sys

import pytest
import torch

from imc_grapes.doctor import analog_proof
from imc_grapes.doctor.analog_proof import AnalogProofError, main, prove_analog_layer

real_step = analog_proof._training_step


def test_the_installed_aihwkit_passes(capsys):
    prove_analog_layer()
    assert main() == 0
    assert torch.__version__ in capsys.readouterr().out


@pytest.mark.parametrize(
    ("result", "name"), [(0, "forward pass"), (1, "backward pass"), (3, "update")]
)
def test_a_wrong_result_of_any_pass_is_found(monkeypatch, capsys, result, name):
    def wrong_step(*arguments):
        results = list(real_step(*arguments))
        results[result] = results[result] + 0.01
        return tuple(results)

    monkeypatch.setattr(analog_proof, "_training_step", wrong_step)
    with pytest.raises(AnalogProofError, match=f"the {name} gave"):
        prove_analog_layer()
    assert main() == 1
    assert capsys.readouterr().err.startswith("AnalogProofError: ")


@pytest.mark.parametrize("fault", ["not a number", "no update"])
def test_a_fault_on_pcm_devices_alone_is_found(monkeypatch, fault):
    def faulty_step(rpu_config, x, weight):
        output, x_grad, programmed, updated = real_step(rpu_config, x, weight)
        if type(rpu_config).__name__ == "PCMPreset":
            updated = programmed if fault == "no update" else updated * float("nan")
        return output, x_grad, programmed, updated

    monkeypatch.setattr(analog_proof, "_training_step", faulty_step)
    with pytest.raises(AnalogProofError, match="PCM devices"):
        prove_analog_layer()


def test_the_proof_needs_only_torch_and_aihwkit():
    """Set-up runs the proof before the project's own requirements need be there."""
    heavy = ("numba", "rich", "typer", "pydantic", "distributed", "altair", "pandas")
    script = f"import sys, imc_grapes.doctor.analog_proof; print({heavy!r} & sys.modules.keys())"
    script = script.replace(repr(heavy), f"set({heavy!r})")
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert result.stdout == "set()\n", result.stderr
