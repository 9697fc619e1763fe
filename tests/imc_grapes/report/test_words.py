import pytest

from imc_grapes.report.analysis import analyse
from imc_grapes.report.statistics import standings
from imc_grapes.report.table import summary_table
from imc_grapes.report.words import answer, p_words
from imc_grapes.store import read_sweep


def told(out):
    analysis = analyse(read_sweep(out))
    return " ".join(answer(analysis, standings(analysis)))


def test_the_best_is_named_with_its_lead_and_what_it_keeps(filled, four_methods):
    better = {"Adam": 0.05, "GRAPES": 0.02}
    out = filled(
        four_methods + "seeds: 4\n",
        lambda t: 0.9 + better.get(t.method, 0.0) + 0.002 * t.config.seed * (t.method == "Adam"),
    )
    text = told(out)
    assert "Adam gets 93.3 ± 0.3 % of the test images right 1 year after programming" in text
    assert "the most of the 4 methods" in text
    assert "5.3 points above SGD (paired t-test over 4 seeds" in text
    assert "p < 0.001" in text
    assert "It keeps 78.1 KiB from one update to the next" in text
    assert "The best that keeps none is GRAPES, with 90.0 ± 0.0 %, 3.3 points behind" in text


def test_a_lead_that_is_noise_is_called_so(filled, four_methods):
    noise = {"GRAPES": [0.02, -0.01, 0.01]}
    out = filled(
        four_methods + "seeds: 3\n", lambda t: 0.9 + noise.get(t.method, [0] * 3)[t.config.seed]
    )
    text = told(out)
    assert "GRAPES gets" in text
    assert "no difference is shown" in text
    assert "It keeps no state from one update to the next; momentum 39.1 KiB, Adam 78.1 KiB" in text


def test_hardware_that_does_not_drift_is_told_after_training(filled, four_methods):
    out = filled(four_methods, lambda t: 0.9, times_s=())
    assert "gets 90.0 % of the test images right after training" in told(out)
    analysis = analyse(read_sweep(out))
    assert "test accuracy (%)" in summary_table(analysis, standings(analysis)).headings


def test_the_table_has_a_row_per_method_and_the_first_middle_and_last_time(filled, four_methods):
    out = filled(
        four_methods + "tune: {training.optimizer.lr: [0.1, 0.2]}\n",
        lambda t: 0.9 if t.tuned == 0.2 else 0.8,
        times_s=(25.0, 3600.0, 86400.0, 2592000.0, 31536000.0),
    )
    analysis = analyse(read_sweep(out))
    table = summary_table(analysis, standings(analysis))
    assert table.headings == [
        "method",
        "25 s (%)",
        "1 day (%)",
        "1 year (%)",
        "update state",
        "learning rate",
    ]
    assert table.rows[1] == ["GRAPES", "90.0 ± 0.5", "88.0 ± 0.5", "86.0 ± 0.5", "0 bytes", "0.2"]


@pytest.mark.parametrize(
    ("p_value", "words"), [(0.0004, "p < 0.001"), (0.0123, "p = 0.012"), (1.0, "p = 1")]
)
def test_p_values_are_rounded(p_value, words):
    assert p_words(p_value) == words
