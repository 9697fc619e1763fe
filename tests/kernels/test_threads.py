import pytest

from kernels.threads import get_threads, set_threads


def test_the_limit_is_what_was_set():
    before = get_threads()
    try:
        set_threads(3)
        assert get_threads() == 3
    finally:
        set_threads(before)


@pytest.mark.parametrize("threads", [0, -1])
def test_no_thread_at_all_is_refused(threads):
    before = get_threads()
    with pytest.raises(ValueError, match="at least 1"):
        set_threads(threads)
    assert get_threads() == before
