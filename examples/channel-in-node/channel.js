// A channel in JavaScript, for Node.js 18 and later: signed webhooks in, one POST out. No packages.
//
// Three parts, in one file, since one file is what is signed: what the channel says of itself, the channel, and the loop
// that speaks with the gateway. docs/PLUGINS.md, "In any language", has the protocol.
//
// The provider delivers {"id": "1", "from": "anna", "text": "pay @paolo 5 €", "private": true}, signed by the hex
// HMAC-SHA256 of the body in `x-board-signature`: the gateway has verified that before this code sees it.
"use strict";

// ---- What the channel says of itself --------------------------------------------------------------------------------

const MANIFEST = {
  name: "channel-in-node",
  kind: "channel",
  version: "1.0.0",
  contract: "1.2",
  description: "A message board that speaks JSON",
  endpoints: ["https://*", "http://127.0.0.1:*"],
  secrets: ["webhook_secret", "token"],
  webhook: {
    signature: { scheme: "hmac", hash: "sha256", header: "x-board-signature", encoding: "hex", secret: "webhook_secret" },
  },
  channel: { scheme: "board", message_ids: "strong", senders: "strong", own_name_setting: "name" },
};

const SETTINGS = {
  type: "object",
  properties: {
    name: { type: "string", description: "The gateway's own name on the board" },
    url: { type: "string", description: "Where notes go, as JSON by POST" },
  },
  required: ["name", "url"],
  additionalProperties: false,
};

// ---- The channel ----------------------------------------------------------------------------------------------------

class Channel {
  static async open(settings, host) {
    const channel = new Channel();
    channel.settings = settings;
    channel.token = await host.secret("token");
    return channel;
  }

  async send(note, host) {
    if (![note?.key, note?.to, note?.text].every((field) => typeof field === "string")) {
      throw new Failure("input", "bad_frame", "`key`, `to` and `text` of a note are texts");
    }
    const body = { key: note.key, to: note.to, text: note.text, private: note.private, reply_to: note.reply_to };
    const { status } = await host.http("POST", this.settings.url, JSON.stringify(body), {
      authorization: `Bearer ${this.token}`,
      "content-type": "application/json",
    });
    if (status < 200 || status > 299) {
      throw new Failure("provider", "status", `the board answered with ${status}`, 1000);
    }
    return { id: note.key, fell_back: false };
  }

  async webhook(request, body, host) {
    let said;
    try {
      said = JSON.parse(body.toString("utf8"));
    } catch {
      said = null;
    }
    const { id, from, text } = said ?? {};
    if (![id, from, text].every((field) => typeof field === "string" && field !== "")) {
      throw new Failure("input", "bad_delivery", "`id`, `from` and `text` are texts");
    }
    // Durable when this returns, and only then answered: until then the provider delivers again.
    await host.message({ id, first_id: id, from: `board:${from}`, text, private: said.private === true });
    return { status: 200, headers: [] };
  }
}

// ---- The loop, the same for every plugin ----------------------------------------------------------------------------

const waiting = new Map(); // our open questions: id -> what takes the answer
let lastId = 0;

class Failure extends Error {
  // Whose fault (settings, input, provider, plugin), a code to branch on, a sentence, and when it may be tried again.
  constructor(source, code, message, afterMs) {
    super(message);
    const retry = afterMs === undefined ? { retry: "never" } : { retry: "later", after_ms: afterMs };
    this.data = { source, retry, code, message };
  }
}

// The host, on behalf of one call.
class Host {
  constructor(frame) {
    this.call = frame.call;
  }

  ask(method, frame, body) {
    const id = ++lastId;
    const params = { parent: this.call, frame };
    if (body !== undefined && body.length > 0) params.body = Buffer.from(body).toString("base64");
    return new Promise((resolve, reject) => {
      waiting.set(id, { resolve, reject });
      say({ id, method, params });
    });
  }

  async http(method, url, body, headers) {
    const { result, body: answer } = await this.ask("http", { method, url, headers: Object.entries(headers) }, body);
    return { status: result.status, body: answer };
  }

  async secret(name) {
    return (await this.ask("secret", { name })).result.value;
  }

  async message(message) {
    return (await this.ask("message", message)).result;
  }
}

// Half of a surrogate pair, which JSON lets in and a line in UTF-8 cannot hold, goes out as U+FFFD.
const whole = (_, value) => (typeof value === "string" ? value.replace(/\p{Surrogate}/gu, "\ufffd") : value);

function say(message) {
  process.stdout.write(JSON.stringify({ jsonrpc: "2.0", ...message }, whole) + "\n");
}

function check(settings) {
  const wrong = (key, why) => new Failure("settings", "bad_settings", `\`${key}\`: ${why}`);
  for (const [key, value] of Object.entries(settings)) {
    const known = SETTINGS.properties[key];
    if (known === undefined) throw wrong(key, "there is no such setting");
    if (typeof value !== known.type) throw wrong(key, `is not a ${known.type}`);
  }
  const missing = SETTINGS.required.find((key) => !(key in settings));
  if (missing !== undefined) throw wrong(missing, "is missing");
}

let channel = null;

async function answer(method, { frame, body }) {
  if (method === "manifest") return MANIFEST;
  if (method === "schema") return SETTINGS;
  if (method === "open") {
    check(frame.params.settings);
    channel = await Channel.open(frame.params.settings, new Host(frame));
    return null;
  }
  if (method === "run") return null; // there is nothing that this channel does by itself
  if (!["send", "webhook", "close"].includes(method)) {
    throw new Failure("plugin", "unsupported", `\`${method}\` is not offered here`);
  }
  if (channel === null) throw new Failure("plugin", "not_open", "the plugin is not open");
  if (method === "send") return channel.send(frame.params, new Host(frame));
  if (method === "webhook") return channel.webhook(frame.params, Buffer.from(body ?? "", "base64"), new Host(frame));
  channel = null;
  return null;
}

async function serve({ id, method, params }) {
  try {
    say({ id, result: { frame: await answer(method, params) } });
  } catch (error) {
    if (error instanceof Failure) {
      const code = error.data.code === "unsupported" ? -32601 : -32000;
      say({ id, error: { code, message: error.message, data: error.data } });
    } else {
      // A defect: for people on standard error, and for the host without what may be secret.
      console.error(error);
      say({ id, error: { code: -32000, message: "the plugin failed, see its log" } });
    }
  }
}

function hear(line) {
  const message = JSON.parse(line);
  if (message.method === undefined) {
    const asked = waiting.get(message.id);
    waiting.delete(message.id);
    if (asked === undefined) return;
    if (message.error !== undefined) {
      asked.reject(Object.assign(new Failure("host", "", message.error.message), { data: message.error.data }));
    } else {
      asked.resolve({ result: message.result.frame.result, body: Buffer.from(message.result.body ?? "", "base64") });
    }
  } else if (message.method === "$/ping") {
    say({ id: message.id, result: {} });
  } else if (message.id !== undefined) {
    serve(message);
  }
}

console.log = console.error; // standard output is for the protocol alone
let rest = [];
process.stdin.on("data", (chunk) => {
  let from = 0;
  for (let end = chunk.indexOf(10); end !== -1; end = chunk.indexOf(10, from)) {
    rest.push(chunk.subarray(from, end));
    const line = Buffer.concat(rest).toString("utf8");
    rest = [];
    from = end + 1;
    hear(line);
  }
  rest.push(chunk.subarray(from));
});
process.stdin.on("end", () => process.exit(0));
