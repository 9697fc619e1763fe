"""The published statistics against aihwkit's `PCMLikeNoiseModel` on the same targets."""

import numpy as np
import pytest
import torch
from aihwkit.inference import PCMLikeNoiseModel

from device_models.inference.spec import inference_statistics

DEVICES_PER_LEVEL = 250_000
LEVELS_US = np.linspace(25.0 / 8, 25.0, 8)
TIMES_S = (25.0, 3600.0, 86400.0, 2592000.0, 31536000.0)
# Programming noise, drift, read noise: each apart, and all together.
SCALES = {
    "programming": (1.0, 0.0, 0.0),
    "drift": (0.0, 1.0, 0.0),
    "read": (0.0, 0.0, 1.0),
    "together": (1.0, 1.0, 1.0),
}


def _ours(target, scales, times):
    programming, drift, read = scales
    model = inference_statistics(
        "pcm_nandakumar2019",
        g_max_uS=25.0,
        programming={"scale": programming},
        drift={"scale": drift},
        read_noise={"scale": read},
    )
    state = model.program(target, seed=0)
    return state.g_programmed_uS, state.nu, model.read_series(state, times, seed=1)


def _peer(target, scales, times):
    programming, drift, read = scales
    model = PCMLikeNoiseModel(
        g_max=25.0, prog_noise_scale=programming, drift_scale=drift, read_noise_scale=read
    )
    torch.manual_seed(0)
    g_target = torch.from_numpy(target)
    programmed = model.apply_programming_noise_to_conductance(g_target)
    nu = model.generate_drift_coefficients(g_target)
    reads = [model.apply_drift_noise_to_conductance(programmed, nu, t).numpy() for t in times]
    return programmed.numpy(), nu.numpy(), np.stack(reads)


def _assert_same_statistics(ours, peer):
    ours, peer = ours.astype(np.float64), peer.astype(np.float64)
    np.testing.assert_allclose(ours.mean(-1), peer.mean(-1), rtol=0.01)
    # A std that is only rounding noise is 0 on both sides.
    np.testing.assert_allclose(ours.std(-1), peer.std(-1), rtol=0.01, atol=1e-5)


@pytest.mark.parametrize("case", SCALES)
def test_mean_and_std_agree_within_one_percent(case):
    target = np.repeat(LEVELS_US.astype(np.float32)[:, None], DEVICES_PER_LEVEL, axis=1)
    for ours, peer in zip(
        _ours(target, SCALES[case], TIMES_S), _peer(target, SCALES[case], TIMES_S), strict=True
    ):
        _assert_same_statistics(ours, peer)


def test_low_targets_agree_too():
    # Close to 0 the programming noise is cut at 0 µS, and both nu and Q meet their bounds.
    target = np.repeat(np.array([0.0, 0.1, 0.5], np.float32)[:, None], 400_000, axis=1)
    for ours, peer in zip(
        _ours(target, SCALES["together"], TIMES_S),
        _peer(target, SCALES["together"], TIMES_S),
        strict=True,
    ):
        _assert_same_statistics(ours, peer)


def test_another_g_max_scales_as_in_aihwkit():
    target = np.full(DEVICES_PER_LEVEL, 30.0, np.float32)
    state = inference_statistics("pcm_nandakumar2019", g_max_uS=50.0).program(target, seed=3)
    torch.manual_seed(0)
    peer = PCMLikeNoiseModel(g_max=50.0).apply_programming_noise_to_conductance(
        torch.from_numpy(target)
    )
    assert state.g_programmed_uS.std() == pytest.approx(float(peer.std()), rel=0.01)
