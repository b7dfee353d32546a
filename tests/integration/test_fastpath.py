# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""`fastpath`: packets between pods that the host's IP stack never sees."""

from __future__ import annotations

import ctypes
import json
import platform
import re
import socket
import struct
import subprocess
from importlib import import_module
from typing import Any

import pytest
from host import COLLECTION, PATIENCE, Host, call, until, warnings
from snapshot import snapshot

bpf = import_module(f"{COLLECTION}.module_utils._kernel.bpf")
KernelError = import_module(f"{COLLECTION}.module_utils._errors").KernelError

MODES = ("peer", "redirect", "neigh")
# Somebody else's filter, which matches nothing.
THEIRS = "protocol ip bpf bytecode '1,6 0 0 0' flowid :1"


def pods(host: Host, *numbers: int) -> None:
    """Namespaces with a cable each to the host, which routes between them."""
    host.sh("echo 1 > /proc/sys/net/ipv4/ip_forward; echo 1 > /proc/sys/net/ipv6/conf/all/forwarding")
    for n in numbers:
        inside = f"ip -n ns{n}"
        host.sh(
            f"ip netns add ns{n}; {inside} link set lo up;"
            f" ip link add veth{n}b type veth peer name veth{n}a netns ns{n};"
            f" ip link set veth{n}b up; {inside} link set veth{n}a up;"
            f" ip address add 10.244.{n}.2/32 dev veth{n}b; {inside} address add 10.244.{n}.3/24 dev veth{n}a;"
            f" ip address add fd00:244:{n}::2/64 dev veth{n}b nodad;"
            f" {inside} address add fd00:244:{n}::3/64 dev veth{n}a nodad;"
            f" ip route add 10.244.{n}.3 dev veth{n}b;"
            f" {inside} route add default via 10.244.{n}.2; {inside} route add default via fd00:244:{n}::2"
        )
    for n in numbers:
        assert host.pings(four(n))
        assert host.pings(six(n))


def four(n: int) -> str:
    return f"10.244.{n}.3"


def six(n: int) -> str:
    return f"fd00:244:{n}::3"


def ends(*numbers: int) -> list[dict[str, Any]]:
    return [{"device": f"veth{n}b", "addresses": [four(n), six(n)]} for n in numbers]


def ttl(host: Host, target: str, netns: str = "ns1", options: str = "") -> int:
    """The TTL that an answer arrives with; 0 where there is none."""
    found = re.search(r"ttl=(\d+)", host.sh(f"ping -n -c1 -W1 {options} {target} || true", netns))
    return int(found[1]) if found else 0


def counters(host: Host) -> dict[str, int]:
    """What the host's IP stack has received and forwarded; of IPv6, packets to groups aside."""
    names, values = host.sh("grep ^Ip: /proc/net/snmp").splitlines()
    told = dict(zip(names.split()[1:], values.split()[1:]))
    told.update(line.split() for line in host.sh("cat /proc/net/snmp6").splitlines())
    wanted = ("InReceives", "ForwDatagrams", "Ip6OutForwDatagrams")
    return {name: int(told[name]) for name in wanted}


def filters(host: Host, device: str) -> list[dict[str, Any]]:
    """The filters at a device's ingress, as tc tells them."""
    found: list[dict[str, Any]] = host.json(f"tc -j filter show dev {device} ingress")
    return [each for each in found if each.get("options", {}).get("handle") or each.get("options", {}).get("fh")]


def names(host: Host, device: str) -> list[str]:
    return [str(each["options"].get("bpf_name")) for each in filters(host, device)]


def has_clsact(host: Host, device: str) -> bool:
    return any(each["kind"] == "clsact" for each in host.json(f"tc -j qdisc show dev {device}"))


@pytest.mark.parametrize("mode", MODES)
def test_the_host_sees_nothing_of_it(host: Host, converge: Any, mode: str) -> None:
    pods(host, 1, 2)
    before = snapshot(host)
    assert [ttl(host, four(2)), ttl(host, six(2))] == [63, 63]
    done = converge("fastpath", name="pods", ends=ends(1, 2), mode=mode)
    assert done["fastpath"]["mode"] == mode
    assert names(host, "veth1b") == names(host, "veth2b") == ["nsfabric:pods"]
    for target in (four(2), six(2)):
        assert until(lambda target=target: ttl(host, target) == 64), target
    was = counters(host)
    assert "20 received" in host.sh(f"ping -n -c20 -i.1 {four(2)}", "ns1")
    assert "20 received" in host.sh(f"ping -n -c20 -i.1 {six(2)}", "ns1")
    assert counters(host) == was
    for own in ("10.244.1.2", "fd00:244:1::2", "10.244.2.2"):
        assert host.pings(own, "ns1"), own
    assert counters(host)["InReceives"] > was["InReceives"]
    assert host.pings(four(1))
    converge("fastpath", name="pods", state="absent")
    assert not has_clsact(host, "veth1b")
    assert [ttl(host, four(2)), ttl(host, six(2))] == [63, 63]
    assert snapshot(host) == before


