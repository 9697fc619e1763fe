"""Evaluation through arrays: against aihwkit's inference tiles, closed forms, and what the verbs promise."""

import copy
from functools import cache

import numpy as np
import pytest
import torch
from aihwkit.inference import GlobalDriftCompensation, PCMLikeNoiseModel
from aihwkit.simulator.configs import MappingParameter, TorchInferenceRPUConfig
from torch import nn

from crossbar import PCMConfig
from crossbar.analog_product import io_parameters
from crossbar.array_layers.nonidealities import Nonidealities
from crossbar.specs import IOSpec
from imc_grapes import InputError, evaluate_drift, sensitivity, to_crossbar
from imc_grapes.data.digits import DigitsConfig
from imc_grapes.evaluate.aihwkit_inference import AihwkitInference
from imc_grapes.evaluate.over_time import read_over_time
from imc_grapes.evaluate.programmed_arrays import ProgrammedArrays

DAY_S, YEAR_S = 86400.0, 31536000.0
WIRES = {"row_ohm": 30.0, "column_ohm": 30.0}
CONVERTERS = {"dac_bits": 8, "adc_bits": 8, "out_noise": 0.02, "out_bound": 8.0}
NO_NOISE = {
    "preset": "pcm_nandakumar2019",
    "programming": {"scale": 0.0},
    "read_noise": {"scale": 0.0},
}


@cache
def digits():
    """A small network that is trained on digits, and the test images."""
    train, test = DigitsConfig().read(None)
    torch.manual_seed(0)
    net = nn.Sequential(nn.Flatten(), nn.Linear(64, 24), nn.ReLU(), nn.Linear(24, 10))
    optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
    for _ in range(100):
        optimizer.zero_grad()
        nn.functional.cross_entropy(net(train.images), train.labels).backward()
        optimizer.step()
    return net.eval(), test.images, test.labels


def accuracy(model):
    _, images, labels = digits()
    with torch.no_grad():
        return float((model(images).argmax(1) == labels).float().mean())


def on_arrays(net, **config):
    return to_crossbar(
        net, PCMConfig(**{"update": "software", "io": CONVERTERS, "seed": 0, **config})
    )


def on_aihwkit(net, **noise):
    """Its own noise model and compensation around the same converters."""
    config = TorchInferenceRPUConfig(
        forward=io_parameters(IOSpec(**CONVERTERS), 1.0, forward=True),
        mapping=MappingParameter(weight_scaling_omega=1.0, max_input_size=0, max_output_size=0),
        noise_model=PCMLikeNoiseModel(g_max=25.0, **noise),
        drift_compensation=GlobalDriftCompensation(),
    )
    return to_crossbar(net, config)


def test_accuracy_over_time_is_that_of_aihwkit():
    """Within three standard errors of the mean at every time and with either compensation."""
    net, *_ = digits()
    assert accuracy(net) > 0.95
    repeats = 40
    scores = {}
    for name, model, means in (
        ("ours", ours := on_arrays(net), ProgrammedArrays(ours)),
        ("aihwkit", theirs := on_aihwkit(net), AihwkitInference(theirs)),
    ):
        model.eval()
        for read in read_over_time(
            lambda model=model: {"accuracy": accuracy(model)},
            means,
            times_s=(25.0, DAY_S, YEAR_S),
            repeats=repeats,
            compensation=("none", "global"),
            seed=3,
        ):
            at = scores.setdefault((read.time_s, read.compensation), {"ours": [], "aihwkit": []})
            at[name].append(read.scores["accuracy"])
    for at in scores.values():
        one, other = np.array(at["ours"]), np.array(at["aihwkit"])
        error = np.sqrt((one.var(ddof=1) + other.var(ddof=1)) / repeats)
        assert abs(one.mean() - other.mean()) < 3.0 * error
    year = scores[YEAR_S, "global"]["ours"]
    assert np.mean(scores[25.0, "global"]["ours"]) > np.mean(year) > 0.8


