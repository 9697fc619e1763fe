import pandas as pd

from imc_grapes.metric import ACCURACY, NLL
from imc_grapes.report.tuning import with_chosen


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
