import pytest

from crossbar.specs import IOSpec, ReadSpec
from imc_grapes import load_run_config
from imc_grapes.config import parse_run_config
from imc_grapes.config.yaml_file import parse_yaml
from kernels.errors import InputError, did_you_mean

PCM = "hardware: {tile: pcm, "
TYPOS = [
    ("sede: 1", "sede: unknown key; did you mean seed?"),
    ("trainig: {epochs: 3}", "trainig: unknown key; did you mean training?"),
    ("training: {epoch: 3}", "training.epoch: unknown key; did you mean epochs?"),
    (
        "training: {optimizer: {lr_deca: 0.9}}",
        "training.optimizer.lr_deca: unknown key; 'lr_deca' is not one of 'lr', 'lr_decay'; did you mean lr_decay?",
    ),
    ("network: {kind: cnn, chanels: [8]}", "network.chanels: unknown key; did you mean channels?"),
    ("data: {batchsize: 8}", "data.batchsize: unknown key; did you mean batch_size?"),
    (
        "data: {augmentation: {rotation: 8}}",
        "data.augmentation.rotation: unknown key; did you mean rotation_deg?",
    ),
    (
        f"{PCM}device: {{model: linear, step_us: 1.0}}}}",
        "hardware.device.step_us: unknown key; did you mean step_uS?",
    ),
    (
        f"{PCM}update: {{kind: pulsed, train_lenght: 8}}}}",
        "hardware.update.train_lenght: unknown key; did you mean train_length?",
    ),
    (
        "hardware: {tile: digital, statistics: {temperature: {celsius: 60.0, energy_eV: 0.8}}}",
        "hardware.statistics.temperature.energy_eV: unknown key; did you mean activation_energy_eV?",
    ),
    # Alike to nothing beside it, but a key of another section.
    ("training: {lr: 0.1}", "training.lr: unknown key; did you mean training.optimizer.lr?"),
    ("tile: pcm", "tile: unknown key; did you mean hardware.tile?"),
    # Values of a fixed set.
    ("training: {keep: bset}", "training.keep: input should be 'last' or 'best' (got 'bset')"),
    ("training: {keep: bset}", "(got 'bset'); did you mean best?"),
    ("training: {grapes: {mode: propagatin}}", "(got 'propagatin'); did you mean propagating?"),
    (f"{PCM}io: {{noise_management: absmax}}}}", "(got 'absmax'); did you mean abs_max?"),
    ("training: {optimizer: {name: adm}}", "did you mean adam?"),
    ("hardware: {tile: pmc}", "hardware.tile: 'pmc' is not one of"),
    ("network: {kind: mpl}", "did you mean mlp"),
    ("data: {name: minst}", "did you mean mnist"),
    (f"{PCM}device: {{model: linaer}}}}", "did you mean linear?"),
    ("hardware: {tile: digital, statistics: {preset: ideel}}", "did you mean ideal?"),
    (
        "training: {grapes: {mode: local, readout: {kind: per_devise}}}",
        "did you mean per_device?",
    ),
    ("hardware: {tile: aihwkit, preset: PCMPrset}", "did you mean PCMPreset"),
]


@pytest.mark.parametrize(("line", "message"), TYPOS)
def test_a_typo_in_a_config_gets_a_suggestion_in_its_one_message(line, message):
    with pytest.raises(InputError) as caught:
        parse_run_config(parse_yaml(f"name: x\n{line}\n", "x.yaml"))
    assert message in str(caught.value)
    assert str(caught.value).startswith("x.yaml:2: ")
    assert "\n" not in str(caught.value)


def test_what_is_close_to_nothing_gets_no_suggestion():
    with pytest.raises(InputError) as caught:
        parse_run_config(parse_yaml("name: x\nqwxz: 1\n", "x.yaml"))
    assert (
        str(caught.value)
        == "x.yaml:2: qwxz: unknown key; `imc-grapes schema` lists the keys that exist"
    )
    assert did_you_mean("qwxz", ["seed", "name"]) == ""


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("training.epoch=3", "training.epoch: unknown key; did you mean epochs?"),
        ("trainng.epochs=3", "trainng: unknown key; did you mean training?"),
        ("lr=3", "lr: unknown key; did you mean training.optimizer.lr?"),
        ("training.keep=bset", "(got 'bset'); did you mean best?"),
        ("network.kind=mpl", "did you mean mlp"),
    ],
)
def test_a_typo_on_the_command_line_gets_one_too(tmp_path, override, message):
    path = tmp_path / "run.yaml"
    path.write_text("name: x\n")
    with pytest.raises(InputError) as caught:
        load_run_config(path, [override])
    assert str(caught.value).startswith(f"--set {override}: ")
    assert message in str(caught.value)


def test_parameters_made_in_python_suggest_as_well():
    with pytest.raises(InputError, match=r"adc_bit: there is no such .*; did you mean adc_bits"):
        IOSpec.of({"adc_bit": 9})
    with pytest.raises(InputError, match=r"got 'nevr'\); did you mean never\?"):
        ReadSpec.of({"during_training": "nevr"})
