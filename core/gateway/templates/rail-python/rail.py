"""The rail my-plugin: orders over HTTP.

One file, since one file is what is signed, and Python's standard library alone. Its parts: what the rail says of itself; the
bank, what it wants to hear and what it answers, which is the part to change; and the loop that speaks with the gateway,
which stays as it is. docs/PLUGINS.md of the repository, "In any language", has the protocol.
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
    "name": "my-plugin",
    "kind": "rail",
    "version": "0.1.0",
    "contract": "1.0",
    "description": "Transfers at a bank that speaks JSON over HTTP",
    "endpoints": ["https://*", "http://127.0.0.1:*"],
    "secrets": ["token"],
    "rail": {
        "currencies": ["EUR"],
        "accounts": ["iban"],
        # The bank remembers a key for a day: what is in doubt is sent again, under the same one.
        "orders": {kind: {"doubt": "idempotent", "for_ms": DAY_MS} for kind in ("transfer", "pay_out")},
    },
}
# What the operator writes under [rails.NAME.settings]. The secret `token` stands there too, and is asked of the host.
SETTINGS = {
    "type": "object",
    "properties": {"base_url": {"type": "string", "description": "The bank's address, as https://api.bank.example/v1"}},
    "required": ["base_url"],
    "additionalProperties": False,
}

# ---- The bank: the part to change -----------------------------------------------------------------------------------

# What a code of the bank's means (here those of ISO 20022), and whether another rail may answer differently.
REASONS = {
    "AC01": ("there is no such account", False),
    "AC04": ("the account is closed", False),
    "AC06": ("the account is blocked", False),
    "AM02": ("the amount is not allowed", True),
    "AM04": ("there is not enough money on the account", True),
    "AG01": ("this account does not take part", True),
}


class Rail:
    def __init__(self, settings, host):
        self.base_url = settings["base_url"].rstrip("/")
        if not self.base_url.startswith(("https://", "http://127.0.0.1:")):
            raise failure("settings", "bad_settings", "`base_url` must begin with https://")
        # Without it nothing could ever be ordered: so the operator hears of that at the start.
        self.token = host.secret("token")

    def submit(self, order, host):
        """Carries an order out. It may come again under the same key: the bank remembers keys, and does it once."""
        transfer = {
            "from": order["debtor"]["account"],
            "to": order["creditor"]["account"],
            # In minor units: cents of a euro. Money is never a float.
            "amount_minor": order["amount"]["minor"],
            "currency": order["amount"]["currency"],
            "memo": order.get("memo"),
        }
        return self.outcome(order, *self.ask(host, "PUT", order, json.dumps(transfer).encode()))

    def inquire(self, inquiry, host):
        """Asks what became of an order. Carries nothing out."""
        order = inquiry["order"]
        return self.outcome(order, *self.ask(host, "GET", order))

    def ask(self, host, method, order, body=b""):
        headers = [["authorization", f"Bearer {self.token}"], ["content-type", "application/json"]]
        return host.http(method, f"{self.base_url}/transfers/{order['key']}", headers, body)

    def outcome(self, order, status, body):
        """What an answer means for the money. Whatever is not certain is unknown: then the gateway sends the same order
        again, under the same key, and nobody is paid twice."""
        try:
            answer = json.loads(body)
        except (ValueError, RecursionError):
            answer = None
        if status not in (200, 201) or not isinstance(answer, dict):
            return {"outcome": "unknown", "because": f"the bank answered with {status}, and nothing that is agreed"}
        state, reference, code = answer.get("state"), str(answer.get("id")), str(answer.get("code"))
        if state == "booked" and answer.get("amount_minor") == order["amount"]["minor"]:
            return {"outcome": "settled", "amount": order["amount"], "reference": reference, "finality": "final"}
        if state == "pending":
            return {"outcome": "pending", "reference": reference, "detail": "the bank has it", "ask_after_ms": 2000}
        if state == "refused" and code in REASONS:
            reason, elsewhere = REASONS[code]
            return {"outcome": "declined", "code": code, "reason": reason, "elsewhere": elsewhere}
        return {"outcome": "unknown", "because": f"the bank said {state!r} {code}, which is in no table"}


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
