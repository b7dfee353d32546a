# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An assembler for the kernel's BPF, as far as a program at tc needs it."""

from __future__ import annotations

import struct
import sys
from typing import NamedTuple, Union

# Registers: r0 is a helper's result and the verdict, r1 to r5 its arguments, r6 to r9 outlive it, r10 is the stack.
LITTLE = sys.byteorder == "little"
BYTES_2, BYTES_4, BYTES_8 = 0x08, 0x00, 0x18
LOAD, STORE, STORE_VALUE = 0x61, 0x63, 0x62
MOVE, COPY, ADD, ADD_REGISTER, MULTIPLY, SHIFT_RIGHT = 0xB7, 0xBF, 0x07, 0x0F, 0x2F, 0x77
JUMP, CALL, EXIT = 0x05, 0x85, 0x95
CONDITIONS = {"==": 0x15, "!=": 0x55, "<=": 0xB5}
WITH_REGISTER = 0x08
# Two instructions; with the source 1 the value is a descriptor of a map.
LOAD_64, FROM_MAP = 0x18, 1


class Instruction(NamedTuple):
    """One of the kernel's `struct bpf_insn`; `offset` may be a label until the end."""

    code: int
    target: int = 0
    source: int = 0
    offset: Union[int, str] = 0
    value: int = 0

    def encode(self) -> bytes:
        # Two halves of a byte, which C puts there in the machine's own order.
        registers = self.target | self.source << 4 if LITTLE else self.target << 4 | self.source
        return struct.pack("=BBhi", self.code, registers, self.offset, self.value)


class Assembler:
    """Collects instructions; a jump names its label, which stands further down."""

    def __init__(self) -> None:
        self._instructions: list[Instruction] = []
        self._labels: dict[str, int] = {}

    def label(self, name: str) -> None:
        self._labels[name] = len(self._instructions)

    def move(self, target: int, value: int) -> None:
        self._add(MOVE, target, value=value)

    def copy(self, target: int, source: int) -> None:
        self._add(COPY, target, source)

    def address(self, target: int, offset: int) -> None:
        """Where something is on the stack."""
        self.copy(target, 10)
        self.add(target, offset)

    def add(self, target: int, value: int) -> None:
        self._add(ADD, target, value=value)

    def add_register(self, target: int, source: int) -> None:
        self._add(ADD_REGISTER, target, source)

    def multiply(self, target: int, source: int) -> None:
        self._add(MULTIPLY, target, source)

    def shift_right(self, target: int, value: int) -> None:
        self._add(SHIFT_RIGHT, target, value=value)

    def load(self, target: int, source: int, offset: int, size: int = BYTES_4) -> None:
        self._add(LOAD | size, target, source, offset)

    def store(self, offset: int, source: int) -> None:
        """Four bytes of a register onto the stack."""
        self._add(STORE, 10, source, offset)

    def store_value(self, offset: int, value: int, size: int = BYTES_4) -> None:
        """A number onto the stack."""
        self._add(STORE_VALUE | size, 10, 0, offset, value)

    def map(self, target: int, descriptor: int) -> None:
        self._add(LOAD_64, target, FROM_MAP, value=descriptor)
        self._add(0)

    def number(self, target: int, value: int) -> None:
        """A number of 64 bits."""
        low, high = struct.unpack("=ii", struct.pack("=II", value & 0xFFFFFFFF, value >> 32))
        self._add(LOAD_64, target, value=low)
        self._add(0, value=high)

    def jump(self, label: str) -> None:
        self._add(JUMP, offset=label)

    def jump_if(self, register: int, condition: str, value: int, label: str) -> None:
        self._add(CONDITIONS[condition], register, 0, label, value)

    def jump_compared(self, one: int, condition: str, other: int, label: str) -> None:
        """The same with two registers."""
        self._add(CONDITIONS[condition] | WITH_REGISTER, one, other, label)

    def call(self, helper: int) -> None:
        self._add(CALL, value=helper)

    def exit(self) -> None:
        self._add(EXIT)

    def assemble(self) -> bytes:
        """The program as the kernel takes it."""
        return b"".join(self._placed(number, each).encode() for number, each in enumerate(self._instructions))

    def _placed(self, number: int, instruction: Instruction) -> Instruction:
        if not isinstance(instruction.offset, str):
            return instruction
        # Counted from the next one.
        return instruction._replace(offset=self._labels[instruction.offset] - number - 1)

    def _add(self, code: int, target: int = 0, source: int = 0, offset: Union[int, str] = 0, value: int = 0) -> None:
        self._instructions.append(Instruction(code, target, source, offset, value))
