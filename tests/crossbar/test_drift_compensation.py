"""One definition of global drift compensation, for weights programmed into pairs and for tiles under either law."""

import numpy as np
import pytest
import torch
from aihwkit.inference import GlobalDriftCompensation
from aihwkit.nn import AnalogLinear
from aihwkit.simulator.configs import InferenceRPUConfig

from crossbar import PCMConfig, PCMTile, drifted
from crossbar.drift_compensation import compensation_read, drift_compensation_factor
from crossbar.programmed_weights import ProgrammedWeights
from device_models.inference.aihwkit_adapter import as_aihwkit
from device_models.inference.spec import inference_statistics
from kernels.errors import InputError

YEAR_S = 31_536_000.0
QUIET = {"read_noise": {"scale": 0.0}}
WEIGHTS = np.random.default_rng(0).normal(size=(200, 200)).astype(np.float32)


def ratio(pairs_before, pairs_now, what):
    """The definition, written out."""
    before, now = np.asarray(pairs_before, float), np.asarray(pairs_now, float)
    if what == "weights":
        return np.abs(before[0] - before[1]).sum() / np.abs(now[0] - now[1]).sum()
    return before.sum() / now.sum()


@pytest.fixture
def tile():
    torch.manual_seed(0)
    layer = AnalogLinear(60, 50, bias=False, rpu_config=PCMConfig(io="perfect", seed=0))
    tile = next(m for m in layer.modules() if isinstance(m, PCMTile))
    rng = np.random.default_rng(1)
    for g in (tile.g_plus, tile.g_minus):
        g[...] = rng.uniform(0.1, 12.0, g.shape)
    return layer, tile


@pytest.mark.parametrize("what", ["weights", "conductances"])
def test_of_programmed_weights(what):
    statistics = inference_statistics("pcm_nandakumar2019")
    weights = ProgrammedWeights.program(WEIGHTS, statistics, seed=0)
    plain = weights.read(YEAR_S, seed=3)
    g = statistics.read(weights.state, YEAR_S, 3)
    expected = plain * ratio(weights.reference_uS, g, what)
    np.testing.assert_allclose(weights.read(YEAR_S, 3, "global", what), expected, rtol=1e-5)


@pytest.mark.parametrize("what", ["weights", "conductances"])
def test_of_a_tile_under_its_own_law(tile, what):
    layer, tile = tile
    now = np.stack([tile.g_plus, tile.g_minus])
    nu = np.stack(
        [
            state[1]
            for state in (tile.tile.devices.pairs.state_plus, tile.tile.devices.pairs.state_minus)
        ]
    )
    later = now * (YEAR_S / 38.6) ** -nu.reshape(now.shape)
    with drifted(layer, YEAR_S, compensate_drift=True, compensation_read=what, read_noise=False):
        assert tile.tile.later.gain == pytest.approx(ratio(now, later, what), rel=1e-5)


@pytest.mark.parametrize("what", ["weights", "conductances"])
def test_of_a_tile_under_statistics(tile, what):
    layer, tile = tile
    nu = {"kind": "projected", "nu": 0.05, "nu_std": 0.0}
    statistics = inference_statistics("ideal", g_max_uS=12.0, drift=nu)
    with drifted(layer, YEAR_S, statistics, compensate_drift=True, compensation_read=what):
        assert tile.tile.later.gain == pytest.approx(((YEAR_S + 20.0) / 20.0) ** 0.05, rel=1e-5)


def test_weights_are_the_default_everywhere(tile):
    layer, tile = tile
    for statistics in (None, inference_statistics("pcm_nandakumar2019", g_max_uS=12.0)):
        gains = []
        for extra in ({}, {"compensation_read": "weights"}, {"compensation_read": "conductances"}):
            with drifted(layer, YEAR_S, statistics, compensate_drift=True, **extra):
                gains.append(tile.tile.later.gain)
        assert gains[0] == gains[1] != gains[2]


def test_after_a_year_the_two_are_two_percent_apart_and_weights_are_what_aihwkit_reads():
    statistics = inference_statistics("pcm_nandakumar2019")
    weights = ProgrammedWeights.program(WEIGHTS, statistics, seed=0)
    plain = np.abs(weights.read(YEAR_S, seed=0)).sum()
    ours = {
        what: np.abs(weights.read(YEAR_S, 0, "global", what)).sum() / plain
        for what in ("weights", "conductances")
    }
    assert ours["conductances"] / ours["weights"] == pytest.approx(1.02, abs=0.003)
    config = InferenceRPUConfig(
        noise_model=as_aihwkit(statistics), drift_compensation=GlobalDriftCompensation()
    )
    config.forward.is_perfect = True
    torch.manual_seed(0)
    layer = AnalogLinear(200, 200, bias=False, rpu_config=config).eval()
    layer.set_weights(torch.from_numpy(WEIGHTS))
    layer.program_analog_weights()
    layer.drift_analog_weights(YEAR_S)
    (aihwkit,) = layer.analog_tiles()
    assert ours["weights"] == pytest.approx(float(aihwkit.alpha), rel=0.005)


def test_it_needs_current_equal_shapes_and_a_known_read():
    with pytest.raises(InputError, match="no device conducts"):
        drift_compensation_factor(np.ones(3), np.zeros(3))
    with pytest.raises(InputError, match="shape"):
        drift_compensation_factor(np.ones(3), np.ones(4))
    with pytest.raises(InputError, match="weights, conductances"):
        compensation_read(np.ones(3), np.ones(3), "currents")
