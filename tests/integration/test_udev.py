# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What udev's rules do to new devices of the host, systemd-sysctl foremost, they do before our values are written.

In udev's place stands a program that does at the last moment what 99-systemd.rules makes systemd-sysctl do.
"""

from __future__ import annotations

from typing import Any

import pytest
from host import Host

SETTLE = r"""#!/bin/sh
echo "$@" >>/run/udev/asked
for file in /proc/sys/net/ipv4/conf/*/rp_filter; do
    case $file in */all/* | */default/* | */lo/*) ;; *) echo 2 >"$file" ;; esac
done
exit 0
"""
CABLE = {"name": "veth1", "peer": {"name": "veth2", "netns": "ns1"}}
DECLARED: dict[str, Any] = {
    "netns": [{"name": "ns1"}],
    "veth": [CABLE],
    "netns_sysctl": [{"name": "net.ipv4.conf.veth1.rp_filter", "value": 0}],
}


def install(host: Host, text: str = SETTLE) -> None:
    """Puts a udevadm first on the path, and udev's socket where it is known by."""
    host.sh("mount -t tmpfs -o mode=755 programs /usr/local/sbin; mkdir /run/udev; touch /run/udev/control")
    host.sh(f"cat >/usr/local/sbin/udevadm <<'END'\n{text}END\nchmod +x /usr/local/sbin/udevadm")


def asked(host: Host) -> list[str]:
    return host.sh("cat /run/udev/asked 2>/dev/null || true").splitlines()


def test_our_values_are_written_after_its(host: Host) -> None:
    install(host)
    host.do("topology", name="lab", config=DECLARED)
    assert host.sysctl("net/ipv4/conf/veth1/rp_filter") == "0"
    assert asked(host) == ["settle --timeout=20"]
    assert not host.do("topology", name="lab", config=DECLARED)["changed"]
    assert len(asked(host)) == 1


@pytest.mark.parametrize(
    "config",
    [
        {"bridge": [{"name": "br0"}], "netns_sysctl": [{"name": "net.ipv4.conf.br0.rp_filter", "value": 0}]},
        {"link": [{"name": "veth2"}], "netns_sysctl": [{"name": "net.ipv4.conf.veth2.rp_filter", "value": 0}]},
    ],
    ids=["a bridge", "a link that comes back"],
)
def test_whatever_appears_on_the_host(host: Host, config: dict[str, Any]) -> None:
    host.sh("ip netns add ns1; ip link add veth1 type veth peer name veth2 netns ns1")
    install(host)
    host.do("topology", name="lab", config=config)
    (key,) = (each["name"].replace(".", "/") for each in config["netns_sysctl"])
    assert host.sysctl(key) == "0"
    assert len(asked(host)) == 1


def test_it_does_not_see_what_appears_in_namespaces(host: Host) -> None:
    install(host)
    host.do("topology", name="lab", config={"netns": [{"name": "ns1"}], "bridge": [{"netns": "ns1", "name": "br0"}]})
    assert asked(host) == []


def test_the_run_goes_on_where_it_does_not_answer(host: Host) -> None:
    install(host, "#!/bin/sh\necho 'Timed out for waiting the udev queue being empty.' >&2\nexit 1\n")
    host.do("topology", name="lab", config=DECLARED)
    assert host.sysctl("net/ipv4/conf/veth1/rp_filter") == "0"


def test_nobody_is_asked_where_there_is_none(host: Host) -> None:
    install(host)
    host.sh("rm /run/udev/control")
    host.do("topology", name="lab", config=DECLARED)
    assert asked(host) == []
