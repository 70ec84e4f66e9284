"""`make crash-client-secrets`: kill -9 at every step of a replacement and between them, and a table of the hits.

Exits with 1 where anything that must hold did not, or a point was hit too seldom.
"""

import argparse
import random
import signal
import sys
import tempfile
import time
from pathlib import Path

from crash_client_secrets import canaries
from crash_client_secrets.campaign import Campaign
from crash_client_secrets.checker import Checker
from crash_client_secrets.gate import Side
from crash_client_secrets.points import POINTS, STATES
from crash_client_secrets.settling import settle
from crash_client_secrets.world import World

PEOPLE = 3


def main() -> None:
    """Kill, look, and tell."""
    parser = argparse.ArgumentParser(prog="crash_client_secrets", description=__doc__)
    parser.add_argument("hits", type=int, nargs="?", default=100, help="hits of each point and side [100]")
    parser.add_argument("--minutes", type=float, default=100, help="give up after so long [100]")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6), help="for kills anywhere")
    parser.add_argument(
        "--only", action="append", default=[], metavar="POINT", help="count only the points that begin so; repeat it"
    )
    parser.add_argument("--folder", type=Path, help="keep all logs there; a new folder")
    arguments = parser.parse_args()
    print(f"seed {arguments.seed}", flush=True)
    # All that was started is ended in order, also where a shell has it in the background.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.default_int_handler)
    if arguments.folder is not None:
        arguments.folder.mkdir(parents=True)
        sys.exit(run(arguments.folder, arguments))
    with tempfile.TemporaryDirectory() as folder:
        sys.exit(run(Path(folder), arguments))


def run(folder: Path, arguments: argparse.Namespace) -> int:
    """The exit code; all is written to `folder`."""
    started, hits = time.monotonic(), arguments.hits
    # Some more than hits, as requests are given up and strangers get in the way.
    with World(folder, hits + hits // 8 + PEOPLE + 1) as world, Checker(world) as checker:
        chance = random.Random(arguments.seed)  # noqa: S311 - no secret
        campaign = Campaign(
            world,
            checker,
            wanted=hits,
            until=started + arguments.minutes * 60,
            people=PEOPLE,
            chance=chance,
            only=arguments.only,
        )
        campaign.run()
        problems = settle(world, checker, campaign)
        problems += canaries.found(world.texts(), checker.values | world.gate.tokens)
    problems += [f"{when}: {what}" for what, when in checker.violations.items()]
    problems += [f"too few hits {missing}" for missing in campaign.missing]
    print(_table(campaign))
    print(
        f"{campaign.kills} kills of {len(world.subjects)} objects at work in {time.monotonic() - started:.0f} s, "
        f"{world.ahead / 86400:.0f} days; {checker.looks} looks at all of them; {checker.deleted_previous} client "
        f"secrets and {checker.deleted_orphans} orphans deleted, {len(world.gate.tokens)} tokens"
    )
    for problem in problems:
        print(f"FAILED: {problem}")
    print("nothing failed" if not problems else f"{len(problems)} failed")
    return 1 if problems else 0


def _table(campaign: Campaign) -> str:
    width = max(map(len, (*POINTS, *STATES)))
    lines = [f"{'killed at':{width}}  before  after"]
    for point in POINTS:
        before, after = (campaign.hits[point, side] for side in Side)
        lines.append(f"{point:{width}}  {before:6}  {after:5}")
    lines += ["", f"{'killed anywhere, in the state':{width}}  objects"]
    lines += [f"{state:{width}}  {campaign.between[state]:7}" for state in STATES]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