@pytest.mark.parametrize(
    ("time_s", "scales"),
    [
        (25.0, {"prog_noise_scale": 1.0, "drift_scale": 0.0, "read_noise_scale": 0.0}),
        (YEAR_S, {"prog_noise_scale": 0.0, "drift_scale": 1.0, "read_noise_scale": 0.0}),
        (YEAR_S, {"prog_noise_scale": 0.0, "drift_scale": 0.0, "read_noise_scale": 1.0}),
        (YEAR_S, {"prog_noise_scale": 0.0, "drift_scale": 1.0, "read_noise_scale": 1.0}),
    ],
)
def test_outputs_are_those_of_aihwkit_in_mean_and_std(time_s, scales):
    """Of freshly programmed devices, within three standard errors, but for as many as chance has beyond them."""
    draws = 400
    torch.manual_seed(1)
    net = nn.Sequential(nn.Linear(20, 6, bias=False))
    x = torch.randn(5, 20)
    statistics = {
        "preset": "pcm_nandakumar2019",
        "programming": {"scale": scales["prog_noise_scale"]},
        "drift": {"scale": scales["drift_scale"]},
        "read_noise": {"scale": scales["read_noise_scale"]},
    }
    found = []
    for model, means in (
        (ours := on_arrays(net, statistics=statistics), ProgrammedArrays(ours)),
        (theirs := on_aihwkit(net, **scales), AihwkitInference(theirs)),
    ):
        model.eval()
        outputs = []
        for seed in range(draws):
            means.program(seed)
            means.read(time_s)
            with torch.no_grad(), means.compensated("none"):
                outputs.append(model(x).numpy().ravel())
        means.finish()
        found.append(np.stack(outputs).astype(np.float64))
    (mean, std), (their_mean, their_std) = ((of.mean(0), of.std(0, ddof=1)) for of in found)
    of_mean = (mean - their_mean) / np.sqrt((std**2 + their_std**2) / draws)
    of_std = (std - their_std) / np.sqrt((std**2 + their_std**2) / (2.0 * draws))
    for z in (of_mean, of_std):
        assert (np.abs(z) < 3.0).mean() > 0.96
        assert np.abs(z).max() < 4.5
        assert abs(z.mean()) < 1.0


def programmed_layer(
    statistics="pcm_nandakumar2019", time_s=YEAR_S, seed=0, config_seed=0, **config
):
    torch.manual_seed(2)
    net = nn.Sequential(nn.Linear(30, 8))
    model = on_arrays(net, statistics=statistics, **{**config, "seed": config_seed}).eval()
    means = ProgrammedArrays(model)
    means.program(seed)
    means.read(time_s)
    return model, means


