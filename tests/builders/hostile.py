"""Build scripts that try to escape. Each says `ESCAPED …` if it could, and `DONE` if it came to its end.

What they do is harmless should it succeed: values are written as they are, counts and sizes are small.
"""

from __future__ import annotations

from dataclasses import dataclass, field

# Each hostile job looks first whether the one before it left anything.
FIRST = """
for each in .* *; do
  case $each in .|..|.git|build.sh|run.sh|plain.txt|.gitattributes|.gitmodules|.lfsconfig|big.bin) ;;
  *) echo "LEFT in the tree: $each" ;; esac
done
for folder in "$HOME" /tmp; do
  for each in "$folder"/* "$folder"/.[!.]*; do
    [ -e "$each" ] && case $each in /tmp/rigline-*|/tmp/pytest*|"${PATH%%/.venv/*}"*) ;; *) echo "LEFT: $each" ;; esac
  done
done
[ "$(cat plain.txt)" = plain ] || echo "LEFT: another plain.txt"
sleep_s=@MARK@
"""


@dataclass(frozen=True)
class Hostile:
    """One script, and what its job must come to."""

    build: str
    run: str = "true"
    outcome: str = "passed"
    says: tuple[str, ...] = ("DONE",)
    reason: str = ""
    files: dict[str, str] = field(default_factory=dict)


CONNECT = """
import socket
for kind, address in ((socket.AF_INET, ("127.0.0.1", @WEB@)), (socket.AF_INET, ("127.0.0.1", @REDIS@)),
                      (socket.AF_UNIX, "\\0@ABSTRACT@"), (socket.AF_UNIX, "@POSTGRES@"),
                      (socket.AF_INET, ("169.254.169.254", 80)), (socket.AF_INET, ("10.0.0.1", 80))):
    try:
        with socket.socket(kind) as it:
            it.settimeout(2)
            it.connect(address)
            print("ESCAPED to", address)
    except OSError as problem:
        print("refused", address, type(problem).__name__)
"""
PTRACE = """
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
for pid in (@AGENT@, os.getppid() - 1):
    if pid > 2 and libc.ptrace(16, pid, 0, 0) == 0:
        print("ESCAPED into", pid)
try:
    os.kill(@AGENT@, 0)
    print("ESCAPED: the agent can be signalled")
except OSError as problem:
    print("no such process:", problem.errno)
"""
# Without a filter each of these fails in another way than by a lack of rights, or succeeds.
CALLS = """
import ctypes, mmap, os, platform
libc = ctypes.CDLL(None, use_errno=True)
ARM = platform.machine() != "x86_64"
for name, number, words in (("keyctl", (250, 219), (0xDEAD,)), ("add_key", (248, 217), (0, 0, 0, 0, 0)),
                            ("userfaultfd", (323, 282), (1 << 30,)), ("unshare", (272, 97), (0,)),
                            ("setns", (308, 268), (-1, 0)), ("perf_event_open", (298, 241), (0, 0, -1, -1, 0)),
                            ("io_uring_setup", (425, 425), (0, 0)), ("TIOCSTI", (16, 29), (0, 0x5412, b"x")),
                            ("TIOCSTI in more bits", (16, 29), (0, ctypes.c_ulong(0x100005412), b"x")),
                            ("another table", (0x40000000 + 250, 219), (0xDEAD,))):
    done = libc.syscall(number[ARM], *words)
    if done != -1 or ctypes.get_errno() != 1:
        print("ESCAPED by", name, done, os.strerror(ctypes.get_errno()))
if not ARM and os.fork() == 0:  # keyctl as a program of 32 bits asks for it; a kernel without such ends us
    code = mmap.mmap(-1, 4096, prot=7)
    code.write(bytes.fromhex("53 b8 20010000 bb adde0000 cd80 5b c3"))
    call = ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(code)))
    if call() != -1:
        print("ESCAPED by 32 bits", flush=True)
    os._exit(0)
"""
TTY = """
import fcntl, os, termios
for number in range(64):
    try:
        os.write(os.open(f"/dev/pts/{number}", os.O_RDWR | os.O_NOCTTY), b"ESCAPED")
        print("ESCAPED to", number)
    except OSError:
        pass
try:
    fcntl.ioctl(os.open("/dev/tty", os.O_RDWR), termios.TIOCSTI, b"x")
    print("ESCAPED: typed on a terminal")
except OSError:
    pass
"""
DEEP = """
import os
for _ in range(40):
    os.mkdir("x" * 200)
    os.chdir("x" * 200)
"""


