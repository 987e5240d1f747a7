"""How a command speaks with a model server elsewhere."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from transform.errors import MarqueeError

if TYPE_CHECKING:
    import grpc

ca_option = click.option(
    "--ca",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Speak TLS with it, trusting the certificates of this PEM file.",
)


def credentials(ca: Path | None) -> "grpc.ChannelCredentials | None":
    """For TLS with a server that the certificates of a file vouch for; None, which is plain text, without a file.

    Raises:
        MarqueeError: the file cannot be read, or has no certificate.
    """
    if ca is None:
        return None
    import grpc

    try:
        trusted = ca.read_bytes()
    except OSError as error:
        raise MarqueeError(f"{ca}: cannot be read ({error.strerror}).") from error
    if b"-----BEGIN CERTIFICATE-----" not in trusted:
        raise MarqueeError(f"{ca}: holds no certificate in PEM form.")
    return grpc.ssl_channel_credentials(trusted)
