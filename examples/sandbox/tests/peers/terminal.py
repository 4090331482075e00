"""A terminal on pyiso8583, an implementation that has nothing to do with the sandbox's.

Usage: terminal.py HOST PORT (binary | hex). It signs on, authorizes, captures in part, collects, reverses, refunds, echoes
and signs off, and prints the answers as JSON, one a line.
"""

import copy
import json
import socket
import struct
import sys

import iso8583
from iso8583.specs import default, default_ascii

HOST, PORT, BITMAP = sys.argv[1], int(sys.argv[2]), sys.argv[3]
SPEC = copy.deepcopy(default if BITMAP == "binary" else default_ascii)
STAN = 0


def exchange(link, message):
    encoded, _ = iso8583.encode(message, SPEC)
    link.sendall(struct.pack(">H", len(encoded)) + bytes(encoded))
    (length,) = struct.unpack(">H", octets(link, 2))
    answer, _ = iso8583.decode(octets(link, length), SPEC)
    shown = {field: answer[field] for field in ["t", "4", "11", "38", "39", "44", "70"] if field in answer}
    print(json.dumps(shown), flush=True)
    return answer


def octets(link, count):
    read = b""
    while len(read) < count:
        more = link.recv(count - len(read))
        if not more:
            raise SystemExit("the link ended")
        read += more
    return read


def stan():
    global STAN
    STAN += 1
    return f"{STAN:06}"


def manage(what):
    return {"t": "0800", "7": "1124190501", "11": stan(), "70": what}


def request(mti, minor, **more):
    number = stan()
    return {
        "t": mti, "2": "4111111111111111", "3": "000000", "4": f"{minor:012}", "7": "1124190501", "11": number,
        "12": "190501", "13": "1124", "14": "3012", "18": "5999", "22": "810", "25": "59", "32": "400123",
        "37": f"633119{number}", "41": "TERM0001", "42": "MERCHANT0000001", "43": "Sportello".ljust(40), "49": "978",
    } | more


def about(mti, original, **more):
    elements = f"{original['t']}{original['11']}{original['7']}{original['32']:0>11}{0:011}"
    same = {field: original[field] for field in ["2", "3", "4", "7", "32", "37", "41", "42", "49"]}
    return {"t": mti, "11": stan(), "90": elements} | same | more


with socket.create_connection((HOST, PORT), timeout=20) as link:
    exchange(link, manage("001"))
    authorization = request("0100", 5000)
    approved = exchange(link, authorization)
    exchange(link, about("0220", authorization, **{"4": f"{2000:012}", "38": approved["38"]}))
    payment = request("0200", 700)
    exchange(link, payment)
    exchange(link, about("0420", payment))
    exchange(link, request("0200", 500, **{"3": "200000"}))
    exchange(link, request("0100", 100, **{"2": "4000000000000341"}))
    exchange(link, request("0100", 100, **{"25": "00"}))
    exchange(link, manage("301"))
    exchange(link, manage("002"))