@pytest.mark.parametrize("mode", MODES)
def test_a_frame_to_somebody_elses_mac_arrives(host: Host, mode: str) -> None:
    pods(host, 1, 2)
    for here, far in ((1, 2), (2, 1)):
        host.sh(
            f"ip route add {four(far)} dev veth{here}a;"
            f" ip neighbor add {four(far)} lladdr 02:a6:27:bb:7f:53 dev veth{here}a",
            f"ns{here}",
        )
    assert ttl(host, four(2)) == 0
    host.do("fastpath", name="pods", ends=ends(1, 2), mode=mode)
    assert until(lambda: ttl(host, four(2)) == 64)


SERVE = """import socket; s = socket.create_server((%r, 7)); print("listens", flush=True); c = s.accept()[0]; n = 0
while d := c.recv(65536): n += len(d)
print(n)"""
SEND = "import socket;c=socket.create_connection((%r,7));c.sendall(bytes(4000000))"


@pytest.mark.parametrize("mode", MODES)
def test_a_stream(host: Host, mode: str) -> None:
    pods(host, 1, 2)
    host.do("fastpath", name="pods", ends=ends(1, 2), mode=mode)
    assert until(lambda: ttl(host, four(2)) == 64)
    was = counters(host)
    command = ["timeout", "60", "nsenter", "-t", str(host.pid), "-n", "-m", "ip", "netns", "exec", "ns2", "python3"]
    with subprocess.Popen([*command, "-c", SERVE % four(2)], stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout
        assert server.stdout.readline() == "listens\n"
        host.sh(f'python3 -c "{SEND % four(2)}"', "ns1")
        assert server.communicate(timeout=60 * PATIENCE)[0] == "4000000\n"
    assert counters(host) == was


def test_what_is_too_big_goes_the_normal_way(host: Host) -> None:
    pods(host, 1, 2)
    host.do("fastpath", name="pods", ends=ends(1, 2))
    host.sh("ip link set veth2b mtu 1400; ip -n ns2 link set veth2a mtu 1400")
    assert ttl(host, four(2), options="-s 1300 -M do") == 64
    assert "Frag needed" in host.sh(f"ping -n -c1 -W1 -s 1450 -M do {four(2)} || true", "ns1")
    host.sh("ip route flush cache", "ns1")
    assert ttl(host, four(2), options="-s 1450 -M dont") == 64
    assert ttl(host, six(2), options="-s 1300 -M do") == 64


def test_other_destinations_go_the_normal_way(host: Host, converge: Any) -> None:
    pods(host, 1, 2, 3)
    converge("fastpath", name="pods", ends=[{**end, "addresses": end["addresses"][:1]} for end in ends(1, 2)])
    assert [ttl(host, four(2)), ttl(host, six(2)), ttl(host, four(3))] == [64, 63, 63]
    assert ttl(host, four(1), "ns3") == 63
    host.sh("ip neighbor flush dev veth1a", "ns1")
    assert ttl(host, four(2)) == 64


LISTEN = """import socket; s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3)); s.bind(("veth2a", 0))
print("listens", flush=True); found = set()
while "plain" not in found: found.add(s.recv(2000).rpartition(b"#")[2].decode(errors="replace"))
print(*sorted(found & %r))"""


def frames(host: Host) -> dict[str, bytes]:
    """Frames from pod 1 that look as if they were for pod 2, and two that are."""
    macs = [
        bytes.fromhex(host.attributes(*place)["mac"].replace(":", "")) for place in (("veth1b",), ("veth1a", "ns1"))
    ]
    udp = struct.pack("!HHHH", 9, 9, 14, 0)

    def version6(target: str, header: int = 17, hops: int = 64, body: bytes = udp) -> bytes:
        addresses = b"".join(socket.inet_pton(socket.AF_INET6, each) for each in (six(1), target))
        return struct.pack("!IHBB", 6 << 28, 14, header, hops) + addresses + body

    version4 = struct.pack("!BBHHHBBH", 0x45, 0, 34, 0, 0, 64, 17, 0)
    version4 += b"".join(map(socket.inet_aton, (four(1), four(2)))) + udp
    # What the table has for an IPv4 address, as one of IPv6.
    as_number = socket.inet_ntop(socket.AF_INET6, bytes(8) + socket.inet_aton(four(2)) + bytes(4))
    found = {
        "number": b"".join((*macs, b"\x86\xdd", version6(as_number))),
        "mapped": b"".join((*macs, b"\x86\xdd", version6(f"::ffff:{four(2)}"))),
        "solicitation": b"".join((*macs, b"\x86\xdd", version6(six(2), 58, 255, b"\x87" + bytes(7)))),
        "broadcast": b"".join((b"\xff" * 6, macs[1], b"\x08\0", version4)),
        "tagged": b"".join((*macs, b"\x81\0\0\5\x86\xdd", version6(six(2)))),
        "four": b"".join((*macs, b"\x08\0", version4)),
        "plain": b"".join((*macs, b"\x86\xdd", version6(six(2)))),
    }
    return {name: frame + b"#" + name.encode() for name, frame in found.items()}


SEND_FRAMES = """import socket; s = socket.socket(17, 3); s.bind(("veth1a", 0)); [s.send(each) for each in %r]"""
# By a ring that is shared with the kernel: in its packets only the Ethernet header is no page.
SEND_PAGES = """import mmap, socket, struct; s = socket.socket(17, 3); s.bind(("veth1a", 0)); s.setsockopt(263, 10, 1)
s.setsockopt(263, 13, struct.pack("=4I", 4096, 1, 2048, 2)); ring = mmap.mmap(s.fileno(), 4096)
for number, each in enumerate(%r):
    start = number * 2048
    ring[start + 32 : start + 32 + len(each)] = each
    ring[start : start + 8] = struct.pack("=II", 1, len(each))
s.send(b"")"""


def arrived(host: Host, sent: dict[str, bytes], send: str) -> str:
    """What pod 2 receives of the frames that pod 1 sends, the last of which it does."""
    command = ["timeout", "60", "nsenter", "-t", str(host.pid), "-n", "-m", "ip", "netns", "exec", "ns2", "python3"]
    with subprocess.Popen([*command, "-c", LISTEN % set(sent)], stdout=subprocess.PIPE, text=True) as listener:
        assert listener.stdout
        assert listener.stdout.readline() == "listens\n"
        host.sh(f"python3 - <<'END'\n{send % [*sent.values()]}\nEND", "ns1")
        return listener.communicate(timeout=60 * PATIENCE)[0]


def test_what_only_looks_like_it_goes_the_normal_way(host: Host) -> None:
    pods(host, 1, 2)
    host.do("fastpath", name="pods", ends=ends(1, 2))
    assert arrived(host, frames(host), SEND_FRAMES) == "four plain\n"


def test_what_lies_in_pages_is_found(host: Host) -> None:
    pods(host, 1, 2)
    host.do("fastpath", name="pods", ends=ends(1, 2))
    # Nothing arrives by the normal way.
    host.sh("echo 0 > /proc/sys/net/ipv4/ip_forward; echo 0 > /proc/sys/net/ipv6/conf/all/forwarding")
    sent = frames(host)
    assert arrived(host, {name: sent[name] for name in ("four", "plain")}, SEND_PAGES) == "four plain\n"


def test_a_pod_goes_and_comes_back(host: Host, converge: Any) -> None:
    pods(host, 1, 2, 3)
    converge("fastpath", name="pods", ends=ends(1, 2, 3))
    host.sh("ip netns delete ns3")
    assert until(lambda: host.link("veth3b") is None)
    assert [ttl(host, four(2)), ttl(host, four(1), "ns2")] == [64, 64]
    said = host.module("fastpath", name="pods", ends=ends(1, 2, 3))["msg"]
    assert "there is no link veth3b in the host" in said
    pods(host, 3)
    assert [ttl(host, four(3)), ttl(host, four(2))] == [63, 64]
    done = converge("fastpath", name="pods", ends=ends(1, 2, 3))
    assert [step["why"] for step in done["steps"]] == [
        *["it leads 10.244.3.3, fd00:244:3::3 another way"] * 2,
        "the fast path does not begin here yet",
    ]
    assert [ttl(host, four(3)), ttl(host, four(1), "ns3")] == [64, 64]
    converge("fastpath", name="pods", ends=ends(1, 2))
    assert [ttl(host, four(3)), ttl(host, four(2))] == [63, 64]
    assert names(host, "veth3b") == []


def test_a_change_interrupts_nobody(host: Host) -> None:
    pods(host, 1, 2, 3)
    host.do("fastpath", name="pods", ends=ends(1, 2))
    assert until(lambda: ttl(host, four(2)) == 64)
    command = ["nsenter", "-t", str(host.pid), "-n", "-m", "ip", "netns", "exec", "ns1"]
    ping = [*command, "ping", "-n", "-i0.002", "-c1000", "-W2", four(2)]
    with subprocess.Popen(ping, stdout=subprocess.PIPE, text=True) as process:
        for wanted in (ends(1, 2, 3), ends(1, 2), ends(1, 2, 3)):
            host.do("fastpath", name="pods", ends=wanted)
        told = process.communicate(timeout=60 * PATIENCE)[0]
    assert "1000 received" in told
    assert set(re.findall(r"ttl=(\d+)", told)) == {"64"}


def test_what_others_have_there_stays(host: Host, converge: Any) -> None:
    pods(host, 1, 2)
    host.sh(f"tc qdisc add dev veth1b clsact; tc filter add dev veth1b ingress pref 7 {THEIRS}")
    host.sh("tc qdisc add dev veth2b handle ffff: ingress; tc qdisc replace dev veth2b root pfifo limit 7")
    before = [filters(host, "veth1b"), host.sh("tc qdisc show")]
    converge("fastpath", name="pods", ends=ends(1, 2))
    assert [ttl(host, four(2)), ttl(host, four(1), "ns2")] == [64, 64]
    assert len(filters(host, "veth1b")) == 2
    assert names(host, "veth1b")[1] == "nsfabric:pods"
    converge("fastpath", name="pods", state="absent")
    assert [filters(host, "veth1b"), host.sh("tc qdisc show")] == before


def test_a_discipline_of_ours_that_others_use_stays(host: Host, converge: Any) -> None:
    pods(host, 1, 2)
    host.do("fastpath", name="pods", ends=ends(1, 2))
    host.sh(f"tc filter add dev veth1b egress pref 7 {THEIRS}")
    converge("fastpath", name="pods", state="absent")
    assert [has_clsact(host, "veth1b"), has_clsact(host, "veth2b")] == [True, False]
    assert "pref 7 bpf" in host.sh("tc filter show dev veth1b egress")


def test_a_chain_that_others_made_stays(host: Host, converge: Any) -> None:
    pods(host, 1, 2)
    host.do("fastpath", name="pods", ends=ends(1, 2))
    host.sh("tc chain add dev veth1b ingress chain 9; tc chain add dev veth2b egress")
    converge("fastpath", name="pods", state="absent")
    assert "chain 9" in host.sh("tc chain show dev veth1b ingress")
    assert "chain 0" in host.sh("tc chain show dev veth2b egress")


def test_filters_that_devices_share_are_left_alone(host: Host, refused: Any) -> None:
    pods(host, 1, 2)
    host.sh(f"tc qdisc add dev veth1b ingress_block 7 clsact; tc filter add block 7 pref 7 {THEIRS}")
    before = host.sh("tc qdisc show; tc filter show block 7")
    said = refused("fastpath", name="pods", ends=ends(1, 2))
    assert "the place of our filter at veth1b is taken: what comes in there passes the filters of block 7" in said
    assert host.sh("tc qdisc show; tc filter show block 7") == before


def test_a_place_that_is_taken(host: Host, refused: Any) -> None:
    pods(host, 1, 2)
    host.sh(f"tc qdisc add dev veth1b clsact; tc filter add dev veth1b ingress pref 50000 {THEIRS}")
    said = refused("fastpath", name="pods", ends=ends(1, 2))
    assert "the place of our filter at veth1b is taken: a filter of kind bpf at pref 50000" in said
    assert not has_clsact(host, "veth2b")


def test_the_same_preference_in_another_chain_is_another_place(host: Host, converge: Any) -> None:
    pods(host, 1, 2)
    host.sh(f"tc qdisc add dev veth1b clsact; tc filter add dev veth1b ingress chain 7 pref 50000 {THEIRS}")
    converge("fastpath", name="pods", ends=ends(1, 2))
    assert ttl(host, four(1), "ns2") == ttl(host, four(2)) == 64
    converge("fastpath", name="pods", state="absent")
    assert "pref 50000 bpf chain 7" in host.sh("tc filter show dev veth1b ingress")
    assert ttl(host, four(2)) == 63


def test_what_was_taken_away_is_put_back(host: Host, converge: Any) -> None:
    pods(host, 1, 2)
    host.do("fastpath", name="pods", ends=ends(1, 2))
    host.sh("tc filter delete dev veth1b ingress")
    assert ttl(host, four(1), "ns2") == 63
    converge("fastpath", name="pods", ends=ends(1, 2))
    assert ttl(host, four(1), "ns2") == 64


def disciplines(host: Host, *numbers: int) -> list[bool]:
    """Whether the host's ends of the pods' cables have a clsact."""
    return [has_clsact(host, f"veth{n}b") for n in numbers]


@pytest.mark.parametrize("repaired", [True, False])
def test_a_discipline_whose_filter_was_deleted_goes(host: Host, converge: Any, repaired: bool) -> None:
    pods(host, 1, 2)
    before = snapshot(host)
    host.do("fastpath", name="pods", ends=ends(1, 2))
    host.sh("tc filter delete dev veth1b ingress; tc filter delete dev veth2b ingress")
    assert disciplines(host, 1, 2) == [True, True]
    if repaired:
        converge("fastpath", name="pods", ends=ends(1, 2))
        assert names(host, "veth1b") == names(host, "veth2b") == ["nsfabric:pods"]
    converge("fastpath", name="pods", state="absent")
    assert disciplines(host, 1, 2) == [False, False]
    assert snapshot(host) == before


def path(*numbers: int) -> dict[str, Any]:
    """A document with a fast path between some pods."""
    return {"fastpath": [{"name": "pods", "ends": ends(*numbers)}]} if numbers else {}


@pytest.mark.parametrize("wanted", [(1, 2, 3), (2, 3), ()])
def test_a_discipline_of_a_document_whose_filter_was_deleted(host: Host, converge: Any, wanted: Any) -> None:
    pods(host, 1, 2, 3)
    before = snapshot(host)
    host.do("topology", name="lab", config=path(1, 2, 3))
    host.sh("tc filter delete dev veth1b ingress")
    assert disciplines(host, 1, 2, 3) == [True, True, True]
    converge("topology", name="lab", config=path(*wanted))
    assert [names(host, f"veth{n}b") for n in (1, 2, 3)] == [["nsfabric:pods"] * (n in wanted) for n in (1, 2, 3)]
    assert disciplines(host, 1, 2, 3) == [n in wanted for n in (1, 2, 3)]
    host.do("topology", name="lab", state="absent")
    assert disciplines(host, 1, 2, 3) == [False, False, False]
    assert snapshot(host) == before


def test_a_discipline_of_a_topology_whose_filter_was_deleted_goes_at_once(host: Host, converge: Any) -> None:
    pods(host, 1, 2)
    before = snapshot(host)
    host.do("topology", name="lab", config=path(1, 2))
    host.sh("tc filter delete dev veth1b ingress")
    done = converge("topology", name="lab", state="absent")
    assert done["diff"]["before"]["fastpath"][0]["left"] == ["veth1b"]
    assert disciplines(host, 1, 2) == [False, False]
    assert snapshot(host) == before


def test_the_empty_disciplines_of_others_stay(host: Host, converge: Any) -> None:
    pods(host, 1, 2)
    host.sh("tc qdisc add dev veth1b clsact")
    before = host.sh("tc qdisc show; tc chain show dev veth1b ingress")
    converge("topology", name="lab", config=path(1, 2))
    host.sh("tc filter delete dev veth1b ingress; tc filter delete dev veth2b ingress")
    converge("topology", name="lab", state="absent")
    assert host.sh("tc qdisc show; tc chain show dev veth1b ingress") == before


def test_a_discipline_that_took_the_place_of_ours_stays(host: Host, converge: Any) -> None:
    pods(host, 1, 2, 3)
    host.do("topology", name="lab", config=path(1, 2, 3))
    host.sh("for n in 1 2; do tc qdisc delete dev veth${n}b clsact; tc qdisc add dev veth${n}b clsact; done")
    converge("topology", name="lab", config=path(1, 3))
    assert names(host, "veth1b") == ["nsfabric:pods"]
    converge("topology", name="lab", state="absent")
    assert disciplines(host, 1, 2, 3) == [True, True, False]


def test_what_was_left_of_another_fast_path_stays(host: Host, converge: Any) -> None:
    pods(host, 1, 2, 3)
    for name, number in (("pods", 1), ("else", 2)):
        host.do("fastpath", name=name, ends=ends(number))
        host.sh(f"tc filter delete dev veth{number}b ingress")
    converge("fastpath", name="pods", state="absent")
    assert disciplines(host, 1, 2) == [False, True]
    converge("fastpath", name="pods", ends=ends(2, 3))
    assert not host.do("fastpath", name="else", state="absent")["changed"]
    assert names(host, "veth2b") == ["nsfabric:pods"]
    converge("fastpath", name="pods", state="absent")
    assert disciplines(host, 1, 2, 3) == [False, False, False]


def test_an_empty_discipline_of_ours_that_others_use_stays(host: Host, converge: Any) -> None:
    pods(host, 1, 2, 3)
    host.do("fastpath", name="pods", ends=ends(1, 2, 3))
    host.sh("for n in 1 2 3; do tc filter delete dev veth${n}b ingress; done")
    host.sh(f"tc filter add dev veth1b egress pref 7 {THEIRS}; tc chain add dev veth2b ingress chain 0")
    converge("fastpath", name="pods", state="absent")
    assert disciplines(host, 1, 2, 3) == [True, True, False]
    assert "pref 7 bpf" in host.sh("tc filter show dev veth1b egress")
    assert host.sh("tc chain show dev veth1b ingress") == ""
    assert host.sh("tc chain show dev veth2b ingress").split() == ["chain", "parent", "ffff:", "chain", "0"]


@pytest.mark.parametrize(
    ("module", "rule"),
    [
        ("masquerade", {"source": "10.244.0.0/16", "out_interface": "!eth0"}),
        ("forward_accept", {"source": "10.244.1.0/24", "destination": "10.244.2.0/24", "replies": True}),
    ],
)
def test_with_a_rule_for_the_same_packets(host: Host, refused: Any, module: str, rule: dict[str, Any]) -> None:
    pods(host, 1, 2)
    host.do(module, **rule)
    assert "covers packets between its ends" in refused("fastpath", name="pods", ends=ends(1, 2))
    assert not has_clsact(host, "veth1b")
    host.do(module, **rule, state="absent")
    both = {"fastpath": [{"name": "pods", "ends": ends(1, 2)}], module: [rule]}
    assert "covers packets between its ends" in refused("topology", name="lab", config=both)
    assert not has_clsact(host, "veth1b")
    host.do("fastpath", name="pods", ends=ends(1, 2))
    before = host.sh("nft list ruleset")
    for check in (True, False):
        told = host.module(module, check=check, **rule)["msg"]
        assert "covers packets between the ends of the fast path pods, which pass it by" in told
    assert host.sh("nft list ruleset") == before
    host.do("fastpath", name="pods", state="absent")
    assert host.do(module, **rule)["changed"]


def test_with_a_rule_for_an_end_that_only_sends(host: Host, refused: Any) -> None:
    pods(host, 1, 2)
    sends = [{"device": "veth1b", "addresses": []}, *ends(2)]
    rule = {"source": "192.0.2.0/24", "out_interface": "veth2b"}
    host.do("masquerade", **rule)
    assert "covers packets between its ends" in refused("fastpath", name="pods", ends=sends)
    host.do("masquerade", **rule, state="absent")
    host.do("fastpath", name="pods", ends=sends)
    assert "the ends of the fast path pods, which pass it by" in refused("masquerade", **rule)


def test_with_a_rule_of_another_topology(host: Host, refused: Any) -> None:
    cables = {kind: entries for kind, entries in LAB.items() if kind != "fastpath"}
    path, rule = {"fastpath": LAB["fastpath"]}, {"masquerade": [{"source": "10.244.0.0/16"}]}
    host.do("topology", name="cables", config=cables)
    for first, second in ((path, rule), (rule, path)):
        host.do("topology", name="first", config=first)
        assert "covers packets between" in refused("topology", name="second", config=second)
        both = {**first, **second}
        assert "covers packets between" in refused("topology", name="first", config=both)
        assert host.do("topology", name="first", config=second)["changed"]
        host.do("topology", name="first", state="absent")


def test_what_came_to_stand_beside_a_rule_is_put_back(host: Host) -> None:
    pods(host, 1, 2)
    host.sh("ip link add br9 type bridge; for n in 1 2; do ip link set veth${n}b master br9; done")
    host.do("masquerade", source="10.244.0.0/16", out_interface="!br9")
    host.do("fastpath", name="pods", ends=ends(1, 2))
    host.sh("ip link delete br9")
    before = [host.sh("nft list ruleset"), names(host, "veth1b"), names(host, "veth2b")]

    def inside() -> None:
        fastpath = import_module(f"{COLLECTION}.module_utils._kernel.fastpath")
        real = fastpath._detach

        def detach(*arguments: Any) -> None:
            fastpath._detach = real
            real(*arguments)
            raise KernelError("detach", "", "the test says no")

        fastpath._detach = detach

    done = host.module("fastpath", inside=inside, name="pods", state="absent")
    assert "the test says no. The host was put back as it was found." in done["msg"]
    assert [host.sh("nft list ruleset"), names(host, "veth1b"), names(host, "veth2b")] == before


def test_a_chain_that_drops_is_warned_about(host: Host) -> None:
    pods(host, 1, 2)
    host.sh("nft 'add table inet wall; add chain inet wall f { type filter hook forward priority 0; policy drop; }'")
    assert ttl(host, four(2)) == 0
    done = host.do("fastpath", name="pods", ends=ends(1, 2))
    assert "inet wall f drops forwarded packets; those between the ends of pods pass it by" in warnings(done)
    assert ttl(host, four(2)) == 64


def without_bpf() -> None:
    """From here on bpf(2) is not permitted, as in a container."""
    libc = ctypes.CDLL(None, use_errno=True)
    number = bpf.NUMBERS[platform.machine()]
    # Load the number of the call; if it is bpf's, answer EPERM, otherwise let it pass.
    rules = [(0x20, 0, 0, 0), (0x15, 0, 1, number), (0x06, 0, 0, 0x00050001), (0x06, 0, 0, 0x7FFF0000)]
    code = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *rule) for rule in rules))
    program = ctypes.create_string_buffer(struct.pack("=H6xQ", len(rules), ctypes.addressof(code)))
    call(libc.prctl(38, 1, 0, 0, 0))
    call(libc.prctl(22, 2, program, 0, 0))


