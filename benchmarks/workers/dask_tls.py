"""Who may speak with a Dask scheduler: certificates that are whole and belong together, and what is not encrypted."""

import functools
import ipaddress
import os
import re
import socket
import ssl
import stat
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.workers.pools import BackendError

WORDS, ENDS = ("ca", "certificate", "key"), ("ca-file", "client.cert", "client.key")
MOST_BYTES = 1_000_000
_SEALED = re.compile(r"-----BEGIN ENCRYPTED PRIVATE KEY-----|^Proc-Type: 4,ENCRYPTED", re.MULTILINE)


@dataclass(frozen=True)
class Tls:
    """Three PEM files: the authority that vouches for everyone, our certificate, and its private key."""

    ca: Path
    certificate: Path
    key: Path


def parsed(given: str, backend: str) -> Tls:
    """The three files that ``ca,cert,key`` names, each readable PEM and belonging together; else BackendError."""
    if "://" not in backend:
        raise BackendError(f"--dask-tls is for a scheduler elsewhere: --backend tls://host:port, not {backend}")
    names = [name.strip() for name in given.split(",")]
    if len(names) != 3 or not all(names):
        raise BackendError(f"--dask-tls '{given}': write three PEM files with commas between: ca.pem,cert.pem,key.pem")
    return checked(Tls(*map(Path, names)), "--dask-tls")


def checked(tls: Tls, what: str) -> Tls:
    """The files as they are, once they were seen to be PEM, the key the certificate's and the certificate the ca's."""
    for word in WORDS:
        _look_at(word, getattr(tls, word), what)
    why = _refusal(_client(tls, what), _server(tls, what))
    if why is not None:
        told = f"the ca '{tls.ca}' does not vouch for the certificate '{tls.certificate}' ({why})"
        raise BackendError(f"{what}: {told}")
    return tls


def _look_at(word: str, path: Path, what: str) -> None:
    """Raise BackendError where the file cannot be read or holds no PEM of its kind."""
    named = f"{what}: the {word} '{path}'"
    try:
        found = os.stat(path)
        if not stat.S_ISREG(found.st_mode):
            raise BackendError(f"{named} is no file")
        if found.st_size > MOST_BYTES:
            raise BackendError(f"{named} is too large for PEM ({found.st_size:,} bytes)")
        text = path.read_bytes().decode("latin-1")
    except FileNotFoundError:
        raise BackendError(f"{named} is not there") from None
    except (OSError, ValueError) as error:
        raise BackendError(f"{named} cannot be read ({getattr(error, 'strerror', None) or error})") from None
    if word == "key" and _SEALED.search(text):
        raise BackendError(f"{named} has a passphrase, for which Dask cannot ask; give a key without one")
    kind = "PRIVATE KEY" if word == "key" else "CERTIFICATE"
    if not re.search(f"^-----BEGIN ([A-Z]+ )?{kind}-----", text, re.MULTILINE):
        raise BackendError(f"{named} is not PEM: it has no line -----BEGIN {kind}-----")


def _server(tls: Tls, what: str) -> ssl.SSLContext:
    """What a server uses that trusts those for whom the ca vouches, as Dask's do."""
    try:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(tls.ca))
    except OSError as error:
        raise BackendError(f"{what}: the ca '{tls.ca}' cannot be used ({_why(error)})") from None
    context.verify_mode = ssl.CERT_REQUIRED
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    context.load_cert_chain(tls.certificate, tls.key)
    return context


