"""TTv1 and TTv2: what goes from the second array to the weights, against closed forms and a float64 account of H."""

import copy

import numpy as np
import pytest
import torch
from aihwkit.nn import AnalogLinear
from aihwkit.optim import AnalogSGD

from crossbar import ColumnCurrent, PCMConfig, conductances, drifted
from crossbar.importance import column_importance
from crossbar.readout.layer import read_importance
from crossbar.specs import OptimizerSpec
from imc_grapes.costs.optimizer_state import closed_form_bytes, measured_bytes
from imc_grapes.costs.wear import device_pulses
from kernels.errors import InputError

KINDS = ("tiki_taka", "ttv2")
N_OUT, N_IN = 3, 4
STEP = 1.0 / 64.0
"""Weight of one pulse of the devices below."""
DEVICE = {"model": "linear", "step_uS": 25.0 * STEP}
NO_REFRESH = {"every_updates": None}


def linear(n_in=N_IN, n_out=N_OUT, device=DEVICE, io="perfect", seed=0, **update):
    config = PCMConfig(device=device, io=io, update={"refresh": NO_REFRESH, **update}, seed=seed)
    layer = AnalogLinear(n_in, n_out, bias=False, rpu_config=config)
    layer.set_weights(torch.zeros(n_out, n_in))
    return layer


def tile_of(layer):
    return next(iter(layer.analog_tiles()))


def weights_of(layer):
    return layer.get_weights()[0].numpy()


def put(layer, weights):
    """Let A hold these weights, whatever pulses would have left it."""
    g_plus, g_minus = tile_of(layer).fast_pairs
    g_plus[...] = 25.0 * np.maximum(weights, 0.0)
    g_minus[...] = 25.0 * np.maximum(-weights, 0.0)


def idle_update(layer, learning_rate=1.0):
    """An update whose gradient is 0, so that nothing happens but the transfer."""
    tile = tile_of(layer).tile
    tile.set_learning_rate(learning_rate)
    n_out, n_in = tile.devices.shape
    tile.update(torch.ones(1, n_in), torch.zeros(1, n_out))


def train(layer, updates, seed=0, lr=0.05):
    generator = torch.Generator().manual_seed(seed)
    optimizer = AnalogSGD(layer.parameters(), lr=lr)
    for _ in range(updates):
        optimizer.zero_grad()
        x = torch.randn(8, layer.in_features, generator=generator)
        y = torch.randn(8, layer.out_features, generator=generator)
        (layer(x) - y).square().mean().backward()
        optimizer.step()


def test_a_column_of_a_moves_the_same_column_of_c_by_rate_times_itself():
    held = STEP * np.arange(-24, 24, 4, dtype=np.float32).reshape(N_OUT, N_IN)
    layer = linear(kind="tiki_taka", transfer_lr=0.5, transfer_max_pulses=4096)
    put(layer, held)
    expected = np.zeros_like(held)
    for update in range(2 * N_IN + 1):
        idle_update(layer, learning_rate=0.5)
        expected[:, update % N_IN] += 0.25 * held[:, update % N_IN]
        np.testing.assert_allclose(weights_of(layer), expected, atol=1e-6)
    np.testing.assert_array_equal(
        tile_of(layer).fast_pairs[0] - tile_of(layer).fast_pairs[1], 25.0 * held
    )


def test_transfers_come_every_so_often_read_so_many_columns_and_need_not_scale_with_the_rate():
    held = np.full((N_OUT, N_IN), 4 * STEP, np.float32)
    layer = linear(
        kind="tiki_taka", transfer_every=3, n_reads_per_transfer=3, scale_transfer_lr=False
    )
    put(layer, held)
    moved = np.zeros(N_IN)
    for update in range(1, 10):
        idle_update(layer, learning_rate=1e-3)
        if update % 3 == 0:
            moved[(update - 3 + np.arange(3)) % N_IN] += 4 * STEP
        np.testing.assert_allclose(weights_of(layer), np.tile(moved, (N_OUT, 1)), atol=1e-6)
    counters = tile_of(layer).counters
    assert counters["transfer_reads"] == 9
    assert counters["transfer_pulses"] == counters["pulses"] == 4 * 9 * N_OUT


def test_an_array_of_fewer_inputs_has_each_of_them_read_once():
    layer = linear(kind="tiki_taka", n_reads_per_transfer=100)
    put(layer, np.full((N_OUT, N_IN), STEP, np.float32))
    idle_update(layer)
    np.testing.assert_allclose(weights_of(layer), STEP, atol=1e-6)


