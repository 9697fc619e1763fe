"""Whole sweeps in processes of their own, killed and interrupted as users and clusters do."""

import contextlib
import json
import os
import random
import signal
import sqlite3
import time
from collections import Counter

import pytest

from imc_grapes.store import load_results

pytestmark = pytest.mark.timeout(900)

KILLS = int(os.environ.get("IMC_GRAPES_KILLS", "1"))
"""How often a worker in mid-trial and then the coordinator are killed; raise it to look for rare failures."""
PATIENCE_S = 120


def wait_for(condition):
    end = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


def wait_for_a_start(process, tmp_path, begun_before):
    wait_for(lambda: len(begun(tmp_path)) > begun_before or process.poll() is not None)


def begun(tmp_path):
    log = tmp_path / "runs.log"
    return (
        [line.split()[1:] for line in log.read_text().splitlines() if line.startswith("begin")]
        if log.exists()
        else []
    )


def assert_whole(out, count):
    with sqlite3.connect(out / "results.sqlite") as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
        assert connection.execute(
            "SELECT count(*), count(DISTINCT hash) FROM trials"
        ).fetchone() == (count, count)


def test_failures_are_recorded_and_the_others_done(sweep_file, imc_grapes, tmp_path):
    sweep = sweep_file(
        "cases:\n"
        "  good: {}\n"
        "  diverges: {training.optimizer.lr: 1.0e+30}\n"
        "  no data: {data: {name: mnist}}\n"
        "seeds: 2\n"
    )
    out = tmp_path / "out"
    ran = imc_grapes("sweep", sweep, "--out", out, "--workers", "1")
    assert ran.status == 1, ran.words
    assert "4 of 6 trials failed" in ran.words
    frame = load_results(out)
    assert frame.groupby("method", sort=False)["status"].first().to_dict() == {
        "good": "done",
        "diverges": "failed",
        "no data": "failed",
    }
    reasons = frame.dropna(subset="error").groupby("method")["error"].first()
    assert "loss became" in reasons["diverges"]
    assert "train-images" in reasons["no data"]
    assert (out / "report.html").stat().st_size > 500_000

    again = imc_grapes("sweep", sweep, "--out", out, "--workers", "1")
    assert again.status == 1
    assert load_results(out)["finished"].tolist() == frame["finished"].tolist(), "nothing ran twice"


def test_all_trials_of_a_sweep_have_the_threads_that_were_asked_for(
    sweep_file, imc_grapes, tmp_path
):
    sweep, out = sweep_file("seeds: 1\n"), tmp_path / "out"
    ran = imc_grapes("sweep", sweep, "--out", out, "--workers", "1", "--threads", "2")
    assert ran.status == 0, ran.words
    frame = load_results(out)
    assert frame[["device", "threads"]].to_numpy().tolist() == [["cpu", 2]]
    sweep_file("seeds: 2\n")
    other = imc_grapes("sweep", sweep, "--out", out, "--workers", "1")
    assert other.status == 2
    assert "computed with --device cpu --threads 2" in other.words
    assert load_results(out)["finished"].tolist() == frame["finished"].tolist()


def test_a_worker_that_dies_has_its_trial_run_again_twice_at_most(
    sweep_file, fake_sweep, wait_to_end, ended, tmp_path
):
    sweep = sweep_file("grid: {training.optimizer.lr: [0.1, 0.5, 0.7, 0.9]}\n")
    ran = wait_to_end(fake_sweep(sweep, tmp_path / "out"))
    assert "done=1, failed=3, pending=0" in ran.words
    frame = load_results(tmp_path / "out").set_index("training.optimizer.lr")
    assert "died 3 times" in frame.loc[0.7, "error"]
    assert "ZeroDivisionError: on purpose" in frame.loc[0.5, "error"]
    assert "not JSON compliant" in frame.loc[0.9, "error"]
    tries = Counter(trial for trial, _ in begun(tmp_path))
    assert tries == {"0.1-0": 1, "0.5-0": 1, "0.7-0": 3, "0.9-0": 1}


def test_killed_at_any_moment_it_goes_on_without_loss(
    sweep_file, fake_sweep, wait_to_end, ended, tmp_path
):
    sweep = sweep_file(
        f"grid: {{training.optimizer.lr: [0.1, 0.2, 0.3]}}\nseeds: {2 + 2 * KILLS}\n"
    )
    out, count = tmp_path / "out", 3 * (2 + 2 * KILLS)
    moments = random.Random(6)
    kept: set[str] = set()
    begun_before = 0

    def check_nothing_done_has_run_again():
        again = {trial for trial, _ in begun(tmp_path)[begun_before:]} & kept
        assert not again

    for _ in range(KILLS):
        process = fake_sweep(sweep, out, nap=0.3)
        wait_for_a_start(process, tmp_path, begun_before)
        time.sleep(moments.uniform(0, 1.0))
        kill_a_worker(tmp_path)
        time.sleep(moments.uniform(0, 3.0))
        process.kill()
        process.communicate()
        check_nothing_done_has_run_again()
        begun_before = len(begun(tmp_path))
        kept = done_trials(out)
        assert_whole(out, count)

    process = fake_sweep(sweep, out, nap=0.5)
    wait_for_a_start(process, tmp_path, begun_before)
    if len(kept) < count:
        victim, worker = begun(tmp_path)[-1]
        os.kill(int(worker), signal.SIGKILL)
    ran = wait_to_end(process)
    assert f"done={count}, failed=0, pending=0" in ran.words, ran.words
    check_nothing_done_has_run_again()
    assert_whole(out, count)
    assert len(done_trials(out)) == count
    if len(kept) < count:
        assert Counter(trial for trial, _ in begun(tmp_path)[begun_before:])[victim] == 2