def test_bpf_is_not_permitted(host: Host) -> None:
    pods(host, 1, 2)
    for check in (True, False):
        done = host.module("fastpath", check=check, inside=without_bpf, name="pods", ends=ends(1, 2))
        assert (
            "at tc ingress does not work on this host: bpf(2): Operation not permitted; it takes CAP_BPF" in done["msg"]
        )
    assert not has_clsact(host, "veth1b")
    assert ttl(host, four(2)) == 63
    host.do("fastpath", name="pods", ends=ends(1, 2))
    said = host.module("fastpath", inside=without_bpf, name="pods", state="absent")["msg"]
    assert "cannot read what fast path begins at veth1b in the host: Operation not permitted; it takes CAP_BPF" in said
    assert ttl(host, four(2)) == 64


def test_a_kernel_without_queueing_disciplines(host: Host, refused: Any) -> None:
    pods(host, 1, 2)

    def inside() -> None:
        # No kernel has a message of these numbers: the answer is that of one without CONFIG_NET_SCHED.
        tc = import_module(f"{COLLECTION}.module_utils._kernel.tc")
        tc.RTM_GETQDISC, tc.RTM_NEWQDISC = 126, 124

    done = host.module("fastpath", inside=inside, name="pods", ends=ends(1, 2))
    assert "at tc ingress does not work on this host: clsact: Operation not supported" in done["msg"]
    assert host.module("veth", inside=inside, name="veth9a", peer={"name": "veth9b"})["changed"]
    assert host.module("masquerade", inside=inside, source="10.244.0.0/16")["changed"]


