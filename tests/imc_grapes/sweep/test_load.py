import re

import pytest

from imc_grapes.config import config_hash
from imc_grapes.sweep import load_sweep
from kernels.errors import InputError


def test_a_grid_gives_every_combination_once(sweep_file):
    plan = load_sweep(
        sweep_file(
            "grid:\n  training.optimizer.name: [sgd, adam]\n  network.hidden: [[8], [16], [8, 8]]\nseeds: 2\n"
        )
    )
    found = {
        (t.config.training.optimizer.name, t.config.network.hidden, t.config.seed)
        for t in plan.trials
    }
    assert len(plan.trials) == len(found) == 2 * 3 * 2
    assert len({t.hash for t in plan.trials}) == 12
    assert all(t.hash == config_hash(t.config) for t in plan.trials)


def test_methods_and_settings_are_told_apart_by_their_keys(sweep_file):
    plan = load_sweep(
        sweep_file(
            "grid:\n"
            "  training.grapes.mode: [off, propagating]\n"
            "  training.optimizer.name: [sgd, adam]\n"
            "  data.batch_size: [16, 32]\n"
        )
    )
    assert [t.method for t in plan.trials[::2]] == ["SGD", "Adam", "GRAPES, SGD", "GRAPES, Adam"]
    assert {t.setting for t in plan.trials} == {"batch_size 16", "batch_size 32"}
    assert plan.baseline == "SGD"


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ("[0.1, 1e-2]", [0.1, 0.01]),
        ("{linspace: [0.1, 0.3, 3]}", [0.1, 0.2, 0.3]),
        ("{logspace: [0.001, 0.1, 3]}", [0.001, 0.01, 0.1]),
        ("{low: 0.1, high: 0.2}", [0.1, 0.2]),
    ],
)
def test_values_are_a_list_a_space_or_named(sweep_file, values, expected):
    plan = load_sweep(sweep_file(f"grid:\n  training.optimizer.lr: {values}\n"))
    assert [t.config.training.optimizer.lr for t in plan.trials] == expected


def test_a_space_between_whole_numbers_stays_whole(sweep_file):
    plan = load_sweep(sweep_file("grid:\n  data.batch_size: {linspace: [10, 30, 3]}\n"))
    assert [t.config.data.batch_size for t in plan.trials] == [10, 20, 30]


def test_named_values_name_the_setting(sweep_file):
    plan = load_sweep(
        sweep_file("grid:\n  data: {small: {name: digits, batch_size: 8}, large: {name: digits}}\n")
    )
    assert [t.setting for t in plan.trials] == ["small", "large"]
    assert plan.trials[0].config.data.train_samples is None, "a section is replaced whole"


def test_zipped_keys_move_together(sweep_file):
    plan = load_sweep(
        sweep_file("zip:\n  data.batch_size: [8, 16]\n  training.epochs: [2, 4]\nseeds: [3, 5]\n")
    )
    assert [(t.config.data.batch_size, t.config.training.epochs, t.config.seed) for t in plan.trials] == [
        (8, 2, 3), (16, 4, 3), (8, 2, 5), (16, 4, 5),
    ]  # fmt: skip


def test_cases_set_several_keys_and_may_tune_over_values_of_their_own(sweep_file):
    plan = load_sweep(
        sweep_file(
            "cases:\n"
            "  SGD: {}\n"
            "  Adam: {training.optimizer.name: adam}\n"
            "tune:\n"
            "  training.optimizer.lr: {SGD: [0.1, 0.3], Adam: [0.001]}\n"
            "baseline: Adam\n"
        )
    )
    assert [(t.method, t.tuned) for t in plan.trials] == [
        ("SGD", 0.1),
        ("SGD", 0.3),
        ("Adam", 0.001),
    ]
    assert (plan.tune, plan.baseline) == ("training.optimizer.lr", "Adam")


