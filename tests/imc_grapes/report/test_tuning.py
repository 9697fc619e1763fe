import pandas as pd
import pytest
from rich.console import Console

from imc_grapes.data.metric import ACCURACY, NLL
from imc_grapes.report.analysis import analyse
from imc_grapes.report.build import build_report
from imc_grapes.report.markdown import markdown
from imc_grapes.report.statistics import method_results
from imc_grapes.report.terminal import print_summary
from imc_grapes.report.tuning import edges_taken, with_chosen
from imc_grapes.store import read_sweep


def frame(rows):
    columns = [
        "method",
        "setting",
        "tuned",
        "seed",
        "status",
        "validation_accuracy",
        "test_accuracy",
    ]
    return pd.DataFrame(rows, columns=columns)


def chosen(rows):
    found = with_chosen(frame(rows), ACCURACY)
    return sorted(set(found.loc[found["chosen"], "tuned"]))


def test_the_best_mean_on_validation_wins_whatever_the_test_images_say():
    rows = [
        ("A", "", 0.1, 0, "done", 0.90, 0.5),
        ("A", "", 0.1, 1, "done", 0.92, 0.5),
        ("A", "", 0.3, 0, "done", 0.95, 0.99),
        ("A", "", 0.3, 1, "done", 0.85, 0.99),
    ]
    assert chosen(rows) == [0.1]


def test_the_lowest_mean_wins_where_lower_is_better():
    rows = frame(
        [
            ("A", "", 0.1, 0, "done", 8.7, 9.9),
            ("A", "", 0.1, 1, "done", 8.9, 9.9),
            ("A", "", 0.3, 0, "done", 8.5, 0.1),
            ("A", "", 0.3, 1, "done", 9.4, 0.1),
            ("A", "", 1.0, 0, "done", None, 0.1),
        ]
    ).rename(columns={"validation_accuracy": "validation_nll"})
    found = with_chosen(rows, NLL)
    assert set(found.loc[found["chosen"], "tuned"]) == {0.1}


def test_every_method_chooses_on_every_setting():
    rows = [
        (method, setting, tuned, 0, "done", 0.9 if tuned == best else 0.8, 0.9)
        for method, setting, best in (("A", "x", 1), ("A", "y", 2), ("B", "x", 2), ("B", "y", 1))
        for tuned in (1, 2)
    ]
    found = with_chosen(frame(rows), ACCURACY)
    picked = found[found["chosen"]].set_index(["method", "setting"])["tuned"].to_dict()
    assert picked == {("A", "x"): 1, ("A", "y"): 2, ("B", "x"): 2, ("B", "y"): 1}


def test_a_value_at_which_a_seed_failed_is_taken_only_if_all_have_failures():
    partly = [
        ("A", "", 0.3, 0, "done", 0.99, 0.9),
        ("A", "", 0.3, 1, "failed", None, None),
    ]
    sound = [("A", "", 0.1, seed, "done", 0.80, 0.8) for seed in (0, 1)]
    assert chosen(partly + sound) == [0.1]
    assert chosen(partly) == [0.3]


def test_a_value_without_a_finished_trial_is_never_taken():
    rows = [
        ("A", "", 0.1, 0, "pending", None, None),
        ("A", "", 0.3, 0, "done", 0.5, 0.5),
    ]
    assert chosen(rows) == [0.3]


def test_without_tuning_every_trial_counts():
    rows = [("A", "", None, seed, "done", 0.5, 0.5) for seed in (0, 1)]
    assert with_chosen(frame(rows), ACCURACY)["chosen"].all()


@pytest.mark.parametrize(
    ("offered", "taken", "edge"),
    [
        ([0.1, 0.2, 0.4], 0.2, None),
        ([0.1, 0.2, 0.4], 0.1, "lowest"),
        ([0.4, 0.1, 0.2], 0.4, "highest"),
        ([0.2], 0.2, None),
        (["sgd", "adam"], "adam", None),
        ([True, False], True, None),
    ],
)
def test_a_value_at_the_end_of_its_grid_is_an_edge(offered, taken, edge):
    rows = [("A", "", value, 0, "done", float(value == taken), 0.9) for value in offered]
    found = with_chosen(frame(rows), ACCURACY).assign(series="A", facet="")
    assert edges_taken(found) == ({("A", ""): edge} if edge else {})


def test_what_failed_was_offered_too():
    rows = [
        ("A", "", 0.1, 0, "done", 0.5, 0.5),
        ("A", "", 0.2, 0, "done", 0.9, 0.9),
        ("A", "", 0.4, 0, "failed", None, None),
    ]
    found = with_chosen(frame(rows), ACCURACY).assign(series="A", facet="")
    assert edges_taken(found) == {}


def test_an_edge_is_marked_in_every_table_with_a_line_that_says_what_to_do(filled, four_methods):
    best = {"GRAPES": 0.1, "Adam": 0.4}
    out = filled(
        f"{four_methods}seeds: 2\ntune: {{training.optimizer.lr: [0.1, 0.2, 0.4]}}\n",
        lambda t: 0.9 - 0.01 * (t.tuned != best.get(t.method, 0.2)),
    )
    analysis = analyse(read_sweep(out))
    found = method_results(analysis)
    line = "Widen the grid: GRAPES below 0.1; Adam above 0.4."
    text = markdown(analysis, found)
    assert [row.split("|")[-2].strip() for row in text.splitlines()[2:6]] == [
        "0.2", "0.1 (edge)", "0.2", "0.4 (edge)",
    ]  # fmt: skip
    assert line in text
    page = build_report(out).page.read_text(encoding="utf-8")
    assert page.count("<td>0.1 (edge)</td>") == page.count("<td>0.4 (edge)</td>") == 1
    assert line in page
    console = Console(record=True, width=80)
    print_summary(analysis, found, console)
    told = console.export_text()
    assert told.count("(edge)") == 3
    assert line in " ".join(told.split())


def test_no_cell_is_cut_on_a_terminal_of_80_columns(filled, four_methods):
    out = filled(
        f"{four_methods}seeds: 3\ntune: {{training.optimizer.lr: [0.1, 0.2]}}\n",
        lambda t: 0.9 + 0.01 * (t.method == "Adam") + 0.001 * t.config.seed,
        learning={"slowness": 0.13},
    )
    analysis = analyse(read_sweep(out))
    console = Console(record=True, width=80)
    print_summary(analysis, method_results(analysis), console)
    told = console.export_text()
    assert "…" not in told
    assert all(len(line) <= 80 for line in told.splitlines())
    for word in ("better", "equivalent", "slowness", "momentum", "verdict"):
        assert word in told
    assert "within ±0.5 points" in " ".join(told.split())