def test_read_noise_is_drawn_for_every_input_vector():
    """Equal vectors in one batch differ, with the variance of the devices behind each output."""
    n = 4000
    model, means = programmed_layer(io="perfect")
    x = torch.randn(1, 30, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        y = model(x.expand(n, 30)).numpy().astype(np.float64)
    (block,) = means._reads["0"].as_read.row_blocks
    scale = float(model[0].weight.detach().abs().max())
    want = (block.variance.numpy() @ x[0].numpy() ** 2) * scale**2
    mean = block.weights.numpy() @ x[0].numpy() * scale + model[0].bias.detach().numpy()
    assert (np.abs(y.var(0) / want - 1.0) < 4.5 * np.sqrt(2.0 / n)).all()
    assert (np.abs(y.mean(0) - mean) < 4.5 * np.sqrt(want / n)).all()
    correlation = np.corrcoef(y.T) - np.eye(8)
    assert np.abs(correlation).max() < 4.5 / np.sqrt(n)


def test_the_same_read_has_the_same_noise_under_every_compensation():
    model, means = programmed_layer(io="perfect", array={"rows": 10})
    x = torch.randn(3, 30)
    outputs = {}
    with torch.no_grad():
        for kind in ("none", "global", "none", "column"):
            with means.compensated(kind):
                outputs.setdefault(kind, []).append(model(x))
        assert torch.equal(*outputs["none"])
        again, _ = programmed_layer(io="perfect", array={"rows": 10}, config_seed=7)
        assert torch.equal(again(x), outputs["none"][0])
        other, _ = programmed_layer(io="perfect", array={"rows": 10}, seed=1)
        assert not torch.equal(other(x), outputs["none"][0])


@pytest.mark.parametrize("kind", ["global", "column"])
def test_compensation_undoes_uniform_drift_behind_the_converters(kind):
    drifting = {"preset": "ideal", "drift": {"kind": "projected", "nu": 0.06, "nu_std": 0.0}}
    model, means = programmed_layer(drifting, io="perfect", array={"rows": 10, "columns": 3})
    x = torch.randn(5, 30)
    left = ((YEAR_S + 20.0) / 20.0) ** -0.06
    with torch.no_grad():
        bias = model[0].bias
        plain = model(x) - bias
        with means.compensated(kind):
            compensated = model(x) - bias
        means.finish()
        clean = model(x) - bias
    torch.testing.assert_close(plain, clean * left, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(compensated, clean, rtol=1e-4, atol=1e-5)


def test_the_model_is_given_back_and_repeats_are_the_same():
    net, *_ = digits()
    model = on_arrays(net, array={"rows": 32, "columns": 16})
    before = copy.deepcopy(model.state_dict())

    def frame(**options):
        return evaluate_drift(
            model, accuracy, times_s=(YEAR_S, 25.0), compensation=("column", "none"), **options
        )

    one = frame(repeats=2, seed=4)
    assert one.digital_score == accuracy(net)
    assert len(one.frame) == 2 * 2 * 2
    assert frame(repeats=2, seed=4).frame.equals(one.frame)
    longer = frame(repeats=3, seed=4).frame
    assert longer[longer["repeat"] < 2].reset_index(drop=True).equals(one.frame)
    assert all(torch.equal(before[key], value) for key, value in model.state_dict().items())
    ideal, undrifted = on_arrays(net), on_arrays(net)
    evaluate_drift(ideal, accuracy, times_s=(YEAR_S,), repeats=1)
    assert accuracy(ideal.eval()) == accuracy(undrifted.eval())
    own = evaluate_drift(model, accuracy, statistics=NO_NOISE, times_s=(25.0,), repeats=1, seed=4)
    assert own.frame["score"].iloc[0] >= one.frame["score"].min()


def test_a_layer_alone_has_its_devices_and_the_others_are_digital():
    net, *_ = digits()
    model = on_arrays(net, io={**CONVERTERS, "adc_bits": 2, "dac_bits": 2, "out_noise": 0.0})
    _, images, _ = digits()
    images = images[:50]
    want = net(images)

    def closeness(candidate):
        with torch.no_grad():
            return -float((candidate(images) - want).norm() / want.norm())

    frame = sensitivity(model, closeness, time_s=YEAR_S, repeats=2, compensation="none", seed=1)
    frame = frame[frame["layer"] != "all"].set_index("layer")
    assert set(frame.index) == {"1", "3"}
    # Without the layer's devices the network is plain torch: nothing of the coarse converters is left.
    torch.testing.assert_close(
        torch.tensor((frame["score"] + frame["loss"]).to_numpy()), torch.zeros(2), check_dtype=False
    )
    only = ProgrammedArrays(model).only("3")
    only.program(5)
    only.read(YEAR_S)
    with torch.no_grad():
        hidden = net[:3](images)
        assert torch.equal(model.eval()[:3](images), hidden)
    (block,) = only._reads["3"].as_read.row_blocks
    every = ProgrammedArrays(model)
    only.finish()
    every.program(5)
    every.read(YEAR_S)
    assert torch.equal(every._reads["3"].as_read.row_blocks[0].weights, block.weights)
    every.finish()
    assert not any(layer.digital for layer in (model[1], model[3]))


def test_devices_are_counted():
    net = nn.Sequential(nn.Conv2d(4, 6, 3, groups=2), nn.Flatten(), nn.Linear(24, 3))
    model = on_arrays(net, array={"devices_per_polarity": 2})
    means = ProgrammedArrays(model)
    assert means.n_devices() == 2 * 2 * (6 * 2 * 9 + 24 * 3)
    means.program(0)
    assert means.n_devices() == sum(layer.n_devices() for layer in means._programmed.values())
    assert means.only("2").n_devices() == 2 * 2 * 24 * 3


def test_switched_off_all_together_it_is_plain_torch():
    net, images, _ = digits()
    model = on_arrays(net, wires={"row_ohm": 1.0, "column_ohm": 1.0}).eval()
    none = Nonidealities(**dict.fromkeys(Nonidealities.model_fields, False))
    means = ProgrammedArrays(model, nonidealities=none)
    means.program(0)
    means.read(YEAR_S)
    with torch.no_grad():
        torch.testing.assert_close(model(images), net(images), rtol=1e-4, atol=1e-5)


def test_what_has_no_effect_or_cannot_be_is_refused():
    net = nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2))
    model = on_arrays(net)
    with pytest.raises(InputError, match="exclude: has no effect"):
        evaluate_drift(model, lambda _: 0.0, exclude=("0",))
    mixed = to_crossbar(net, {"0": PCMConfig(update="software"), "2": PCMConfig()})
    with pytest.raises(
        InputError, match="trained in place and others that are trained in software"
    ):
        evaluate_drift(mixed, lambda _: 0.0)
    means = ProgrammedArrays(model)
    means.program(0)
    means.read(25.0)
    model.train()
    with pytest.raises(InputError, match="programmed"):
        model(torch.zeros(1, 4))
    means.finish()
    model(torch.zeros(1, 4))


