"""``python -m epimetheus.testing``: serves a stand-in OCI, and prints the settings that point Epimetheus to it."""

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
    """Creates a world with a tree of compartments, and with events spread over them and over the last hours."""
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
    """Returns the settings of Epimetheus for this world as shell commands."""
    settings = {
        "OCI_AUTH": "config_file",
        "OCI_CONFIG_FILE": str(config),
        "OCI_ENDPOINT": url,
        "STATE_BUCKET": BUCKET,
        "TENANCY_OCID": world.tenancy,
    }
    return "".join(f"export {name}={value}\n" for name, value in settings.items())


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Parses the command line."""
    parser = argparse.ArgumentParser(prog="python -m epimetheus.testing", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="TCP port to listen on; 0 (the default) selects a free port")
    parser.add_argument("--compartments", type=int, default=10, help="number of compartments below the root (default: %(default)s)")
    parser.add_argument("--events", type=int, default=1000, help="number of events in all compartments (default: %(default)s)")
    parser.add_argument("--page-size", type=int, default=100, help="maximum number of items per page (default: %(default)s)")
    parser.add_argument("--folder", type=Path, help="folder for the credentials (default: a temporary folder)")
    parser.add_argument("--hours", type=float, default=24.0, help="hours before now at which the events start (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="seed of the events; equal seeds generate equal events, except for their times")
    parser.add_argument("--region", default="us-ashburn-1", help="home region of the tenancy (default: %(default)s)")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """Serves until interrupted."""
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
