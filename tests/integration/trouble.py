# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Lines of `docs/troubleshooting.md`: how the fault is made, what ping says, where it shows, what cures it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from host import PATIENCE, Host

Cure = Callable[[Host], object]


def do(module: str, /, **options: Any) -> Cure:
    return lambda host: host.do(module, **options)


def sysctl(netns: str, name: str, value: object) -> Cure:
    return do("netns_sysctl", netns=netns, name=f"net.ipv4.{name}", value=value)


def sh(command: str) -> Cure:
    return lambda host: host.sh(f"{MAKE}{command}")


def both(*cures: Cure) -> Cure:
    return lambda host: [cure(host) for cure in cures]


# Namespaces take nothing from the machine that a line is about.
MAKE = """
set_in() { ip netns exec $1 sh -c "cd /proc/sys/net/ipv4; echo $3 > $2"; }
make() {
    ip netns add $1; ip -n $1 link set lo up
    for c in all default lo; do for k in rp_filter accept_local forwarding; do set_in $1 conf/$c/$k 0; done; done
}
# cable NETNS DEVICE ADDRESS NETNS DEVICE ADDRESS
cable() {
    ip link add $2 netns $1 type veth peer name $5 netns $4
    ip -n $1 address add $3/24 dev $2; ip -n $1 link set $2 up
    ip -n $4 address add $6/24 dev $5; ip -n $4 link set $5 up
}
# port NUMBER: namespace nsNUMBER behind port pNUMBER of br0
port() {
    ip link add p$1 type veth peer name veth$1 netns ns$1
    ip -n ns$1 address add 10.1.0.$1/24 dev veth$1; ip -n ns$1 link set veth$1 up; ip link set p$1 master br0 up
}
# A question that nobody answers is given up after a tenth of a second, in place of three.
impatient() { set_in $1 neigh/$2/mcast_solicit 1; set_in $1 neigh/$2/retrans_time_ms 100; }
"""
# ns1 10.1.0.1 veth1 - r1 [r] r2 - veth2 10.2.0.2 ns2
ROUTED = f"""{MAKE}
make ns1; make r; make ns2; set_in r ip_forward 1
cable ns1 veth1 10.1.0.1 r r1 10.1.0.254; ip -n ns1 route add default via 10.1.0.254
cable ns2 veth2 10.2.0.2 r r2 10.2.0.254; ip -n ns2 route add default via 10.2.0.254
"""
# ns1 10.1.0.1 veth1 - p1 [br0 10.1.0.254] p2 - veth2 10.1.0.2 ns2
BRIDGED = f"""{MAKE}
ip link add br0 type bridge; ip address add 10.1.0.254/24 dev br0; ip link set br0 up
for n in 1 2; do make ns$n; port $n; ip -n ns$n route add default via 10.1.0.254; done
"""
# Both ends of a cable on the host.
OWN_CABLE = f"""{MAKE}
ip link add veth1a type veth peer name veth1b
ip address add 10.9.0.1/24 dev veth1a; ip address add 10.9.0.2/24 dev veth1b
ip link set veth1a up; ip link set veth1b up
for k in mcast_solicit=1 retrans_time_ms=100; do echo ${{k#*=}} > /proc/sys/net/ipv4/neigh/veth1a/${{k%=*}}; done
"""


@dataclass(frozen=True)
class Row:
    """A way into a line of the page. `shows` has its commands, each with where it is run and the pattern it prints.

    A pattern with a group is of a counter that moves with one more ping; another one is printed until it is cured.
    """

    symptom: str
    fault: str
    shows: dict[str, tuple[str, str]]
    cure: Cure
    # What ping says; nothing but that the packet is lost.
    says: str = ""
    network: str = ROUTED
    netns: str = "ns1"
    to: str = "10.2.0.2"
    options: str = ""
    # What the page's capital letters stand for.
    words: dict[str, str] = field(default_factory=dict)
    # What `reachability` gives as the reason.
    reason: str = ""
    # What a kernel may lack (`features.py`); without it, the fault is none.
    needs: str = ""


