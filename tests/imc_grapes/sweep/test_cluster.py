from imc_grapes.sweep.cluster import Workers


class FakeClient:
    def __init__(self, *workers):
        self._workers = dict(enumerate(workers))

    def scheduler_info(self, n_workers):
        return {"workers": self._workers}


def test_only_workers_that_offer_what_a_trial_asks_for_count():
    client = FakeClient(
        {"nthreads": 4},
        {"nthreads": 4, "resources": {"GPU": 2}},
        {"nthreads": 1, "resources": {"GPU": 8}},
    )
    workers = Workers(client)
    assert workers.slots({}) == 9
    assert workers.slots({"GPU": 1}) == 3
    assert workers.slots({"GPU": 2}) == 2
    assert workers.slots({"TPU": 1}) == 0
