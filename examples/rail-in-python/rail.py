"""A rail in Python: moves money at a bank that speaks JSON over HTTP.

Three parts, in one file, since one file is what is signed: what the rail says of itself, the rail, and the loop that
speaks with the gateway. The standard library is all it needs. docs/PLUGINS.md, "In any language", has the protocol.

The bank: PUT {bank}/transfers/KEY carries a transfer out, once for each key, however often it comes; GET tells of it.
Both answer {"state": "booked" | "pending" | "refused", "id": "…", "reason": "…"}.
"""

import base64
import itertools
import json
import os
import queue
import sys
import threading
import traceback
from concurrent.futures import ThreadPoolExecutor

# ---- What the rail says of itself -----------------------------------------------------------------------------------

DAY_MS = 24 * 3600 * 1000
MANIFEST = {
    "name": "rail-in-python",
    "kind": "rail",
    "version": "1.0.0",
    "contract": "1.2",
    "description": "Transfers at a bank that speaks JSON",
    "endpoints": ["https://*", "http://127.0.0.1:*"],
    "secrets": ["token"],
    "rail": {
        "currencies": ["EUR"],
        "accounts": ["iban"],
        # The bank remembers a key for a day: what is in doubt is sent again, under the same one.
        "orders": {kind: {"doubt": "idempotent", "for_ms": DAY_MS} for kind in ("transfer", "pay_out")},
    },
}
SETTINGS = {
    "type": "object",
    "properties": {"bank": {"type": "string", "description": "Where the bank is: https://bank.example/v1"}},
    "required": ["bank"],
    "additionalProperties": False,
}

# ---- The rail -------------------------------------------------------------------------------------------------------


class Rail:
    def __init__(self, settings, host):
        self.bank = settings["bank"].rstrip("/")
        self.token = host.secret("token")

    def submit(self, order, host):
        transfer = {
            "from": order["debtor"]["account"],
            "to": order["creditor"]["account"],
            "amount_minor": order["amount"]["minor"],
            "currency": order["amount"]["currency"],
            "memo": order.get("memo"),
        }
        return self.outcome(order, *self.ask(host, "PUT", order, transfer))

    def inquire(self, inquiry, host):
        order = inquiry["order"]
        return self.outcome(order, *self.ask(host, "GET", order))

    def ask(self, host, method, order, body=None):
        headers = [["authorization", f"Bearer {self.token}"], ["content-type", "application/json"]]
        body = b"" if body is None else json.dumps(body).encode()
        return host.http(method, f"{self.bank}/transfers/{order['key']}", headers, body)

    def outcome(self, order, status, body):
        """What the bank said, as an outcome. Whatever is not certain is unknown: the order may have been carried out."""
        try:
            answer = json.loads(body)
        except (ValueError, RecursionError):
            answer = None
        state = answer.get("state") if status in (200, 201) and isinstance(answer, dict) else None
        reference = answer.get("id") if state else None
        if state == "booked":
            return {"outcome": "settled", "amount": order["amount"], "reference": reference, "finality": "final"}
        if state == "pending":
            return {"outcome": "pending", "reference": reference, "detail": "the bank has it", "ask_after_ms": 2000}
        if state == "refused":
            reason = str(answer.get("reason") or "the bank gave no reason")
            return {"outcome": "declined", "code": "refused", "reason": reason, "elsewhere": True}
        return {"outcome": "unknown", "because": f"the bank answered with {status}, and nothing that is agreed"}


OPENS, OFFERS = Rail, ("submit", "inquire")

# ---- The loop, the same for every plugin ----------------------------------------------------------------------------

out, sys.stdout = sys.stdout.buffer, sys.stderr  # whatever prints, prints for people
writing = threading.Lock()
ids = itertools.count(1)
waiting = {}  # our open questions: id -> where the answer goes


class Failure(Exception):
    """What did not work, as it crosses: our own, or one that the host answered with."""

    def __init__(self, data):
        self.data = data


