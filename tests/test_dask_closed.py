"""Clusters that we start let in nobody without their certificate; schedulers elsewhere are shown the right one."""

import json
import os
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from benchmarks.cli.commands import cli
from benchmarks.workers import dask_pool, dask_tls
from benchmarks.workers.dask_tls import Tls, parsed
from benchmarks.workers.executors import BackendError, crew
from tests import strangers
from tests.certificates import authority
from tests.worker_tasks import rest

dask = pytest.importorskip("dask")
distributed = pytest.importorskip("distributed")
local = pytest.importorskip("benchmarks.workers.dask_local")
HOME = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return authority(tmp_path_factory.mktemp("ours"))


@pytest.fixture(scope="module")
def theirs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = authority(tmp_path_factory.mktemp("theirs"))
    for place in (folder, folder.parent):
        place.chmod(0o755)
    return folder


def files(folder: Path) -> str:
    return ",".join(str(folder / name) for name in ("ca.pem", "cert.pem", "key.pem"))


def stranger(ports: list[int], foreign: Path, folders: list[str]) -> dict[str, Any]:
    words = [sys.executable, "-m", "tests.strangers", json.dumps(ports), str(foreign), str(os.getpid()), *folders]
    done = subprocess.run(words, cwd=HOME, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.skipif(sys.platform != "linux", reason="ports of processes are found in /proc")
def test_a_stranger_gets_nothing_while_a_run_goes_on(
    theirs: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every port of the scheduler, the nannies and the workers, tried as another user where the tests are root."""
    spare = tmp_path_factory.mktemp("spare")
    spare.chmod(0o755)
    spare.parent.chmod(0o755)
    monkeypatch.setattr("tempfile.tempdir", str(spare))
    before = set(strangers.listening(os.getpid()))
    found: list[bytes] = []
    with crew("dask", 2) as two:
        going = threading.Thread(
            target=lambda: found.extend(two.run_in_order(rest, [(0.5, b"right")] * 16)), daemon=True
        )
        going.start()
        assert all(str(spare) in one for one in sys.path if "dask-scratch" in one)
        places = set(strangers.listening(os.getpid())) - before
        scheduler: Any = two._pool._client.scheduler.address
        assert scheduler.startswith("tls://127.0.0.1:")
        assert len(places) == 5, places  # scheduler, two nannies, two workers; no page
        assert {host for host, _ in places} == {"127.0.0.1"}
        ports = [port for _, port in places]
        scratch = [str(place) for place in spare.iterdir()]
        assert [Path(one).name.startswith("trialtwin-dask-") for one in scratch] == [True], scratch
        assert {stat.S_IMODE(os.stat(place).st_mode) for place in scratch} == {0o700}
        mine = [] if os.getuid() else scratch  # a test that is not root looks with its own eyes
        assert stranger(ports, theirs, mine) == {"as": strangers.NOBODY if os.getuid() == 0 else os.getuid()}
        with pytest.raises(OSError, match=r"\S"):
            distributed.Client(scheduler.replace("tls:", "tcp:"), timeout=2)
        other: Any = distributed.Security.temporary()
        with pytest.raises(OSError, match=r"\S"):
            distributed.Client(scheduler, security=other, timeout=2)
        going.join(60)
        # What the ports say to one of their own: else the silence above would prove nothing.
        known = two._pool._client.security.get_connection_args("client")["ssl_context"]
        assert {strangers.answer(port, known) for port in ports} == {strangers.SILENT}
    assert found == [b"right"] * 16
    assert not list(spare.iterdir())
    assert not [one for one in sys.path if "dask-scratch" in one]


@pytest.mark.skipif(sys.platform != "linux", reason="ports of processes are found in /proc")
def test_processes_listen_nowhere() -> None:
    before = set(strangers.listening(os.getpid()))
    with crew("processes", 2) as two:
        assert len(list(two.run_in_order(rest, [(0.1, b"")] * 2))) == 2
        assert set(strangers.listening(os.getpid())) == before
        semaphores = list(Path("/dev/shm").glob(f"sem.loky-{os.getpid()}-*"))
        assert {stat.S_IMODE(one.stat().st_mode) for one in semaphores} <= {0o600}


@contextmanager
def scheduler(folder: Path | None) -> Iterator[str]:
    """The place of a scheduler with one worker in this process, which demands the folder's certificates, or nothing."""
    kept: dict[str, Any] = {}
    if folder is not None:
        kept = {"require_encryption": True, "tls_ca_file": str(folder / "ca.pem")}
        for role in ("client", "scheduler", "worker"):
            kept |= {f"tls_{role}_cert": str(folder / "cert.pem"), f"tls_{role}_key": str(folder / "key.pem")}
    security: Any = distributed.Security(**kept)
    common = {"host": "127.0.0.1", "protocol": "tls://" if folder else "tcp://", "security": security}
    with ExitStack() as stack:
        stack.enter_context(dask.config.set({"temporary-directory": str(folder.parent) if folder else None}))
        cluster: Any = distributed.SpecCluster(
            scheduler={"cls": local.QuietScheduler, "options": common | {"port": 0, "dashboard": False}},
            workers={0: {"cls": local.QuietWorker, "options": common | {"nthreads": 1}}},
            security=security,
            silence_logs="CRITICAL",
        )
        yield stack.enter_context(cluster).scheduler_address.partition("://")[2]


def test_a_scheduler_elsewhere_is_shown_our_certificate(
    ours: Path, theirs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dask_pool, "CONNECT_SECONDS", 2.0)
    config = {"ca-file": "ca.pem", "client.cert": "cert.pem", "client.key": "key.pem"}
    config = {f"distributed.comm.tls.{name}": str(ours / file) for name, file in config.items()}
    with scheduler(ours) as place:
        for backend in (f"tls://{place}", f"dask://{place}"):
            with crew(backend, 2, parsed(files(ours), backend)) as one:
                assert list(one.run_in_order(abs, [-1, -2])) == [1, 2]
        with dask.config.set(config), crew(f"tls://{place}", 2) as one:
            assert list(one.run_in_order(abs, [-3])) == [3]
        with (
            dask.config.set({**config, "distributed.comm.require-encryption": True}),
            crew(f"dask://{place}", 2) as one,
        ):
            assert list(one.run_in_order(abs, [-4])) == [4]
        with pytest.raises(BackendError, match="no Dask scheduler answers at tls://"):
            crew(f"tls://{place}", 2, parsed(files(theirs), f"tls://{place}")).__enter__()
        with pytest.raises(BackendError, match=r"no Dask scheduler answers at tcp:.*--dask-tls"):
            crew(f"dask://{place}", 2).__enter__()


@pytest.mark.parametrize(
    ("settings", "backend", "word"),
    [
        ({}, "tls://127.0.0.1:1", "distributed.comm.tls.ca-file in Dask's configuration"),
        ({"distributed.comm.tls.ca-file": "CA"}, "tls://127.0.0.1:1", "distributed.comm.tls.client.cert in"),
        ({"distributed.comm.require-encryption": True}, "dask://127.0.0.1:1", "distributed.comm.tls.ca-file in"),
        ({"distributed.comm.require-encryption": True}, "tcp://127.0.0.1:1", "write tls://127.0.0.1:1"),
        (
            {"distributed.comm.tls.ca-file": "/none.pem", "distributed.comm.tls.client.cert": "CERT"},
            "tls://127.0.0.1:1",
            "Dask's configuration: the ca '/none.pem' is not there",
        ),
        (
            {"distributed.comm.tls.ca-file": "CA", "distributed.comm.tls.client.cert": "CERT"},
            "tls://127.0.0.1:1",
            "is not PEM: it has no line -----BEGIN PRIVATE KEY-----",
        ),
    ],
)
def test_what_dasks_own_configuration_lacks_is_named(
    ours: Path, settings: dict[str, object], backend: str, word: str
) -> None:
    known = {"CA": str(ours / "ca.pem"), "CERT": str(ours / "cert.pem")}
    with (
        dask.config.set({name: known.get(str(value), value) for name, value in settings.items()}),
        pytest.raises(BackendError, match=word.replace(".", r"\.")),
    ):
        crew(backend, 1).__enter__()


def test_an_unencrypted_address_takes_no_certificates(ours: Path) -> None:
    with pytest.raises(BackendError, match=r"tcp://127\.0\.0\.1:1 is not encrypted; write tls:"):
        crew("tcp://127.0.0.1:1", 1, parsed(files(ours), "tcp://127.0.0.1:1")).__enter__()


def planted(folder: Path, theirs: Path) -> dict[str, tuple[str, str]]:
    """Sets of three files with one fault each, and what is said of it."""
    ca, cert, key = (folder / name for name in ("ca.pem", "cert.pem", "key.pem"))
    (folder / "words.pem").write_text("no certificate\n")
    (folder / "empty.pem").touch()
    (folder / "bytes.pem").write_bytes(bytes(range(256)))
    (folder / "cut.pem").write_bytes(cert.read_bytes()[:-80] + b"\n-----END CERTIFICATE-----\n")
    (folder / "cut-key.pem").write_bytes(b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n")
    locked, old = authority(folder / "locked", passphrase=b"secret"), authority(folder / "old", days=-1)
    os.mkfifo(folder / "pipe.pem")
    return {
        "two": (f"{ca},{cert}", "write three PEM files"),
        "four": (f"{ca},{cert},{key},{key}", "write three PEM files"),
        "none": ("", "write three PEM files"),
        "blank": (f"{ca},,{key}", "write three PEM files"),
        "no ca": (f"{folder / 'x.pem'},{cert},{key}", f"the ca '{folder}/x.pem' is not there"),
        "no cert": (f"{ca},{folder / 'x.pem'},{key}", f"the certificate '{folder}/x.pem' is not there"),
        "no key": (f"{ca},{cert},{folder / 'x.pem'}", f"the key '{folder}/x.pem' is not there"),
        "below a file": (f"{ca},{cert},{ca}/x.pem", f"the key '{ca}/x.pem' cannot be read (Not a directory)"),
        "folder": (f"{ca},{folder},{key}", f"the certificate '{folder}' is no file"),
        "pipe": (f"{ca},{folder / 'pipe.pem'},{key}", "is no file"),
        "zero": (f"{ca},{cert},a\0b", "cannot be read"),
        "words": (f"{folder / 'words.pem'},{cert},{key}", "words.pem' is not PEM"),
        "empty": (f"{ca},{folder / 'empty.pem'},{key}", "the certificate"),
        "bytes": (f"{ca},{cert},{folder / 'bytes.pem'}", "bytes.pem' is not PEM"),
        "turned": (f"{ca},{key},{cert}", "key.pem' is not PEM: it has no line -----BEGIN CERTIFICATE-----"),
        "cut": (f"{ca},{folder / 'cut.pem'},{key}", "cut.pem' or the key"),
        "cut ca": (f"{folder / 'cut.pem'},{cert},{key}", "the ca"),
        "cut key": (f"{ca},{cert},{folder / 'cut-key.pem'}", "cannot be used"),
        "mismatch": (f"{ca},{cert},{theirs / 'key.pem'}", "does not belong to the certificate"),
        "other ca": (f"{theirs / 'ca.pem'},{cert},{key}", "does not vouch for the certificate"),
        "passphrase": (f"{locked / 'ca.pem'},{locked / 'cert.pem'},{locked / 'key.pem'}", "has a passphrase"),
        "expired": (f"{old / 'ca.pem'},{old / 'cert.pem'},{old / 'key.pem'}", "certificate has expired"),
    }


def test_each_fault_of_the_three_files_is_one_line(theirs: Path, tmp_path: Path) -> None:
    for name, (given, word) in planted(authority(tmp_path / "a"), theirs).items():
        with pytest.raises(BackendError) as caught:
            parsed(given, "tls://127.0.0.1:1")
        assert word in str(caught.value), (name, str(caught.value))
        assert str(caught.value).startswith("--dask-tls")
        assert "\n" not in str(caught.value), name


@pytest.mark.skipif(os.getuid() == 0, reason="root reads everything")
def test_a_file_that_may_not_be_read_is_named(tmp_path: Path) -> None:
    folder = authority(tmp_path / "a")
    (folder / "key.pem").chmod(0)
    with pytest.raises(BackendError, match=r"the key '.*key\.pem' cannot be read \(Permission denied\)"):
        parsed(files(folder), "tls://127.0.0.1:1")


def test_files_that_belong_together_are_taken(ours: Path) -> None:
    assert parsed(files(ours), "tls://h:1") == Tls(ours / "ca.pem", ours / "cert.pem", ours / "key.pem")


@pytest.mark.parametrize("backend", ["auto", "threads", "dask"])
def test_the_command_takes_certificates_for_a_scheduler_alone(ours: Path, backend: str, tmp_path: Path) -> None:
    words = ["run", "paper", "--reps", "2", "--out", str(tmp_path / "x"), "--backend", backend]
    done = CliRunner().invoke(cli, [*words, "--dask-tls", files(ours)])
    assert isinstance(done.exception, BackendError)
    assert "--dask-tls is for a scheduler elsewhere" in str(done.exception)
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize(
    ("host", "open_"),
    [
        ("127.0.0.1", False),
        ("127.8.9.1", False),
        ("localhost", False),
        ("[::1]", False),
        ("[::ffff:127.0.0.1]", False),
        ("192.0.2.7", True),
        ("0.0.0.0", True),
        ("[2001:db8::1]", True),
        ("127.0.0.1.invalid", True),
        ("xn--a.invalid", True),
    ],
)
def test_an_open_scheduler_over_the_network_is_warned_of_once(
    host: str, open_: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    dask_tls.warn_of_the_open.cache_clear()
    for _ in range(2):
        dask_tls.warn_of_the_open(f"dask://{host}:8786")
    told = capsys.readouterr().err
    assert told.count("\n") == int(open_)
    assert ("runs code as you" in told) == open_
