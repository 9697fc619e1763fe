"""Programmed arrays against closed forms, the float64 law of programming, and many noisy reads."""

import numpy as np
import pytest
import torch

from crossbar.array_layers.blocks import scales_of, split_over_arrays
from crossbar.array_layers.nonidealities import Nonidealities
from crossbar.array_layers.programmed import program_layer
from crossbar.specs import WiresSpec
from crossbar.wires import effective_conductances
from device_models.inference.spec import inference_statistics
from kernels.errors import InputError

YEAR_S = 31536000.0
NANDAKUMAR = inference_statistics("pcm_nandakumar2019")
IDEAL = inference_statistics("ideal")
UNIFORM = inference_statistics("ideal", drift={"kind": "projected", "nu": 0.06, "nu_std": 0.0})
NO_SPREAD = {"slope": 0.0, "offset": 0.0, "low": 0.0, "high": 0.0}
BY_CONDUCTANCE = inference_statistics("ideal", drift={"kind": "conductance", "nu_std": NO_SPREAD})
OF_A_YEAR = ((YEAR_S + 20.0) / 20.0) ** -0.06
MATRIX = torch.from_numpy(np.random.default_rng(0).normal(size=(12, 30)).astype(np.float32))


def programmed(
    matrix=MATRIX,
    statistics=NANDAKUMAR,
    seed=0,
    rows=None,
    columns=None,
    per="array",
    groups=1,
    **how,
):
    blocks = split_over_arrays(*matrix.shape, rows, columns, groups)
    scales = scales_of(matrix, blocks, per)
    return program_layer(matrix, blocks, scales, statistics, seed, **how)


def weights_of(read):
    """What all arrays show, with their digital factors, in units of weights `[n_out, n_in]`."""
    parts = [
        block.weights
        * (block.scale if block.factor is None else block.scale * block.factor).unsqueeze(1)
        for block in read.row_blocks
    ]
    return torch.cat(parts, 1).numpy()


@pytest.mark.parametrize("per", ["array", "column"])
@pytest.mark.parametrize(
    "split", [{}, {"rows": 7, "columns": 5}, {"rows": 13, "columns": 3, "groups": 2}]
)
@pytest.mark.parametrize("sharing", [1, 3])
def test_ideal_devices_show_the_weights(per, split, sharing):
    read = (
        programmed(statistics=IDEAL, per=per, devices_per_polarity=sharing, **split)
        .read(YEAR_S)
        .as_read
    )
    np.testing.assert_allclose(weights_of(read), MATRIX, rtol=2e-6, atol=1e-6)
    for block in read.row_blocks:
        assert block.variance is None
        assert block.factor is None
        largest = block.weights.abs().amax(1) if per == "column" else block.weights.abs().amax()
        np.testing.assert_allclose(largest, 1.0, rtol=1e-6)


def test_uniform_drift_and_its_compensation_follow_the_power_law():
    read = programmed(statistics=UNIFORM, rows=8, columns=5).read(YEAR_S)
    np.testing.assert_allclose(weights_of(read.as_read), MATRIX * OF_A_YEAR, rtol=1e-4, atol=1e-6)
    for kind in ("global", "column"):
        for what in ("weights", "conductances"):
            compensated = read.compensated(kind, what)
            np.testing.assert_allclose(weights_of(compensated), MATRIX, rtol=1e-4, atol=1e-6)
            for block in compensated.row_blocks:
                np.testing.assert_allclose(block.factor, 1.0 / OF_A_YEAR, rtol=1e-5)


def test_compensation_of_columns_restores_each_and_a_global_factor_only_their_sum():
    """Each column has one magnitude, so one drift exponent: 0.049 to 0.1, by its conductance."""
    steps = torch.linspace(0.02, 1.0, 12)[:, None].expand(12, 30)
    matrix = (steps * MATRIX.sign()).contiguous()
    read = programmed(matrix, BY_CONDUCTANCE).read(YEAR_S)
    exponents = np.clip(-0.0155 * np.log(steps[:, :1].numpy()) + 0.0244, 0.049, 0.1)
    left = ((YEAR_S + 20.0) / 20.0) ** -exponents
    np.testing.assert_allclose(weights_of(read.as_read), matrix.numpy() * left, rtol=1e-4)
    np.testing.assert_allclose(weights_of(read.compensated("column")), matrix, rtol=1e-5)
    shown = weights_of(read.compensated("global"))
    np.testing.assert_allclose(np.abs(shown).sum(), np.abs(matrix.numpy()).sum(), rtol=1e-5)
    assert np.ptp(shown / matrix.numpy()) > 0.1


def test_factors_are_those_of_each_array():
    """Arrays of rows and columns that drift apart, each against its own first read."""
    read = programmed(statistics=BY_CONDUCTANCE, rows=15, columns=6).read(YEAR_S)
    plain, restored = weights_of(read.as_read), weights_of(read.compensated("global"))
    for rows in (slice(0, 15), slice(15, 30)):
        for columns in (slice(0, 6), slice(6, 12)):
            want = np.abs(MATRIX.numpy()[columns, rows]).sum() / np.abs(plain[columns, rows]).sum()
            np.testing.assert_allclose(
                restored[columns, rows], plain[columns, rows] * want, rtol=1e-5
            )


