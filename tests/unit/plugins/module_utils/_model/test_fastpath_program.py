# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The fast path's program, read back from its bytes."""

from __future__ import annotations

import struct
from collections.abc import Iterator

import pytest

from ansible_collections.nsfabric.linux.plugins.module_utils._model import bpf
from ansible_collections.nsfabric.linux.plugins.module_utils._model.fastpath_program import MODES, assemble

WORDS = {
    0xB7: "r{d} = {i}",
    0xBF: "r{d} = r{s}",
    0x07: "r{d} += {i}",
    0x0F: "r{d} += r{s}",
    0x2F: "r{d} *= r{s}",
    0x77: "r{d} >>= {i}",
    0x61: "r{d} = u32 [r{s} + {o}]",
    0x69: "r{d} = u16 [r{s} + {o}]",
    0x79: "r{d} = u64 [r{s} + {o}]",
    0x62: "u32 [r{d} + {o}] = {i}",
    0x63: "u32 [r{d} + {o}] = r{s}",
    0x05: "goto {t}",
    0x15: "if r{d} == {i} goto {t}",
    0x55: "if r{d} != {i} goto {t}",
    0x1D: "if r{d} == r{s} goto {t}",
    0x5D: "if r{d} != r{s} goto {t}",
    0xBD: "if r{d} <= r{s} goto {t}",
    0x85: "call {i}",
    0x95: "exit",
    0x18: "r{d} = {w} {i}",
    0x00: "     {i}",
}
COMMON = """
 0 r6 = r1
 1 r7 = u32 [r6 + 4]
 2 if r7 == 0 goto 4
 3 if r7 != 3 goto {pass}
 4 r1 = u32 [r6 + 20]
 5 if r1 != 0 goto {pass}
 6 r1 = u32 [r6 + 16]
 7 if r1 == 8 goto 30
 8 if r1 != 56710 goto {pass}
 9 r2 = u32 [r6 + 76]
10 r3 = u32 [r6 + 80]
11 r1 = r2
12 r1 += 54
13 if r1 <= r3 goto 24
14 r1 = r6
15 r2 = 54
16 call 39
17 if r0 != 0 goto {pass}
18 r2 = u32 [r6 + 76]
19 r3 = u32 [r6 + 80]
20 r1 = r2
21 r1 += 54
22 if r1 <= r3 goto 24
23 goto {pass}
24 r1 = u16 [r2 + 20]
25 if r1 == 65338 goto {pass}
26 r8 = u64 [r2 + 38]
27 r9 = u64 [r2 + 46]
28 if r8 == 0 goto {pass}
29 goto 47
30 r2 = u32 [r6 + 76]
31 r3 = u32 [r6 + 80]
32 r1 = r2
33 r1 += 34
34 if r1 <= r3 goto 45
35 r1 = r6
36 r2 = 34
37 call 39
38 if r0 != 0 goto {pass}
39 r2 = u32 [r6 + 76]
40 r3 = u32 [r6 + 80]
41 r1 = r2
42 r1 += 34
43 if r1 <= r3 goto 45
44 goto {pass}
45 r8 = 0
46 r9 = u32 [r2 + 30]
47 r2 = 64 bits 2135587861
48      -1640531527
49 r1 = r8
50 r1 *= r2
51 r1 += r9
52 r1 *= r2
53 r1 >>= 61
54 u32 [r10 + -4] = r1
55 r1 = map 7
56      0
57 r2 = r10
58 r2 += -4
59 call 1
60 if r0 == 0 goto {pass}
61 r1 = u64 [r0 + 8]
62 if r1 != r9 goto 65
63 r1 = u64 [r0 + 0]
64 if r1 == r8 goto 81
65 r0 += 32
66 r1 = u64 [r0 + 8]
67 if r1 != r9 goto 70
68 r1 = u64 [r0 + 0]
69 if r1 == r8 goto 81
70 r0 += 32
71 r1 = u64 [r0 + 8]
72 if r1 != r9 goto 75
73 r1 = u64 [r0 + 0]
74 if r1 == r8 goto 81
75 r0 += 32
76 r1 = u64 [r0 + 8]
77 if r1 != r9 goto {pass}
78 r1 = u64 [r0 + 0]
79 if r1 == r8 goto 81
80 goto {pass}
81 r9 = r0
82 r8 = u32 [r9 + 16]
83 if r8 == 0 goto {pass}
84 r1 = u32 [r6 + 40]
85 if r1 == r8 goto {pass}
86 u32 [r10 + -8] = 0
87 r1 = r6
88 r2 = r8
89 r3 = r10
90 r3 += -8
91 r4 = 0
92 r5 = 1
93 call 163
94 if r0 != 0 goto {pass}
"""
REST = {
    "peer": """
95 if r7 == 0 goto 100
96 r1 = r6
97 r2 = 0
98 call 32
99 if r0 != 0 goto 104
100 r1 = r8
101 r2 = 0
102 call 155
103 exit
104 r0 = -1
105 exit
""",
    "redirect": """
95 r1 = r6
96 r2 = 0
97 r3 = r9
98 r3 += 20
99 r4 = 6
100 r5 = 0
101 call 9
102 if r0 != 0 goto 107
103 r1 = r8
104 r2 = 0
105 call 23
106 exit
107 r0 = -1
108 exit
""",
    "neigh": """
95 r7 = u32 [r6 + 16]
96 if r7 == 8 goto 107
97 u32 [r10 + -28] = 10
98 r1 = u32 [r9 + 0]
99 u32 [r10 + -24] = r1
100 r1 = u32 [r9 + 4]
101 u32 [r10 + -20] = r1
102 r1 = u32 [r9 + 8]
103 u32 [r10 + -16] = r1
104 r1 = u32 [r9 + 12]
105 u32 [r10 + -12] = r1
106 goto 113
107 u32 [r10 + -28] = 2
108 r1 = u32 [r9 + 8]
109 u32 [r10 + -24] = r1
110 u32 [r10 + -20] = 0
111 u32 [r10 + -16] = 0
112 u32 [r10 + -12] = 0
113 r1 = r8
114 r2 = r10
115 r2 += -28
116 r3 = 20
117 r4 = 0
118 call 152
119 exit
120 r0 = -1
121 exit
""",
}


def disassembled(code: bytes) -> Iterator[str]:
    """One line for each instruction, on a little-endian machine."""
    for number, (operation, registers, offset, value) in enumerate(struct.iter_unpack("<BBhi", code)):
        fields: dict[str, object] = {
            "d": registers & 15,
            "s": registers >> 4,
            "o": offset,
            "i": value,
            "t": number + 1 + offset,
        }
        fields["w"] = "map" if registers >> 4 else "64 bits"
        yield f"{number:2} {WORDS[operation].format(**fields)}".rstrip()


@pytest.mark.skipif(not bpf.LITTLE, reason="the table is that of little-endian machines")
@pytest.mark.parametrize("mode", MODES)
def test_the_program(mode: str) -> None:
    found = list(disassembled(assemble(mode, 7, 3)))
    end = REST[mode].strip("\n").splitlines()
    common = COMMON.format(**{"pass": int(end[-2].split()[0])}).strip("\n").splitlines()
    assert found == common + end


def test_the_other_order_of_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    instruction = bpf.Instruction(0x61, 7, 6, 4)
    assert instruction.encode()[1] == (0x67 if bpf.LITTLE else 0x76)
    monkeypatch.setattr(bpf, "LITTLE", not bpf.LITTLE)
    assert instruction.encode()[1] == (0x76 if bpf.LITTLE is False else 0x67)
