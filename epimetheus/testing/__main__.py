"""``python -m epimetheus.testing``: serve a stand-in OCI, and print what Epimetheus needs to use it."""

import argparse
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from epimetheus.testing.oci import World, serve

BUCKET = "epimetheus"
NAMES = ("network", "apps", "security", "data", "sandbox", "prod", "staging")
YOUNGEST_SECONDS = 180


def build(arguments: argparse.Namespace) -> World:
    """A world as asked for: a tree of compartments, and events spread over them and the last hours."""
    world = World(arguments.region, page_size=arguments.page_size)
    world.bucket(BUCKET)
    compartments = [world.tenancy]
    for number in range(arguments.compartments):
        parent = compartments[(number + 1) // 2]
        compartments.append(world.add_compartment(f"{NAMES[number % len(NAMES)]}-{number}", parent))
    end = time.time() - YOUNGEST_SECONDS
    share, rest = divmod(arguments.events, len(compartments))
    for number, compartment in enumerate(compartments):
        world.emit(compartment, share + (number < rest), end - arguments.hours * 3600, end, seed=arguments.seed)
    return world


def environment(world: World, url: str, config: Path) -> str:
    """The settings of Epimetheus for this world, as lines for a shell."""
    settings = {
        "OCI_AUTH": "config_file",
        "OCI_CONFIG_FILE": str(config),
        "OCI_ENDPOINT": url,
        "STATE_BUCKET": BUCKET,
        "TENANCY_OCID": world.tenancy,
    }
    return "".join(f"export {name}={value}\n" for name, value in settings.items())


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m epimetheus.testing", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--compartments", type=int, default=10, help="besides the root")
    parser.add_argument("--events", type=int, default=1000, help="in all compartments together")
    parser.add_argument("--page-size", type=int, default=100)
    parser.add_argument("--folder", type=Path, help="where the credentials go; a temporary one if not given")
    parser.add_argument("--hours", type=float, default=24.0, help="how far back the events begin")
    parser.add_argument("--seed", type=int, default=0, help="the same seed makes the same events, but for their times")
    parser.add_argument("--region", default="us-ashburn-1")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until interrupted."""
    options = parse(arguments)
    world = build(options)
    with tempfile.TemporaryDirectory(prefix="epimetheus-") as temporary:
        config = world.credentials(options.folder or Path(temporary))
        with serve(world, port=options.port) as served:
            sys.stdout.write(environment(world, served.url, config))
            sys.stdout.flush()
            try:
                threading.Event().wait()
            except KeyboardInterrupt:
                return 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