def test_a_helper_that_the_kernel_lacks(host: Host) -> None:
    pods(host, 1, 2)

    def inside() -> None:
        # No kernel has a helper of this number.
        program = import_module(f"{COLLECTION}.module_utils._model.fastpath_program")
        program.REDIRECT_PEER = 100000

    done = host.module("fastpath", inside=inside, name="pods", ends=ends(1, 2))
    assert re.search(r"does not work on this host: bpf\(2\): .*(unknown|invalid) func", done["msg"])
    assert "what works here is redirect, neigh" in done["msg"]
    assert not has_clsact(host, "veth1b")
    assert host.module("fastpath", inside=inside, name="pods", ends=ends(1, 2), mode="auto")["changed"]
    assert ttl(host, four(2)) == 64


LAB: dict[str, Any] = {
    "netns": [{"name": "ns1"}, {"name": "ns2"}],
    "veth": [
        {
            "netns": f"ns{n}",
            "name": f"veth{n}a",
            "addresses": [f"10.244.{n}.3/24"],
            "peer": {"name": f"veth{n}b", "addresses": [f"10.244.{n}.2"]},
        }
        for n in (1, 2)
    ],
    "netns_route": [
        {"netns": "ns1", "destination": "default", "gateway": "10.244.1.2"},
        {"netns": "ns2", "destination": "default", "gateway": "10.244.2.2"},
    ],
    "fastpath": [{"name": "pods", "ends": [{"device": f"veth{n}b", "addresses": [f"10.244.{n}.3"]} for n in (1, 2)]}],
}


