"""After the kills: everything comes back to one client secret that works, and what a person added is still there."""

from collections.abc import Sequence

from crash_client_secrets.campaign import Campaign
from crash_client_secrets.checker import Checker
from crash_client_secrets.points import Subject
from crash_client_secrets.world import World

MOVES = 40
"""So often time passes at most; an orphan after a replacement takes about ten."""


def settle(world: World, checker: Checker, campaign: Campaign) -> list[str]:
    """Let all come to rest, with no more replacements; what did not, in words."""
    world.gate.release()
    for subject in world.subjects:
        world.patch(subject, {"spec": {"interval": "43800h"}})
    strangers = {subject: uuid for uuid, subject in checker.by_hand.items()}
    problems = _come_to_rest(world, campaign, [each for each in world.subjects if each not in strangers])
    problems += _still_there(world, strangers)
    for subject, uuid in strangers.items():
        checker.deleted_by_hand.add(uuid)
        world.ims.delete_by_hand(uuid, subject.client_id)
    checker.look()
    return problems + _come_to_rest(world, campaign, world.subjects)


def _come_to_rest(world: World, campaign: Campaign, subjects: Sequence[Subject]) -> list[str]:
    restless: list[str] = []
    for _ in range(MOVES):
        campaign.wait_idle()
        restless = list(_restless(world, subjects))
        if not restless:
            break
        campaign.move()
    return restless


def _restless(world: World, subjects: Sequence[Subject]) -> Sequence[str]:
    states, statuses = world.states(), world.statuses()
    found = []
    for each in subjects:
        current = world.ims.client_secrets(each.client_id).current
        conditions = {each["type"]: each["status"] for each in statuses[each].get("conditions", [])}
        seen = (states[each], len(current), conditions.get("Ready"), conditions.get("RotationFailing"))
        if seen != ("Steady", 1, "True", "False"):
            state, count, ready, failing = seen
            found.append(
                f"{each.name} is {state} with {count} client secrets, Ready {ready}, RotationFailing {failing}"
            )
    return found


def _still_there(world: World, strangers: dict[Subject, str]) -> list[str]:
    statuses, problems = world.statuses(), []
    for subject, uuid in strangers.items():
        current = [each.uuid for each in world.ims.client_secrets(subject.client_id).current]
        reason = statuses[subject].get("reason")
        if uuid not in current or reason != "TwoClientSecrets":
            problems.append(f"{subject.name}: of {uuid}, which a person added, the status says {reason}")
    return problems
