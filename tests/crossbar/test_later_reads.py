import numpy as np
import pytest
import torch
from aihwkit.nn import AnalogLinear
from aihwkit.optim import AnalogSGD
from torch import nn

from crossbar import PCMConfig, PCMTile, drifted
from device_models import InferenceStatistics
from kernels.errors import InputError

YEAR_S = 31_536_000.0
STATISTICS = InferenceStatistics.preset("pcm_nandakumar2019", g_max_uS=12.0)


def layer(**config):
    torch.manual_seed(0)
    return AnalogLinear(40, 20, bias=False, rpu_config=PCMConfig(io="perfect", seed=0, **config))


def tile_of(model):
    return next(m for m in model.modules() if isinstance(m, PCMTile))


def test_the_models_own_law_shrinks_all_weights_alike_and_compensation_restores_them():
    model = layer()
    x = torch.rand(5, 40)
    now = model(x)
    for time_s in (38.6, 3600.0, YEAR_S):
        with drifted(model, time_s):
            torch.testing.assert_close(model(x), now * (time_s / 38.6) ** -0.04)
        with drifted(model, time_s, compensate_drift=True):
            torch.testing.assert_close(model(x), now)
    torch.testing.assert_close(model(x), now, rtol=0, atol=0)


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


def test_training_goes_on_as_if_nothing_had_been_read():
    def run(look):
        model = layer()
        optimizer = AnalogSGD(model.parameters(), lr=1.0)
        for _ in range(4):
            if look:
                with drifted(model, YEAR_S, STATISTICS, compensate_drift=True):
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
        ((25.0, InferenceStatistics.preset("pcm_nandakumar2019")), "g_max_uS: must be that of"),
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
