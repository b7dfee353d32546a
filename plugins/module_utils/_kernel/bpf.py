# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The system call bpf(2): programs for tc, and the maps they look into."""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import struct
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import NamedTuple

NUMBERS = {
    "x86_64": 321,
    "aarch64": 280,
    "arm64": 280,
    "riscv64": 280,
    "loongarch64": 280,
    "ppc64": 361,
    "ppc64le": 361,
    "s390x": 351,
}
MAP_CREATE, MAP_UPDATE_ELEM, PROG_LOAD, PROG_GET_NEXT_ID, PROG_GET_FD_BY_ID = 0, 2, 5, 11, 13
MAP_GET_FD_BY_ID, OBJ_GET_INFO_BY_FD, MAP_FREEZE, MAP_LOOKUP_BATCH = 14, 15, 22, 24
ARRAY, SCHED_CLS = 2, 3
# Programs cannot write to the map.
RDONLY_PROG = 1 << 7
NAME_SIZE = 16
LOG_SIZE = 1 << 16
INFO_SIZE = 256
# Of `struct bpf_prog_info`: the tag, how many maps it has, where to write their identifiers, and the name.
TAG, MAP_COUNT, NAME = 8, 52, 64
# Of `struct bpf_map_info`: the size of values, and behind it how many there are.
VALUE_SIZE = 12
NUMBER_SIZE = 4
_libc = ctypes.CDLL(None, use_errno=True)


class Program(NamedTuple):
    """What the kernel tells of a loaded program."""

    tag: bytes
    maps: tuple[int, ...]


def _call(command: int, attributes: bytes) -> int:
    return _pass(command, ctypes.create_string_buffer(attributes, len(attributes)))


def _pass(command: int, buffer: ctypes.Array[ctypes.c_char]) -> int:
    """The system call; some commands write their answer into the buffer."""
    number = NUMBERS.get(platform.machine())
    if number is None:
        raise OSError(errno.ENOSYS, f"the number of bpf(2) on {platform.machine()} is not known")
    result = int(_libc.syscall(number, command, buffer, len(buffer)))
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return result


@contextmanager
def _closing(descriptor: int) -> Iterator[int]:
    try:
        yield descriptor
    finally:
        os.close(descriptor)


@contextmanager
def table(values: Sequence[bytes], name: str) -> Iterator[int]:
    """A descriptor of a new array, which no program can change; `values` are all of one size."""
    attributes = struct.pack("=IIIII", ARRAY, NUMBER_SIZE, len(values[0]), len(values), RDONLY_PROG)
    attributes += bytes(8) + name.encode().ljust(NAME_SIZE, b"\0")
    with _closing(_call(MAP_CREATE, attributes)) as descriptor:
        for number, value in enumerate(values):
            if any(value):
                places = [ctypes.create_string_buffer(data, len(data)) for data in (struct.pack("=I", number), value)]
                _call(MAP_UPDATE_ELEM, struct.pack("=I4xQQQ", descriptor, *map(ctypes.addressof, places), 0))
        yield descriptor


def freeze(descriptor: int) -> None:
    """From here on nobody can change a map.

    Its programs are loaded before: what is known not to change the kernel wants to read at once, which it cannot in an
    array.
    """
    _call(MAP_FREEZE, struct.pack("=I", descriptor))


@contextmanager
def program(instructions: bytes, name: str) -> Iterator[int]:
    """A descriptor of a new program for tc; where the kernel does not take it, its last words are the error."""
    code = ctypes.create_string_buffer(instructions, len(instructions))
    licence = ctypes.create_string_buffer(b"GPL")
    log = ctypes.create_string_buffer(LOG_SIZE)
    count, places = len(instructions) // 8, (ctypes.addressof(code), ctypes.addressof(licence))
    text = name.encode().ljust(NAME_SIZE, b"\0")
    attributes = struct.pack("=IIQQIIQII", SCHED_CLS, count, *places, 0, 0, 0, 0, 0) + text
    try:
        descriptor = _call(PROG_LOAD, attributes)
    except OSError as error:
        if error.errno == errno.EPERM:
            raise
        with_log = struct.pack("=IIQQIIQII", SCHED_CLS, count, *places, 1, LOG_SIZE, ctypes.addressof(log), 0, 0)
        try:
            descriptor = _call(PROG_LOAD, with_log + text)
        except OSError as again:
            raise OSError(again.errno, _last_words(log.value) or again.strerror) from error
    with _closing(descriptor):
        yield descriptor


def _last_words(log: bytes) -> str:
    """What the verifier says of the instruction it does not take; its last line is a statistic."""
    lines = [line for line in log.decode(errors="replace").splitlines() if line and not line.startswith("processed ")]
    return lines[-1] if lines else ""


def told(descriptor: int) -> Program:
    """What a program is."""
    info = ctypes.create_string_buffer(INFO_SIZE)
    _info(descriptor, info)
    (count,) = struct.unpack_from("=I", info, MAP_COUNT)
    maps = (ctypes.c_uint32 * count)()
    info = ctypes.create_string_buffer(INFO_SIZE)
    struct.pack_into("=IQ", info, MAP_COUNT, count, ctypes.addressof(maps))
    _info(descriptor, info)
    return Program(info.raw[TAG : TAG + 8], tuple(maps))


def names() -> Iterator[str]:
    """The names of all programs for tc that the kernel has."""
    number = 0
    while True:
        request = ctypes.create_string_buffer(struct.pack("=III", number, 0, 0), 12)
        try:
            _pass(PROG_GET_NEXT_ID, request)
        except FileNotFoundError:
            return
        (number,) = struct.unpack_from("=I", request, 4)
        info = ctypes.create_string_buffer(INFO_SIZE)
        # It may be gone already.
        with suppress(FileNotFoundError), opened(PROG_GET_FD_BY_ID, number) as descriptor:
            _info(descriptor, info)
            if struct.unpack_from("=I", info)[0] == SCHED_CLS:
                yield info.raw[NAME : NAME + NAME_SIZE].rstrip(b"\0").decode(errors="replace")


def _info(descriptor: int, info: ctypes.Array[ctypes.c_char]) -> None:
    _call(OBJ_GET_INFO_BY_FD, struct.pack("=IIQ", descriptor, INFO_SIZE, ctypes.addressof(info)))


@contextmanager
def opened(command: int, number: int) -> Iterator[int]:
    """A descriptor of the program or map with an identifier."""
    with _closing(_call(command, struct.pack("=III", number, 0, 0))) as descriptor:
        yield descriptor


def length(number: int) -> int:
    """How many values a map has."""
    with opened(MAP_GET_FD_BY_ID, number) as descriptor:
        return _sizes(descriptor)[1]


def contents(number: int) -> Iterator[bytes]:
    """Every value of an array."""
    with opened(MAP_GET_FD_BY_ID, number) as descriptor:
        size, count = _sizes(descriptor)
        values = ctypes.create_string_buffer(size * count)
        others = [ctypes.create_string_buffer(NUMBER_SIZE * each) for each in (1, count)]
        places = map(ctypes.addressof, (*others, values))
        # That there are no more is an error as well.
        with suppress(FileNotFoundError):
            _call(MAP_LOOKUP_BATCH, struct.pack("=QQQQIIQQ", 0, *places, count, descriptor, 0, 0))
    yield from (values.raw[start : start + size] for start in range(0, size * count, size))


def _sizes(descriptor: int) -> tuple[int, int]:
    """The size of a map's values, and how many there are."""
    info = ctypes.create_string_buffer(INFO_SIZE)
    _info(descriptor, info)
    size, count = struct.unpack_from("=II", info, VALUE_SIZE)
    return size, count
