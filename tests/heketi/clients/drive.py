"""Drives a server with Heketi's Python client: create, expand, clone, tag, evict, remove, delete; block volumes.

The client of the package is of Python 2, where text and bytes were one: it hashes text. Nothing else of it is changed. What it has
no function for is asked through the one that all of its functions use.
"""

import hashlib
import json
import sys
import types

import heketi.heketi
from heketi import HeketiClient

heketi.heketi.hashlib = types.SimpleNamespace(sha256=lambda text: hashlib.sha256(text.encode()))


def pool(heketi, members):
    """A cluster of these nodes with their devices."""
    # This client sends {} with a POST, which makes a cluster for neither kind of volumes.
    cluster = heketi.cluster_create()["id"]
    heketi._make_request("POST", "/clusters/" + cluster + "/flags", {"file": True, "block": True})
    for member in members:
        node = heketi.node_add({
            "cluster": cluster,
            "zone": member["Zone"],
            "hostnames": {"manage": [member["Manage"]], "storage": [member["Storage"]]},
        })
        for path in member["Devices"]:
            assert heketi.device_add({"node": node["id"], "name": path})
    assert len(heketi.cluster_info(cluster)["nodes"]) == len(members)
    return cluster


def dissolve(heketi, cluster):
    for node in heketi.cluster_info(cluster)["nodes"]:
        for device in heketi.node_info(node)["devices"]:
            empty(heketi, device["id"])
            assert heketi.device_delete(device["id"])
        assert heketi.node_delete(node)
    assert heketi.cluster_delete(cluster)
    assert heketi.cluster_list()["clusters"] == []


def empty(heketi, device):
    """Moves the bricks of a device to others."""
    heketi.device_state(device, {"state": "offline"})
    heketi.device_state(device, {"state": "failed"})
    # Heketi answers 204 since its version 4, which this client does not take for success.
    assert heketi.device_info(device)["state"] == "failed"


def devices(volume):
    return [brick["device"] for brick in volume["bricks"]]


def files(heketi):
    request = {"size": 1, "durability": {"type": "replicate", "replicate": {"replica": 3}}}
    volume = heketi.volume_create(request)
    assert volume["size"] == 1 and len(volume["bricks"]) == 3, volume
    volume = heketi.volume_expand(volume["id"], {"expand_size": 1})
    assert volume["size"] == 2, volume
    assert heketi.volume_list()["volumes"] == [volume["id"]]

    clone = heketi._make_request("POST", "/volumes/" + volume["id"] + "/clone", {"name": "copy"}).json()
    assert clone["name"] == "copy" and clone["size"] == 2 and len(clone["bricks"]) == 3, clone
    assert sorted(heketi.volume_list()["volumes"]) == sorted([volume["id"], clone["id"]])
    assert heketi.volume_delete(clone["id"])

    brick = volume["bricks"][0]
    evicted = heketi._make_request("POST", "/bricks/to-evict/" + brick["id"], {})
    assert evicted.status_code == 204, evicted
    moved = heketi.volume_info(volume["id"])
    assert len(moved["bricks"]) == 3 and brick["device"] not in devices(moved), moved

    device = moved["bricks"][1]["device"]
    tags = {"change_type": "set", "tags": {"class": "slow"}}
    assert heketi._make_request("POST", "/devices/" + device + "/tags", tags).json() == {"class": "slow"}
    empty(heketi, device)
    assert device not in devices(heketi.volume_info(volume["id"]))
    assert heketi.device_delete(device)
    assert heketi.volume_delete(volume["id"])


def blocks(heketi):
    request = {"size": 10, "block": True, "durability": {"type": "replicate", "replicate": {"replica": 3}}}
    hosting = heketi.volume_create(request)
    block = heketi._make_request("POST", "/blockvolumes", {"size": 2, "name": "disk", "hacount": 3}).json()
    assert block["size"] == 2 and block["blockhostingvolume"] == hosting["id"], block
    assert len(block["blockvolume"]["hosts"]) == 3 and block["blockvolume"]["iqn"], block
    path = "/blockvolumes/" + block["id"]
    block = heketi._make_request("POST", path + "/expand", {"new_size": 3}).json()
    assert block["size"] == 3 and block["usablesize"] == 3, block
    assert heketi._make_request("DELETE", path).status_code == 204
    assert heketi.volume_delete(hosting["id"])


def main(url, key, members, *parts):
    heketi = HeketiClient(url, "admin", key)
    assert heketi.hello()
    for part in parts:
        cluster = pool(heketi, json.loads(members))
        {"files": files, "blocks": blocks}[part](heketi)
        dissolve(heketi, cluster)


main(*sys.argv[1:])