def test_in_a_topology(host: Host, converge: Any) -> None:
    before = snapshot(host)
    done = converge("topology", name="lab", config=LAB)
    assert done["topology"]["config"]["fastpath"] == [{"mode": "peer", **LAB["fastpath"][0]}]
    assert until(lambda: ttl(host, four(2)) == 64)
    for options in ({}, {"names": ["lab"]}):
        live = host.do("topology_info", **options)["config"]
        assert live["fastpath"] == [{"mode": "peer", **LAB["fastpath"][0]}]
        again = host.module("topology", check=True, name="copy", config=live)
        assert (again["changed"], again.get("steps")) == (False, [])
    without = {kind: entries for kind, entries in LAB.items() if kind != "fastpath"}
    converge("topology", name="lab", config=without)
    assert not has_clsact(host, "veth1b")
    converge("topology", name="lab", config=LAB)
    converge("topology", name="lab", state="absent")
    assert snapshot(host) == before


def test_devices_without_a_queue_stay_so(host: Host, converge: Any) -> None:
    """The kernel takes a discipline at such a device for a mistake, and gives it a queue."""
    pods(host, 1, 2)
    host.sh("ip link set veth1b txqueuelen 0")
    before = snapshot(host)
    cable = {"name": "v0", "txqueuelen": 0, "peer": {"name": "v1", "netns": "ns1"}}
    path = {"name": "pods", "ends": [*ends(1, 2), {"device": "v0", "addresses": []}]}
    done = converge("topology", name="lab", config={"veth": [cable], "fastpath": [path]})
    attached = [step["command"] for step in done["steps"] if step["resource"] == "fastpath"]
    assert sum("txqueuelen 0" in command for command in attached) == 2
    assert [host.attributes(name)["txqueuelen"] for name in ("veth1b", "veth2b", "v0")] == [0, 1000, 0]
    host.do("topology", name="lab", state="absent")
    assert snapshot(host) == before