def test_pulses_are_right_in_the_mean_and_what_is_beyond_the_most_is_counted():
    layer = linear(n_out=20_000, n_in=1, kind="tiki_taka", transfer_max_pulses=2)
    put(layer, np.full((20_000, 1), 0.3 * STEP, np.float32))
    idle_update(layer)
    assert weights_of(layer).mean() / STEP == pytest.approx(0.3, abs=5 * (0.21 / 20_000) ** 0.5)
    assert tile_of(layer).counters["saturated"] == 0
    put(layer, np.full((20_000, 1), -5.0 * STEP, np.float32))
    before = weights_of(layer)
    idle_update(layer)
    np.testing.assert_allclose(weights_of(layer) - before, -2.0 * STEP, atol=1e-6)
    assert tile_of(layer).counters["saturated"] == 20_000


def test_the_read_goes_through_the_converters():
    io = {"adc_bits": 4, "out_bound": 0.7, "out_noise": 0.0, "bound_management": "none"}
    layer = linear(n_out=29, n_in=2, io=io, kind="tiki_taka", transfer_max_pulses=4096)
    held = np.linspace(-0.9, 0.9, 29, dtype=np.float32).reshape(29, 1)
    put(layer, np.tile(held, 2))
    idle_update(layer)
    width = 0.1
    read = np.clip(np.round(held[:, 0] / width) * width, -0.7, 0.7)
    moved = weights_of(layer)
    assert np.abs(moved[:, 0] - read).max() <= STEP
    assert moved[:, 0].mean() == pytest.approx(read.mean(), abs=5 * STEP / (12 * 29) ** 0.5)
    assert np.all(moved[:, 1] == 0.0)


def account_of_h(held, columns, *, most, forget, momentum, threshold=1.0):
    """H and the pulses of a transfer in float64, in units of weight steps."""
    held = held + columns
    due = np.clip(np.trunc(held / threshold), -most, most)
    left = held * momentum if forget else held - (1.0 - momentum) * due * threshold
    return np.where(due != 0.0, left, held), due


@pytest.mark.parametrize("forget", [True, False])
@pytest.mark.parametrize(
    ("most", "momentum", "scale"), [(1, 0.1, 1.0), (3, 0.1, 1.0), (1, 0.0, 2.5)]
)
def test_h_gathers_columns_and_gives_pulses_as_in_float64(forget, most, momentum, scale):
    layer = linear(
        kind="ttv2",
        transfer_lr=4.0,
        transfer_max_pulses=most,
        forget_buffer=forget,
        buffer_momentum=momentum,
        thres_scale=scale,
    )
    tile = tile_of(layer)
    generator = np.random.default_rng(0)
    h, c = np.zeros((N_OUT, N_IN)), np.zeros((N_OUT, N_IN))
    sent = 0
    for update in range(60):
        held = generator.normal(0.0, 2.0 * STEP, (N_OUT, N_IN)).astype(np.float32)
        put(layer, held)
        idle_update(layer, learning_rate=0.25)
        i = update % N_IN
        h[:, i], due = account_of_h(
            h[:, i],
            held[:, i].astype(float) / STEP,
            most=most,
            forget=forget,
            momentum=momentum,
            threshold=scale,
        )
        c[:, i] += due * STEP
        sent += int(np.abs(due).sum())
        np.testing.assert_allclose(tile.update_state_arrays()["h"] * scale, h, atol=1e-4)
        np.testing.assert_allclose(weights_of(layer), c, atol=1e-5)
    assert sent > 20
    assert tile.counters["transfer_pulses"] == tile.counters["pulses"] == sent


@pytest.mark.parametrize("trains", ["summed", "per_sample"])
@pytest.mark.parametrize("kind", KINDS)
def test_counters_are_the_pulses_that_the_devices_got(kind, trains):
    layer = linear(kind=kind, trains=trains, transfer_lr=10.0, transfer_max_pulses=31)
    tile = tile_of(layer)
    train(layer, 30)
    step_uS = 25.0 * STEP
    on_c = (tile.g_plus.sum() + tile.g_minus.sum()) / step_uS
    on_a = sum(g.sum() for g in tile.fast_pairs) / step_uS
    counters = tile.counters
    assert counters["transfer_pulses"] == pytest.approx(on_c, abs=0.01)
    assert counters["pulses"] - counters["transfer_pulses"] == pytest.approx(on_a, abs=0.01)
    assert min(on_a, on_c) > 20
    assert counters["updates"] == counters["transfer_reads"] == 30


