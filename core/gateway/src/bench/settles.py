import json
import sys

MANIFEST = {
    "name": "settles",
    "kind": "rail",
    "version": "1.0.0",
    "contract": "1.2",
    "rail": {"accounts": ["iban"], "orders": {"transfer": {"doubt": "statement"}}},
}
for line in sys.stdin.buffer:
    message = json.loads(line)
    if "id" not in message:
        continue
    frame, method = message["params"]["frame"], message["method"]
    answer = {"manifest": MANIFEST, "schema": True}.get(method)
    if method == "submit":
        order = frame["params"]
        answer = {"outcome": "settled", "amount": order["amount"], "reference": order["key"], "finality": "final"}
    line = json.dumps({"jsonrpc": "2.0", "id": message["id"], "result": {"frame": answer}})
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
