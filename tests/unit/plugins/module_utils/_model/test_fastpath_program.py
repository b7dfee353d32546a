# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The fast path's program, read back from its bytes."""

from __future__ import annotations

import struct
from collections.abc import Iterator

import pytest

from ansible_collections.nsfabric.linux.plugins.module_utils._model import bpf
from ansible_collections.nsfabric.linux.plugins.module_utils._model.fastpath_program import (
    MODES,
    assemble,
    decode,
    encode,
)
from ansible_collections.nsfabric.linux.plugins.module_utils._model.state import Destination

WORDS = {
    0xB7: "r{d} = {i}",
    0xBF: "r{d} = r{s}",
    0x07: "r{d} += {i}",
    0x61: "r{d} = u32 [r{s} + {o}]",
    0x62: "u32 [r{d} + {o}] = {i}",
    0x63: "u32 [r{d} + {o}] = r{s}",
    0x7A: "u64 [r{d} + {o}] = {i}",
    0x05: "goto {t}",
    0x15: "if r{d} == {i} goto {t}",
    0x55: "if r{d} != {i} goto {t}",
    0x25: "if r{d} > {i} goto {t}",
    0x1D: "if r{d} == r{s} goto {t}",
    0x85: "call {i}",
    0x95: "exit",
    0x18: "r{d} = map {i}",
    0x00: "",
}
COMMON = """
 0 r6 = r1
 1 r7 = u32 [r6 + 4]
 2 if r7 == 1 goto {pass}
 3 if r7 == 2 goto {pass}
 4 if r7 > 3 goto {pass}
 5 r7 = u32 [r6 + 20]
 6 if r7 != 0 goto {pass}
 7 r7 = u32 [r6 + 16]
 8 if r7 == 8 goto 15
 9 if r7 != 56710 goto {pass}
10 r2 = 38
11 r3 = r10
12 r3 += -16
13 r4 = 16
14 goto 21
15 u64 [r10 + -16] = 0
16 u32 [r10 + -8] = -65536
17 r2 = 30
18 r3 = r10
19 r3 += -4
20 r4 = 4
21 r1 = r6
22 call 26
23 if r0 != 0 goto {pass}
24 r1 = map 7
25
26 r2 = r10
27 r2 += -16
28 call 1
29 if r0 == 0 goto {pass}
30 r9 = r0
31 r8 = u32 [r9 + 0]
32 r1 = u32 [r6 + 40]
33 if r1 == r8 goto {pass}
34 u32 [r10 + -20] = 0
35 r1 = r6
36 r2 = r8
37 r3 = r10
38 r3 += -20
39 r4 = 0
40 r5 = 1
41 call 163
42 if r0 != 0 goto {pass}
"""
REST = {
    "peer": """
43 r1 = r6
44 r2 = 0
45 call 32
46 if r0 != 0 goto 51
47 r1 = r8
48 r2 = 0
49 call 155
50 exit
51 r0 = -1
52 exit
""",
    "redirect": """
43 r1 = r6
44 r2 = 0
45 r3 = r9
46 r3 += 4
47 r4 = 6
48 r5 = 0
49 call 9
50 if r0 != 0 goto 55
51 r1 = r8
52 r2 = 0
53 call 23
54 exit
55 r0 = -1
56 exit
""",
    "neigh": """
43 r7 = u32 [r6 + 16]
44 if r7 == 8 goto 55
45 u32 [r10 + -40] = 10
46 r1 = u32 [r10 + -16]
47 u32 [r10 + -36] = r1
48 r1 = u32 [r10 + -12]
49 u32 [r10 + -32] = r1
50 r1 = u32 [r10 + -8]
51 u32 [r10 + -28] = r1
52 r1 = u32 [r10 + -4]
53 u32 [r10 + -24] = r1
54 goto 61
55 u32 [r10 + -40] = 2
56 r1 = u32 [r10 + -4]
57 u32 [r10 + -36] = r1
58 u32 [r10 + -32] = 0
59 u32 [r10 + -28] = 0
60 u32 [r10 + -24] = 0
61 r1 = r8
62 r2 = r10
63 r2 += -40
64 r3 = 20
65 r4 = 0
66 call 152
67 exit
68 r0 = -1
69 exit
""",
}


def disassembled(code: bytes) -> Iterator[str]:
    """One line for each instruction, on a little-endian machine."""
    for number, (operation, registers, offset, value) in enumerate(struct.iter_unpack("<BBhi", code)):
        fields = {"d": registers & 15, "s": registers >> 4, "o": offset, "i": value, "t": number + 1 + offset}
        yield f"{number:2} {WORDS[operation].format(**fields)}".rstrip()


@pytest.mark.skipif(not bpf.LITTLE, reason="the table is that of little-endian machines")
@pytest.mark.parametrize("mode", MODES)
def test_the_program(mode: str) -> None:
    found = list(disassembled(assemble(mode, 7)))
    end = REST[mode].strip("\n").splitlines()
    common = COMMON.format(**{"pass": int(end[-2].split()[0])}).strip("\n").splitlines()
    assert found == common + end


def test_the_other_order_of_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    instruction = bpf.Instruction(0x61, 7, 6, 4)
    assert instruction.encode()[1] == (0x67 if bpf.LITTLE else 0x76)
    monkeypatch.setattr(bpf, "LITTLE", not bpf.LITTLE)
    assert instruction.encode()[1] == (0x76 if bpf.LITTLE is False else 0x67)


TABLE = [
    (Destination("10.244.1.3", "v"), "00000000000000000000ffff0af40103", "000000000000"),
    (Destination("fd00::3", "v", "02:00:00:00:00:07"), "fd000000000000000000000000000003", "020000000007"),
]


@pytest.mark.parametrize(("destination", "key", "mac"), TABLE)
def test_the_table(destination: Destination, key: str, mac: str) -> None:
    entry = encode(destination, 5)
    assert entry == (bytes.fromhex(key), struct.pack("=I", 5) + bytes.fromhex(mac) + b"\0\0")
    assert decode(*entry) == (destination.address, 5, destination.mac or "")
