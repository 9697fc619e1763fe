"""Nonidealities and layers alone."""

import copy

import pytest
import torch
from torch import nn

from crossbar import PCMConfig
from crossbar.wires import effective_conductances
from imc_grapes import evaluate_drift, sensitivity, to_crossbar
from kernels.errors import InputError

STATISTICS = {"preset": "pcm_nandakumar2019", "faults": {"stuck_reset": 0.02, "stuck_set": 0.01}}
X = torch.randn(60, 6, generator=torch.Generator().manual_seed(0))


def small() -> nn.Module:
    torch.manual_seed(1)
    return nn.Sequential(nn.Linear(6, 9), nn.ReLU(), nn.Linear(9, 4))


NET = small().eval()
with torch.no_grad():
    TRUTH = NET(X)


def likeness(model: nn.Module) -> float:
    """Minus the distance of the outputs from those of the digital model."""
    with torch.no_grad():
        return -float((model(X) - TRUTH).norm() / TRUTH.norm())


def rows_of(frame):
    return frame.set_index(["layer", "nonideality"])


@pytest.fixture(scope="module")
def found():
    return rows_of(sensitivity(NET, likeness, statistics=STATISTICS, repeats=3, seed=2))


def test_every_layer_every_nonideality_and_all_of_both(found):
    assert sorted(found.index) == [
        ("0", "all"),
        ("2", "all"),
        ("all", "all"),
        ("all", "drift"),
        ("all", "faults"),
        ("all", "programming"),
        ("all", "read_noise"),
    ]
    assert found["loss"].is_monotonic_decreasing
    assert (found["loss"] > 0.0).all()
    assert found.index[0] == ("all", "all")


def test_without_stuck_devices_there_is_no_row_of_them():
    frame = sensitivity(NET, likeness, statistics="pcm_nandakumar2019", repeats=1)
    assert "faults" not in set(frame["nonideality"])
    assert (frame["std"] == 0.0).all()


def test_a_nonideality_alone_is_the_statistics_without_all_others(found):
    expected = {
        "programming": {
            "drift": {"kind": "projected", "nu": 0.0, "nu_std": 0.0},
            "read_noise": {"scale": 0.0},
        },
        "read_noise": {
            "drift": {"kind": "projected", "nu": 0.0, "nu_std": 0.0},
            "programming": {"scale": 0.0},
        },
        "drift": {"programming": {"scale": 0.0}, "read_noise": {"scale": 0.0}},
    }
    for name, others in expected.items():
        result = evaluate_drift(
            NET,
            likeness,
            statistics={"preset": "pcm_nandakumar2019", **others},
            times_s=(86400.0,),
            repeats=3,
            compensation=("global",),
            seed=2,
        )
        score = found.loc[("all", name), "score"]
        assert result.frame["score"].mean() == pytest.approx(score, rel=1e-3), name
        assert result.frame["score"].std() == pytest.approx(
            found.loc[("all", name), "std"], rel=0.02
        )


def test_together_is_what_evaluate_drift_finds(found):
    result = evaluate_drift(
        NET,
        likeness,
        statistics=STATISTICS,
        times_s=(86400.0,),
        repeats=3,
        compensation=("global",),
        seed=2,
    )
    together = found.loc[("all", "all")]
    assert result.frame["score"].mean() == pytest.approx(together["score"], rel=1e-6)
    assert result.frame["score"].std() == pytest.approx(together["std"], rel=1e-6)


def on_arrays(**config):
    return to_crossbar(
        NET, PCMConfig(update="software", statistics=STATISTICS, seed=0, **config)
    ).eval()


def test_arrays_suffer_from_their_circuits_too():
    wires = {"row_ohm": 100.0, "column_ohm": 50.0}
    coarse = {"dac_bits": 4, "adc_bits": 4, "out_noise": 0.0}
    model = on_arrays(io=coarse, wires=wires)
    found = rows_of(sensitivity(model, likeness, repeats=2))
    assert set(found.loc["all"].index) == {
        "all",
        "programming",
        "drift",
        "read_noise",
        "converters",
        "wires",
        "faults",
    }
    assert (found["loss"] > 0.0).all()
    # Ideal devices behind converters are what the layers compute before anything is programmed.
    assert found.loc[("all", "converters"), "score"] == pytest.approx(likeness(model), rel=1e-5)

    through = small()
    for layer in (through[0], through[2]):
        weights = layer.weight.detach().double()
        unit = weights.abs().max() / 25.0
        pairs = torch.stack([weights.clamp(min=0.0), (-weights).clamp(min=0.0)], 1) / unit
        solved = effective_conductances(pairs.flatten(0, 1).numpy(), **wires)
        plus, minus = torch.from_numpy(solved).unflatten(0, (-1, 2)).unbind(1)
        layer.weight.data = ((plus - minus) * unit).float()
    of_wires = found.loc[("all", "wires")]
    assert of_wires["std"] == 0.0
    # Global compensation compares two reads of the same conductances through the same wires.
    assert of_wires["score"] == pytest.approx(likeness(through), rel=1e-4)


def test_circuits_that_are_perfect_have_no_row():
    model = on_arrays(io="perfect", wires={"row_ohm": 0.0, "column_ohm": 0.0})
    named = set(sensitivity(model, likeness, repeats=1)["nonideality"])
    assert named == {"all", "programming", "drift", "read_noise", "faults"}


def test_a_score_that_errs_more_the_larger_it_is():
    ours = sensitivity(NET, likeness, statistics=STATISTICS, repeats=2)
    theirs = sensitivity(
        NET,
        lambda model: -likeness(model),
        statistics=STATISTICS,
        repeats=2,
        higher_is_better=False,
    )
    assert ours["loss"].tolist() == theirs["loss"].tolist()
    assert ours["score"].tolist() == [-score for score in theirs["score"]]


def test_the_model_is_given_back():
    model = small()
    before = copy.deepcopy(model.state_dict())
    sensitivity(model, likeness, statistics=STATISTICS, repeats=1)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_calibration_reaches_every_score():
    """A factor of drift alone is undone by the batch normalisation behind the layer."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(6, 5, bias=False), nn.BatchNorm1d(5))
    for _ in range(40):
        model(X)
    model.eval()
    with torch.no_grad():
        want = model(X)

    def score(candidate: nn.Module) -> float:
        with torch.no_grad():
            return -float((candidate(X) - want).norm() / want.norm())

    shrunk = {
        "preset": "pcm_nandakumar2019",
        "drift": {"kind": "projected", "nu": 0.1, "nu_std": 0.0},
    }
    options = {"statistics": shrunk, "time_s": 3e7, "compensation": "none", "repeats": 1}
    fixed = rows_of(sensitivity(model, score, **options))
    again = rows_of(sensitivity(model, score, **options, calibration=[X]))
    assert again.loc[("all", "drift"), "loss"] < 0.2 * fixed.loc[("all", "drift"), "loss"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"repeats": 0}, r"repeats: must be a whole number of 1 or more \(got 0\)"),
        ({"time_s": -1.0}, r"^time_s: must be 0 s or more and finite \(got -1\.0\)"),
        (
            {"compensation": "twice"},
            r"compensation: must be one of 'none', 'global', 'column' \(got 'twice'\)",
        ),
        ({"statistics": None}, r"statistics: a digital model needs"),
    ],
)
def test_unusable_options_are_named(options, message):
    with pytest.raises(InputError, match=message):
        sensitivity(NET, likeness, **{"statistics": STATISTICS, **options})
