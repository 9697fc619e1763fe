import sqlite3

import pytest

from imc_grapes.store import StoreWriter, read_sweep
from kernels.errors import InputError


def statuses(directory):
    return [trial["status"] for trial in read_sweep(directory).trials]


def test_what_is_done_stays_done_and_the_rest_is_pending(tmp_path, plan, result):
    four = plan()
    with StoreWriter(tmp_path) as store:
        store.adopt(four)
        done, failed, cut_off, never = store.pending()
        for trial in (done, failed, cut_off):
            store.started(trial, "here", "now")
        store.finished(done, result())
        store.finished(failed, result(error="no luck\ntraceback"))
    assert statuses(tmp_path) == ["done", "failed", "running", "pending"]
    with StoreWriter(tmp_path) as store:
        store.adopt(four)
        assert store.pending() == [cut_off, never]
        assert store.counts() == {"done": 1, "failed": 1, "pending": 2}
        store.adopt(four, retry_failed=True)
        assert store.pending() == [failed, cut_off, never]


def test_a_reader_sees_what_a_writer_has_written_so_far(tmp_path, plan, result):
    with StoreWriter(tmp_path) as store:
        store.adopt(plan())
        store.finished(store.pending()[0], result(0.5))
        trial = read_sweep(tmp_path).trials[0]
    assert (trial["status"], trial["summary"].score) == ("done", 0.5)
    assert trial["config"]["training"]["optimizer"]["lr"] == 0.1
    assert trial["coordinates"] == {"training.optimizer.lr": 0.1}


def test_a_sweep_that_grows_keeps_what_it_has(tmp_path, plan, result):
    with StoreWriter(tmp_path) as store:
        store.adopt(plan())
        for trial in store.pending():
            store.finished(trial, result())
        store.adopt(plan("{training.optimizer.lr: [0.2, 0.3]}", seeds=3))
        assert store.counts() == {"done": 2, "pending": 4}
    sweep = read_sweep(tmp_path)
    assert [trial["tuned"] for trial in sweep.trials] == [0.2, 0.3] * 3
    with sqlite3.connect(tmp_path / "results.sqlite") as connection:
        retired = connection.execute(
            "SELECT count(*) FROM trials WHERE position IS NULL"
        ).fetchone()
    assert retired == (2,), "trials that the sweep file no longer holds are kept, out of sight"


def test_a_changed_base_config_is_named_and_changes_nothing(tmp_path, plan):
    with StoreWriter(tmp_path) as store:
        store.adopt(plan())
        before = read_sweep(tmp_path)
        with pytest.raises(InputError) as caught:
            store.adopt(
                plan(base="name: tiny\ntraining: {epochs: 2}\nnetwork: {kind: mlp, hidden: [8]}\n")
            )
        assert "training.epochs: 1 -> 2" in str(caught.value)
        assert "network.hidden: [256, 256] -> [8]" in str(caught.value)
        assert read_sweep(tmp_path) == before


def test_a_new_name_alone_is_no_change(tmp_path, plan):
    with StoreWriter(tmp_path) as store:
        store.adopt(plan())
        store.adopt(plan(base="name: other\ntraining: {epochs: 1}\n"))


def test_a_comment_in_the_base_config_is_no_change(tmp_path, plan):
    with StoreWriter(tmp_path) as store:
        store.adopt(plan())
        store.adopt(plan(base="# why\nname: tiny\nseed: 0\ntraining: {epochs: 1}\n"))


TABLE = "g_target_uS,mean_uS,std_uS\n0,0.5,0.2\n25,24,{std}\n"


@pytest.mark.parametrize("place", ["base", "grid"])
def test_a_changed_file_is_named_and_changes_nothing(tmp_path, plan, result, place):
    table = tmp_path / "table.csv"
    table.write_text(TABLE.format(std=1))

    def with_table():
        if place == "base":
            return plan(
                base=f"name: tiny\nhardware: {{tile: digital, statistics: {{table: {table}}}}}\n"
            )
        grid = f"{{hardware.statistics: {{none: null, measured: {{table: {table}}}}}}}"
        return plan(grid, base="name: tiny\nhardware: {tile: digital}\n", seeds=1)

    before = with_table()
    with StoreWriter(tmp_path) as store:
        store.adopt(before)
        for trial in store.pending():
            store.finished(trial, result())
        stored = read_sweep(tmp_path)
        table.write_text(TABLE.format(std=2))
        after = with_table()
        changed = [
            one.hash != two.hash for one, two in zip(before.trials, after.trials, strict=True)
        ]
        assert changed == ([True] * 4 if place == "base" else [False, True])
        with pytest.raises(
            InputError, match=r"holds results of other files:\n  .*table.csv: content \w+ -> \w+\n"
        ):
            store.adopt(after)
        assert read_sweep(tmp_path) == stored
        table.write_text(TABLE.format(std=1))
        store.adopt(with_table())
        assert store.pending() == []


def test_a_store_from_before_files_were_noted_goes_on(tmp_path, plan, result):
    with StoreWriter(tmp_path) as store:
        store.adopt(plan())
        store.finished(store.pending()[0], result())
    with sqlite3.connect(tmp_path / "results.sqlite") as connection:
        connection.execute("DROP TABLE files")
    assert read_sweep(tmp_path).with_status("done")
    with StoreWriter(tmp_path) as store:
        store.adopt(plan())
        assert store.counts() == {"done": 1, "pending": 3}