def _client(tls: Tls, what: str) -> ssl.SSLContext:
    """What a client uses that shows our certificate, whoever the server is."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        context.load_cert_chain(tls.certificate, tls.key)
    except OSError as error:
        if getattr(error, "reason", None) in ("KEY_VALUES_MISMATCH", "KEY_TYPE_MISMATCH"):
            told = f"the key '{tls.key}' does not belong to the certificate '{tls.certificate}'"
        else:
            told = f"the certificate '{tls.certificate}' or the key '{tls.key}' cannot be used ({_why(error)})"
        raise BackendError(f"{what}: {told}") from None
    return context


def _why(error: OSError) -> str:
    known = getattr(error, "verify_message", None) or getattr(error, "reason", None) or error.strerror or str(error)
    return str(known).replace("_", " ").lower()


def _refusal(ours: ssl.SSLContext, theirs: ssl.SSLContext) -> str | None:
    """Why the server refuses the client's certificate; None where it does not. Nothing leaves this process."""
    up, down = ssl.MemoryBIO(), ssl.MemoryBIO()
    client, server = ours.wrap_bio(down, up), theirs.wrap_bio(up, down, server_side=True)
    for one in (client, server, client, server, client, server):
        try:
            one.do_handshake()
        except ssl.SSLWantReadError:
            continue
        except ssl.SSLError as error:
            return _why(error)
    return None


@dataclass(frozen=True)
class Reached:
    """Where a scheduler is as Dask writes it, and what is shown to it; ``security`` None leaves that to Dask."""

    address: str
    security: Any


def reached(backend: str, tls: Tls | None) -> Reached:
    """How to speak with the scheduler that the backend names, by our files or else by Dask's own configuration."""
    import dask
    from distributed import security as library

    scheme, _, place = backend.partition("://")
    get = dask.config.get
    configured = get("distributed.comm.require-encryption") or get("distributed.comm.default-scheme") == "tls"
    encrypted = scheme == "tls" or (scheme == "dask" and (tls is not None or bool(configured)))
    if not encrypted:
        if tls is not None:
            raise BackendError(f"--dask-tls: {backend} is not encrypted; write tls://{place}")
        if get("distributed.comm.require-encryption"):
            told = "Dask's configuration says distributed.comm.require-encryption"
            raise BackendError(f"{backend} is not encrypted, and {told}; write tls://{place}")
        warn_of_the_open(backend)
        return Reached(f"tcp://{place}", None)
    if tls is not None:
        ca, certificate, key = (str(getattr(tls, word).absolute()) for word in WORDS)
        security: Any = library
        made = security.Security(
            require_encryption=True, tls_ca_file=ca, tls_client_cert=certificate, tls_client_key=key
        )
        return Reached(f"tls://{place}", made)
    if not get("distributed.client.security-loader", None):
        _configured(backend)
    return Reached(f"tls://{place}", None)


def _configured(backend: str) -> None:
    """Raise BackendError where the files that Dask's own configuration names will not do."""
    import dask

    names = {word: f"distributed.comm.tls.{end}" for word, end in zip(WORDS, ENDS, strict=True)}
    found = {word: dask.config.get(name, None) for word, name in names.items()}
    found["key"] = found["key"] or found["certificate"]  # which may hold both
    for word in WORDS:
        if not found[word]:
            told = f"--dask-tls ca.pem,cert.pem,key.pem, or {names[word]} in Dask's configuration"
            raise BackendError(f"{backend} demands certificates: give {told}")
    if not any("\n" in str(value) for value in found.values()):  # else it is the PEM itself
        checked(Tls(*(Path(str(found[word])) for word in WORDS)), "Dask's configuration")


@functools.cache
def warn_of_the_open(backend: str) -> None:
    """Say once on stderr what a scheduler that is reached over the network without encryption means."""
    host = backend.partition("://")[2].rpartition(":")[0].strip("[]")
    if not _stays_here(host):
        print(
            f"trialtwin: warning: {backend} is not encrypted: whoever reaches that scheduler runs code as you and "
            "can change your results; use tls:// with --dask-tls (docs/security.md)",
            file=sys.stderr,
            flush=True,
        )


def _stays_here(host: str) -> bool:
    """Whether all addresses of the host are this machine's loopback."""
    try:
        found = {str(info[4][0]).partition("%")[0] for info in socket.getaddrinfo(host, None)}
    except (OSError, UnicodeError):
        return False
    return bool(found) and all(_loopback(ipaddress.ip_address(one)) for one in found)


def _loopback(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    inner = getattr(address, "ipv4_mapped", None)
    return (inner or address).is_loopback