@pytest.mark.parametrize("tune", ["", "tune: training.optimizer.lr\n"])
def test_a_learning_rate_in_the_grid_is_tuned(sweep_file, tune):
    plan = load_sweep(sweep_file(f"grid: {{training.optimizer.lr: [0.1, 0.3]}}\n{tune}"))
    assert plan.tune == "training.optimizer.lr"
    assert [t.tuned for t in plan.trials] == [0.1, 0.3]
    assert {t.method for t in plan.trials} == {"SGD"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("grid:\n  training.optimizer.lrr: [0.1]\n", r"sweep.yaml:3: training.optimizer.lrr: unknown key"),
        ("grid:\n  training.optimizer.lr: [0.1,\n    -1]\n", r"sweep.yaml:4: training.optimizer.lr: .*greater than 0"),
        ("grid:\n  training.epochs: [many]\n", r"sweep.yaml:3: training.epochs: .*integer"),
        ("cases:\n  A: {training.optimizer.name: sgdd}\n", r"sweep.yaml:3: training.optimizer.name"),
        ("grid:\n  training.epochs: 3\n", r"sweep.yaml:3: grid.training.epochs: must be a list"),
        ("grid:\n  training.epochs: []\n", r"sweep.yaml:3: .*at least one value"),
        ("grid:\n  training.epochs: [1, 1]\n", r"sweep.yaml:3: .*more than once"),
        ("grid:\n  training.epochs: {logspace: [0, 1, 2]}\n", r"sweep.yaml:3: .*above 0"),
        ("grid:\n  training.epochs: {linspace: [1, 2]}\n", r"sweep.yaml:3: .*start, stop, count"),
        ("zip:\n  training.epochs: [1, 2]\n  data.batch_size: [8]\n", r"sweep.yaml:2: zip: .*of one length"),
        ("grid: {training.epochs: [1]}\ncases: {A: {training.epochs: 2}}\n", "would undo"),
        ("grid: {network.hidden.deep: [1]}\n", r"sweep.yaml:2: network.hidden.deep"),
        ("cases:\n  A: {training.epochs: 1}\n  B: {}\n", "two trials are the same"),
        ("tune: training.optimizer.lr\n", r"sweep.yaml:2: tune: .*no key of the grid"),
        ("cases: {A: {}}\ntune: {training.optimizer.lr: {A: [1], B: [1]}}\n", r":3: .*B: is none of the cases"),
        ("baseline: SGDD\n", r"sweep.yaml:2: baseline: 'SGDD' is none of the methods: SGD"),
        ("seeds: 0\n", r"sweep.yaml:2: seeds"),
        ("seeds: [1, 1]\n", r"sweep.yaml:2: seeds: .*more than once"),
        ("gird: {}\n", r"sweep.yaml:2: gird: unknown key"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_with_its_line(sweep_file, text, message):
    with pytest.raises(InputError) as caught:
        load_sweep(sweep_file(text))
    assert re.search(message, str(caught.value)), str(caught.value)


def test_what_is_wrong_in_the_base_config_is_named_there(sweep_file):
    with pytest.raises(InputError, match=r"base.yaml:2: sed: unknown key"):
        load_sweep(sweep_file("seeds: 2\n", base="name: x\nsed: 1\n"))


def test_a_missing_base_config_is_named_where_it_is_asked_for(sweep_file, tmp_path):
    path = sweep_file("")
    (tmp_path / "base.yaml").unlink()
    with pytest.raises(InputError, match=r"sweep.yaml:1: base: .*base.yaml: no such file"):
        load_sweep(path)


def test_all_problems_are_reported_at_once(sweep_file):
    with pytest.raises(InputError) as caught:
        load_sweep(sweep_file("grid:\n  training.epochs: [-2, -1, 3]\n  data.batch_size: [0, 8]\n"))
    assert len(str(caught.value).splitlines()) == 3


def test_trials_of_different_metrics_do_not_go_together(sweep_file):
    text = (
        "cases:\n"
        "  images: {}\n"
        "  music: {data: {name: jsb}, network: {kind: snu}}\n"
        "  text: {data: {name: ptb}, network: {kind: lstm, embedding: 8}}\n"
    )
    with pytest.raises(InputError) as raised:
        load_sweep(sweep_file(text))
    assert str(raised.value).endswith(
        "sweep.yaml: all trials of a sweep must be measured by the same metric, but there are accuracy on digits "
        "(SGD, images, seed 0), NLL on jsb (SGD, music, seed 0), perplexity on ptb (SGD, text, seed 0); make a sweep "
        "of each"
    )


SCALED = """\
grid:
  training.grapes.mode: [none, propagating]
tune: {training.optimizer.lr: [0.1, 0.2, 0.3]}
seeds: 5
scales:
  small:
    set: {data.train_samples: 100, training: {epochs: 2}}
    tune: {training.optimizer.lr: [0.1]}
    seeds: 2
"""


def test_a_scale_replaces_keys_of_the_sweep_and_of_its_base(sweep_file):
    path = sweep_file(SCALED)
    as_written, small = load_sweep(path), load_sweep(path, ["scale=small"])
    assert len(as_written.trials) == 2 * 3 * 5
    assert len(small.trials) == 2 * 1 * 2
    assert {t.config.data.train_samples for t in small.trials} == {100}
    assert {t.config.training.epochs for t in small.trials} == {2}
    assert (as_written.name, small.name) == ("sweep", "sweep-small")


def test_what_the_command_line_sets_comes_last(sweep_file):
    path = sweep_file(SCALED)
    plan = load_sweep(path, ["scale=small", "data.train_samples=150", "seeds=1"])
    assert len(plan.trials) == 2
    assert {t.config.data.train_samples for t in plan.trials} == {150}
    assert plan.base["data"]["train_samples"] == 150


@pytest.mark.parametrize(
    ("text", "overrides", "message"),
    [
        (SCALED, ["scale=tiny"], "--set scale=tiny: .* its scales are: small"),
        ("", ["scale=small"], "it has no scales"),
        (SCALED, ["data.train_samples=0"], "--set data.train_samples=0: data.train_samples"),
        (SCALED, ["seeds=0"], "--set seeds=0: seeds"),
        (SCALED, ["data.train_sample=9"], "--set data.train_sample=9: data.train_sample: unknown"),
        (SCALED, ["nonsense"], "must have the form key=value"),
        ("scales: {small: {epochs: 2}}\n", [], "scales.small.epochs: unknown key"),
        (
            "scales:\n  small:\n    set: {data.train_samples: 0}\n",
            ["scale=small"],
            "sweep.yaml:4: data.train_samples",
        ),
        (
            "scales:\n  small:\n    grid:\n      training.no_such: [1, 2]\n",
            ["scale=small"],
            "sweep.yaml:5: training.no_such: unknown key",
        ),
    ],
)
def test_a_scale_or_override_that_is_wrong_is_named(sweep_file, text, overrides, message):
    with pytest.raises(InputError, match=message):
        load_sweep(sweep_file(text), overrides)


def test_what_is_side_by_side_is_not_compared(sweep_file):
    text = (
        "cases: {SGD: {training.grapes.mode: none}, GRAPES: {training.grapes.mode: propagating}}\n"
        "grid: {training.optimizer.name: [sgd, adam]}\n"
    )
    plan = load_sweep(sweep_file(text + "side_by_side: [training.optimizer.name]\n"))
    assert list(dict.fromkeys(t.method for t in plan.trials)) == ["SGD", "GRAPES"]
    assert list(dict.fromkeys(t.setting for t in plan.trials)) == ["SGD", "Adam"]
    with pytest.raises(InputError, match=r"side_by_side: 'data.name' is no key of the grid"):
        load_sweep(sweep_file(text + "side_by_side: [data.name]\n"))


BASE = "name: tiny\ndata: {train_samples: 200}\n"
JSB = "name: tiny\ndata: {name: jsb}\nnetwork: {kind: snu}\n"
TUNED = "tune: {training.optimizer.lr: [0.1, 0.2]}\n"


@pytest.mark.parametrize(
    ("text", "base", "line"),
    [
        (TUNED, BASE.replace("data: {", "data: {validation_fraction: 0, "), "2: tune: "),
        (f"grid: {{data.validation_fraction: [0.2, 0.0]}}\n{TUNED}", BASE, "3: tune: "),
        (f"zip: {{data.validation_fraction: [0.2, 0.0], training.epochs: [1, 2]}}\n{TUNED}", BASE, "3: tune: "),
        (f"cases: {{A: {{}}, B: {{data.validation_fraction: 0}}}}\n{TUNED}", BASE, "3: tune: "),
        ("cases: {A: {data.validation_fraction: 0}}\n" + TUNED.replace("[0.1, 0.2]", "{A: [1, 2]}"), BASE, "3: tune: "),
        ("grid: {training.optimizer.lr: [0.1, 0.2], data.validation_fraction: [0]}\n", BASE, "2: grid"),
        ("tune: {data.validation_fraction: [0.0, 0.1]}\n", BASE, "2: tune: "),
        (TUNED, BASE.replace("train_samples: 200", "train_samples: 9"), "2: tune: "),
    ],
)  # fmt: skip
def test_what_is_tuned_without_validation_data_is_refused(sweep_file, text, base, line):
    with pytest.raises(InputError) as caught:
        load_sweep(sweep_file(text, base))
    assert re.search(
        f"sweep.yaml:{line}.*is chosen on validation data, and data.validation_fraction",
        str(caught.value),
    )
    assert len(str(caught.value).splitlines()) == 1


def test_a_scale_that_leaves_no_validation_data_is_refused_where_it_tunes(sweep_file):
    path = sweep_file(
        f"{TUNED}scales:\n  all: {{set: {{data.validation_fraction: 0}}}}\n"
        "  one: {set: {data.validation_fraction: 0}, tune: {training.optimizer.lr: [0.1]}}\n"
    )
    assert len(load_sweep(path).trials) == 2
    assert len(load_sweep(path, ["scale=one"]).trials) == 1
    for overrides in (["scale=all"], ["data.validation_fraction=0"]):
        with pytest.raises(InputError, match="is chosen on validation data"):
            load_sweep(path, overrides)


@pytest.mark.parametrize(
    ("text", "base"),
    [
        (TUNED, JSB),
        (
            "tune: {training.optimizer.lr: [0.1]}\n",
            BASE.replace("data: {", "data: {validation_fraction: 0, "),
        ),
        (
            "cases: {A: {}, B: {data.validation_fraction: 0}}\n"
            "tune: {training.optimizer.lr: {A: [0.1, 0.2], B: [0.1]}}\n",
            BASE,
        ),
    ],
)
def test_where_nothing_is_chosen_or_the_data_bring_a_validation_part_it_may_be_tuned(
    sweep_file, text, base
):
    assert load_sweep(sweep_file(text, base)).trials


def test_a_learning_rate_side_by_side_is_not_tuned(sweep_file):
    grid = "grid: {training.optimizer.lr: [0.1, 0.2], data.validation_fraction: [0]}\n"
    side_by_side = "side_by_side: [training.optimizer.lr]\n"
    plan = load_sweep(sweep_file(grid + side_by_side))
    assert plan.tune is None
    assert [t.setting for t in plan.trials] == [
        "lr 0.1, validation_fraction 0",
        "lr 0.2, validation_fraction 0",
    ]
    with pytest.raises(InputError, match=r"sweep.yaml:4: tune: .*side_by_side too"):
        load_sweep(sweep_file(f"{grid}{side_by_side}tune: training.optimizer.lr\n"))


def test_a_margin_is_given_in_the_file_or_on_the_command_line(sweep_file):
    grid = "grid: {training.grapes.mode: [none, propagating]}\n"
    assert load_sweep(sweep_file(grid)).margin is None
    path = sweep_file(f"{grid}margin: 0.2\n")
    assert load_sweep(path).margin == 0.2
    assert load_sweep(path, ["margin=1"]).margin == 1.0
    for wrong in ("0", "-1", ".inf", "wide"):
        with pytest.raises(InputError, match="margin"):
            load_sweep(path, [f"margin={wrong}"])


def test_a_baseline_among_the_cases_makes_methods_of_devices(sweep_file):
    text = "cases: {small: {data.batch_size: 16}, large: {data.batch_size: 32}}\n"
    as_settings = load_sweep(sweep_file(text))
    assert {(t.method, t.setting) for t in as_settings.trials} == {
        ("SGD", "small"),
        ("SGD", "large"),
    }
    as_methods = load_sweep(sweep_file(f"{text}baseline: large\n"))
    assert {(t.method, t.setting) for t in as_methods.trials} == {("small", ""), ("large", "")}
    assert as_methods.baseline == "large"


LONG = "9" * 400


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("grid: {training.optimizer.lr: {linspace: [0, 1, 1000000000000]}}\n", "from 1 to 10,000"),
        ("grid: {training.optimizer.lr: {linspace: [0, 1, .inf]}}\n", "from 1 to 10,000"),
        ("grid: {training.optimizer.lr: {linspace: [0, 1, .nan]}}\n", "from 1 to 10,000"),
        ("grid: {training.optimizer.lr: {linspace: [0, 1, 2.5]}}\n", "from 1 to 10,000"),
        ("grid: {training.optimizer.lr: {linspace: [.nan, 1, 2]}}\n", "finite numbers"),
        ("grid: {training.optimizer.lr: {logspace: [1, .inf, 2]}}\n", "finite numbers"),
        (f"grid: {{training.optimizer.lr: {{linspace: [0, {LONG}, 2]}}}}\n", "finite numbers"),
        (f"grid: {{training.optimizer.lr: {{linspace: [0, 1, {LONG}]}}}}\n", "finite numbers"),
        ("grid: {training.optimizer.name: [[sgd], adam]}\n", r"training.optimizer.name: "),
        ("grid: {training.optimizer.name: [{a: 1}, adam]}\n", r"training.optimizer.name: "),
        ("grid: {training.grapes.mode: [[none], local]}\n", r"training.grapes.mode: "),
        ("grid: {training.grapes.mode: [{a: 1}, local]}\n", r"training.grapes.mode: "),
        ("seeds: 1000000000\n", "has 1,000,000,000 trials; at most 100,000 are planned"),
        ("seeds: []\n", r"sweep.yaml:2: seeds: must be how many, 1 or more, or a list .*got \[\]"),
        ("seeds: [-1]\n", r"each a whole number from 0 to 4,294,967,295 .got \[-1\]"),
        ("seeds: [1.5]\n", r"must be how many, 1 or more, or a list of seeds"),
        ("seeds: yes please\n", r"must be how many, 1 or more, or a list of seeds"),
        (
            "grid:\n"
            + "".join(f"  {key}: {{linspace: [1, 2000, 2000]}}\n" for key in (
                "data.batch_size", "training.epochs", "seed", "data.train_samples"
            )),
            "has 16,000,000,000,000 trials",
        ),
        ("cases: {A: {training.epochs: 1}, B: {training.epochs: 2}}\n"
         "tune: {training.optimizer.lr: {A: [1], B: [1, 2, 3]}}\nmax_trials: 3\n", "has 4 trials; at most 3"),
        (
            "zip: {network: [{kind: mlp, hidden: [8]}, {kind: mlp, hidden: [9]}]}\n"
            "grid: {network.hidden: [[4], [5]]}\n",
            "would undo",
        ),
        (
            "zip: {network.hidden: [[4], [5]]}\n"
            "grid: {network: [{kind: mlp, hidden: [8]}, {kind: mlp, hidden: [9]}]}\n",
            "would undo",
        ),
        ("grid: {" + "a." * 400 + "b: [1]}\n", "is 401 levels deep; no key is deeper than 64"),
        ("cases: {A: {" + "a." * 400 + "b: 1}}\n", "is 401 levels deep; no key is deeper than 64"),
        ("grid: {hardware: [{tile: pcm, device: {model: nandakumar2018, g_max_uS: 1.0e300}}]}\n",
         r"g_max_uS: .*less than or equal to 1000000"),
        ("grid: {hardware: [{tile: digital, statistics: {g_max_uS: 1.0e300}}]}\n",
         r"g_max_uS: .*less than or equal to 1000000"),
    ],
)  # fmt: skip
def test_what_no_machine_could_run_is_refused_before_anything_is_expanded(
    sweep_file, text, message
):
    with pytest.raises(InputError) as caught:
        load_sweep(sweep_file(text))
    assert re.search(message, str(caught.value)), str(caught.value)
    assert len(str(caught.value)) < 1500


def test_the_limit_on_trials_can_be_raised(sweep_file):
    text = "seeds: 12\nmax_trials: 10\n"
    with pytest.raises(
        InputError, match="has 12 trials; at most 10 are planned: sweep less, or se"
    ):
        load_sweep(sweep_file(text))
    assert len(load_sweep(sweep_file(text), ["max_trials=12"]).trials) == 12
