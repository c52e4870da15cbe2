"""What a stranger on the same machine finds out about running processes: where they listen, and who is let in.

Run as a script, it is the stranger: it changes its user id where it can, tries each port, and prints what happened.
"""

import codecs
import contextlib
import json
import os
import socket
import ssl
import sys
from pathlib import Path

NOBODY = 65534
SILENT = "waits"
"""What a Dask server does that has let one in: it waits for words."""


def tree(root: int) -> set[int]:
    """The process and all that descend from it."""
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                stat = (entry / "stat").read_text("latin-1")
                parents[int(entry.name)] = int(stat.rpartition(")")[2].split()[1])
    found = {root}
    while more := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= more
    return found


def _sockets(pids: set[int]) -> set[str]:
    found = set()
    for pid in pids:
        with contextlib.suppress(OSError):
            for name in os.listdir(f"/proc/{pid}/fd"):
                with contextlib.suppress(OSError):
                    target = os.readlink(f"/proc/{pid}/fd/{name}")
                    if target.startswith("socket:["):
                        found.add(target[8:-1])
    return found


def listening(root: int) -> list[tuple[str, int]]:
    """The addresses where a process and its descendants listen: TCP, bound UDP, and named sockets of the system."""
    ours, found = _sockets(tree(root)), []
    for kind, state in (("tcp", "0A"), ("tcp6", "0A"), ("udp", "07"), ("udp6", "07")):
        for line in Path(f"/proc/net/{kind}").read_text().splitlines()[1:]:
            words = line.split()
            if words[3] == state and words[9] in ours:
                address, _, port = words[1].partition(":")
                packed = b"".join(bytes.fromhex(address[n : n + 8])[::-1] for n in range(0, len(address), 8))
                family = socket.AF_INET if len(packed) == 4 else socket.AF_INET6
                found.append((socket.inet_ntop(family, packed), int(port, 16)))
    for line in Path("/proc/net/unix").read_text().splitlines()[1:]:
        words = line.split()
        if int(words[3], 16) & 0x10000 and words[6] in ours:
            found.append((" ".join(words[7:]), 0))
    return sorted(found)


def answer(port: int, context: ssl.SSLContext | None, words: bytes = b"") -> str:
    """What a port says to one who comes with these credentials, None for none at all: ``waits`` where he is let in."""
    try:
        with socket.socket() as plain:
            plain.settimeout(1.0)
            plain.connect(("127.0.0.1", port))
            if context is None:
                plain.sendall(words)
                said = plain.recv(100)
                return "" if said[:2] == b"\x15\x03" else said.decode("latin-1")  # an alert of TLS says nothing
            with context.wrap_socket(plain) as inside:
                inside.recv(100)
                return SILENT
    except TimeoutError:
        return SILENT if context is not None else ""
    except OSError as error:
        return "" if isinstance(error, ssl.SSLError | ConnectionError) else str(error)


def credentials(folder: Path | None) -> ssl.SSLContext:
    """What a client shows who trusts everyone: the certificate in the folder, or none."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if folder is not None:
        context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    return context


def tried(ports: list[int], foreign: Path, pid: int, folders: list[str]) -> dict[str, object]:
    """All that a stranger gets out of the ports, the processes and the folders; nothing where all is well."""
    for name in ("idna", "latin-1", "ascii"):  # nobody may not read the library
        codecs.lookup(name)
    nameless, foreigner = credentials(None), credentials(foreign)
    if os.getuid() == 0:
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)
    got: dict[str, object] = {}
    for port in ports:
        for who, context, words in (
            ("plain Dask", None, b"\x01\0\0\0\0\0\0\0\0"),
            ("HTTP", None, b"GET /health HTTP/1.0\r\n\r\n"),
            ("no certificate", nameless, b""),
            ("another's certificate", foreigner, b""),
        ):
            said = answer(port, context, words)
            if said:
                got[f"{port} for {who}"] = said
    for one in tree(pid):
        for name in ("cmdline", "environ"):
            with contextlib.suppress(OSError):
                if "PRIVATE KEY" in (Path("/proc") / str(one) / name).read_text("latin-1"):
                    got[f"{one} {name}"] = "holds a key"
    for folder in folders:
        with contextlib.suppress(OSError):
            got[folder] = os.listdir(folder)
    got["as"] = os.getuid()
    return got


if __name__ == "__main__":
    print(json.dumps(tried(json.loads(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), sys.argv[4:])))
