"""Drives a server with Heketi's Python client: create, expand, tag, remove, delete.

The client of the package is of Python 2, where text and bytes were one: it hashes text. Nothing else of it is changed.
"""

import hashlib
import sys
import types

import heketi.heketi
from heketi import HeketiClient

heketi.heketi.hashlib = types.SimpleNamespace(sha256=lambda text: hashlib.sha256(text.encode()))


def main(url, key):
    heketi = HeketiClient(url, "admin", key)
    assert heketi.hello()
    # This client sends {} with a POST, which makes a cluster for neither kind of volumes.
    cluster = heketi.cluster_create()["id"]
    heketi._make_request("POST", "/clusters/" + cluster + "/flags", {"file": True, "block": True})
    for number in range(1, 5):
        node = heketi.node_add({
            "cluster": cluster,
            "zone": number,
            "hostnames": {"manage": ["n%d" % number], "storage": ["10.0.0.%d" % number]},
        })
        for path in ("/dev/sdb", "/dev/sdc"):
            assert heketi.device_add({"node": node["id"], "name": path})
    nodes = heketi.cluster_info(cluster)["nodes"]
    assert len(nodes) == 4, nodes

    request = {"size": 4, "durability": {"type": "replicate", "replicate": {"replica": 3}}}
    volume = heketi.volume_create(request)
    assert volume["size"] == 4 and len(volume["bricks"]) == 3, volume
    volume = heketi.volume_expand(volume["id"], {"expand_size": 1})
    assert volume["size"] == 5, volume
    assert heketi.volume_list()["volumes"] == [volume["id"]]

    device = volume["bricks"][0]["device"]
    tags = {"change_type": "set", "tags": {"class": "slow"}}
    assert heketi._make_request("POST", "/devices/" + device + "/tags", tags).json() == {"class": "slow"}
    heketi.device_state(device, {"state": "offline"})
    heketi.device_state(device, {"state": "failed"})
    # Heketi answers 204 since its version 4, which this client does not take for success.
    assert heketi.device_info(device)["state"] == "failed"
    moved = heketi.volume_info(volume["id"])
    assert device not in [brick["device"] for brick in moved["bricks"]], moved
    assert heketi.device_delete(device)

    assert heketi.volume_delete(volume["id"])
    for node in nodes:
        for device in heketi.node_info(node)["devices"]:
            heketi.device_state(device["id"], {"state": "offline"})
            heketi.device_state(device["id"], {"state": "failed"})
            assert heketi.device_delete(device["id"])
        assert heketi.node_delete(node)
    assert heketi.cluster_delete(cluster)
    assert heketi.cluster_list()["clusters"] == []


main(*sys.argv[1:])
