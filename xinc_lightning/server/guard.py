"""Who may ask: only this machine's own names, or whoever has the token; and what every answer says to the browser."""

import hashlib
import ipaddress
import secrets
import socket
from collections.abc import Collection
from urllib.parse import parse_qs

from starlette.datastructures import MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})

HEADERS = {
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


class Guard:
    """Refuses requests before anything is done for them.

    A page elsewhere may have its own name lead to this machine (DNS rebinding); its requests then say that name in
    their Host header. With a token, the first request has it in its address, the later ones in a cookie, whose name is
    the token's own, because a browser has the cookies of all servers of a machine together.

    Args:
        app: the application.
        hosts: names in the Host header that are this server's; addresses in numbers are allowed if there is a token.
        token: what a request must have; None where only this machine can connect.
    """

    def __init__(self, app: ASGIApp, hosts: Collection[str] = LOOPBACK, token: str | None = None) -> None:
        self.app = app
        self.hosts = {name.lower() for name in hosts}
        self.token = token
        self.cookie = "" if token is None else f"xinc_{hashlib.sha256(token.encode()).hexdigest()[:8]}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        refused = self._refusal(headers, scope["query_string"].decode("latin-1"))

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                answer = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    answer[name] = value
                if self.token is not None and refused is None:
                    answer["Set-Cookie"] = f"{self.cookie}={self.token}; HttpOnly; SameSite=Strict; Path=/"
            await send(message)

        if refused is None:
            return await self.app(scope, receive, send_with_headers)
        return await JSONResponse({"error": refused}, 403)(scope, receive, send_with_headers)

    def _refusal(self, headers: dict[str, str], query: str) -> str | None:
        """Why a request is refused, in a sentence."""
        host = host_name(headers.get("host", ""))
        if host not in self.hosts and not (self.token is not None and _is_address(host)):
            return "This name does not belong to this server; use the address that it printed."
        if (
            headers.get("sec-fetch-site") in ("cross-site", "same-site")
            and headers.get("sec-fetch-mode") != "navigate"
        ):
            return "Pages elsewhere may not ask this server."
        if self.token is not None:
            given = (parse_qs(query).get("token") or [_cookie(headers.get("cookie", ""), self.cookie)])[0]
            if not secrets.compare_digest(given.encode(), self.token.encode()):
                return "The token is missing or wrong; use the address that the server printed."
        return None


def _cookie(header: str, name: str) -> str:
    """The value of a cookie; whatever other servers of this machine have set is let be."""
    pairs = (part.strip().partition("=") for part in header.split(";"))
    return next((value for key, _, value in pairs if key == name), "")


def host_name(header: str) -> str:
    """The name in a Host header, without its port.

    >>> host_name("localhost:8642"), host_name("[::1]:80"), host_name("Example.org")
    ('localhost', '::1', 'example.org')
    """
    if header.startswith("["):
        return header[1:].partition("]")[0].lower()
    return header.partition(":")[0].lower()


def own_names(host: str) -> set[str]:
    """The names by which a browser elsewhere may reach this machine if it listens on ``host``."""
    return {*LOOPBACK, host.lower(), socket.gethostname().lower(), socket.getfqdn().lower()}


def is_loopback(host: str) -> bool:
    """Whether only this machine itself can connect to an address."""
    return host == "localhost" or (_is_address(host) and ipaddress.ip_address(host).is_loopback)


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
