"""The ICE servers of the settings, as browsers and as WHIP clients want them told. Pure."""

from hiwar.ops.settings import Settings

IceServer = dict[str, str]


def ice_servers(settings: Settings) -> list[IceServer]:
    """Members of RTCConfiguration.iceServers; empty where the settings name none."""
    servers: list[IceServer] = []
    if settings.stun_url:
        servers.append({"urls": settings.stun_url})
    if settings.turn_url:
        turn = {"urls": settings.turn_url}
        if settings.turn_user:
            turn |= {"username": settings.turn_user, "credential": settings.turn_password}
        servers.append(turn)
    return servers


def render_link_header(servers: list[IceServer]) -> str:
    """The value of the Link header (RFC 8288) that RFC 9725 section 4.6 asks for; '' for no server."""
    return ", ".join(_render_link(server) for server in servers)


def _render_link(server: IceServer) -> str:
    link = f'<{server["urls"]}>; rel="ice-server"'
    if "username" in server:
        link += f"; username={_quote(server['username'])}; credential={_quote(server['credential'])}"
        link += '; credential-type="password"'
    return link


def _quote(text: str) -> str:
    """A quoted-string (RFC 9110 section 5.6.4)."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
