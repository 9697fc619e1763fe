"""Where a run computes, and on how many threads."""

import json

import pytest
import torch
from stop_after import StopAfter

import imc_grapes.experiment.run as run_module
from imc_grapes import InputError, RunConfig, run_experiment
from imc_grapes.data.chorales import Chorales
from imc_grapes.data.dataset import Dataset, Split
from imc_grapes.data.load import load_dataset
from imc_grapes.data.permuted_tasks import as_permuted_tasks
from imc_grapes.data.words import Words
from imc_grapes.experiment import Interrupted, Listener
from imc_grapes.experiment.assemble import prepare
from imc_grapes.experiment.compute import Compute
from kernels.threads import get_threads


def small(**sections):
    return RunConfig.model_validate(
        {
            "name": "small",
            "data": {"name": "digits", "batch_size": 16, "train_samples": 100, "test_samples": 50},
            "network": {"kind": "mlp", "hidden": (9,)},
            "training": {"epochs": 2},
            **sections,
        }
    )


def test_a_run_has_its_threads_and_gives_them_back(monkeypatch):
    before = torch.get_num_threads(), get_threads()
    seen = []
    task_loss = run_module._train

    def recorded(*arguments):
        seen.append((torch.get_num_threads(), get_threads()))
        return task_loss(*arguments)

    monkeypatch.setattr(run_module, "_train", recorded)
    summaries = [run_experiment(small(), threads=threads).summary for threads in (1, 2)]
    assert seen == [(1, 1), (2, 2)]
    assert (torch.get_num_threads(), get_threads()) == before
    assert [(one["device"], one["threads"]) for one in summaries] == [("cpu", 1), ("cpu", 2)]
    assert [one["reproducible_why"] for one in summaries] == [
        "everything is drawn from the seed",
        "everything is drawn from the seed, with --threads 2",
    ]
    assert summaries[0]["config_hash"] == summaries[1]["config_hash"]


@pytest.mark.parametrize(
    "hardware", [{"tile": "digital"}, {"tile": "pcm"}], ids=["digital", "in place"]
)
def test_two_threads_give_the_same_bytes_again(tmp_path, hardware):
    config = small(hardware=hardware, network={"kind": "cnn", "channels": (4,), "hidden": (8,)})
    for attempt in ("1", "2"):
        run_experiment(config, out_dir=tmp_path / attempt, threads=2)
    one, two = ((tmp_path / attempt / "summary.json").read_bytes() for attempt in ("1", "2"))
    assert one == two


def test_what_was_computed_on_other_threads_is_not_gone_on_with(tmp_path):
    stopped = tmp_path / "stopped"
    with pytest.raises(Interrupted):
        run_experiment(small(), out_dir=stopped, listener=StopAfter(3), threads=2)
    with pytest.raises(InputError, match="--device cpu --threads 2, which decides the last bits"):
        run_experiment(small(), out_dir=stopped, resume=True)
    outcome = run_experiment(small(), out_dir=stopped, resume=True, threads=2)
    assert outcome.summary == run_experiment(small(), threads=2).summary
    with pytest.raises(InputError, match=r"computed with .*--threads 2.*another --out"):
        run_experiment(small(), out_dir=stopped)


def test_a_run_of_before_there_was_a_choice_was_on_one_thread(tmp_path):
    run_experiment(small(), out_dir=tmp_path)
    file = tmp_path / "summary.json"
    values = json.loads(file.read_text())
    del values["device"], values["threads"]
    file.write_text(json.dumps(values))
    assert run_experiment(small(), out_dir=tmp_path).result.threads is None
    with pytest.raises(InputError, match="--threads 1"):
        run_experiment(small(), out_dir=tmp_path, threads=2)


@pytest.mark.parametrize(
    ("hardware", "message"),
    [
        ({"tile": "pcm"}, r"device: cuda, but hardware\.tile: pcm .*CPU"),
        (
            {"tile": "aihwkit", "preset": "StandardHWATrainingPreset"},
            r"device: cuda, but hardware\.tile: aihwkit .*CPU",
        ),
        ({"tile": "digital"}, "device: cuda, but torch finds none here"),
    ],
)
def test_a_device_that_cannot_be_had_is_refused_in_one_message(monkeypatch, hardware, message):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(InputError, match=message) as caught:
        run_experiment(small(hardware=hardware), device="cuda")
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize(
    ("chosen", "message"),
    [({"device": "tpu"}, "device: must be cpu or cuda"), ({"threads": 0}, "threads: must be 1")],
)
def test_no_such_device_or_number_of_threads(chosen, message):
    with pytest.raises(InputError, match=message):
        Compute(**chosen)


IMAGES = Split(torch.rand(6, 1, 4, 4), torch.arange(6))


@pytest.mark.parametrize(
    "samples",
    [
        IMAGES,
        as_permuted_tasks(Dataset("x", 6, IMAGES, IMAGES, IMAGES), 2, 0).train,
        Chorales((torch.ones(4, 88), torch.ones(3, 88))),
        Words(torch.arange(20), 20, 3),
    ],
    ids=["images", "tasks", "chorales", "words"],
)
def test_batches_are_where_the_samples_are(samples):
    """On torch's meta device, which refuses tensors of any other one, as a GPU does."""
    count = 0
    for batch in samples.to("meta").batches(2, torch.Generator().manual_seed(0)):
        tensors = [value for value in vars(batch).values() if isinstance(value, torch.Tensor)]
        assert tensors
        assert all(tensor.device.type == "meta" for tensor in tensors)
        count += 1
    assert count == samples.n_batches(2)


@pytest.mark.parametrize(
    ("network", "data"),
    [
        ({"kind": "cnn", "channels": (3,), "batch_norm": True}, {}),
        ({"kind": "snu", "hidden": (5,), "output": "units"}, {"rate_coding": {"steps": 3}}),
        ({"kind": "lstm", "hidden": (5,)}, {"sequence": "rows"}),
    ],
    ids=["cnn", "spiking", "rows"],
)
def test_model_data_and_optimizer_are_on_the_device(network, data):
    config = small(
        network=network,
        data={"name": "digits", "train_samples": 60, "test_samples": 20, **data},
        training={"epochs": 1, "optimizer": {"name": "adam"}, "error_transport": "bp"},
    )
    trainer, _ = prepare(config, load_dataset(config.data, 0), Listener(), "meta")
    assert {one.device.type for one in trainer.model.parameters()} == {"meta"}
    stepped = [one for group in trainer.optimizer.param_groups for one in group["params"]]
    assert {one.device.type for one in stepped} == {"meta"}
    batch = next(trainer.dataset.train.batches(8, None))
    assert batch.images.device.type == batch.labels.device.type == "meta"


def test_a_forward_and_a_backward_pass_stay_on_the_device():
    config = small(
        network={"kind": "cnn", "channels": (3,), "batch_norm": True},
        training={"epochs": 1, "grapes": {"mode": "none"}, "error_transport": "fa"},
        data={
            "name": "digits",
            "train_samples": 60,
            "test_samples": 20,
            "augmentation": {"rotation_deg": 5.0, "elastic": 0.1},
        },
    )
    trainer, _ = prepare(config, load_dataset(config.data, 0), Listener(), "meta")
    batch = next(trainer.dataset.train.batches(8, None))
    images = trainer.augmentation.deformed(batch, 0, 0).images
    answers = trainer.model(images)
    torch.nn.functional.cross_entropy(answers, batch.labels).backward()
    trainer.optimizer.step()
    assert answers.device.type == "meta"
