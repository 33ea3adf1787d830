"""The configuration that `rigline-builder init` writes: it works as it is, and says what to change."""

from __future__ import annotations

import platform
import re
from pathlib import Path

TEXT = """\
# A builder's configuration. Every key: docs/reference/builder-configuration.md
# Try it here, without a service:    rigline-builder --config {file} validate --tree YOUR_PROJECT
# Save it while the agent runs: a change counts for new jobs, and a mistake changes nothing.
version = 1

[builder]
# How many builds may run at the same time. With 1, each has the whole machine.
parallel_builds = 1
# Of the agent's environment scripts see PATH, HOME and LANG, and what is named here.
environment = []

# One table for each board; this one is the machine itself. History is kept under the name.
[[boards]]
name = "{name}"
type = "{machine}"  # boards of one type are interchangeable
description = "This machine"
tags = ["{system}"]

# One table for each way to build and run on the board.
[[boards.configurations]]
name = "default"
# Commands run in the work tree, without a shell. scripts/build would be a script beside this file, which no pull
# request can change; {{worktree}}/build is one of the commit.
build = ["sh", "-c", "echo build your project here"]
# The run leaves its measurements in the file that RIGLINE_RESULTS names.
run = ["sh", "-c", '''
echo run your benchmark here
echo '{{"version": 1, "benchmarks": []}}' > "$RIGLINE_RESULTS"
''']
# Files of the work tree to be kept, also of a job that failed.
artefacts = []
# Seconds. A script that says nothing for `no_output` is ended.
limits = {{ fetch = 600, build = 3600, run = 900, no_output = 600 }}

# A board on a serial line, switched by a script:
# [[boards]]
# name = "nucleo-1"
# type = "nucleo-f746"
# [boards.serial]
# device = "/dev/serial/by-id/usb-FTDI_FT232R_USB_UART_A50285BI-if00-port0"
# end = "^=== END"
# [boards.power]
# command = "scripts/usb-power {{board}}"
# [[boards.configurations]]
# name = "release"
# build = "make firmware.bin"
# run = ["scripts/flash", "{{worktree}}/firmware.bin"]
"""


def write(path: Path) -> None:
    """Write a new configuration.

    Raises:
        FileExistsError: there is one already.
        OSError: it cannot be written.
    """
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", platform.node().partition(".")[0]).strip("-") or "this-machine"
    machine = platform.machine() or "machine"
    text = TEXT.format(file=path.name, name=name, machine=machine, system=platform.system().lower() or "unix")
    with open(path, "x", encoding="utf-8") as file:
        file.write(text)
