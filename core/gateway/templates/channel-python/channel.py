"""The channel my-plugin: signed webhooks in, notes out by POST.

One file, since one file is what is signed, and Python's standard library alone. Its parts: what the channel says of itself;
the provider, what it delivers and what it wants to hear, which is the part to change; and the loop that speaks with the
gateway, which stays as it is. docs/PLUGINS.md of the repository, "In any language", has the protocol.
"""

import base64
import itertools
import json
import os
import queue
import re
import sys
import threading
import traceback
from concurrent.futures import ThreadPoolExecutor

# ---- What the channel says of itself --------------------------------------------------------------------------------

SCHEME = "my-plugin"  # of this channel's handles: my-plugin:1001
MANIFEST = {
    "name": "my-plugin",
    "kind": "channel",
    "version": "0.1.0",
    "contract": "1.0",
    "description": "Signed webhooks in, notes out by POST",
    "endpoints": ["https://*", "http://127.0.0.1:*"],
    "secrets": ["webhook_secret"],
    # The host verifies, and this code sees nothing that was not verified.
    "webhook": {
        "signature": {
            "scheme": "hmac",
            "hash": "sha256",
            "header": "x-signature-256",
            "prefix": "sha256=",
            "encoding": "hex",
            "secret": "webhook_secret",
        }
    },
    "channel": {"scheme": SCHEME, "message_ids": "strong", "senders": "strong", "own_name_setting": "name"},
}
# What the operator writes under [channels.NAME.settings]. The secret `webhook_secret` stands there too.
SETTINGS = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "description": "The gateway's own name on this channel, without an @"},
        "notes_url": {"type": "string", "description": "Where notes go. Without it they go nowhere"},
    },
    "required": [],
    "additionalProperties": False,
}

# ---- The provider: the part to change -------------------------------------------------------------------------------

# Who wrote: an id that never changes hands, and no name.
SENDER = re.compile("(?!@)[!-~]{1,100}")
# How people call one another: a label, which may be another's tomorrow.
NAME = re.compile("[A-Za-z0-9_]{1,100}")


class Channel:
    def __init__(self, settings, host):
        if settings.get("name", "").startswith("@"):
            raise failure("settings", "bad_settings", "`name` stands without its @")
        self.notes_url = settings.get("notes_url")

    def webhook(self, request, host):
        """A delivery, {"id": "1", "from": "1001", "text": "pay @paolo 5 €", "private": true, "mentions": [{"name": "paolo",
        "id": "1002"}]}. What `message` returned for is durable, and only then is the delivery answered: until then the
        provider delivers it again."""
        try:
            said = json.loads(host.body)
        except (ValueError, RecursionError):
            said = None
        if not isinstance(said, dict):
            raise failure("input", "bad_delivery", "it is no message")
        # The provider's own id of the message makes it one payment however often it comes.
        id, sender, text = (said.get(field) for field in ("id", "from", "text"))
        if not all(isinstance(field, str) and field for field in (id, sender, text)):
            raise failure("input", "bad_delivery", "`id`, `from` and `text` are texts")
        if not SENDER.fullmatch(sender):
            raise failure("input", "bad_delivery", "`from` is no id; names, with an @, change hands")
        private = said.get("private") is True
        # Who is paid by a name is whoever the provider says that it stood for when this was written.
        mentions = said.get("mentions", [])
        if not isinstance(mentions, list):
            raise failure("input", "bad_delivery", "`mentions` is a list")
        mentions = [self.mention(one) for one in mentions]
        message = {"id": id, "first_id": id, "from": f"{SCHEME}:{sender}", "text": text, "private": private}
        host.message({**message, "mentions": mentions})
        return {"status": 200, "headers": []}

    def mention(self, one):
        name, id = (one.get("name"), one.get("id")) if isinstance(one, dict) else (None, None)
        if not isinstance(name, str) or not isinstance(id, str) or not NAME.fullmatch(name) or not SENDER.fullmatch(id):
            raise failure("input", "bad_delivery", "a mention has a `name`, without its @, and the `id` that it stands for")
        return {"name": f"{SCHEME}:@{name}", "handle": f"{SCHEME}:{id}"}

    def send(self, note, host):
        """Says that a note was sent only where the provider has taken it: once for each key, however often it comes."""
        body = {
            "to": note["to"].partition(":")[2],
            "text": note["text"],
            "private": note["private"],
            "reply_to": note.get("reply_to"),
        }
        if self.notes_url is None:
            return {"id": None, "fell_back": False}
        headers = [["idempotency-key", note["key"]], ["content-type", "application/json"]]
        status, _ = host.http("POST", self.notes_url, headers, json.dumps(body).encode())
        if 200 <= status <= 299:
            return {"id": note["key"], "fell_back": False}
        if status in (400, 404, 410, 422):
            # Nobody is there, or the note is none that can be sent: the same again would fail the same.
            raise failure("provider", "refused", f"the note was answered with {status}")
        raise failure("provider", "status", f"the note was answered with {status}", after_ms=1000)


OPENS, OFFERS = Channel, ("send", "webhook")

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
