import pytest

from imc_grapes.report.analysis import analyse
from imc_grapes.report.statistics import method_results
from imc_grapes.report.table import summary_table
from imc_grapes.report.words import answer, p_words
from imc_grapes.store import read_sweep


def told(out):
    analysis = analyse(read_sweep(out))
    return " ".join(answer(analysis, method_results(analysis)))


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
    assert "undecided; the 90% interval -1.9 to +3.2 does not lie within ±0.5 points" in text
    assert (
        "Against SGD, undecided: GRAPES +0.7 [-3.1, 4.5]; equivalent: momentum +0.0 [0.0, 0.0], Adam"
        in text
    )
    assert "It keeps no state from one update to the next; momentum 39.1 KiB, Adam 78.1 KiB" in text


def test_hardware_that_does_not_drift_is_told_after_training(filled, four_methods):
    out = filled(four_methods, lambda t: 0.9, times_s=())
    assert "gets 90.0 % of the test images right after training" in told(out)
    analysis = analyse(read_sweep(out))
    assert "test accuracy (%)" in summary_table(analysis, method_results(analysis)).headings


def test_the_table_has_a_row_per_method_and_the_first_middle_and_last_time(filled, four_methods):
    out = filled(
        four_methods + "tune: {training.optimizer.lr: [0.1, 0.2]}\n",
        lambda t: 0.9 if t.tuned == 0.2 else 0.8,
        times_s=(25.0, 3600.0, 86400.0, 2592000.0, 31536000.0),
    )
    analysis = analyse(read_sweep(out))
    table = summary_table(analysis, method_results(analysis))
    assert table.headings == [
        "method",
        "25 s (%)",
        "1 day (%)",
        "1 year (%)",
        "update state",
        "learning rate",
    ]
    assert table.rows[1] == [
        "GRAPES", "90.0 ± 0.5", "88.0 ± 0.5", "86.0 ± 0.5", "0 bytes", "0.2 (edge)",
    ]  # fmt: skip
    assert "One seed each: every difference is undecided." in told(out)


@pytest.mark.parametrize(
    ("p_value", "words"), [(0.0004, "p < 0.001"), (0.0123, "p = 0.012"), (1.0, "p = 1")]
)
def test_p_values_are_rounded(p_value, words):
    assert p_words(p_value) == words


CHORALES = "name: tiny\ndata: {name: jsb}\nnetwork: {kind: snu}\n"
WORDS = "name: tiny\ndata: {name: ptb}\nnetwork: {kind: lstm, embedding: 8}\n"


def test_lower_is_better_on_chorales(filled, four_methods):
    lower = {"Adam": 0.4, "momentum": 0.1}
    noise = [0.0, 0.02, -0.01]
    out = filled(
        four_methods + "seeds: 3\n",
        lambda t: 9.0 - lower.get(t.method, 0.0) + noise[t.config.seed] * (t.method == "Adam"),
        base=CHORALES,
        times_s=(),
    )
    text = told(out)
    assert (
        "Adam reaches a negative log-likelihood of 8.60 ± 0.02 nats per time step on the test chorales after "
        "training, the lowest of the 4 methods" in text
    )
    assert "0.40 nats below SGD (paired t-test over 3 seeds, 95% interval -0.43 to -0.36" in text
    assert "Hedges' g -14.7 [" in text
    assert "The best that keeps none is SGD, with 9.00 ± 0.00 nats, 0.40 nats behind" in text
    analysis = analyse(read_sweep(out))
    table = summary_table(analysis, method_results(analysis), is_wide=True)
    assert table.headings == [
        "method", "test NLL (nats)", "against SGD", "Hedges' g", "verdict", "update state",
    ]  # fmt: skip
    assert table.best == [False, False, False, True]
    assert table.rows[0][1:4] == ["9.00 ± 0.00", "baseline", "-"]
    assert table.rows[3][1:3] == ["8.60 ± 0.02", "-0.40 [-0.43, -0.36], p < 0.001"]
    assert [row[4] for row in table.rows] == ["-", "equivalent", "better", "better"]


def test_the_likelihood_per_chorale_has_a_column(filled, four_methods):
    out = filled(
        four_methods,
        lambda t: 9.0,
        base=CHORALES,
        times_s=(),
        learning={"test_nll_per_chorale": 8.9512},
    )
    analysis = analyse(read_sweep(out))
    table = summary_table(analysis, method_results(analysis))
    shown = dict(zip(table.headings, table.rows[0], strict=True))
    assert shown["test NLL (nats)"] == "9.00"
    assert shown["NLL per chorale as trained (nats)"] == "8.95"


def test_perplexity_has_no_unit(filled, four_methods):
    out = filled(
        four_methods, lambda t: 120.0 - 9.0 * (t.method == "GRAPES"), base=WORDS, times_s=()
    )
    assert (
        "GRAPES reaches a perplexity of 111.0 on the test text after training, the lowest"
        in told(out)
    )


def test_how_a_network_learned_is_a_column_where_trials_tell_it(filled, four_methods):
    learning = {"slowness": 0.42, "forgetting": 0.0731, "epochs_to_target": None}
    out = filled(four_methods + "seeds: 2\n", lambda t: 0.9, times_s=(), learning=learning)
    analysis = analyse(read_sweep(out))
    table = summary_table(analysis, method_results(analysis))
    shown = dict(zip(table.headings, table.rows[0], strict=True))
    assert shown["slowness (epochs)"] == "0.42 ± 0.00"
    assert shown["forgetting (points)"] == "7.3 ± 0.0"
    assert "epochs to target" not in shown


@pytest.mark.parametrize(
    ("seeds", "times_s", "words"),
    [
        (2, (), "mean ± standard deviation over 2 seeds"),
        (1, (), "one seed each"),
        (1, (25.0,), "mean ± standard deviation over the repeats of programming, with global drift compensation"),
    ],
)  # fmt: skip
def test_a_spread_is_named_only_where_there_is_one(filled, four_methods, seeds, times_s, words):
    out = filled(f"{four_methods}seeds: {seeds}\n", lambda t: 0.9, times_s=times_s)
    assert analyse(read_sweep(out)).spread_words == words
