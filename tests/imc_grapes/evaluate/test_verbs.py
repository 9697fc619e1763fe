"""evaluate_drift and sensitivity on models of one's own."""

import copy

import numpy as np
import pytest
import torch
from aihwkit.simulator.configs import InferenceRPUConfig
from torch import nn

from crossbar import PCMConfig
from imc_grapes import calibrate, evaluate_drift, sensitivity, to_crossbar
from kernels.errors import InputError

YEAR_S = 31536000.0
NO_NOISE = {
    "preset": "pcm_nandakumar2019",
    "programming": {"scale": 0.0},
    "read_noise": {"scale": 0.0},
}


class Small(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(3)
        self.conv = nn.Conv1d(2, 4, 3, padding="same")
        self.norm = nn.BatchNorm1d(4)
        self.attention = nn.MultiheadAttention(4, 2, batch_first=True)
        self.head = nn.Linear(4, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        h = self.norm(self.conv(x)).transpose(1, 2)
        return self.head(self.attention(h, h, h, need_weights=False)[0].mean(1))


X = torch.randn(40, 2, 8, generator=torch.Generator().manual_seed(0))


def distance(model: nn.Module) -> float:
    """Minus the distance of the outputs from those of the digital model."""
    assert not model.training
    with torch.no_grad():
        return -float((model(X) - REFERENCE).norm() / REFERENCE.norm())


with torch.no_grad():
    REFERENCE = Small().eval()(X)


def test_a_frame_with_a_row_per_repeat_time_and_compensation() -> None:
    model = Small().train()
    before = copy.deepcopy(model.state_dict())
    result = evaluate_drift(
        model, distance, statistics="pcm_nandakumar2019", times_s=(YEAR_S, 25), repeats=3, seed=1
    )
    assert list(result.frame.columns) == ["time_s", "compensation", "repeat", "score"]
    assert len(result.frame) == 3 * 2 * 2
    assert result.digital_score == pytest.approx(0.0, abs=1e-5)
    assert model.training
    assert all(torch.equal(before[key], value) for key, value in model.state_dict().items())
    means = result.summary().set_index(["time_s", "compensation"])["mean"]
    assert means[YEAR_S, "none"] < means[YEAR_S, "global"] < means[25.0, "global"] < 0.0


def test_the_same_seed_gives_the_same_devices_and_another_one_others() -> None:
    def scores(seed: int) -> list[float]:
        result = evaluate_drift(
            Small(), distance, statistics="pcm_nandakumar2019", times_s=(25,), repeats=2, seed=seed
        )
        return list(result.frame["score"])

    assert scores(1) == scores(1)
    assert scores(1) != scores(2)


def test_attention_is_programmed_too() -> None:
    frame = sensitivity(Small(), distance, statistics="pcm_nandakumar2019", repeats=2)
    layers = frame[frame["layer"] != "all"]
    assert set(layers["layer"]) == {
        "conv",
        "head",
        *(f"attention.{name}_proj" for name in ("q", "k", "v", "out")),
    }
    assert set(layers["nonideality"]) == {"all"}
    assert list(frame.columns)[:4] == ["layer", "nonideality", "score", "loss"]
    assert (frame["loss"] > 0.0).all()
    assert frame["loss"].is_monotonic_decreasing
    np.testing.assert_allclose(frame["score"] + frame["loss"], 0.0, atol=1e-5)


def test_a_layer_alone_has_the_devices_that_it_has_among_all() -> None:
    whole = evaluate_drift(
        Small(),
        distance,
        statistics="pcm_nandakumar2019",
        times_s=(86400.0,),
        repeats=2,
        compensation=("global",),
        exclude=("conv", "attention"),
        seed=5,
    )
    alone = sensitivity(
        Small(), distance, statistics="pcm_nandakumar2019", repeats=2, seed=5
    ).set_index("layer")
    assert whole.frame["score"].mean() == pytest.approx(alone.loc["head", "score"], rel=1e-6)


def test_tiles_are_scored_in_place_and_given_back() -> None:
    model = to_crossbar(Small(), PCMConfig(array={"weight_range": "auto"}, io="perfect", seed=1))
    with torch.no_grad():
        before = model.eval()(X)
    result = evaluate_drift(model, distance, times_s=(25, YEAR_S), repeats=2)
    assert result.digital_score is None
    means = result.summary().set_index(["time_s", "compensation"])["mean"]
    assert means[YEAR_S, "none"] < means[25.0, "none"]
    with torch.no_grad():
        torch.testing.assert_close(model(X), before)
    layers = sensitivity(model, distance, time_s=YEAR_S, repeats=1, compensation="none")
    assert set(layers["layer"]) >= {"conv.parts.0", "attention.q_proj", "head"}
    assert (layers["loss"] > 0.0).sum() >= 4
    together = layers[(layers["layer"] == "all")]
    assert list(together["nonideality"]) == ["all"]
    year = means[YEAR_S, "none"]
    assert together["score"].item() == pytest.approx(year, abs=0.1 * abs(year))


def test_calibration_measures_batch_normalisation_again() -> None:
    """Drift that shrinks a layer by one factor is undone by the normalisation behind it."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(6, 5, bias=False), nn.BatchNorm1d(5))
    x = torch.randn(400, 6)
    for _ in range(40):
        model(x)
    model.eval()
    with torch.no_grad():
        want = model(x)
    running = model[1].running_mean.clone()

    def score(candidate: nn.Module) -> float:
        with torch.no_grad():
            return -float((candidate(x) - want).norm() / want.norm())

    def at_a_year(**options: object) -> float:
        result = evaluate_drift(
            model,
            score,
            statistics=NO_NOISE,
            times_s=(YEAR_S,),
            repeats=3,
            compensation=("none",),
            **options,  # type: ignore[arg-type]
        )
        return float(result.frame["score"].mean())

    assert at_a_year() < -0.3
    assert at_a_year(calibration=[x[:200], (x[200:], None)]) > -0.2
    assert torch.equal(model[1].running_mean, running)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "statistics: a digital model needs"),
        ({"statistics": "nope"}, "nope"),
        ({"statistics": "pcm_nandakumar2019", "times_s": (-1,)}, "times_s"),
        ({"statistics": "pcm_nandakumar2019", "times_s": ()}, "times_s"),
        ({"statistics": "pcm_nandakumar2019", "repeats": 0}, "repeats"),
        ({"statistics": "pcm_nandakumar2019", "compensation": "global"}, "compensation"),
        ({"statistics": "pcm_nandakumar2019", "compensation": ("both",)}, "compensation"),
        ({"statistics": "pcm_nandakumar2019", "exclude": ("nowhere",)}, "nowhere"),
        ({"statistics": "pcm_nandakumar2019", "calibration": []}, "holds no batch"),
        (
            {"statistics": "pcm_nandakumar2019", "exclude": ("conv", "attention", "head")},
            "no layer left",
        ),
    ],
)
def test_what_has_no_effect_is_refused(options: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        evaluate_drift(Small(), distance, **{"repeats": 1, **options})  # type: ignore[arg-type]


def test_calibration_without_batch_normalisation_is_refused() -> None:
    with pytest.raises(InputError, match="none that keeps statistics"):
        evaluate_drift(
            nn.Linear(4, 2),
            lambda model: 0.0,
            statistics="pcm_nandakumar2019",
            repeats=1,
            calibration=[torch.zeros(2, 4)],
        )


def test_a_score_that_is_no_number_is_refused() -> None:
    with pytest.raises(InputError, match="must return a number"):
        evaluate_drift(nn.Linear(4, 2), lambda model: "good", statistics="pcm_nandakumar2019")  # type: ignore[arg-type,return-value]


def test_weights_that_cannot_lie_on_devices_are_refused() -> None:
    model = nn.Sequential(nn.ConvTranspose1d(2, 2, 2), nn.Flatten(), nn.Linear(18, 2))
    with pytest.raises(InputError, match=r"'0.weight' belongs to a ConvTranspose1d"):
        evaluate_drift(model, lambda m: 0.0, statistics="pcm_nandakumar2019")


def test_compensation_of_columns_is_a_kind_of_its_own() -> None:
    every = evaluate_drift(
        Small(),
        distance,
        statistics="pcm_nandakumar2019",
        times_s=(YEAR_S,),
        repeats=2,
        compensation=("column", "none", "global"),
        seed=1,
    ).frame
    assert list(every["compensation"]) == ["column", "none", "global"] * 2
    means = every.groupby("compensation")["score"].mean()
    assert means["none"] < means["column"]
    alone = evaluate_drift(
        Small(),
        distance,
        statistics="pcm_nandakumar2019",
        times_s=(YEAR_S,),
        repeats=2,
        compensation=("column",),
        seed=1,
    ).frame
    assert list(alone["score"]) == list(every[every["compensation"] == "column"]["score"])


@pytest.mark.parametrize("hardware", ["ours", "aihwkit"])
def test_hardware_with_one_factor_per_array_refuses_that_of_columns(hardware: str) -> None:
    config = PCMConfig(seed=0) if hardware == "ours" else InferenceRPUConfig()
    model = to_crossbar(nn.Sequential(nn.Linear(4, 2)), config)
    asked: list[int] = []
    for verb in (
        lambda: evaluate_drift(model, asked.append, compensation=("column",)),  # type: ignore[arg-type]
        lambda: sensitivity(model, lambda scored: 0.0, compensation="column"),
    ):
        with pytest.raises(
            InputError, match=r"compensation: 'column'.*do not have; allowed: 'none', 'global'"
        ):
            verb()
    assert not asked


def test_a_picture() -> None:
    result = evaluate_drift(
        Small(), distance, statistics="pcm_nandakumar2019", times_s=(25, 3600), repeats=2
    )
    assert "layer" in result.plot().to_dict()


def frozen() -> nn.Module:
    """A network in training mode whose batch normalisation is frozen."""
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3), nn.Dropout())
    config = PCMConfig(update="software", io={"inp_range": "calibrated"}, seed=0)
    model = to_crossbar(net, config).train()
    calibrate(model.eval(), [torch.randn(20, 4)])
    model.train()
    model[1].eval()
    return model


@pytest.mark.parametrize("calibration", [None, [torch.randn(20, 4)]])
@pytest.mark.parametrize(
    "verb", [lambda *a, **k: evaluate_drift(*a, times_s=(25,), **k), sensitivity]
)
def test_frozen_modules_stay_frozen(verb, calibration) -> None:  # type: ignore[no-untyped-def]
    model = frozen()
    seen = []

    def score(candidate: nn.Module) -> float:
        seen.append([module.training for module in candidate.modules()])
        candidate.train()
        return 0.0

    verb(model, score, repeats=1, calibration=calibration)
    assert not any(map(any, seen))
    assert [module.training for module in model] == [True, False, True]


@pytest.mark.parametrize("verb", [evaluate_drift, sensitivity])
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"seed": -1}, r"seed: .* \(got -1\)"),
        ({"calibration": torch.randn(20, 4)}, "calibration: .*got one tensor"),
        ({"calibration": [torch.randn(20, 4), torch.randn(0, 4)]}, "without samples"),
    ],
)
def test_wrong_values_have_messages(verb, options, message) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(InputError, match=message):
        verb(frozen(), lambda model: 0.0, repeats=1, **options)


def test_a_single_time_is_refused() -> None:
    with pytest.raises(InputError, match=r"times_s: .*sequence.*got 25"):
        evaluate_drift(frozen(), lambda model: 0.0, repeats=1, times_s=25)  # type: ignore[arg-type]


def test_a_seed_of_numpy_is_one() -> None:
    result = evaluate_drift(frozen(), lambda m: 0.0, repeats=1, times_s=(25,), seed=np.int64(3))  # type: ignore[arg-type]
    assert len(result.frame) == 2
