import numpy as np
import pytest
import torch
from aihwkit.nn import AnalogLinear
from aihwkit.optim import AnalogSGD
from torch import nn

from crossbar import PCMConfig, PCMTile, drifted
from device_models import FaultMap, Nandakumar2018, PulsedDevices
from device_models.inference.spec import inference_statistics
from kernels.errors import InputError

YEAR_S = 31_536_000.0
STATISTICS = inference_statistics("pcm_nandakumar2019", g_max_uS=12.0)


def layer(**config):
    torch.manual_seed(0)
    return AnalogLinear(40, 20, bias=False, rpu_config=PCMConfig(io="perfect", seed=0, **config))


def tile_of(model):
    return next(m for m in model.modules() if isinstance(m, PCMTile))


ALIKE = {"model": "nandakumar2018", "drift_nu_std": 0.0}


def test_where_all_devices_drift_alike_all_weights_shrink_alike_and_compensation_restores_them():
    model = layer(device=ALIKE)
    x = torch.rand(5, 40)
    now = model(x)
    for time_s in (38.6, 3600.0, YEAR_S):
        with drifted(model, time_s, read_noise=False):
            torch.testing.assert_close(model(x), now * (time_s / 38.6) ** -0.04)
        for what in ("weights", "conductances"):
            with drifted(
                model, time_s, compensate_drift=True, compensation_read=what, read_noise=False
            ):
                torch.testing.assert_close(model(x), now)
    torch.testing.assert_close(model(x), now, rtol=0, atol=0)


@pytest.mark.parametrize("statistics", [None, STATISTICS])
@pytest.mark.parametrize("noise", [True, False])
def test_right_after_the_last_pulse_nothing_is_more_than_it_was(statistics, noise):
    """The power law of the time since a pulse, which is infinite at 0 s, starts at the law's own first time."""
    if statistics is not None and not noise:
        statistics = inference_statistics(
            "pcm_nandakumar2019", g_max_uS=12.0, read_noise={"scale": 0.0}
        )
        noise = True
    model = layer()
    with torch.no_grad():
        tile_of(model).set_weights(torch.ones(20, 40))
    for time_s in (0.0, 1.0, 38.6):
        with drifted(model, time_s, statistics, read_noise=noise):
            shown = model(torch.eye(40)).detach()
        assert float(shown.mean()) <= 1.0
        assert float(shown.mean()) > 0.9
        if not noise:
            torch.testing.assert_close(shown, torch.ones(40, 20))


def test_devices_keep_their_exponents_and_spread_by_the_closed_form():
    """ln of what is left of devices at one conductance is normal: -(nu + s z) ln(t / t0)."""
    torch.manual_seed(0)
    model = AnalogLinear(300, 400, bias=False, rpu_config=PCMConfig(io="perfect", seed=0))
    devices = tile_of(model).tile.devices
    tile_of(model).g_plus[...] = 6.0
    tile_of(model).g_minus[...] = 0.0
    unit = devices.weight_per_uS
    eye = torch.eye(300)
    logs = []
    for time_s in (86400.0, YEAR_S):
        with drifted(model, time_s, read_noise=False):
            left = np.log(model(eye).detach().double().numpy() / (6.0 * unit))
        decades = np.log(time_s / 38.6)
        assert left.mean() == pytest.approx(-0.04 * decades, rel=2e-3)
        assert left.std() == pytest.approx(0.008 * decades, rel=5e-3)
        logs.append(left / decades)
    np.testing.assert_allclose(*logs, atol=1e-5)
    plus, minus = devices.pairs.state_plus[1], devices.pairs.state_minus[1]
    assert abs(np.corrcoef(plus, minus)[0, 1]) < 0.01


def test_exponents_come_back_with_a_checkpoint():
    model, other = (
        layer(),
        AnalogLinear(40, 20, bias=False, rpu_config=PCMConfig(io="perfect", seed=7)),
    )
    x = torch.rand(5, 40)
    found = []
    for loaded in (False, True):
        if loaded:
            other.load_state_dict(model.state_dict())
        with drifted(other, YEAR_S):
            found.append(other(x))
    with drifted(model, YEAR_S):
        found.append(model(x))
    assert not torch.equal(found[0], found[2])
    assert torch.equal(found[1], found[2])


