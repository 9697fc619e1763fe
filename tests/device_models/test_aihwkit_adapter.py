import copy
import pickle

import numpy as np
import pytest
import torch
from aihwkit.inference import GlobalDriftCompensation, PCMLikeNoiseModel
from aihwkit.nn import AnalogLinear
from aihwkit.simulator.configs import InferenceRPUConfig

from device_models.inference.aihwkit_adapter import as_aihwkit
from device_models.inference.spec import inference_statistics
from kernels.errors import InputError

STATISTICS = inference_statistics("pcm_nandakumar2019", g_max_uS=25.0)
YEAR_S = 31536000.0


def _weights(n=300):
    generator = torch.Generator().manual_seed(0)
    return torch.rand(n, n, generator=generator) * 2 - 1


@pytest.mark.parametrize("time_s", [0.0, 25.0, YEAR_S])
def test_weights_have_the_statistics_of_aihwkits_own_model(time_s):
    weights = _weights()
    torch.manual_seed(1)
    ours = as_aihwkit(STATISTICS).apply_noise(weights, time_s)
    if time_s > 0:
        peer = PCMLikeNoiseModel(g_max=25.0).apply_noise(weights, time_s)
    else:
        peer, _ = PCMLikeNoiseModel(g_max=25.0).apply_programming_noise(weights)
    # The slope is the mean drift, the residual the noise.
    slopes = [float((w * weights).sum() / (weights**2).sum()) for w in (ours, peer)]
    assert slopes[0] == pytest.approx(slopes[1], rel=0.01)
    residuals = [float((w - s * weights).std()) for w, s in zip((ours, peer), slopes, strict=True)]
    assert residuals[0] == pytest.approx(residuals[1], rel=0.03)


def test_conductance_level_methods_agree_with_aihwkits():
    g_target = torch.full((400_000,), 12.0)
    results = []
    for model in (as_aihwkit(STATISTICS), PCMLikeNoiseModel(g_max=25.0)):
        torch.manual_seed(2)
        g = model.apply_programming_noise_to_conductance(g_target)
        nu = model.generate_drift_coefficients(g_target)
        drifted = model.apply_drift_noise_to_conductance(g, nu, 3600.0)
        results.append([float(f(x)) for x in (g, nu, drifted) for f in (torch.mean, torch.std)])
    np.testing.assert_allclose(*results, rtol=0.01)


def test_torch_seed_fixes_everything():
    def run(seed):
        torch.manual_seed(seed)
        return as_aihwkit(STATISTICS).apply_noise(_weights(50), 3600.0)

    assert torch.equal(run(0), run(0))
    assert not torch.equal(run(0), run(1))


def test_an_inference_layer_programs_and_drifts():
    config = InferenceRPUConfig(
        noise_model=as_aihwkit(STATISTICS), drift_compensation=GlobalDriftCompensation()
    )
    torch.manual_seed(0)
    layer = AnalogLinear(64, 32, bias=False, rpu_config=config)
    layer.eval()
    x = torch.rand(8, 64)
    layer.program_analog_weights()
    programmed = layer.get_weights()[0].clone()
    layer.drift_analog_weights(YEAR_S)
    drifted = layer.get_weights()[0]
    ratio = float((drifted * programmed).sum() / (programmed**2).sum())
    assert 0.3 < ratio < 0.7
    assert torch.isfinite(layer(x)).all()
    layer.drift_analog_weights(25.0)
    assert float(layer.get_weights()[0].abs().mean()) > float(drifted.abs().mean())


def test_stuck_devices_stay_stuck_in_a_tile_through_drift():
    statistics = inference_statistics(
        "ideal", faults={"stuck_set": 0.5}, drift={"kind": "projected", "nu": 0.1, "nu_std": 0.0}
    )
    model = as_aihwkit(statistics)
    weights = _weights(60)
    programmed, devices = model.apply_programming_noise(weights)
    drifted = model.apply_drift_noise(programmed, devices, YEAR_S)
    both = devices[0].state.nu + devices[1].state.nu
    stuck_pairs = torch.from_numpy(both == 0.0)
    assert stuck_pairs.any()
    # Two devices at SET cancel, whatever the target was.
    assert float(drifted[stuck_pairs].abs().max()) < 1e-6
    decay = ((YEAR_S + 20.0) / 20.0) ** -0.1
    sound = torch.from_numpy((devices[0].state.nu > 0) & (devices[1].state.nu > 0))
    torch.testing.assert_close(drifted[sound], weights[sound] * decay, rtol=1e-4, atol=1e-6)


def test_weights_that_were_not_programmed_are_refused():
    model = as_aihwkit(STATISTICS)
    programmed, devices = model.apply_programming_noise(_weights(20))
    with pytest.raises(InputError, match="weights"):
        model.apply_drift_noise(programmed + 1.0, devices, 25.0)


def test_it_copies_pickles_and_compares():
    model = as_aihwkit(STATISTICS)
    assert copy.deepcopy(model) == model == pickle.loads(pickle.dumps(model))
    assert model != as_aihwkit(inference_statistics("ideal"))