def test_the_compensating_read_has_the_read_noise_of_both_times():
    layer = programmed(devices_per_polarity=2)
    array = layer._arrays[0]
    first, later = (
        np.abs(np.subtract(*array.statistics.read(array.state.rewound(), at, array.seed).sum(1)))
        for at in (0.0, YEAR_S)
    )
    read = layer.read(YEAR_S)
    (block,) = read.compensated("column").row_blocks
    np.testing.assert_allclose(block.factor, first.sum(1) / later.sum(1), rtol=1e-5)
    (block,) = read.compensated("global").row_blocks
    np.testing.assert_allclose(block.factor, first.sum() / later.sum(), rtol=1e-5)


@pytest.mark.parametrize("sharing", [1, 4])
def test_programming_noise_is_that_of_the_law(sharing):
    """Mean and std of each level's weights, in float64 from the law, within 4 standard errors."""
    n = 40_000
    levels = torch.tensor([0.25, 0.5, 0.75, 1.0])
    matrix = levels[:, None].expand(4, n).contiguous()
    only = Nonidealities(drift=False, read_noise=False)
    read = programmed(matrix, devices_per_polarity=sharing, nonidealities=only).read(YEAR_S).as_read
    x = levels.numpy().astype(np.float64)
    plus = (0.26348 + 1.9650 * x - 1.1731 * x**2) / 25.0
    # The other device of the pair is cut at 0: half of a normal.
    minus = 0.26348 / 25.0
    mean = x - minus / np.sqrt(2.0 * np.pi)
    std = np.sqrt((plus**2 + minus**2 * (0.5 - 0.5 / np.pi)) / sharing)
    found = weights_of(read).astype(np.float64)
    assert (np.abs(found.mean(1) - mean) < 4.0 * std / np.sqrt(n)).all()
    assert (np.abs(found.std(1) - std) < 4.0 * std / np.sqrt(2.0 * n)).all()


def test_the_variance_is_that_of_many_reads():
    layer = programmed(devices_per_polarity=2)
    (block,) = layer.read(YEAR_S).as_read.row_blocks
    array = layer._arrays[0]
    reads = np.stack(
        [
            np.subtract(*array.statistics.read(array.state, YEAR_S, seed).sum(1)) / 50.0
            for seed in range(2000)
        ]
    ).astype(np.float64)
    spread = reads.std(0)
    assert (np.abs(reads.mean(0) - block.weights.numpy()) < 4.5 * spread / np.sqrt(2000.0)).all()
    np.testing.assert_allclose(block.variance, spread**2, rtol=0.2)
    np.testing.assert_allclose(block.variance.sum(), (spread**2).sum(), rtol=0.01)


def test_wires_take_their_part_of_every_pair():
    """The array as it lies on the wires: both devices of a pair in neighbouring columns, K of them in parallel."""
    wires = WiresSpec(row_ohm=2.0, column_ohm=3.0)
    only = Nonidealities(drift=False, read_noise=False, programming=False)
    layer = programmed(devices_per_polarity=2, wires=wires, nonidealities=only, rows=15, columns=12)
    for block, rows in zip(
        layer.read(25.0).as_read.row_blocks, (slice(0, 15), slice(15, 30)), strict=True
    ):
        scaled = MATRIX[:, rows].numpy() / float(MATRIX[:, rows].abs().max()) * 25.0
        lying = np.zeros((24, 15))
        lying[0::2] = 2.0 * np.maximum(scaled, 0.0)
        lying[1::2] = 2.0 * np.maximum(-scaled, 0.0)
        through = effective_conductances(lying, 2.0, 3.0)
        want = (through[0::2] - through[1::2]) / 50.0
        np.testing.assert_allclose(block.weights, want, rtol=1e-4, atol=1e-6)
        assert np.abs(block.weights.numpy() - scaled / 25.0).max() > 1e-3


def test_no_resistance_is_no_wires():
    plain, wired = (
        programmed(wires=wires).read(YEAR_S)
        for wires in (None, WiresSpec(row_ohm=0.0, column_ohm=0.0))
    )
    np.testing.assert_allclose(weights_of(wired.as_read), weights_of(plain.as_read), rtol=1e-6)
    np.testing.assert_allclose(
        wired.as_read.row_blocks[0].variance, plain.as_read.row_blocks[0].variance, rtol=1e-5
    )
    for kind in ("global", "column"):
        np.testing.assert_allclose(
            wired.compensated(kind).row_blocks[0].factor,
            plain.compensated(kind).row_blocks[0].factor,
            rtol=1e-5,
        )


