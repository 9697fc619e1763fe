import string

from imc_grapes import RunConfig
from imc_grapes.config import config_hash, parse_run_config
from imc_grapes.config.yaml_file import parse_yaml


def hash_of(text):
    return config_hash(parse_run_config(parse_yaml(text, "x.yaml")))


def test_twelve_hexadecimal_digits():
    found = config_hash(RunConfig(name="x"))
    assert len(found) == 12
    assert set(found) <= set(string.hexdigits.lower())


def test_the_name_and_the_way_of_writing_decide_nothing():
    same = {
        hash_of("name: a\n"),
        hash_of("name: b\n"),
        hash_of("seed: 00\nname: c\n"),
        hash_of("name: d\ntraining: {grapes: {mode: off}, epochs: 10}\n"),
        hash_of("name: e\ntraining:\n  optimizer:\n    lr: 1e-1\n    name: sgd\n"),
        hash_of("name: f\nnetwork: {kind: mlp, hidden: [256, 256]}\nhardware: {tile: digital}\n"),
    }
    assert len(same) == 1


def test_whatever_decides_a_result_changes_the_hash():
    texts = [
        "",
        "seed: 1",
        "data: {batch_size: 65}",
        "network: {kind: mlp, hidden: [256]}",
        "network: {kind: cnn}",
        "training: {epochs: 11}",
        "training: {optimizer: {lr: 0.2}}",
        "training: {grapes: {mode: local}}",
        "evaluation: {repeats: 11}",
        "hardware: {tile: aihwkit, preset: PCMPreset}",
        "hardware: {tile: aihwkit, preset: PCMPreset, array: {rows: 64}}",
    ]
    assert len({hash_of(f"name: x\n{text}\n") for text in texts}) == len(texts)