def kill_a_worker(tmp_path):
    _, worker = begun(tmp_path)[-1]
    with contextlib.suppress(ProcessLookupError):
        os.kill(int(worker), signal.SIGKILL)


def done_trials(out):
    """The finished trials, named as the fake trials name themselves."""
    frame = load_results(out)
    done = frame[frame["status"] == "done"]
    return {f"{lr}-{seed}" for lr, seed in zip(done["tuned"], done["seed"], strict=True)}


def test_a_second_sweep_is_refused_and_an_interrupted_one_goes_on(
    sweep_file, fake_sweep, imc_grapes, wait_to_end, ended, tmp_path
):
    sweep = sweep_file("seeds: 6\n")
    out = tmp_path / "out"
    (tmp_path / "hold").touch()
    first = fake_sweep(sweep, out)
    wait_for(lambda: len(begun(tmp_path)) >= 2)
    second = imc_grapes("sweep", sweep, "--out", out)
    assert second.status == 2
    assert "already running here" in second.words
    assert f"process {first.pid}" in second.words
    os.killpg(first.pid, signal.SIGINT)
    time.sleep(0.5)
    (tmp_path / "hold").unlink()
    stopped = wait_to_end(first)
    assert "interrupted=True" in stopped.words, stopped.words
    over = len(ended())
    assert over == len(begun(tmp_path)), "running trials were finished"
    assert f"done={over}," in stopped.words
    rest = wait_to_end(fake_sweep(sweep, out, nap=0.05))
    assert f"done=6, failed=0, pending=0, ran={6 - over}" in rest.words
    assert Counter(ended()) == {f"0.1-{seed}": 1 for seed in range(6)}
    assert_whole(out, 6)


def rows(out):
    columns = "hash, position, status, method, setting, tuned, seed, coordinates, config, summary, metrics, error"
    with sqlite3.connect(out / "results.sqlite") as connection:
        return connection.execute(f"SELECT {columns} FROM trials ORDER BY rowid").fetchall()


def test_any_number_of_workers_gives_the_same_rows(sweep_file, imc_grapes, tmp_path):
    sweep = sweep_file(
        "cases:\n"
        "  SGD: {}\n"
        "  GRAPES: {training.grapes.mode: propagating}\n"
        "  Adam: {training.optimizer: {name: adam, lr: 0.01}}\n"
        "grid:\n"
        "  hardware: {digital: {tile: digital}, PCM: {tile: digital, statistics: {preset: pcm_nandakumar2019}}}\n"
        "seeds: 4\n"
    )
    for workers in ("1", "2"):
        ran = imc_grapes("sweep", sweep, "--out", tmp_path / workers, "--workers", workers)
        assert ran.status == 0, ran.words
    assert len(rows(tmp_path / "1")) == 24
    assert rows(tmp_path / "1") == rows(tmp_path / "2")


def test_a_running_scheduler_does_the_same_sweep_also_when_only_one_worker_has_a_gpu(
    sweep_file, imc_grapes, start, tmp_path
):
    text = "grid: {training.grapes.mode: [none, propagating]}\nseeds: 2\n"
    sweep = sweep_file(text)
    contact = tmp_path / "scheduler.json"
    dask = ("-m", "distributed.cli.dask_scheduler")
    start(
        *dask, "--scheduler-file", contact, "--port", "0", "--no-dashboard", "--host", "127.0.0.1"
    )
    for offered in ([], ["--resources", "GPU=1"]):
        start(
            "-m",
            "distributed.cli.dask_worker",
            "--scheduler-file",
            contact,
            "--nthreads",
            "1",
            "--no-dashboard",
            *offered,
        )
    wait_for(contact.exists)
    address = json.loads(contact.read_text())["address"]
    ran = imc_grapes("sweep", sweep, "--out", tmp_path / "remote", "--scheduler", address)
    assert ran.status == 0, ran.words
    local = imc_grapes("sweep", sweep, "--out", tmp_path / "local", "--workers", "2")
    assert local.status == 0
    assert rows(tmp_path / "remote") == rows(tmp_path / "local")
    on_gpus = sweep_file(text + "resources: {GPU: 1}\n")
    ran = imc_grapes("sweep", on_gpus, "--out", tmp_path / "gpu", "--scheduler", address)
    assert ran.status == 0, ran.words
    assert rows(tmp_path / "gpu") == rows(tmp_path / "local")
    ran = imc_grapes("sweep", on_gpus, "--out", tmp_path / "none", "--workers", "2")
    assert ran.status == 2
    assert "only workers that a --scheduler brings can offer them" in ran.words


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("tcp://127.0.0.1:9", "no Dask scheduler answers there"),
        ("nonsense", "must be an address such as"),
    ],
)
def test_a_scheduler_that_does_not_answer_is_bad_input(
    sweep_file, imc_grapes, tmp_path, address, message
):
    ran = imc_grapes("sweep", sweep_file(""), "--out", tmp_path / "out", "--scheduler", address)
    assert ran.status == 2
    assert message in ran.words
    assert "Traceback" not in ran.words