def python(text: str) -> str:
    return f"python3 - <<'END'\n{text}\nEND\n"


SLEEP = "sleep $sleep_s"
SCRIPTS: dict[str, Hostile] = {
    "a double fork": Hostile(f"( ( {SLEEP} & ) & ); echo DONE"),
    "a session of its own": Hostile(f"setsid {SLEEP} & sleep 0.05; echo DONE"),
    "nohup": Hostile(f"nohup {SLEEP} >/dev/null 2>&1 & echo DONE"),
    "a trap for every signal": Hostile(
        "trap '' HUP INT QUIT TERM USR1 USR2 ALRM; echo DONE; while :; do sleep 1; done", outcome="timed_out"
    ),
    "ptrace of the agent": Hostile(python(PTRACE) + "echo DONE"),
    "system calls that no build needs": Hostile(python(CALLS) + "echo DONE"),
    "a signal to everybody": Hostile("trap '' TERM; kill -TERM -1; kill -CONT @AGENT@ && echo ESCAPED; echo DONE"),
    "reading /proc": Hostile(
        "cat /proc/[0-9]*/environ /proc/[0-9]*/cmdline > /tmp/all\n"
        "grep -aE 'rlb_|BUILDER_TOKEN' /tmp/all && echo ESCAPED\n"
        "[ $(ls -d /proc/[0-9]* | wc -l) -lt 12 ] || echo ESCAPED; (cd /proc/1/root && ls root && echo ESCAPED)\n"
        "echo DONE"
    ),
    "a setting of the kernel": Hostile(
        "for f in kernel/core_pattern vm/swappiness kernel/modprobe; do v=$(cat /proc/sys/$f) || continue\n"
        "(printf '%s\\n' \"$v\" > /proc/sys/$f) 2>/dev/null && echo ESCAPED $f; done; echo DONE"
    ),
    "the tty of another board": Hostile(
        "[ -e @TTY1@ ] && echo ESCAPED: a board while building\n[ -e @TTY2@ ] && echo ESCAPED\n" + python(TTY),
        run="echo hello > @TTY1@; for each in @TTY2@; do echo ESCAPED > $each; done 2>/dev/null\n"
        "[ -e @TTY2@ ] && ls -l @TTY2@ | grep -q ' -> \\|^c' && echo ESCAPED: sees it\n" + python(TTY) + "echo DONE",
    ),
    "the agent's token file": Hostile(
        "cat @TOKEN_FILE@ && echo ESCAPED; cat @CONFIG@ && echo ESCAPED\n"
        "find @LAB@ -name '*.toml' -o -name instance -o -name log | grep . && echo ESCAPED; echo DONE"
    ),
    "secrets in its environment": Hostile(
        "env | grep -E '@SECRET@|DEPLOY|WIFI' && echo ESCAPED; echo MODE=$MODE; echo DONE", says=("DONE", "MODE=fast")
    ),
    "Redis, PostgreSQL, web and the cloud": Hostile(python(CONNECT) + "echo DONE", says=("DONE", "refused")),
    "a link for a result": Hostile(
        "echo DONE", run="ln -s @TOKEN_FILE@ $RIGLINE_RESULTS", outcome="failed", reason="is it a link?"
    ),
    "links in the tree": Hostile(
        "ln -s @CANARY_FOLDER@ a; ln -s / b; ln -s ../../../.. c; chmod -R 777 a/ c/ 2>/dev/null; "
        "rm -rf a/* && ls @CANARY_FOLDER@ && echo ESCAPED; echo DONE"
    ),
    "a link where the next phase's folders are to be": Hostile(
        'top=$(echo "$PWD" | cut -d/ -f1-3); mv "$top" /tmp/gone; ln -s "/oldroot@CANARY_FOLDER@" "$top"; echo DONE',
        run="echo RAN; pwd; ls",
        says=("DONE", "RAN", "plain.txt"),
    ),
    "git hooks and settings": Hostile(
        "for f in .git/hooks/post-checkout .git/config .git/info/attributes .git/objects/info/alternates; do\n"
        "(mkdir -p $(dirname $f); echo 'touch @CANARY@' > $f) 2>/dev/null && echo ESCAPED $f; done\n"
        "mv .git x 2>/dev/null && echo ESCAPED; rm -rf .git 2>/dev/null; git log -1 --format=%H; echo DONE"
    ),
    "a submodule that is a command": Hostile(
        "echo ESCAPED",
        outcome="failed",
        says=("[rigline]",),
        reason="git refuses the commit",
        files={".gitmodules": '[submodule "s"]\n path = sub\n url = ./sub\n update = !touch @CANARY@\n'},
    ),
    "submodules and large files": Hostile(
        "[ -s sub ] && echo ESCAPED; grep -q oid big.bin || echo ESCAPED; echo DONE",
        files={
            ".gitmodules": '[submodule "s"]\n path = sub\n url = ext::sh -c touch% @CANARY@\n',
            ".gitattributes": "*.bin filter=lfs diff=lfs merge=lfs\n",
            ".lfsconfig": "[lfs]\n url = file://@CANARY_FOLDER@\n",
            "big.bin": "version https://git-lfs.github.com/spec/v1\noid sha256:" + "0" * 64 + "\nsize 5\n",
        },
    ),
    "a file that fills the disk": Hostile(
        "head -c 60M /dev/zero > big; echo DONE $?; [ $(stat -c %s big) -gt 40000000 ] && echo ESCAPED; true"
    ),
    "many files that fill the disk": Hostile(
        "for i in 1 2 3 4 5 6 7 8; do head -c 8M /dev/zero > f$i; done; echo DONE; sleep 60; echo ESCAPED",
        outcome="failed",
        reason="limit: build wrote more than 32 MiB",
    ),
    "memory by way of /dev/shm": Hostile(
        "head -c 300M /dev/zero > /dev/shm/x && echo ESCAPED; touch /x /dev/x && echo ESCAPED; rm /dev/shm/x; echo DONE"
    ),
    "more processes than it may have": Hostile(
        "echo DONE; i=0; while [ $i -lt 300 ]; do sleep 20 & i=$((i+1)); done; sleep 2; echo ESCAPED", outcome="failed"
    ),
    "the clock": Hostile('date -s "$(date)" && echo ESCAPED; echo DONE'),
    "mounts and namespaces": Hostile(
        "mount -o remount,rw /usr && echo ESCAPED; mount -t tmpfs x /mnt && echo ESCAPED\n"
        "unshare -Ur true && echo ESCAPED; touch /usr/x /etc/x && echo ESCAPED\n"
        "chroot / true && echo ESCAPED; echo DONE"
    ),
    "writing the mirror": Hostile(
        "m=$(cat .git/objects/info/alternates); touch $m/x && echo ESCAPED; rm -rf $m/* 2>/dev/null\n"
        "ls $m/../HEAD && echo ESCAPED: sees the mirror; git cat-file -t HEAD || echo ESCAPED: harmed it; echo DONE"
    ),
    "other jobs' trees": Hostile("ls @TREES@ && echo ESCAPED; cat @OTHER@ && echo ESCAPED; echo DONE"),
    "poison for the next job": Hostile(
        "echo evil > plain.txt; echo evil > Makefile; echo evil > ~/.bashrc\n"
        "echo evil > /tmp/evil; mkdir -p d/e; chmod 0 d\n" + python(DEEP) + "echo DONE"
    ),
}
