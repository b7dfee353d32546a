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
    0x69: "r{d} = u16 [r{s} + {o}]",
    0x79: "r{d} = u64 [r{s} + {o}]",
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
 8 if r7 == 8 goto 31
 9 if r7 != 56710 goto {pass}
10 r1 = r6
11 r2 = 20
12 r3 = r10
13 r3 += -20
14 r4 = 2
15 call 26
16 if r0 != 0 goto {pass}
17 r1 = u16 [r10 + -20]
18 if r1 == 65338 goto {pass}
19 r1 = r6
20 r2 = 38
21 r3 = r10
22 r3 += -16
23 r4 = 16
24 call 26
25 if r0 != 0 goto {pass}
26 r1 = u64 [r10 + -16]
27 if r1 != 0 goto 40
28 r1 = u16 [r10 + -6]
29 if r1 == 65535 goto {pass}
30 goto 40
31 u64 [r10 + -16] = 0
32 u32 [r10 + -8] = -65536
33 r1 = r6
34 r2 = 30
35 r3 = r10
36 r3 += -4
37 r4 = 4
38 call 26
39 if r0 != 0 goto {pass}
40 r1 = map 7
41
42 r2 = r10
43 r2 += -16
44 call 1
45 if r0 == 0 goto {pass}
46 r9 = r0
47 r8 = u32 [r9 + 0]
48 r1 = u32 [r6 + 40]
49 if r1 == r8 goto {pass}
50 u32 [r10 + -20] = 0
51 r1 = r6
52 r2 = r8
53 r3 = r10
54 r3 += -20
55 r4 = 0
56 r5 = 1
57 call 163
58 if r0 != 0 goto {pass}
"""
REST = {
    "peer": """
59 r1 = r6
60 r2 = 0
61 call 32
62 if r0 != 0 goto 67
63 r1 = r8
64 r2 = 0
65 call 155
66 exit
67 r0 = -1
68 exit
""",
    "redirect": """
59 r1 = r6
60 r2 = 0
61 r3 = r9
62 r3 += 4
63 r4 = 6
64 r5 = 0
65 call 9
66 if r0 != 0 goto 71
67 r1 = r8
68 r2 = 0
69 call 23
70 exit
71 r0 = -1
72 exit
""",
    "neigh": """
59 r7 = u32 [r6 + 16]
60 if r7 == 8 goto 71
61 u32 [r10 + -40] = 10
62 r1 = u32 [r10 + -16]
63 u32 [r10 + -36] = r1
64 r1 = u32 [r10 + -12]
65 u32 [r10 + -32] = r1
66 r1 = u32 [r10 + -8]
67 u32 [r10 + -28] = r1
68 r1 = u32 [r10 + -4]
69 u32 [r10 + -24] = r1
70 goto 77
71 u32 [r10 + -40] = 2
72 r1 = u32 [r10 + -4]
73 u32 [r10 + -36] = r1
74 u32 [r10 + -32] = 0
75 u32 [r10 + -28] = 0
76 u32 [r10 + -24] = 0
77 r1 = r8
78 r2 = r10
79 r2 += -40
80 r3 = 20
81 r4 = 0
82 call 152
83 exit
84 r0 = -1
85 exit
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