@pytest.mark.parametrize("groups", [1, 2])
def test_convolutions_compute_with_what_their_arrays_show(groups):
    """Split arrays, wires, factors per column and all, against torch's convolution with the weights as shown."""
    torch.manual_seed(0)
    conv = nn.Conv2d(4, 6, 3, stride=2, padding=1, groups=groups)
    model = on_arrays(
        nn.Sequential(conv),
        io="perfect",
        array={"rows": 10, "columns": 2, "scale": "column", "devices_per_polarity": 2},
        wires={"row_ohm": 20.0, "column_ohm": 20.0},
        statistics={
            "preset": "pcm_nandakumar2019",
            "read_noise": {"scale": 0.0},
            "faults": {"stuck_reset": 0.05},
        },
    ).eval()
    means = ProgrammedArrays(model)
    means.program(1)
    means.read(DAY_S)
    x = torch.randn(3, 4, 9, 9)
    for kind in ("none", "global", "column"):
        shown = means._reads["0"].compensated(kind).row_blocks
        weights = torch.cat(
            [
                block.weights
                * (block.scale * (1.0 if block.factor is None else block.factor)).unsqueeze(1)
                for block in shown
            ],
            1,
        )
        assert not torch.allclose(weights, conv.weight.detach().flatten(1), atol=1e-3)
        with torch.no_grad(), means.compensated(kind):
            want = nn.functional.conv2d(
                x, weights.view_as(conv.weight), conv.bias, stride=2, padding=1, groups=groups
            )
            torch.testing.assert_close(model(x), want, rtol=1e-4, atol=1e-5)


def test_wires_cost_and_can_be_left_out():
    net, images, _ = digits()
    want = net(images).detach()

    def distance(means, model):
        means.program(0)
        means.read(25.0)
        with torch.no_grad():
            found = model(images)
        means.finish()
        return float((found - want).norm() / want.norm())

    quiet = {"io": "perfect", "statistics": {**NO_NOISE, "drift": {"scale": 0.0}}}
    plain, wired = on_arrays(net, **quiet), on_arrays(net, wires=WIRES, **quiet)
    plain.eval()
    wired.eval()
    assert distance(ProgrammedArrays(plain), plain) < 1e-5
    assert distance(ProgrammedArrays(wired), wired) > 0.02
    left_out = ProgrammedArrays(wired, nonidealities=Nonidealities(wires=False))
    assert distance(left_out, wired) < 1e-5


def test_batch_normalisation_is_measured_again_on_the_arrays():
    """Uniform drift in front of a normalisation is undone by it, through converters."""
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(2, 5, 3, bias=False), nn.BatchNorm2d(5))
    x = torch.randn(200, 2, 6, 6)
    for _ in range(40):
        net(x)
    net.eval()
    with torch.no_grad():
        want = net(x)
    model = on_arrays(
        net,
        io={"dac_bits": 12, "adc_bits": 12, "out_noise": 0.0},
        statistics={"preset": "ideal", "drift": {"kind": "projected", "nu": 0.06, "nu_std": 0.0}},
    )
    running = model[1].running_var.clone()

    def closeness(candidate):
        with torch.no_grad():
            return -float((candidate(x) - want).norm() / want.norm())

    def at_a_year(**options):
        result = evaluate_drift(
            model, closeness, times_s=(YEAR_S,), repeats=1, compensation=("none",), **options
        )
        return float(result.frame["score"].iloc[0])

    assert at_a_year() < -0.3
    assert at_a_year(calibration=[x[:100], (x[100:], None)]) > -0.02
    assert torch.equal(model[1].running_var, running)


def test_read_noise_can_be_left_out():
    model = on_arrays(nn.Sequential(nn.Linear(6, 3)), io="perfect")
    x = torch.randn(1, 6).expand(2, 6)
    differences = []

    def score(candidate):
        with torch.no_grad():
            one, other = candidate(x)
        differences.append(float((one - other).abs().max()))
        return 0.0

    for read_noise in (True, False):
        evaluate_drift(
            model,
            score,
            times_s=(YEAR_S,),
            repeats=1,
            compensation=("none",),
            read_noise=read_noise,
        )
    # Each call scores the digital network first.
    without, noisy, _, quiet = differences
    assert without == quiet == 0.0 < noisy