def test_noise_through_wires_is_that_of_solving_every_noisy_read():
    """First order is enough: 1.3 % above 2,000 reads that were each solved, where wires take 4 % of the currents."""
    wires = WiresSpec(row_ohm=60.0, column_ohm=60.0)
    layer = programmed(wires=wires)
    read = layer.read(YEAR_S)
    (block,) = read.as_read.row_blocks
    array = layer._arrays[0]
    noisy = []
    for seed in range(300):
        g = array.statistics.read(array.state, YEAR_S, seed)[:, 0]
        lying = g.swapaxes(0, 1).reshape(24, 30)
        through = effective_conductances(lying, 60.0, 60.0)
        noisy.append((through[0::2] - through[1::2]) / 25.0)
    noisy = np.stack(noisy)
    np.testing.assert_allclose(block.variance.sum(), noisy.var(0).sum(), rtol=0.04)
    error = noisy.std(0) / np.sqrt(300.0)
    assert (np.abs(noisy.mean(0) - block.weights.numpy()) < 4.5 * error + 1e-4).all()
    # A compensating read takes its noise through the wires in the same way.
    g = array.statistics.read(array.state, YEAR_S, array.seed)[:, 0]
    through = effective_conductances(g.swapaxes(0, 1).reshape(24, 30), 60.0, 60.0)
    sums = np.abs(through[0::2] - through[1::2]).sum(1)
    found = array.compensating_read(array.state, read._seen[0], YEAR_S, "weights")
    np.testing.assert_allclose(found, sums, rtol=5e-3)


def test_switching_one_off_leaves_the_numbers_of_the_others():
    stuck = inference_statistics(
        "pcm_nandakumar2019",
        faults={"stuck_reset": 0.1, "stuck_set": 0.1},
        spread={"g_max": 0.2, "nu": 0.2},
    )

    def state(**off):
        layer = programmed(statistics=stuck, nonidealities=Nonidealities(**off))
        return layer._arrays[0].state, layer

    every, _ = state()
    held = np.concatenate([every.stuck.reset_index, every.stuck.set_index])
    free = np.setdiff1d(np.arange(720), held)
    exact, _ = state(programming=False)
    targets = np.stack([np.maximum(sign * MATRIX.numpy(), 0.0) for sign in (1, -1)])
    targets *= 25.0 / float(MATRIX.abs().max())
    np.testing.assert_allclose(
        exact.g_programmed_uS.reshape(-1)[free], targets.reshape(-1)[free], rtol=1e-5
    )
    np.testing.assert_array_equal(exact.nu, every.nu)
    still, _ = state(drift=False)
    assert not still.nu.any()
    np.testing.assert_array_equal(still.g_programmed_uS, every.g_programmed_uS)
    whole, _ = state(faults=False)
    np.testing.assert_array_equal(
        whole.g_programmed_uS.reshape(-1)[free], every.g_programmed_uS.reshape(-1)[free]
    )
    assert not np.array_equal(whole.g_programmed_uS, every.g_programmed_uS)
    quiet, layer = state(read_noise=False)
    np.testing.assert_array_equal(quiet.g_programmed_uS, every.g_programmed_uS)
    assert layer.read(YEAR_S).as_read.row_blocks[0].variance is None
    assert not state()[1].read(25.0).as_read.perfect_converters
    assert state(converters=False)[1].read(25.0).as_read.perfect_converters
    wires = WiresSpec(row_ohm=5.0, column_ohm=5.0)
    wired, off, none = (
        weights_of(programmed(wires=how, nonidealities=left).read(25.0).as_read)
        for how, left in (
            (wires, Nonidealities()),
            (wires, Nonidealities(wires=False)),
            (None, Nonidealities()),
        )
    )
    np.testing.assert_array_equal(off, none)
    assert not np.array_equal(wired, none)


def test_the_seed_fixes_all_bits_and_arrays_differ():
    def read(seed):
        return programmed(MATRIX[:, :15].repeat(1, 2), rows=15, seed=seed).read(YEAR_S)

    one, same, other = (read(seed).compensated("global") for seed in (0, 0, 1))
    np.testing.assert_array_equal(weights_of(one), weights_of(same))
    assert one.seed == same.seed != other.seed
    assert not np.array_equal(weights_of(one), weights_of(other))
    first, second = (block.weights.numpy() for block in one.row_blocks)
    assert not np.array_equal(first, second)
    assert read(0).compensated("none").seed == one.seed != programmed().read(25.0).as_read.seed


def test_columns_and_arrays_of_zeros_are_left_at_zero():
    matrix = MATRIX.clone()
    matrix[3] = 0.0
    matrix[6:] = 0.0
    read = programmed(matrix, IDEAL, columns=6).read(YEAR_S)
    for kind in ("global", "column"):
        np.testing.assert_allclose(weights_of(read.compensated(kind)), matrix, rtol=1e-5)


def test_what_cannot_be_programmed_or_read_is_refused():
    matrix = MATRIX.clone()
    matrix[0, 0] = torch.nan
    with pytest.raises(InputError, match="not finite"):
        programmed(matrix)
    layer = programmed()
    layer.read(YEAR_S)
    with pytest.raises(InputError, match="time does not go backwards"):
        layer.read(25.0)
