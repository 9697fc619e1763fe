import multiprocessing
import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernels.column_blocks import WORTH_A_THREAD, for_blocks
from kernels.threads import get_threads, set_threads


@pytest.fixture(autouse=True)
def _restore_threads():
    before = get_threads()
    yield
    set_threads(before)


def blocks_of(n_columns, devices):
    found = []
    for_blocks(n_columns, devices, lambda first, past: found.append((first, past)))
    return sorted(found)


@given(n_columns=st.integers(1, 100), threads=st.integers(1, 4))
@settings(max_examples=50, deadline=None)
def test_blocks_cover_every_column_once(n_columns, threads):
    set_threads(threads)
    columns = [j for block in blocks_of(n_columns, 10 * WORTH_A_THREAD) for j in range(*block)]
    assert columns == list(range(n_columns))


def test_small_work_stays_on_the_thread_of_the_caller():
    set_threads(4)
    seen = set()
    for_blocks(64, WORTH_A_THREAD - 1, lambda *_: seen.add(threading.get_ident()))
    assert seen == {threading.get_ident()}


def test_large_work_is_shared():
    set_threads(2)
    assert blocks_of(10, 2 * WORTH_A_THREAD) == [(0, 5), (5, 10)]


def test_no_columns_is_no_work():
    assert [block for block in blocks_of(0, 0) if block[0] != block[1]] == []


def test_an_error_in_another_thread_reaches_the_caller():
    set_threads(2)

    def kernel(first, past_last):
        if first > 0:
            raise RuntimeError("broken block")

    with pytest.raises(RuntimeError, match="broken block"):
        for_blocks(10, 2 * WORTH_A_THREAD, kernel)


def _work_in_child(queue):
    queue.put(blocks_of(10, 2 * WORTH_A_THREAD))


def test_a_forked_process_has_threads_of_its_own():
    set_threads(2)
    blocks_of(10, 2 * WORTH_A_THREAD)
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    child = context.Process(target=_work_in_child, args=(queue,), daemon=True)
    child.start()
    child.join(20)
    try:
        assert child.exitcode == 0
        assert queue.get(timeout=5) == [(0, 5), (5, 10)]
    finally:
        child.kill()
