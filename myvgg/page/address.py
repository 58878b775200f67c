"""The address of the page: is there such a host, and is its port free? Asked before the server starts."""

from __future__ import annotations

import errno
import socket

PORTS = range(7860, 7960)
"""Ports of which the first free one is taken by default."""

LOCAL = frozenset({"localhost", "127.0.0.1", "::1"})
"""Addresses that no other machine can reach."""

SENTENCES = {
    errno.EADDRINUSE: "the port {port} is taken: name another one by --port",
    errno.EACCES: "the port {port} is not allowed to this user: name one from 1024 on by --port",
    errno.EADDRNOTAVAIL: "{host} is no address of this machine: name one by --host, such as localhost or 0.0.0.0",
}
"""What errors of an address mean."""


def find_port(host: str, port: int | None) -> int:
    """Return a port that is free.

    Args:
        host: Name or address of the network interface.
        port: The only port that will do; None for the first free one of `PORTS`.

    Raises:
        OSError: There is no such address, or no free port; the message says which.
    """
    if port is not None:
        _try(host, port)
        return port
    for candidate in PORTS:
        try:
            _try(host, candidate)
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
        else:
            return candidate
    raise OSError(f"all ports from {PORTS[0]} to {PORTS[-1]} are taken: name another one by --port")


def _try(host: str, port: int) -> None:
    """Raise unless a port is free, on a host and on 127.0.0.1, which Gradio tries for every host."""
    for each in dict.fromkeys((host, "127.0.0.1")):
        _try_host(each, port)


def _try_host(host: str, port: int) -> None:
    """Raise unless a port of a host is free."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (socket.gaierror, UnicodeError) as error:
        raise OSError(f"there is no host {host}: name one by --host, such as localhost or 0.0.0.0") from error
    problems = [problem for family, kind, _, _, place in found if (problem := _problem(family, kind, place))]
    for problem in problems:
        is_absent = problem.errno in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)
        if is_absent and len(problems) < len(found):  # such as ::1 for localhost on a machine without IPv6
            continue
        number = errno.EADDRNOTAVAIL if is_absent else problem.errno or 0
        sentence = SENTENCES.get(number, "{host} cannot be served at port {port}: {problem}")
        raise OSError(number, sentence.format(host=host, port=port, problem=problem.strerror)) from problem


def _problem(family: int, kind: int, place: object) -> OSError | None:
    """Return why nothing can be served at a place, None where it can."""
    try:
        with socket.socket(family, kind) as bound:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            bound.bind(place)  # type: ignore[arg-type]  # (host, port, ...), as `getaddrinfo` gives it
            bound.listen(1)
    except OSError as error:
        return error
    return None
