"""Identity: compartments, the tenancy and its region subscriptions."""

import json
from typing import Any

from epimetheus.testing.oci.call import Call
from epimetheus.testing.oci.errors import InvalidParameter, NotAuthorizedOrNotFound
from epimetheus.testing.oci.models.compartments import Compartment
from epimetheus.testing.oci.responses import paging
from epimetheus.testing.oci.wire import Response, format_time, json_response

_REGION_KEYS = {"us-ashburn-1": "IAD", "us-phoenix-1": "PHX", "eu-frankfurt-1": "FRA", "uk-london-1": "LHR", "ap-tokyo-1": "NRT"}
_STATES = ("CREATING", "ACTIVE", "INACTIVE", "DELETING", "DELETED")


def list_compartments(call: Call) -> Response:
    """GET /compartments."""
    parent = call.world.compartments.readable(call.required("compartmentId"))
    subtree = _subtree(call, parent)
    items = [_item(one) for one in call.world.compartments.below(parent.id, subtree=subtree) if _wanted(call, one)]
    items = _with_faults(call, items, parent)
    position = paging.position(call)
    start = int(position[0]) if position else 0
    end = start + paging.page_size(call)
    rows = [json.dumps(item).encode() for item in items[start:end]]
    return paging.page(call, rows, position, (end,) if end < len(items) else None)


def get_compartment(call: Call) -> Response:
    """GET /compartments/{id}."""
    return json_response(_item(call.world.compartments.readable(call.path["id"])))


def get_tenancy(call: Call) -> Response:
    """GET /tenancies/{id}."""
    _own_tenancy(call)
    world = call.world
    names = {"id": world.tenancy, "name": world.tenancy_name, "description": world.tenancy_name}
    return json_response({**names, "homeRegionKey": region_key(world.region), "freeformTags": {}, "definedTags": {}})


def list_region_subscriptions(call: Call) -> Response:
    """GET /tenancies/{id}/regionSubscriptions: not paged."""
    _own_tenancy(call)
    home = call.world.region
    return json_response(
        [
            {"regionKey": region_key(name), "regionName": name, "status": "READY", "isHomeRegion": name == home}
            for name in call.world.regions
        ]
    )


def region_key(region: str) -> str:
    """Returns the three-letter key of a region, or an invented one for a region that is not listed here."""
    return _REGION_KEYS.get(region, region.split("-")[1][:3].upper())


def _own_tenancy(call: Call) -> None:
    if call.path["id"] != call.world.tenancy:
        raise NotAuthorizedOrNotFound


def _subtree(call: Call, parent: Compartment) -> bool:
    text = call.query.get("compartmentIdInSubtree", "false").lower()
    if text not in ("true", "false"):
        raise InvalidParameter(f"compartmentIdInSubtree must be true or false, not {text}")
    if text == "true" and parent.parent is not None:
        raise InvalidParameter("compartmentIdInSubtree can only be true for the tenancy (the root compartment)")
    if text == "true" and "subtree_refused" in call.faults:
        raise NotAuthorizedOrNotFound
    return text == "true"


def _wanted(call: Call, one: Compartment) -> bool:
    level, state = call.query.get("accessLevel", "ANY"), call.query.get("lifecycleState", one.state)
    if level not in ("ANY", "ACCESSIBLE"):
        raise InvalidParameter(f"accessLevel must be ANY or ACCESSIBLE, not {level}")
    if state not in _STATES:
        raise InvalidParameter(f"lifecycleState must be one of {', '.join(_STATES)}, not {state}")
    accessible = level == "ANY" or not one.forbidden
    return accessible and one.state == state and one.name == call.query.get("name", one.name)


def _item(one: Compartment) -> dict[str, Any]:
    return {
        "id": one.id,
        "compartmentId": one.parent,
        "name": one.name,
        "description": f"{one.name} compartment",
        "timeCreated": format_time(one.created),
        "lifecycleState": one.state,
        "inactiveStatus": None,
        "freeformTags": one.freeform_tags,
        "definedTags": {},
    }


def _with_faults(call: Call, items: list[dict[str, Any]], parent: Compartment) -> list[dict[str, Any]]:
    if "listing_reordered" in call.faults:
        items = items[::-1]
    if "listing_repeats" in call.faults:
        items = items + items[:1]
    if "listing_cycle" in call.faults:
        items = _cycle(call, items, parent)
    return items


def _cycle(call: Call, items: list[dict[str, Any]], parent: Compartment) -> list[dict[str, Any]]:
    # In a walk, a compartment lists its own parent. In a subtree listing, two compartments are each other's parent.
    if parent.parent is not None:
        return [*items, {**_item(call.world.compartments[parent.parent]), "compartmentId": parent.id}]
    child_of = {item["compartmentId"]: item["id"] for item in items}
    return [{**item, "compartmentId": child_of.get(item["id"], item["compartmentId"])} for item in items]