@pytest.mark.parametrize("kind", KINDS)
def test_products_see_c_and_gamma_a(kind):
    layer, plain = (
        linear(kind=kind, gamma=gamma, transfer_lr=10.0, seed=3) for gamma in (0.25, 0.0)
    )
    for one in (layer, plain):
        put(one, np.full((N_OUT, N_IN), 0.2, np.float32))
        tile_of(one).g_plus[...] = 5.0
    np.testing.assert_allclose(weights_of(layer), 0.25, atol=1e-6)
    np.testing.assert_allclose(weights_of(plain), 0.2, atol=1e-6)
    np.testing.assert_allclose(layer(torch.ones(1, N_IN)).detach(), 1.0, atol=1e-5)
    np.testing.assert_allclose(plain(torch.ones(1, N_IN)).detach(), 0.8, atol=1e-5)


@pytest.mark.parametrize("gamma", [0.0, 0.5])
@pytest.mark.parametrize("compensate", [False, True])
def test_later_both_arrays_have_drifted(gamma, compensate):
    layer = linear(device="nandakumar2018", kind="tiki_taka", gamma=gamma, transfer_lr=10.0)
    train(layer, 12)
    tile = tile_of(layer).tile
    reads = {}
    for time_s in (0.0, 1e6):
        c, a = (one.one_read(time_s, 0, False) for one in (tile.devices, tile.periphery.fast))
        reads[time_s] = (c[0] - c[1] + gamma * (a[0] - a[1])) * tile.devices.weight_per_uS
    gain = np.abs(reads[0.0]).sum() / np.abs(reads[1e6]).sum() if compensate else 1.0
    with drifted(layer, 1e6, compensate_drift=compensate, read_noise=False):
        found = layer(torch.eye(N_IN)).detach().numpy().T
    np.testing.assert_allclose(found, gain * reads[1e6], atol=1e-5)
    assert np.abs(found - reads[0.0]).max() > 1e-3


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_seed_gives_the_same_training_and_another_one_another(kind):
    layers = [linear(kind=kind, io="default", transfer_lr=10.0, seed=seed) for seed in (5, 5, 6)]
    for layer in layers:
        train(layer, 20)
    one, same, other = map(weights_of, layers)
    np.testing.assert_array_equal(one, same)
    assert not np.array_equal(one, other)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("device", ["nandakumar2018", "exp_step"])
def test_a_checkpoint_between_two_transfers_goes_on_bit_for_bit(kind, device):
    update = {
        "kind": kind,
        "transfer_every": 3,
        "n_reads_per_transfer": 3,
        "transfer_lr": 20.0,
        "refresh": {"every_updates": 4},
    }
    layer = linear(device=device, io="default", seed=1, **update)
    train(layer, 7)
    state = copy.deepcopy(layer.state_dict())
    other = linear(device=device, io="default", seed=2, **update)
    other.load_state_dict(state)
    for one in (layer, other):
        train(one, 8, seed=1)
    ours, theirs = tile_of(layer), tile_of(other)
    for a, b in (
        (ours.g_plus, theirs.g_plus),
        (ours.g_minus, theirs.g_minus),
        *zip(ours.fast_pairs, theirs.fast_pairs, strict=True),
    ):
        np.testing.assert_array_equal(a, b)
    for name, array in ours.update_state_arrays().items():
        np.testing.assert_array_equal(array, theirs.update_state_arrays()[name])
    assert ours.counters == theirs.counters
    assert ours.counters["transfer_pulses"] > 0


@pytest.mark.parametrize("kind", KINDS)
def test_weights_that_are_written_find_an_empty_second_array(kind):
    layer = linear(device="nandakumar2018", kind=kind, transfer_lr=10.0)
    train(layer, 10)
    layer.set_weights(torch.full((N_OUT, N_IN), 0.25))
    g_plus, g_minus = tile_of(layer).fast_pairs
    np.testing.assert_allclose(g_plus, g_minus, atol=1e-6)
    assert all(not array.any() for array in tile_of(layer).update_state_arrays().values())


def test_the_second_array_has_devices_faults_and_numbers_of_its_own():
    config = PCMConfig(
        device="exp_step", update="tiki_taka", faults={"stuck_set": 0.05}, seed=0, io="perfect"
    )
    layer = AnalogLinear(40, 30, bias=False, rpu_config=config)
    tile = tile_of(layer).tile
    c, a = tile.devices, tile.periphery.fast
    for one, other in zip(c.stuck, a.stuck, strict=True):
        assert 20 < other.set_index.size < 110
        assert not np.array_equal(one.set_index, other.set_index)
    stuck = a.stuck[0].set_index
    before = a.g_plus.reshape(-1)[stuck].copy()
    assert before.min() > 10.0
    train(layer, 5)
    np.testing.assert_array_equal(a.g_plus.reshape(-1)[stuck], before)