def failure(source, code, message, after_ms=None):
    """Whose fault (settings, input, provider, plugin), a code to branch on, a sentence, and when it may be tried again."""
    retry = {"retry": "never"} if after_ms is None else {"retry": "later", "after_ms": after_ms}
    return Failure({"source": source, "retry": retry, "code": code, "message": message})


class Host:
    """The host, on behalf of one call. `body` is what came beside that: the bytes of a delivery."""

    def __init__(self, params):
        self.call = params["frame"]["call"]
        self.body = base64.b64decode(params.get("body", ""))

    def ask(self, method, frame, body=b""):
        id, answer = next(ids), queue.SimpleQueue()
        waiting[id] = answer
        say(id=id, method=method, params=with_body({"parent": self.call, "frame": frame}, body))
        answer = answer.get()
        if "error" in answer:
            raise Failure(answer["error"]["data"])
        return answer["result"]["frame"]["result"], base64.b64decode(answer["result"].get("body", ""))

    def http(self, method, url, headers, body=b""):
        head, body = self.ask("http", {"method": method, "url": url, "headers": headers}, body)
        return head["status"], body

    def secret(self, name):
        return self.ask("secret", {"name": name})[0]["value"]

    def message(self, message):
        return self.ask("message", message)[0]


def with_body(params, body):
    return {**params, "body": base64.b64encode(body).decode()} if body else params


def say(**message):
    # Half of a surrogate pair, which JSON lets in and a line in UTF-8 cannot hold, goes out as a question mark.
    line = json.dumps({"jsonrpc": "2.0", **message}, ensure_ascii=False).encode("utf-8", "replace") + b"\n"
    with writing:  # one line at a time, whatever thread it comes from
        out.write(line)
        out.flush()


def check(settings):
    for key, value in settings.items():
        known = SETTINGS["properties"].get(key)
        if known is None:
            raise failure("settings", "bad_settings", f"`{key}`: there is no such setting")
        if not isinstance(value, {"string": str, "integer": int, "boolean": bool}[known["type"]]):
            raise failure("settings", "bad_settings", f"`{key}`: is not a {known['type']}")
    for key in SETTINGS["required"]:
        if key not in settings:
            raise failure("settings", "bad_settings", f"`{key}`: is missing")


class Plugin:
    opened = None

    def answer(self, method, params):
        asked = params["frame"]["params"]
        if method == "manifest":
            return MANIFEST
        if method == "schema":
            return SETTINGS
        if method == "open":
            check(asked["settings"])
            self.opened = OPENS(asked["settings"], Host(params))
        elif method in OFFERS:
            if self.opened is None:
                raise failure("plugin", "not_open", "the plugin is not open")
            return getattr(self.opened, method)(asked, Host(params))
        elif method == "close":
            self.opened = None
        elif method != "run":  # there is nothing that this plugin does by itself
            raise failure("plugin", "unsupported", f"`{method}` is not offered here")

    def serve(self, request):
        try:
            say(id=request["id"], result={"frame": self.answer(request["method"], request["params"])})
        except Failure as failed:
            code = -32601 if failed.data["code"] == "unsupported" else -32000
            say(id=request["id"], error={"code": code, "message": failed.data["message"], "data": failed.data})
        except Exception:  # a defect: for people on standard error, and for the host without what may be secret
            traceback.print_exc()
            say(id=request["id"], error={"code": -32000, "message": "the plugin failed, see its log"})


def main():
    plugin, threads = Plugin(), ThreadPoolExecutor(max_workers=72)
    for line in sys.stdin.buffer:
        message = json.loads(line)
        if "method" not in message:
            answer = waiting.pop(message["id"], None)
            if answer is not None:
                answer.put(message)
        elif message["method"] == "$/ping":
            say(id=message["id"], result={})
        elif "id" in message:
            threads.submit(plugin.serve, message)
    os._exit(0)  # standard input has ended: nobody waits for what is under way


if __name__ == "__main__":
    main()
