import pytest

from imc_grapes.config import parse_run_config
from imc_grapes.config.yaml_file import YamlDocument
from imc_grapes.data.metric import ACCURACY, NLL, PERPLEXITY, metric_in, metric_named
from imc_grapes.experiment.assemble import objective_for


@pytest.mark.parametrize(
    ("metric", "words"),
    [
        (ACCURACY, ["accuracy 97.31 %", "97.3 %", "97.3 ± 0.4", "+97.3", "97.3 points"]),
        (NLL, ["NLL 0.973 nats", "0.97 nats", "0.97 ± 0.00", "+0.97", "0.97 nats"]),
        (PERPLEXITY, ["perplexity 0.97", "1.0", "1.0 ± 0.0", "+1.0", "1.0"]),
    ],
)
def test_scores_are_written_in_their_unit(metric, words):
    score, std = 0.9731, 0.004
    assert words == [
        metric.single(score),
        metric.mean(score),
        metric.number(score, std),
        metric.signed(score),
        metric.gap(-score),
    ]


@pytest.mark.parametrize(
    ("metric", "heading", "at", "under"),
    [
        (ACCURACY, "accuracy (%)", "accuracy after training (%)", "1 day (%)"),
        (
            NLL,
            "NLL (nats per time step)",
            "NLL after training (nats per time step)",
            "1 day (nats)",
        ),
        (PERPLEXITY, "perplexity", "perplexity after training", "1 day (perplexity)"),
    ],
)
def test_headings_say_the_unit(metric, heading, at, under):
    assert (metric.heading, metric.heading_at("after training")) == (heading, at)
    assert metric.under("1 day") == under


@pytest.mark.parametrize("metric", [ACCURACY, NLL, PERPLEXITY])
def test_the_best_is_one_that_no_other_beats(metric):
    scores = [0.5, 0.9, 0.1]
    best = metric.best(scores, lambda score: score)
    assert best == (0.9 if metric.higher_is_better else 0.1)
    assert not any(metric.better(score, best) for score in scores)
    assert all(metric.better(score, metric.worst) for score in scores)
    assert metric_named(metric.name) is metric
    assert metric_in({"loss": 1.0, f"test_{metric.name}": 0.5}) is metric


@pytest.mark.parametrize(
    ("data", "network"),
    [
        ({"name": "digits"}, {"kind": "mlp"}),
        ({"name": "jsb"}, {"kind": "snu"}),
        ({"name": "ptb"}, {"kind": "lstm", "embedding": 8}),
    ],
)
def test_the_data_set_and_its_task_agree_on_the_metric(data, network):
    config = parse_run_config(YamlDocument({"name": "x", "data": data, "network": network}, "x"))
    assert config.data.metric is objective_for(config).metric
