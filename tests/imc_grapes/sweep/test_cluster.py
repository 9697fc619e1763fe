import json
import os
import shutil
import stat
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import dask
import pytest
from distributed import LocalCluster, Security

from imc_grapes.sweep.cluster import Certificates, Workers, workers_of
from kernels.errors import InputError


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


LOCAL = """
import json, os, socket, sys
from pathlib import Path
from imc_grapes.sweep.cluster import local_workers

def listening():
    \"\"\"Ports of this process and of its children, on all interfaces.\"\"\"
    own = {os.stat(fd).st_ino for p in processes() for fd in fds(p)}
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return [(row[1][:8], int(row[1][9:], 16)) for row in rows if row[3] == "0A" and int(row[9]) in own]

def processes():
    mine = os.getpgrp()
    return [p for p in Path("/proc").glob("[0-9]*") if group(p) == mine]

def group(process):
    try:
        return os.getpgid(int(process.name))
    except OSError:
        return None

def fds(process):
    for fd in (process / "fd").iterdir():
        try:
            os.stat(fd)
        except OSError:
            continue
        yield fd

if __name__ == "__main__":
    os.environ["DASK_DISTRIBUTED__COMM__REQUIRE_ENCRYPTION"] = "true"
    with local_workers(1, []) as workers:
        scheduler = workers.client.scheduler.address
        answer = workers.client.submit(int, "7").result(timeout=60)
        info = workers.client.scheduler_info(n_workers=-1)["workers"]
        print(json.dumps({
            "scheduler": scheduler, "workers": list(info), "answer": answer,
            "listening": listening(),
            "scratch": [one["local_directory"] for one in info.values()],
        }), flush=True)
        sys.stdin.readline()
"""


@pytest.fixture(scope="module")
def local(tmp_path_factory):
    """A local cluster in a process of its own, asked where it listens."""
    script = tmp_path_factory.mktemp("local") / "local.py"
    script.write_text(LOCAL)
    process = subprocess.Popen(
        [sys.executable, script],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        yield json.loads(process.stdout.readline())
    finally:
        process.communicate("\n", timeout=60)
    assert process.returncode == 0


def test_no_other_user_can_reach_the_workers_of_a_sweep(local):
    assert local["answer"] == 7
    assert all(
        address.startswith("private://") for address in (local["scheduler"], *local["workers"])
    )
    folder = Path(local["scratch"][0]).parent
    while not folder.name.startswith("pymp-"):
        folder = folder.parent
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert folder.stat().st_uid == os.getuid()
    name = folder / local["scheduler"].rpartition(":")[2]
    assert stat.S_ISSOCK(name.stat().st_mode)
    if os.getuid() == 0:
        nobody = subprocess.run(
            [sys.executable, "-c", AS_NOBODY, name], capture_output=True, text=True, check=False
        )
        assert "PermissionError" in nobody.stderr


AS_NOBODY = """
import os, socket, sys
os.setgroups([]), os.setgid(65534), os.setuid(65534)
socket.socket(socket.AF_UNIX).connect(sys.argv[1])
"""


def test_what_listens_on_tcp_runs_nothing_and_tells_nothing(local):
    """Pages for browsers, without any page, on this machine alone."""
    for interface, port in local["listening"]:
        assert interface == "0100007F"
        for page in ("", "info/main/workers.html", "json/identity.json", "metrics", "sysmon"):
            with pytest.raises(urllib.error.HTTPError, match="404"):
                urllib.request.urlopen(f"http://127.0.0.1:{port}/{page}", timeout=10)


def pem(folder, name, authority=None):
    """A certificate, and its key, by openssl; signed by another or by itself."""
    files = folder / f"{name}.pem", folder / f"{name}-key.pem"
    signed = ["-CA", authority[0], "-CAkey", authority[1]] if authority else []
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1"]
    subprocess.run(
        [*command, "-subj", f"/CN={name}", "-keyout", files[1], "-out", files[0], *signed],
        check=True,
        capture_output=True,
    )
    return files


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    if shutil.which("openssl") is None:
        pytest.skip("needs openssl to make certificates")
    folder = tmp_path_factory.mktemp("pem")
    authority, stranger = pem(folder, "authority"), pem(folder, "stranger")
    return authority[0], pem(folder, "ours", authority), stranger


@pytest.fixture
def under_tls(certificates):
    authority, (certificate, key), _ = certificates
    files = {"tls_ca_file": str(authority), "require_encryption": True}
    for role in ("scheduler", "worker", "client"):
        files |= {f"tls_{role}_cert": str(certificate), f"tls_{role}_key": str(key)}
    with LocalCluster(
        n_workers=0,
        processes=False,
        protocol="tls://",
        security=Security(**files),
        dashboard_address="localhost:0",
    ) as cluster:
        yield cluster.scheduler_address


def test_a_scheduler_under_tls_answers_to_its_certificates_alone(under_tls, certificates):
    authority, (certificate, key), stranger = certificates
    with workers_of(under_tls, Certificates(authority, certificate, key)) as workers:
        assert workers.slots({}) == 0
    for other in (
        Certificates(authority, *stranger),
        Certificates(stranger[0], certificate, key),
        Certificates(certificate, authority, key),
    ):
        with (
            pytest.raises(InputError, match="no Dask scheduler answers there"),
            workers_of(under_tls, other),
        ):
            pass
    with (
        pytest.raises(InputError, match=r"--tls-key .*none.pem: cannot be read: No such file"),
        workers_of(under_tls, Certificates(authority, certificate, key.with_name("none.pem"))),
    ):
        pass


def test_dasks_own_configuration_names_certificates_too(under_tls, certificates):
    authority, (certificate, key), _ = certificates
    with (
        pytest.raises(InputError, match="TLS needs certificates; give --tls-ca, --tls-cert and"),
        workers_of(under_tls),
    ):
        pass
    named = {
        "distributed.comm.tls.ca-file": str(authority),
        "distributed.comm.tls.client.cert": str(certificate),
        "distributed.comm.tls.client.key": str(key),
    }
    with dask.config.set(named), workers_of(under_tls) as workers:
        assert workers.slots({}) == 0


def test_a_scheduler_without_tls_is_said_to_run_anyone_s_code(certificates):
    authority, (certificate, key), _ = certificates
    with LocalCluster(
        n_workers=0, processes=False, protocol="tcp://", dashboard_address="localhost:0"
    ) as cluster:
        address = cluster.scheduler_address
        said = pytest.warns(UserWarning, match="whoever reaches this port can run code as you")
        with said, workers_of(address) as workers:
            assert workers.slots({}) == 0
        with (
            pytest.raises(InputError, match=r"--tls-ca.*have no effect on --scheduler tcp://"),
            workers_of(address, Certificates(authority, certificate, key)),
        ):
            pass
