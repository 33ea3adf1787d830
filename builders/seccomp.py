"""A filter of system calls for sandboxed commands: what no build or run needs, and what attacks on kernels begin with.

Small on purpose, since a filter that breaks builds is switched off: all that is not named here is allowed, also
`ptrace`, by which sanitizers look for leaks and which reaches no process outside of the sandbox anyway. A refused
call gives EPERM. The program is classic BPF as bubblewrap's --seccomp reads it: linux/filter.h, linux/seccomp.h,
linux/audit.h. Numbers: the kernel's asm/unistd_64.h, asm/unistd_32.h, asm-generic/unistd.h and ARM's asm/unistd.h.
"""

from __future__ import annotations

import platform
import struct
from collections.abc import Mapping, Sequence

NAMES = ("x86_64", "i386", "aarch64", "arm")  # the columns of the tables: how a program may speak to a kernel
ARCHITECTURES = {"x86_64": 0xC000003E, "i386": 0x40000003, "aarch64": 0xC00000B7, "arm": 0x40000028}
# A kernel takes calls of its smaller brother too, with that one's numbers: a filter of its own alone is none.
SPOKEN = {"x86_64": ("x86_64", "i386"), "aarch64": ("aarch64", "arm"), "arm64": ("aarch64", "arm")}
X32 = 0x40000000  # in a number of x86_64: a third table, which hardly a program uses

Table = Mapping[str, tuple[int | None, int | None, int | None, int | None]]
EVERYBODY: Table = {
    "keyctl": (250, 288, 219, 311),  # keys of the agent's session: no namespace hides them
    "add_key": (248, 286, 217, 309),
    "request_key": (249, 287, 218, 310),
    "bpf": (321, 357, 280, 386),
    "userfaultfd": (323, 374, 282, 388),
    "init_module": (175, 128, 105, 128),
    "finit_module": (313, 350, 273, 379),
    "delete_module": (176, 129, 106, 129),
    "kexec_load": (246, 283, 104, 347),
    "kexec_file_load": (320, None, 294, 401),
    "mount": (165, 21, 40, 21),
    "umount2": (166, 52, 39, 52),
    "umount": (None, 22, None, 22),
    "pivot_root": (155, 217, 41, 218),
    "open_tree": (428, 428, 428, 428),
    "move_mount": (429, 429, 429, 429),
    "fsopen": (430, 430, 430, 430),
    "fsconfig": (431, 431, 431, 431),
    "fsmount": (432, 432, 432, 432),
    "fspick": (433, 433, 433, 433),
    "mount_setattr": (442, 442, 442, 442),
    "unshare": (272, 310, 97, 337),
    "setns": (308, 346, 268, 375),
    "open_by_handle_at": (304, 342, 265, 371),
    "fanotify_init": (300, 338, 262, 367),
    "acct": (163, 51, 89, 51),
    "swapon": (167, 87, 224, 87),
    "swapoff": (168, 115, 225, 115),
    "reboot": (169, 88, 142, 88),
    "settimeofday": (164, 79, 170, 79),
    "clock_settime": (227, 264, 112, 262),
    "clock_settime64": (None, 404, None, 404),
    "stime": (None, 25, None, 25),
    "quotactl": (179, 131, 60, 131),
    "quotactl_fd": (443, 443, 443, 443),
    "nfsservctl": (180, 169, 42, 169),
    "lookup_dcookie": (212, 253, 18, 249),
    "syslog": (103, 103, 116, 103),
    "vhangup": (153, 111, 58, 111),
    "iopl": (172, 110, None, None),
    "ioperm": (173, 101, None, None),
}
STRANGERS: Table = {  # a benchmark of trusted code may count events or test the ring
    "perf_event_open": (298, 336, 241, 364),
    "io_uring_setup": (425, 425, 425, 425),
    "io_uring_enter": (426, 426, 426, 426),
    "io_uring_register": (427, 427, 427, 427),
}
IOCTL = (16, 54, 29, 54)
TYPING = (0x5412, 0x541C)  # TIOCSTI and TIOCLINUX: to type on a terminal, as if somebody did

LOAD, EQUALS, AT_LEAST, RETURN = 0x20, 0x15, 0x35, 0x06  # BPF_LD|W|ABS, BPF_JMP|JEQ|K, BPF_JMP|JGE|K, BPF_RET|K
NUMBER, ARCHITECTURE, SECOND_ARGUMENT = 0, 4, 24  # offsets in struct seccomp_data; of the argument its lower half
ALLOW, REFUSE = 0x7FFF0000, 0x00050000 | 1  # SECCOMP_RET_ALLOW, SECCOMP_RET_ERRNO with EPERM

Step = tuple[int, int, int, int]  # code, steps to jump over if true, if false, operand


def program(machine: str = platform.machine(), *, trusted: bool) -> bytes:
    """Write the filter for a kind of machine; empty where the numbers of its calls are not known here."""
    known = EVERYBODY if trusted else {**EVERYBODY, **STRANGERS}
    steps: list[Step] = []
    for name in SPOKEN.get(machine, ()):
        block = _block(NAMES.index(name), known, has_third=name == "x86_64")
        steps += [(LOAD, 0, 0, ARCHITECTURE), (EQUALS, 0, len(block), ARCHITECTURES[name]), *block]
    if steps:
        steps.append((RETURN, 0, 0, REFUSE))  # calls of an architecture that nobody knows
    return b"".join(struct.pack("=HBBI", *each) for each in steps)


def _block(column: int, known: Table, *, has_third: bool) -> list[Step]:
    """Refuse the calls of one architecture; all jumps lead forward, to its last two steps."""
    numbers = [each[column] for each in known.values()]
    checks: list[tuple[int, int]] = [(AT_LEAST, X32)] if has_third else []
    checks += [(EQUALS, number) for number in numbers if number is not None]
    typing = _ioctl(IOCTL[column], TYPING)
    steps: list[Step] = [(LOAD, 0, 0, NUMBER)]
    for at, (code, value) in enumerate(checks):
        steps.append((code, len(checks) - at - 1 + len(typing) + 1, 0, value))
    return [*steps, *typing, (RETURN, 0, 0, ALLOW), (RETURN, 0, 0, REFUSE)]


def _ioctl(number: int, requests: Sequence[int]) -> list[Step]:
    """Refuse some requests of one call; the kernel looks at 32 bits of them, and so do we."""
    steps: list[Step] = [(EQUALS, 0, 1 + len(requests), number), (LOAD, 0, 0, SECOND_ARGUMENT)]
    return steps + [(EQUALS, len(requests) - at, 0, value) for at, value in enumerate(requests)]
