"""An ESME on smpplib, an implementation that has nothing to do with the sandbox's.

Usage: esme.py HOST PORT MESSAGES. It sends some texts, waits for their receipts and for MESSAGES further deliver_sm, and
prints JSON, one object a line: {"refused": STATUS}, {"bound": true}, and at the end what it sent and what came.
"""

import json
import sys

import smpplib.client
import smpplib.consts
import smpplib.exceptions
import smpplib.gsm

TEXTS = [
    "Paid.",
    "Paid 20 € to anna.",
    "Pagato: " + "0123456789 " * 30,
    "Оплачено 🍕 " + "ж" * 150,
]


def say(what):
    print(json.dumps(what), flush=True)


def connect(host, port):
    client = smpplib.client.Client(host, port, timeout=20, allow_unknown_opt_params=True)
    client.connect()
    return client


def refused(host, port):
    client = connect(host, port)
    try:
        client.bind_transceiver(system_id="sportello", password="wrong")
        say({"refused": 0})
    except smpplib.exceptions.PDUError as error:
        say({"refused": error.args[1]})
    client.disconnect()


def gsm_decoded(octets):
    table, text, escaped = smpplib.gsm.GSM_CHARACTER_TABLE, "", False
    for octet in octets:
        if octet == 0x1B and not escaped:
            escaped = True
            continue
        text += table[octet + 0x80 if escaped else octet]
        escaped = False
    return text


def shown(pdu):
    octets, place = pdu.short_message or pdu.message_payload or b"", None
    if pdu.esm_class & 0x40:
        header, octets = octets[1 : octets[0] + 1], octets[octets[0] + 1 :]
        place = list(header[-2:])
    elif pdu.sar_total_segments is not None:
        place = [pdu.sar_total_segments, pdu.sar_segment_seqnum]
    decode = {0: gsm_decoded, 3: lambda o: o.decode("latin-1"), 8: lambda o: o.decode("utf-16-be")}
    return {
        "from": pdu.source_addr.decode(),
        "to": pdu.destination_addr.decode(),
        "text": decode[pdu.data_coding](octets),
        "place": place,
    }


def main():
    host, port, wanted = sys.argv[1], sys.argv[2], int(sys.argv[3])
    refused(host, port)
    client = connect(host, port)
    client.bind_transceiver(system_id="sportello", password="smsc-pw")
    say({"bound": True})

    ids, receipts, came = {}, [], []

    def sent(pdu):
        ids[pdu.sequence] = pdu.message_id.decode()

    def received(pdu):
        if pdu.esm_class & 0x04:
            receipts.append(
                {
                    "id": pdu.receipted_message_id.decode(),
                    "state": pdu.message_state,
                    "text": pdu.short_message.decode(),
                }
            )
        else:
            came.append(shown(pdu))

    client.set_message_sent_handler(sent)
    client.set_message_received_handler(received)
    parts_sent = 0
    for text in TEXTS:
        parts, coding, esm_class = smpplib.gsm.make_parts(text)
        for part in parts:
            client.send_message(
                source_addr_ton=smpplib.consts.SMPP_TON_ALNUM,
                source_addr_npi=smpplib.consts.SMPP_NPI_UNK,
                source_addr="Sportello",
                dest_addr_ton=smpplib.consts.SMPP_TON_INTL,
                dest_addr_npi=smpplib.consts.SMPP_NPI_ISDN,
                destination_addr="393331234567",
                short_message=part,
                data_coding=coding,
                esm_class=esm_class,
                registered_delivery=True,
            )
            parts_sent += 1
    while len(ids) < parts_sent or len(receipts) < parts_sent or len(came) < wanted:
        client.read_once(auto_send_enquire_link=False)
    client.unbind()
    client.disconnect()
    say({"texts": TEXTS, "ids": list(ids.values()), "receipts": receipts, "came": came})


main()
