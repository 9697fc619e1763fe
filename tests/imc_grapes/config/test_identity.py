import hashlib
import json
import string

import pytest

from imc_grapes import InputError, RunConfig
from imc_grapes.config import config_hash, parse_run_config
from imc_grapes.config.identity import file_digests
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
        "hardware: {tile: pcm}",
        "hardware: {tile: pcm}\nevaluation: {repeats: 11}",
        "hardware: {tile: pcm}\nevaluation: {batch_norm: recalibrated}",
        "hardware: {tile: pcm}\nevaluation: {batch_norm: recalibrated, calibration_samples: 9}",
        "hardware: {tile: aihwkit, preset: PCMPreset}",
        "hardware: {tile: aihwkit, preset: PCMPreset, array: {rows: 64}}",
    ]
    assert len({hash_of(f"name: x\n{text}\n") for text in texts}) == len(texts)


def test_one_choice_of_compensation_is_one_config_however_it_is_written():
    hardware = "name: x\nhardware: {tile: pcm}\n"
    of = {
        kinds: hash_of(f"{hardware}evaluation: {{drift_compensation: {kinds}}}\n")
        for kinds in ("both", "[none, global]", "[global, none]", "none", "[none]")
    }
    assert of["both"] == of["[none, global]"] == of["[global, none]"] == hash_of(hardware)
    assert of["none"] == of["[none]"] != of["both"]


def test_keys_of_a_later_version_do_not_rename_older_results():
    """The hash that this config had before batch normalisation could be recalibrated."""
    assert hash_of("name: x\n") == "491317037863"


TABLE = "g_target_uS,mean_uS,std_uS\n0,0.5,0.2\n25,24,{std}\n"


def test_the_content_of_a_file_that_is_named_is_part_of_it(tmp_path):
    table = tmp_path / "table.csv"
    text = f"name: x\nhardware: {{tile: digital, statistics: {{table: {table}}}}}\n"
    table.write_text(TABLE.format(std=1))
    first = hash_of(text)
    table.write_text(TABLE.format(std=2))
    assert hash_of(text) != first
    table.write_text(TABLE.format(std=1))
    assert hash_of(text) == first


def test_without_files_it_is_the_config_alone():
    config = RunConfig(name="x")
    values = json.dumps(
        config.model_dump(mode="json", exclude={"name"}), sort_keys=True, separators=(",", ":")
    )
    assert file_digests(config) == {}
    assert config_hash(config) == hashlib.sha256(values.encode()).hexdigest()[:12]


def test_every_file_is_found_wherever_it_is_named(tmp_path):
    table = tmp_path / "table.csv"
    table.write_text(TABLE.format(std=1))
    sha256 = hashlib.sha256(table.read_bytes()).hexdigest()
    for tile in ("digital", "aihwkit, preset: StandardHWATrainingPreset"):
        text = f"name: x\nhardware: {{tile: {tile}, statistics: {{table: {table}}}}}\n"
        assert file_digests(parse_run_config(parse_yaml(text, "x.yaml"))) == {str(table): sha256}


def test_a_file_that_is_gone_is_named_with_its_key(tmp_path):
    config = RunConfig.model_validate(
        {
            "name": "x",
            "hardware": {"tile": "digital", "statistics": {"table": tmp_path / "none.csv"}},
        }
    )
    with pytest.raises(InputError, match=r"hardware.statistics.table: .*none.csv: cannot be read"):
        config_hash(config)