SILENT_ARP = "; or silence, where `lo` is down or ping is bound to a device"
NO_ROUTE = "`Network is unreachable`, at once"
NO_GATEWAY = "`Nexthop has invalid gateway`, when a route is made"
NO_ANSWER = f"`Destination Host Unreachable` after three seconds{SILENT_ARP}"
NOT_FORWARDED = "nothing, and the request is seen to arrive at the router"
NOT_BACK = "the request goes out, its answer arrives and goes no further"
NOT_THIS_WAY = "nothing; the packet arrives"
NOT_HEARD = "`Destination Host Unreachable` or silence, as above, but the question arrives where the address is"
ROUTER_LOST = "`Destination Net Unreachable` from a router"
REFUSED = "`No route to host`, `Do you want to ping broadcast?` or `Invalid argument`, at once"
FILTERED = "nothing; the request arrives where forwarding is on, or at a bridge, and does not leave again"
TRANSLATED = "neighbours on a bridge see the gateway's address in place of each other's"
REPLACED = "nothing after a device was replaced, for up to a minute or for good"
TOO_LARGE = "small packets pass, large ones do not"
LISTENING = "for some seconds after a bridge port comes up"
NO_CARRIER = "`Destination Host Unreachable`, although all addresses look right"
NO_LOOPBACK = "a namespace does not reach its own address"
DRIFTED = "it worked, and after a while it did not"

LOOKUP = "ip route get TO from FROM iif DEVICE"
# Of a sender that rp_filter refuses; the second before Linux 6.13.
REFUSED_SOURCE = "Invalid argument|Invalid cross-device link"
NEIGHBOUR = {"ip neighbor show ADDRESS": ("ns1", "INCOMPLETE|FAILED")}
NOBODY = {"shows": NEIGHBOUR, "to": "10.1.0.9", "words": {"ADDRESS": "10.1.0.9"}}
SOMEBODY = do("link", netns="r", name="r1", addresses=["10.1.0.254/24", "10.1.0.9/24"])
IGNORED = {"nstat -asz IpInAddrErrors": ("r", r"IpInAddrErrors +(\d+)"), LOOKUP: ("r", "No route to host")}
THERE = {"TO": "10.2.0.2", "FROM": "10.1.0.1", "DEVICE": "r1"}
BACK = {"TO": "10.1.0.1", "FROM": "10.2.0.2", "DEVICE": "r2"}
FORWARD_R1, FORWARD_R2 = (sysctl("r", f"conf.{device}.forwarding", True) for device in ("r1", "r2"))
REVERSE = "nstat -asz TcpExtIPReversePathFilter"
# A second cable, by which ns2 answers ns1.
OTHER_WAY = "cable ns2 veth3 10.3.0.2 r r3 10.3.0.254; ip -n ns2 route add 10.1.0.0/24 via 10.3.0.254; "
OTHER_WAY_TO_NS1 = "cable ns1 veth3 10.3.0.1 r r3 10.3.0.254; ip -n r route add 10.1.0.1 via 10.3.0.1; "
ASYMMETRIC: dict[str, Any] = {
    "shows": {REVERSE: ("ns2", r"PathFilter +(\d+)"), LOOKUP: ("ns2", REFUSED_SOURCE)},
    "words": {**THERE, "DEVICE": "veth2"},
}
LOOSE = sysctl("ns2", "conf.veth2.rp_filter", 2)
ACCEPTED = do("forward_accept", netns="r", in_interface="r1", out_interface="r2", replies=True)
OLD_MAC = "mac=$(ip netns exec ns2 cat /sys/class/net/veth2/address)"
REPLUG = "ip link delete p2; port 2"
OTHERHOST = {"ip -s -s -j link show DEVICE": ("ns2", r'"otherhost": ?(\d+)')}
ON_BRIDGE: dict[str, Any] = {"network": BRIDGED, "to": "10.1.0.2"}
OLD: dict[str, Any] = {**ON_BRIDGE, "words": {"DEVICE": "veth2", "ADDRESS": "10.1.0.2"}}
FLUSH = "ip -n ns1 neighbor flush to 10.1.0.2"
LEARNED = f"ip netns exec ns1 ping -c1 -W9 10.1.0.2; {REPLUG}"
# What is learned is doubted after three seconds, in place of up to a minute.
DOUBTED = f"""for k in base_reachable_time_ms=50 retrans_time_ms=50 delay_first_probe_time={3 * PATIENCE}; do
    set_in ns1 neigh/veth1/${{k%=*}} ${{k#*=}}; done
"""
WALL = "add table inet wall; add chain inet wall forward { type filter hook forward priority 0;"
# A port that listens already listens on.
NO_STP = both(do("bridge", name="br0", stp=False), sh("bridge link | grep -q 'p2.* listening'"), sh(REPLUG))
STP = "ip link set br0 type bridge stp_state 1 forward_delay"
PORTS = {"bridge link": ("", r"p2.* state (?:listening|learning)")}
# The kernel tells of it within a second, and forgets whom it was asking for.
TOLD = "until ip -n ns1 link | grep -q NO-CARRIER; do :; done"
LO_DOWN = {"ip link show lo": ("ns1", "state DOWN")}
LARGE = {"options": "-M do -s 1472"}


