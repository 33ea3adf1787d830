"""A board on a pty: says its lines when it is switched on (SIGUSR1), nothing when off (SIGUSR2), and may be unplugged.

python firmware.py LINK DIARY LINE…     LINK becomes the console; `@unplug` instead of a line ends the board
"""

import os
import signal
import sys
import tty


def main(link: str, diary: str, *lines: str) -> None:
    ours, theirs = os.openpty()
    tty.setraw(theirs)
    os.symlink(os.ttyname(theirs), f"{link}.new")
    os.replace(f"{link}.new", link)

    def note(word: str) -> None:
        with open(diary, "a") as file:
            file.write(f"{word}\n")

    def on(*_: object) -> None:
        note("on")
        for line in lines:
            if line == "@unplug":
                os._exit(0)
            os.write(ours, f"{line}\r\n".encode())

    signal.signal(signal.SIGUSR1, on)
    signal.signal(signal.SIGUSR2, lambda *_: note("off"))
    os.write(1, b"ready\n")
    while True:
        signal.pause()


if __name__ == "__main__":
    main(*sys.argv[1:])
