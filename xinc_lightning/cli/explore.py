"""``xinc explore``: runs in a page that asks for any neuron, frame and epoch, also while they are trained."""

from collections.abc import Sequence
from pathlib import Path

from xinc_lightning.cli.console import Parser, say
from xinc_lightning.server.serving import serve


def main(args: Sequence[str]) -> None:
    """Serve the page until Ctrl-C."""
    options = _parser().parse_args(args)
    serve(options.runs, options.host, options.port, options.open, say)


def _parser() -> Parser:
    parser = Parser(
        prog="xinc explore",
        description="Serve a page of runs: every neuron, frame and epoch, exactly, and the picture without neurons.",
    )
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN", help="folders of runs, side by side")
    parser.add_argument(
        "--host", default="127.0.0.1", help="address to listen on; from elsewhere a token is needed"
    )
    parser.add_argument("--port", type=int, help="8642, or any that is free, unless given")
    parser.add_argument("--no-open", dest="open", action="store_false", help="do not open the browser")
    return parser
