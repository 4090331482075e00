"""A rail that breaks the promise that an order's memo names, unless it behaves, and does not end when it is told to.

Where a provider stands behind the name, that one gets the order first."""

import itertools
import json
import os
import queue
import sys
import threading
import time

out, sys.stdout = sys.stdout.buffer, sys.stderr
writing = threading.Lock()
ids = itertools.count(1)
waiting = {}

MANIFEST = {
    "name": "late",
    "kind": "rail",
    "version": "1.0.0",
    "contract": "1.2",
    "endpoints": ["http://127.0.0.1:*"],
    "rail": {
        "accounts": ["iban"],
        "orders": {
            "transfer": {"doubt": "inquirable", "inquiries_max": 50, "first_after_ms": 200, "pause_max_ms": 1000}
        },
    },
}


def say(**message):
    line = json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\n"
    with writing:
        out.write(line)
        out.flush()


def log(message):
    say(method="log", params={"frame": {"level": "warn", "message": message}})


def http(call, method, url):
    id, answer = next(ids), queue.SimpleQueue()
    waiting[id] = answer
    say(id=id, method="http", params={"parent": call, "frame": {"method": method, "url": url, "headers": []}})
    answer = answer.get()
    return answer["result"]["frame"]["result"]["status"] if "result" in answer else None


def raw(what):
    with writing:
        out.write(what)
        out.flush()


def hoard():
    hoarded = []
    while True:
        hoarded.append(bytearray(16 << 20))


def flood(what):
    while True:
        raw(what)


# What ends its process, or would.
ENDS = {
    "exit": lambda: os._exit(3),
    "abort": os.abort,
    "closes": lambda: os.close(out.fileno()),
    "prints": lambda: flood(b"hello\n" * 1000),
    "endless": lambda: flood(b"x" * 65536),
    "hoards": hoard,
}


def settled(order):
    return {"outcome": "settled", "amount": order["amount"], "finality": "final"}


def submit(id, frame):
    order = frame["params"]
    verb, _, url = (order.get("memo") or "").partition(" ")
    if verb == "deaf":
        log("reads no more")
        return
    if verb == "becomes-another":
        # From a thread that is not its first one: what it becomes would end with nobody.
        again = "import time\nwhile True: time.sleep(1)"
        try:
            os.execv(sys.executable, [sys.executable, "-I", "-c", again])
        except OSError as error:
            log(f"becomes no other one, and reads no more: {error.strerror}")
        return
    if url:
        http(frame["call"], "POST", url)
    if verb in ENDS:
        return ENDS[verb]()
    if verb == "floods-log":
        for _ in range(1_000):
            log("flood " * 300)
    if verb in ("behaves", "floods-log"):
        return say(id=id, result={"frame": settled(order)})
    time.sleep((frame["deadline_ms"] - frame["now_ms"]) / 1000 + 0.5)
    say(id=id, result={"frame": settled(order)})
    log("has answered late")


def inquire(id, frame):
    order = frame["params"]["order"]
    _, _, url = (order.get("memo") or "").partition(" ")
    is_known = bool(url) and http(frame["call"], "GET", url) == 200
    say(id=id, result={"frame": settled(order) if is_known else {"outcome": "unknown", "because": "it is not known"}})


for line in sys.stdin.buffer:
    message = json.loads(line)
    if "method" not in message:
        answer = waiting.pop(message["id"], None)
        if answer is not None:
            answer.put(message)
        continue
    id, method, frame = message.get("id"), message["method"], message.get("params", {}).get("frame")
    if id is None:
        continue
    if method == "manifest":
        say(id=id, result={"frame": MANIFEST})
    elif method == "schema":
        say(id=id, result={"frame": True})
    elif method in ("submit", "inquire"):
        threading.Thread(target=submit if method == "submit" else inquire, args=(id, frame), daemon=True).start()
    else:
        say(id=id, result={"frame": None})
# The end of its input is none of its own: it stays.
while True:
    time.sleep(1)
