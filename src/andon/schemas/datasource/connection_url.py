"""How a connection URL is built from its parts (RFC 3986, zones of IPv6 as RFC 6874)."""

from __future__ import annotations

import re
from ipaddress import IPv6Address
from urllib.parse import quote

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*")
_NO_HOST = re.compile(r"[\s\x00-\x1f\x7f@]")


def build_url(
    scheme: str,
    host: str,
    port: int | None,
    username: str | None,
    password: str | None,
    database: str | None,
) -> str:
    """Build `scheme://user:password@host:port/database`, every part percent-encoded as a whole."""
    if not _SCHEME.fullmatch(scheme):
        raise ValueError("the URL scheme must be letters, digits, + . - and begin with a letter")
    user = "" if username is None else quote(username, safe="")
    secret = "" if password is None else ":" + quote(password, safe="")
    at = "@" if user or secret else ""
    address = _host(host) if port is None else f"{_host(host)}:{port}"
    path = f"/{quote(database, safe='')}" if database else ""
    return f"{scheme}://{user}{secret}{at}{address}{path}"


def require_host(host: str) -> None:
    """Refuse a host that holds a port, userinfo or a whole URL."""
    if _NO_HOST.search(host) or (":" in host and not _is_ipv6(host)):
        raise ValueError(
            "host must be a name or an address alone: put the port into port, the user into "
            "username, and a whole URL into connection_string"
        )


def _host(host: str) -> str:
    if _is_ipv6(host):
        address, percent, zone = host.strip("[]").partition("%")
        return f"[{address}%25{quote(zone, safe='')}]" if percent else f"[{address}]"
    # The comma stays: libpq and MongoDB take several hosts in one URL.
    return quote(host, safe=",")


def _is_ipv6(host: str) -> bool:
    bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    try:
        IPv6Address(bare)
    except ValueError:
        return False
    return True
