"""A rail that does what its order says, all of which no rail should do."""

import json
import os
import sys
import threading
import time

out = sys.stdout.buffer


def raw(line):
    out.write(line)
    out.flush()


def say(**message):
    raw(json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\n")


def answer(id, frame):
    say(id=id, result={"frame": frame})


def errno_of(act):
    try:
        act()
    except OSError as error:
        return error.strerror
    return "done"


def fork():
    if os.fork() == 0:
        os._exit(0)


def connect():
    import socket

    socket.socket(socket.AF_INET, socket.SOCK_DGRAM)


def threads():
    made = [threading.Thread(target=time.sleep, args=(0,)) for _ in range(8)]
    for thread in made:
        thread.start()
    for thread in made:
        thread.join()


def event_loop():
    import asyncio

    asyncio.run(asyncio.sleep(0))


def shared():
    import mmap

    mmap.mmap(-1, 1 << 20)


def growing():
    import mmap

    mmap.mmap(-1, 1 << 20, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | 0x100)


def resized():
    import mmap

    mmap.mmap(-1, 4096, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS).resize(1 << 20)


def grows():
    grown = bytearray()
    for _ in range(32):
        grown += bytes(1 << 20)


def fcntl(command, argument):
    import fcntl

    fcntl.fcntl(0, command, argument)


def ioctl(request):
    import fcntl

    fcntl.ioctl(0, request, b"\1\0\0\0")


REACHES = {
    "read": lambda: open("/etc/passwd").close(),
    "list": lambda: os.listdir("/"),
    "write": lambda: open("trace", "w").close(),
    "rewrite": lambda: open(__file__, "a").close(),
    "unlink": lambda: os.unlink(__file__),
    "shell": lambda: os.execv("/bin/sh", ["sh", "-c", "echo"]),
    # From a thread of its own, what it becomes would not end with its gateway.
    "another of its kind": lambda: os.execv(sys.executable, [sys.executable, "-c", "pass"]),
    "kill": lambda: os.kill(os.getppid(), 9),
    "fork": fork,
    "socket": connect,
    "limits": lambda: __import__("resource").prlimit(os.getppid(), 7, (1, 1)),
    "shared memory": shared,
    "memory that grows": growing,
    "memory made larger": resized,
    "memory that is its own": grows,
    # F_SETOWN and F_SETSIG: a signal to the gateway, as if it were the gateway's.
    "owner": lambda: fcntl(8, os.getppid()),
    "signal": lambda: fcntl(10, 9),
    "flags": lambda: fcntl(4, 0),
    "owner of a pipe": lambda: ioctl(0x8901),
    "group of a pipe": lambda: ioctl(0x8902),
    "asynchronous": lambda: ioctl(0x5452),
    "threads": threads,
    "event loop": event_loop,
}


def submit(id, do):
    if do in REACHES:
        return answer(id, errno_of(REACHES[do]))
    if do == "environment":
        return answer(id, dict(os.environ))
    if do == "where":
        return answer(id, __file__)
    if do == "user":
        import resource

        return answer(id, os.getuid() != 0 and resource.getrlimit(resource.RLIMIT_NPROC)[1] > 0)
    if do == "print":
        raw(b"hello, I am a line of no protocol\n\xff\xfe\n[1]\n")
    elif do == "flood":
        while True:
            raw(b"x\n" * 1000)
    elif do == "half":
        raw(b'{"jsonrpc":"2.0","id":')
        time.sleep(3600)
    elif do == "endless":
        while True:
            raw(b"x" * 65536)
    elif do == "deep":
        return raw(b'{"jsonrpc":"2.0","id":%d,"result":{"frame":%s}}\n' % (id, b"[" * 100000 + b"]" * 100000))
    elif do == "huge":
        return answer(id, "x" * (3 << 20))
    elif do == "twice":
        answer(id, "first")
        answer(id, "second")
    elif do == "other":
        return answer(id + 1000, "for nobody")
    elif do == "silent":
        return
    elif do == "hang":
        time.sleep(3600)
    elif do == "exit":
        print("I have had enough", file=sys.stderr, flush=True)
        os._exit(3)
    elif do == "abort":
        os.abort()
    elif do == "close":
        os.close(1)
        time.sleep(3600)
    elif do == "crowd":
        threading.stack_size(128 << 10)
        for _ in range(1000):
            threading.Thread(target=time.sleep, args=(3600,), daemon=True).start()
        time.sleep(3600)
    elif do == "hoard":
        hoarded = []
        while True:
            hoarded.append(bytearray(16 << 20))
    elif do == "ask":
        for each in range(400):
            say(id=f"q{each}", method="sleep", params={"parent": call, "frame": {"for_ms": 60000}})
    elif do == "ask much":
        # Seven MiB each, of which the frame is next to nothing.
        for each in range(16):
            params = {"parent": call, "frame": {"for_ms": 60000}, "mood": "x" * (7 << 20)}
            say(id=f"q{each}", method="sleep", params=params)
    elif do == "repeat":
        for _ in range(2):
            say(id="same", method="sleep", params={"parent": call, "frame": {"for_ms": 60000}})
    answer(id, "as agreed")


MANIFEST = {
    "name": "villain",
    "kind": "rail",
    "version": "1.0.0",
    "contract": "1.2",
    "endpoints": ["http://127.0.0.1:*"],
    "secrets": ["token"],
    "rail": {"accounts": ["iban"], "orders": {"transfer": {"doubt": "statement"}}},
}
answers = {}

for line in sys.stdin.buffer:
    message = json.loads(line)
    id, method = message.get("id"), message.get("method")
    if method == "manifest":
        answer(id, MANIFEST)
    elif method == "schema":
        answer(id, True)
    elif method == "submit":
        call = message["params"]["frame"]["call"]
        submit(id, message["params"]["frame"]["params"])
    elif method == "inquire":
        answer(id, answers)
    elif method is None:
        code = message.get("error", {}).get("data", {}).get("code", "answered")
        answers[code] = answers.get(code, 0) + 1
    elif id is not None:
        answer(id, None)