@pytest.mark.parametrize("kind", KINDS)
def test_conductances_are_those_of_the_weights_with_the_second_array_beside_them(kind):
    layer = linear(kind=kind)
    (found,) = conductances(layer)
    assert found.g_plus is tile_of(layer).g_plus
    assert found.fast[0].shape == (N_OUT, N_IN)
    assert np.shares_memory(found.fast[1], tile_of(layer).fast_pairs[1])
    (plain,) = conductances(linear(kind="pulsed"))
    assert plain.fast is None


@pytest.mark.parametrize(
    ("update", "message"),
    [
        ({"optimizer": "momentum"}, "keeps no state of a rule.*optimizer: 'momentum'"),
        ({"momentum": 0.9}, "keeps no state of a rule.*momentum: 0.9"),
        ({"accumulator_bits": 8}, "keeps no state of a rule.*accumulator_bits"),
        ({"transfer_every": 0}, "transfer_every"),
        ({"n_reads_per_transfer": 0}, "n_reads_per_transfer"),
        ({"gamma": -0.1}, "gamma"),
        ({"fast_lr": 0.1}, "fast_lr"),
    ],
)
@pytest.mark.parametrize("kind", KINDS)
def test_what_these_circuits_cannot_do_is_refused(kind, update, message):
    with pytest.raises(InputError, match=message):
        PCMConfig(update={"kind": kind, **update})


def test_h_belongs_to_ttv2_alone():
    with pytest.raises(InputError, match="thres_scale"):
        PCMConfig(update={"kind": "tiki_taka", "thres_scale": 2.0})


@pytest.mark.parametrize("kind", KINDS)
def test_devices_that_are_never_read_cannot_be_transferred(kind):
    with pytest.raises(InputError, match=r"update.kind: .* reads columns of its second array"):
        PCMConfig(update={"kind": kind, "refresh": NO_REFRESH}, read={"during_training": "never"})


def test_a_state_of_other_circuits_is_refused():
    plain, ours, buffered = (linear(kind=kind) for kind in ("pulsed", *KINDS))
    for layer, other, message in (
        (ours, plain, "has the parts devices, fast_devices, reads"),
        (plain, ours, "the one given has devices, fast_devices, "),
        (ours, buffered, "update state"),
    ):
        with pytest.raises(InputError, match=message):
            layer.load_state_dict(other.state_dict(), load_rpu_config=False)


@pytest.mark.parametrize("kind", KINDS)
def test_the_wear_of_both_arrays_is_what_the_counters_say(kind):
    config = PCMConfig(
        device="nandakumar2018",
        array={"devices_per_polarity": 2},
        update={"kind": kind, "transfer_lr": 20.0, "refresh": {"every_updates": 2, "above": 0.3}},
        wear=True,
        seed=0,
    )
    layer = AnalogLinear(N_IN, N_OUT, bias=False, rpu_config=config)
    layer.set_weights(torch.zeros(N_OUT, N_IN))
    train(layer, 30)
    tile = tile_of(layer)
    arrays = (tile.wear, tile.fast_wear)
    sets, resets = (
        sum(
            int(getattr(one, f"{what}_{side}").sum())
            for one in arrays
            for side in ("plus", "minus")
        )
        for what in ("set", "reset")
    )
    counters = tile.counters
    assert sets == counters["pulses"] + counters["refresh_pulses"]
    assert resets == 2 * counters["refreshes"] + counters["program_resets"]
    assert (
        min(counters["refreshes"], counters["transfer_pulses"], int(arrays[1].set_plus.sum())) > 0
    )
    pulses = device_pulses(torch.nn.Sequential(layer))
    assert int(pulses.set_pulses.sum()) == sets
    assert pulses.updates == 30


def test_grapes_reads_the_columns_of_c():
    layer = linear(kind="tiki_taka", gamma=0.5)
    put(layer, np.full((N_OUT, N_IN), 0.4, np.float32))
    tile_of(layer).g_plus[...] = np.arange(N_OUT, dtype=np.float32)[:, None]
    expected = N_IN * np.arange(N_OUT) / 25.0
    np.testing.assert_allclose(column_importance(layer), expected, atol=1e-6)
    by_column = read_importance(layer, ColumnCurrent(adc_bits=8))
    np.testing.assert_allclose(by_column, expected, atol=0.01 * expected.max())


@pytest.mark.parametrize("kind", KINDS)
def test_bytes_that_are_kept_are_those_of_the_closed_form(kind):
    layer = linear(kind=kind)
    expected = 4 * N_OUT * N_IN if kind == "ttv2" else 0
    model = torch.nn.Sequential(layer)
    assert closed_form_bytes(model, OptimizerSpec().rule) == expected
    assert measured_bytes(torch.optim.SGD(model.parameters()), model) == expected
