"""The process in which code of a model is run, by `examples`: nothing of this package is imported here.

What it may do is taken from it before the code begins, by means that need no rights on Linux (5.13 and later):

- Landlock: it reads Python's own files and the system's libraries, writes to its own folder, and that is all;
- seccomp: no network, no new process, no signal to others, no tracing;
- limits: time, memory, size and number of files.

It shares the kernel with all else: an error in the kernel is no boundary, and a virtual machine would be. It can use up
one core for its time, and could say that it ended well where it finds out how that is told.
"""

import contextlib
import ctypes
import doctest
import io
import json
import os
import platform
import resource
import struct
import sys

_SYSCALLS = {  # by machine: its mark, clone, and what is refused, by what it would do
    "x86_64": (
        0xC000003E,
        56,
        {
            41,
            53,
            425,
            426,
            427,  # sockets, and what opens some
            57,
            58,
            59,
            322,
            435,  # processes, programs
            62,
            129,
            200,
            297,
            424,
            141,
            302,  # signals, priorities and limits of others
            101,
            310,
            311,
            321,
            298,
            250,
            248,
            249,  # tracing, other memory, keys
            165,
            272,
            308,
            161,  # mounts and namespaces
            29,
            30,
            64,
            68,
            240,  # memory and queues that processes share
            76,
            90,
            91,
            92,
            93,
            94,
            132,
            188,
            189,
            190,
            235,
            260,
            261,
            268,
            280,
            452,  # what Landlock leaves open of files
        },
    ),
    "aarch64": (
        0xC00000B7,
        220,
        {
            198,
            199,
            425,
            426,
            427,
            221,
            281,
            435,
            129,
            130,
            138,
            240,
            424,
            140,
            261,
            117,
            270,
            271,
            280,
            241,
            217,
            218,
            219,
            40,
            97,
            268,
            51,
            194,
            196,
            190,
            186,
            180,
            45,
            5,
            6,
            7,
            52,
            53,
            54,
            55,
            88,
            452,
        },
    ),
}
_THREAD, _CLONE3 = 0x00010000, 435
_READ = 0b1 << 2 | 0b1 << 3  # of files and of folders, in Landlock's words
_EVERY_RIGHT = (13, 14, 15, 15, 16, 16)  # of files, by Landlock's version; later ones have no more
_TCP, _SCOPES = 0b11, 0b11  # to bind and to connect; signals, and sockets without a file
_SYSTEM = ("/usr/lib", "/usr/lib64", "/usr/local/lib", "/lib", "/lib64", "/dev/null", "/dev/urandom", "/etc/localtime")
_NO_NEW_PRIVILEGES, _SECCOMP, _FILTER = 38, 22, 2
_libc = ctypes.CDLL(None, use_errno=True)


def _checked(result: int, what: str) -> int:
    if result < 0:
        raise OSError(ctypes.get_errno(), f"{what} is not to be had")
    return result


def _close_files() -> None:
    """By Landlock: all that is not named here can be neither read nor written."""
    version = _checked(_libc.syscall(444, None, 0, 1), "Landlock")
    rights = (1 << _EVERY_RIGHT[min(version, len(_EVERY_RIGHT)) - 1]) - 1
    handled = struct.pack("QQQ", rights, _TCP, _SCOPES)[: 24 if version >= 6 else 8]
    rules = _checked(_libc.syscall(444, handled, ctypes.c_size_t(len(handled)), 0), "Landlock")
    readable = {sys.prefix, sys.base_prefix, *_SYSTEM}
    for path, allowed in [*((path, _READ) for path in readable), (os.getcwd(), rights & ~1)]:
        with contextlib.suppress(FileNotFoundError):
            place = os.open(path, os.O_PATH | os.O_CLOEXEC)
            allowed &= rights if os.path.isdir(path) else _READ & ~(1 << 3)
            rule = struct.pack("=Qi", allowed, place)
            _checked(_libc.syscall(445, rules, 1, rule, 0), "Landlock")
            os.close(place)
    _checked(_libc.syscall(446, rules, 0), "Landlock")
    os.close(rules)


def _close_calls() -> None:
    """By seccomp: a program in the kernel's own little language that refuses these calls."""
    mark, clone, refused = _SYSCALLS[platform.machine()]
    load, equal, any_bit, more, answer = 0x20, 0x15, 0x45, 0x35, 0x06
    refuse, unknown, allow = 0x00050001, 0x00050026, 0x7FFF0000  # EPERM; ENOSYS, for which there is another way
    calls = sorted(refused - {_CLONE3})
    steps = [(load, 0, 0, 4), (equal, 1, 0, mark), (answer, 0, 0, refuse), (load, 0, 0, 0)]
    steps += [(more, 0, 1, 0x40000000), (answer, 0, 0, refuse)]  # calls of another kind of program
    for call in calls:
        steps += [(equal, 0, 1, call), (answer, 0, 0, refuse)]
    steps += [(equal, 0, 1, _CLONE3), (answer, 0, 0, unknown)]
    steps += [(equal, 0, 3, clone), (load, 0, 0, 16), (any_bit, 1, 0, _THREAD), (answer, 0, 0, refuse)]
    steps += [(answer, 0, 0, allow)]
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *step) for step in steps))
    program = ctypes.create_string_buffer(struct.pack("HxxxxxxP", len(steps), ctypes.addressof(code)))
    _checked(_libc.prctl(_SECCOMP, _FILTER, program, 0, 0), "seccomp")


def _limit(seconds: int, memory: int) -> None:
    limits = {"CPU": seconds, "AS": memory, "FSIZE": 2**20, "NOFILE": 32, "CORE": 0}
    for name, most in limits.items():
        resource.setrlimit(getattr(resource, f"RLIMIT_{name}"), (most, most))


def _run(given: dict) -> None:
    names = {"__name__": "__main__"}
    with contextlib.redirect_stdout(io.StringIO()):
        for part in (given["code"], *given["asserted"]):
            exec(compile(part, "<answer>", "exec"), names)
        for text in (given["told"], given["code"]):
            test = doctest.DocTestParser().get_doctest(text, names, "<example>", None, 0)
            said = io.StringIO()
            if doctest.DocTestRunner(verbose=False).run(test, out=said.write, clear_globs=False).failed:
                raise AssertionError(" ".join(said.getvalue().strip("*\n ").split())[:200])


def main() -> None:
    """Runs what stands in the standard input, and says with the given word that all of it was run."""
    given = json.loads(sys.stdin.read())
    _limit(given["seconds"], given["memory"])
    _checked(_libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0), "no_new_privs")
    _close_files()
    _close_calls()
    try:
        _run(given)
    except BaseException as error:
        sys.exit(" ".join(f"{type(error).__name__}: {error}".split()).removesuffix(":"))
    print(given["token"], flush=True)
    os._exit(0)


if __name__ == "__main__":
    main()