ROWS = [
    Row(
        NO_ROUTE,
        "ip -n ns1 route delete default",
        {"ip route get ADDRESS": ("ns1", "Network is unreachable")},
        do("netns_route", netns="ns1", destination="default", gateway="10.1.0.254"),
        says="Network is unreachable",
        words={"ADDRESS": "10.2.0.2"},
        reason="Network is unreachable: namespace ns1 has no route to 10.2.0.2",
    ),
    Row(NO_ANSWER, "", cure=SOMEBODY, says="From 10.1.0.1 icmp_seq=1 Destination Host Unreachable", **NOBODY),
    Row(NO_ANSWER, "impatient ns1 veth1; ip -n ns1 link set lo down", cure=SOMEBODY, **NOBODY),
    Row(NO_ANSWER, "impatient ns1 veth1", cure=SOMEBODY, options="-I veth1", **NOBODY),
    Row(NOT_FORWARDED, "set_in r conf/r1/forwarding 0", IGNORED, FORWARD_R1, words=THERE),
    Row(NOT_FORWARDED, "set_in r ip_forward 0", IGNORED, both(FORWARD_R1, FORWARD_R2), words=THERE),
    Row(NOT_BACK, "set_in r conf/r2/forwarding 0", IGNORED, FORWARD_R2, words=BACK),
    Row(
        NOT_THIS_WAY,
        f"{OTHER_WAY} set_in ns2 conf/veth2/rp_filter 1",
        cure=do("netns_route", netns="ns2", destination="10.1.0.0/24", gateway="10.2.0.254"),
        **ASYMMETRIC,
    ),
    Row(NOT_THIS_WAY, f"{OTHER_WAY} set_in ns2 conf/veth2/rp_filter 1", cure=LOOSE, **ASYMMETRIC),
    Row(NOT_THIS_WAY, f"{OTHER_WAY} set_in ns2 conf/all/rp_filter 1", cure=LOOSE, **ASYMMETRIC),
    Row(
        NOT_HEARD,
        f"{OTHER_WAY_TO_NS1} set_in r conf/r1/rp_filter 1; impatient ns1 veth1",
        {**NEIGHBOUR, LOOKUP: ("r", REFUSED_SOURCE)},
        sysctl("r", "conf.r1.rp_filter", 2),
        to="10.1.0.254",
        says="Destination Host Unreachable",
        words={**THERE, "TO": "10.1.0.254", "ADDRESS": "10.1.0.254"},
    ),
    Row(
        NOT_HEARD,
        "",
        {"ip neighbor show ADDRESS": ("", "INCOMPLETE|FAILED"), LOOKUP: ("", "Invalid argument")},
        do("netns_sysctl", name="net.ipv4.conf.veth1b.accept_local", value=True),
        network=OWN_CABLE,
        netns="",
        to="10.9.0.2",
        options="-I veth1a",
        words={"ADDRESS": "10.9.0.2", "TO": "10.9.0.2", "FROM": "10.9.0.1", "DEVICE": "veth1b"},
    ),
    Row(
        ROUTER_LOST,
        "ip -n ns2 address add 10.9.0.1 dev lo",
        {"nstat -asz IpExtInNoRoutes": ("r", r"NoRoutes +(\d+)")},
        do("netns_route", netns="r", destination="10.9.0.0/24", gateway="10.2.0.2"),
        to="10.9.0.1",
        says="From 10.1.0.254 icmp_seq=1 Destination Net Unreachable",
        reason="Destination Net Unreachable from 10.1.0.254",
    ),
    *(
        Row(
            REFUSED,
            f"ip -n ns1 route add {kind} 10.2.0.0/24",
            {"ip route show type TYPE": ("ns1", f"{kind} 10.2.0.0/24")},
            do("netns_route", netns="ns1", destination="10.2.0.0/24", state="absent"),
            says=says,
            words={"TYPE": kind},
            reason=reason,
        )
        for kind, says, reason in (
            ("unreachable", "No route to host", "No route to host"),
            ("prohibit", "Do you want to ping broadcast?", "Permission denied: a route of type prohibit"),
            ("blackhole", "Invalid argument", "Invalid argument: what a blackhole route"),
        )
    ),
    *(
        Row(FILTERED, f"ip netns exec r {fault}", {command: ("r", pattern)}, ACCEPTED)
        for fault, command, pattern in (
            ("iptables-nft -P FORWARD DROP", "iptables -vnL FORWARD", r"policy DROP (\d+) packets"),
            ("iptables-legacy -P FORWARD DROP", "iptables-legacy -vnL FORWARD", r"policy DROP (\d+) packets"),
            ("iptables-nft -A FORWARD -d 10.2.0.2 -j DROP", "iptables -vnL FORWARD", r"(\d+) +\d+ DROP "),
            (f"nft '{WALL} }}; add rule inet wall forward counter drop'", "nft list ruleset", r"packets (\d+) .* drop"),
            # Nothing but the policy.
            (f"nft '{WALL} policy drop; }}'", "nft list ruleset", r"policy drop;\s+}"),
        )
    ),
    Row(
        FILTERED,
        "iptables-nft -P FORWARD DROP",
        {"iptables -vnL FORWARD": ("", r"policy DROP (\d+) packets")},
        do("forward_accept", in_interface="br0", out_interface="br0"),
        needs="br_netfilter",
        **ON_BRIDGE,
    ),
    Row(REPLACED, LEARNED, OTHERHOST, sh(FLUSH), **OLD),
    Row(REPLACED, DOUBTED + LEARNED, OTHERHOST, sh(":"), **OLD),
    Row(
        REPLACED,
        f"{OLD_MAC}; ip -n ns1 neighbor add 10.1.0.2 lladdr $mac dev veth1; {REPLUG}; {FLUSH}",
        OTHERHOST,
        do("netns_neighbor", netns="ns1", device="veth1", address="10.1.0.2", mac_of={"netns": "ns2", "name": "veth2"}),
        **OLD,
    ),
    Row(
        TOO_LARGE,
        "ip -n r link set r1 mtu 1400",
        # Newer kernels tell the sender: No buffer space available.
        {"ip -s link show DEVICE": ("ns1", r"TX:.*\n +\d+ +\d+ +\d+ +(\d+)")},
        do("link", netns="r", name="r1", mtu=1500),
        to="10.1.0.254",
        says="100% packet loss",
        words={"DEVICE": "veth1"},
        **LARGE,
    ),
    Row(
        TOO_LARGE,
        "ip link set p2 mtu 1400",
        {"ip link show DEVICE": ("", "mtu 1400")},
        do("link", name="p2", mtu=1500),
        words={"DEVICE": "p2"},
        **ON_BRIDGE,
        **LARGE,
    ),
    Row(
        TOO_LARGE,
        "ip -n r link set r2 mtu 1400",
        {"ip route get ADDRESS": ("ns1", "mtu 1400")},
        both(do("link", netns="r", name="r2", mtu=1500), sh("ip -n ns1 route flush cache")),
        says="Frag needed and DF set",
        words={"ADDRESS": "10.2.0.2"},
        reason="Packet too big, MTU 1400 from 10.1.0.254",
        **LARGE,
    ),
    Row(LISTENING, f"{STP} 3000; {REPLUG}", PORTS, NO_STP, **ON_BRIDGE),
    Row(LISTENING, f"{STP} 200; {REPLUG}", PORTS, sh(":"), **ON_BRIDGE),
    Row(
        NO_CARRIER,
        f"impatient ns1 veth1; ip -n r link set r1 down; {TOLD}",
        {"ip link": ("ns1", "NO-CARRIER")},
        do("link", netns="r", name="r1", up=True),
        says="Destination Host Unreachable",
        to="10.1.0.254",
    ),
    Row(NO_LOOPBACK, "ip -n ns1 link set lo down", LO_DOWN, do("netns", name="ns1"), to="10.1.0.1"),
]
