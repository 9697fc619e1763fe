import pytest

from imc_grapes import InputError
from imc_grapes.config import parse_run_config
from imc_grapes.config.yaml_file import parse_yaml

TASKS = "data: {tasks: {permuted: 5}}"


def check(*lines):
    return parse_run_config(parse_yaml("\n".join(("name: x", *lines)) + "\n", "x.yaml"))


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (("data: {tasks: {permuted: 1}}",), "data.tasks.permuted: .*2"),
        (("data: {tasks: {}}",), "data.tasks.permuted: is required"),
        (("data: {name: jsb, tasks: {permuted: 5}}",), "data.tasks: unknown key"),
        ((TASKS, "training: {patience: 3}"), "training.patience: would end the training before"),
        ((TASKS, "training: {keep: best}"), "training.keep: best would go back to before"),
        ((TASKS, "evaluation: {target_accuracy: 0.9}"), "target_accuracy: belongs to a single"),
        (
            ("data: {tasks: {permuted: 5}, augmentation: {shift: 0.1}}",),
            "data.augmentation: deforms images",
        ),
        (("data: {augmentation: {}}",), "data.augmentation: deforms nothing"),
        (("data: {augmentation: {zoom: 1.5}}",), "data.augmentation.zoom: .*1.5"),
        (("data: {augmentation: {flip: 1}}",), "data.augmentation.flip: unknown key"),
        (
            ("data: {validation_fraction: 0}", "evaluation: {target_accuracy: 0.9}"),
            "evaluation.target_accuracy: needs validation data",
        ),
        (("evaluation: {target_accuracy: 97}",), "evaluation.target_accuracy: .*97"),
        (
            ("data: {name: jsb}", "network: {kind: snu}", "evaluation: {target_accuracy: 0.9}"),
            "evaluation.target_accuracy: belongs to images",
        ),
    ],
)
def test_what_does_not_go_together_is_an_error(lines, message):
    with pytest.raises(InputError, match=message):
        check(*lines)


def test_tasks_and_augmentation_are_read():
    assert check(TASKS).data.tasks.permuted == 5
    assert check("data: {augmentation: {elastic: 1.0}}").data.augmentation.elastic == 1.0
