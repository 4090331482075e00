"""Reads messages and writes them again with PyPI's pyiso8583: one JSON object a line, in and out."""

import json
import sys

import iso8583
from iso8583.specs import default, default_ascii

SPECS = {"binary": default, "hex": default_ascii}

for line in sys.stdin:
    asked = json.loads(line)
    spec = SPECS[asked["coding"]]
    fields, _ = iso8583.decode(bytes.fromhex(asked["octets"]), spec)
    # Bitmaps are made anew from the fields that are there.
    for bitmap in ("h", "p", "1"):
        fields.pop(bitmap, None)
    octets, _ = iso8583.encode(dict(fields), spec)
    print(json.dumps({"fields": fields, "octets": octets.hex()}), flush=True)