def test_a_cable_that_is_made_anew_in_the_same_run(host: Host, converge: Any) -> None:
    converge("topology", name="lab", config=LAB)
    host.sh("ip link delete veth2b")
    done = converge("topology", name="lab", config=LAB)
    assert [step["resource"] for step in done["steps"]].count("fastpath") == 2
    assert until(lambda: ttl(host, four(2)) == 64)


def test_a_failing_run_puts_it_back(host: Host) -> None:
    host.do("topology", name="lab", config=LAB)
    more = json.loads(json.dumps(LAB))
    more["fastpath"][0]["mode"] = "redirect"
    more["fastpath"].append({"name": "else", "ends": []})
    more["veth"].append({"name": "veth3b", "peer": {"netns": "ns1", "name": "veth3a"}})
    more["fastpath"][1]["ends"] = [{"device": "veth3b", "addresses": ["10.244.9.9"]}]

    def inside() -> None:
        fastpath = import_module(f"{COLLECTION}.module_utils._kernel.fastpath")
        real = fastpath._attach

        def attach(session: Any, netns: str, shortcut: Any, actions: Any) -> None:
            if shortcut.name == "else":
                raise KernelError("attach", netns, "the test says no")
            real(session, netns, shortcut, actions)

        fastpath._attach = attach

    was = [names(host, "veth1b"), filters(host, "veth1b")[0]["options"]["prog"]["tag"]]
    done = host.module("topology", inside=inside, name="lab", config=more)
    assert "the test says no" in done["msg"]
    assert "The host was put back as it was found." in done["msg"]
    assert [names(host, "veth1b"), filters(host, "veth1b")[0]["options"]["prog"]["tag"]] == was
    again = host.do("topology", name="lab", config=LAB)
    assert (again["changed"], again["steps"]) == (False, [])


def test_inside_a_namespace(host: Host, converge: Any) -> None:
    config = json.loads(json.dumps(LAB))
    config["netns"].append({"name": "router"})
    for cable in config["veth"]:
        cable["peer"]["netns"] = "router"
    config["fastpath"][0]["netns"] = "router"
    converge("topology", name="lab", config=config)
    assert until(lambda: ttl(host, four(2)) == 64)
    assert "nsfabric:pods" in host.sh("tc filter show dev veth1b ingress", "router")
    converge("topology", name="lab", state="absent")