def test_a_checkpoint_without_exponents_is_refused():
    tile = tile_of(layer()).tile
    state = tile.devices.dump()
    state["_state_plus"] = state["_state_plus"][:1]
    with pytest.raises(InputError, match="another shape of arrays"):
        tile.devices.load(state)


@pytest.mark.parametrize("statistics", [None, STATISTICS])
def test_stuck_devices_do_not_drift(statistics):
    model = layer(faults={"stuck_set": 0.5}, device={"model": "nandakumar2018", "drift_nu": 0.2})
    plus, minus = tile_of(model).tile.devices.stuck
    both = np.zeros((20, 40), bool)
    both.reshape(-1)[np.intersect1d(plus.set_index, minus.set_index)] = True
    single = np.zeros((20, 40), bool)
    single.reshape(-1)[np.setdiff1d(plus.set_index, minus.set_index)] = True
    if statistics is not None:
        statistics = inference_statistics(
            "pcm_nandakumar2019", g_max_uS=12.0, read_noise={"scale": 0.0}
        )
    with drifted(model, YEAR_S, statistics, read_noise=statistics is not None):
        shown = model(torch.eye(40)).detach().numpy().T
    np.testing.assert_allclose(shown[both], 0.0, atol=1e-5)
    assert shown[single].min() > 0.4


@pytest.mark.parametrize(
    ("weight", "time_s"), [(0.0, 0.0), (0.3, 3600.0), (1.0, 0.0), (1.0, YEAR_S)]
)
def test_the_tile_reads_by_the_law_of_the_single_device(weight, time_s):
    """Mean and std of a product are those of reads of single devices, which stay within [0, g_max]."""
    torch.manual_seed(0)
    model = AnalogLinear(1, 2, bias=False, rpu_config=PCMConfig(io="perfect", device=ALIKE))
    tile = tile_of(model)
    tile.set_weights(torch.full((2, 1), weight))
    law = Nandakumar2018(drift_nu_std=0.0)
    n = 400_000
    none_stuck = FaultMap(np.empty(0, np.int64), np.empty(0, np.int64))
    reads = [
        law.read(
            PulsedDevices(np.full(n, g[0, 0]), law.fresh_state(n, 0), none_stuck), seed, time_s
        ).astype(float)
        for seed, g in enumerate((tile.g_plus, tile.g_minus))
    ]
    expected = (reads[0] - reads[1]) * tile.tile.devices.weight_per_uS
    with drifted(model, time_s):
        found = model(torch.ones(200_000, 1)).detach().double().numpy()
    assert found.mean() == pytest.approx(expected.mean(), abs=2e-4)
    assert found.std() == pytest.approx(expected.std(), rel=0.01)


def test_later_reads_are_noisy_whatever_training_reads_and_the_seed_fixes_the_noise():
    quiet = layer()
    x = torch.rand(2000, 40)
    torch.testing.assert_close(quiet(x), quiet(x), rtol=0, atol=0)
    found = []
    for seed in (1, 1, 2):
        with drifted(quiet, 25.0, seed=seed):
            found.append(quiet(x).detach())
    assert torch.equal(found[0], found[1])
    assert not torch.equal(found[0], found[2])
    with drifted(quiet, 25.0, read_noise=False):
        mean = quiet(x).detach()
    tile = tile_of(quiet)
    spread = sum(np.square(0.03 * g + 0.13) for g in (tile.g_plus, tile.g_minus)) / 11.9**2
    # Reads that would be below 0 or above g_max are cut, which takes away from both ends.
    expected = np.sqrt((x.square().numpy() @ spread.T).mean())
    assert float((found[0] - mean).std()) == pytest.approx(expected, rel=0.15)


@pytest.mark.parametrize("sharing", [1, 3])
def test_inference_statistics_spread_what_a_year_leaves(sharing):
    model = layer(array={"devices_per_polarity": sharing})
    x = torch.rand(200, 40)
    now = model(x).detach()
    errors = []
    for compensate in (False, True):
        for time_s in (25.0, YEAR_S):
            with drifted(model, time_s, STATISTICS, seed=1, compensate_drift=compensate):
                later = model(x).detach()
            errors.append((later - now).square().mean().sqrt().item())
    early, late, early_compensated, late_compensated = errors
    assert late > 2 * early
    assert late_compensated < 0.9 * late
    assert early_compensated < late_compensated


def test_the_same_seed_reads_the_same_devices_at_every_time():
    model = layer()
    x = torch.rand(5, 40)
    found = []
    for seed in (1, 1, 2):
        with drifted(model, YEAR_S, STATISTICS, seed=seed):
            found.append(model(x))
    assert torch.equal(found[0], found[1])
    assert not torch.equal(found[0], found[2])


@pytest.mark.parametrize("statistics", [None, STATISTICS])
def test_training_goes_on_as_if_nothing_had_been_read(statistics):
    """Not even its noise is another: reads at a later time have streams of their own."""

    def run(look):
        torch.manual_seed(0)
        config = PCMConfig(read={"noise": True, "seconds_per_update": 1.0}, seed=0)
        model = AnalogLinear(40, 20, bias=False, rpu_config=config)
        optimizer = AnalogSGD(model.parameters(), lr=1.0)
        for _ in range(4):
            if look:
                with drifted(model, YEAR_S, statistics, compensate_drift=True):
                    model.eval()(torch.rand(3, 40, generator=torch.Generator()))
                model.train()
            optimizer.zero_grad()
            model(torch.linspace(0, 1, 320).reshape(8, 40)).square().mean().backward()
            optimizer.step()
        return tile_of(model).g_plus.copy()

    np.testing.assert_array_equal(run(False), run(True))


def test_training_at_a_later_time_is_refused():
    model = layer()
    optimizer = AnalogSGD(model.parameters(), lr=1.0)
    with drifted(model, 25.0):
        model(torch.rand(3, 40)).sum().backward()
        with pytest.raises(InputError, match="later time"):
            optimizer.step()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((-1.0,), "time_s: must be 0 s or more"),
        ((float("nan"),), "time_s: must be 0 s or more"),
        ((25.0, inference_statistics("pcm_nandakumar2019")), "g_max_uS: must be that of"),
        ((25.0, None, 0, True, "currents"), "compensation_read: must be one of weights, cond"),
        ((25.0, None, 0, False, "conductances"), "no effect without compensate_drift"),
        ((25.0, STATISTICS, 0, True, "weights", False), "read_noise: False has no effect"),
    ],
)
def test_what_cannot_be_read_is_refused_and_leaves_the_present(arguments, words):
    model = layer()
    x = torch.rand(2, 40)
    now = model(x)
    with pytest.raises(InputError, match=words), drifted(model, *arguments):
        pass
    assert torch.equal(model(x), now)


def test_devices_without_a_drift_law_need_statistics():
    model = layer(device={"model": "linear", "g_max_uS": 12.0})
    with pytest.raises(InputError, match="no drift of its own"), drifted(model, 25.0):
        pass
    with drifted(model, 25.0, STATISTICS):
        model(torch.rand(2, 40))
    with pytest.raises(InputError, match="no PCM tile"), drifted(nn.Linear(2, 2), 25.0):
        pass


def test_devices_that_hold_more_than_the_nominal_g_max_keep_it():
    ideal = inference_statistics("ideal", g_max_uS=25.0)
    model = layer(device="exp_step")
    tile_of(model).g_plus[...] = 27.0
    now = model(torch.rand(2, 40))
    torch.manual_seed(0)
    x = torch.rand(2, 40)
    now = model(x)
    with drifted(model, YEAR_S, ideal):
        torch.testing.assert_close(model(x), now)
