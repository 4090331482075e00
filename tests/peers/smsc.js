// An SMSC on the npm package `smpp`, which shares no code with the plugin or the sandbox. It speaks JSON, one object a
// line: events on standard output, orders on standard input. `NODE_PATH` must name the folder that `smpp` is in.
//
// It says:  {"event": "listening", "port"}
//           {"event": "bound", "session", "command", "system_id", "password", "interface_version"}
//           {"event": "submit", "session", "id", "from", "to", "text", "udh", "coding", "receipt"}
//           {"event": "answered", "order", "status"}      a delivery was answered
//           {"event": "unbound" | "closed", "session"}
// It takes: {"order": n, "do": "deliver", "from", "to", "text", "coding"?, "udh"?, "esm_class"?, "session"?}
//                    `coding` must be 8 where the text is not in GSM's alphabet: the package tells by 16-bit units;
//                    `hex` in place of `text` for octets as they are
//           {"order": n, "do": "receipt", "id", "stat"}   for a note that it had taken
//           {"do": "answer", "status", "times"}           to the next submits
//           {"do": "bind_status", "status"}, {"do": "silent"}, {"do": "drop"}, {"do": "raw", "hex"}, {"do": "end"}
'use strict';

const readline = require('readline');
const smpp = require('smpp');

const say = (event) => process.stdout.write(JSON.stringify(event) + '\n');

const sessions = new Map();
let sessionsMade = 0;
let notes = 0;
let bindStatus = 0;
let isSilent = false;
let refusals = { status: 0, times: 0 };

function answerBind(session, number, pdu) {
  if (isSilent) return;
  say({
    event: 'bound',
    session: number,
    command: pdu.command,
    system_id: pdu.system_id,
    password: pdu.password,
    interface_version: pdu.interface_version,
  });
  session.send(pdu.response({ command_status: bindStatus, system_id: 'SMSC' }));
}

function answerSubmit(session, number, pdu) {
  if (isSilent) return;
  if (refusals.times > 0) {
    refusals.times -= 1;
    session.send(pdu.response({ command_status: refusals.status }));
    return;
  }
  notes += 1;
  const id = `note-${notes}`;
  const { message, udh } = pdu.short_message;
  say({
    event: 'submit',
    session: number,
    id,
    from: pdu.source_addr,
    to: pdu.destination_addr,
    text: Buffer.isBuffer(message) ? message.toString('latin1') : message,
    udh: udh ? Buffer.concat(udh.map((element) => Buffer.from(element))).toString('hex') : null,
    coding: pdu.data_coding,
    receipt: pdu.registered_delivery,
  });
  session.send(pdu.response({ message_id: id }));
}

const server = smpp.createServer({}, (session) => {
  sessionsMade += 1;
  const number = sessionsMade;
  sessions.set(number, session);
  for (const command of ['bind_transceiver', 'bind_transmitter', 'bind_receiver']) {
    session.on(command, (pdu) => answerBind(session, number, pdu));
  }
  session.on('submit_sm', (pdu) => answerSubmit(session, number, pdu));
  session.on('enquire_link', (pdu) => isSilent || session.send(pdu.response()));
  session.on('unbind', (pdu) => {
    say({ event: 'unbound', session: number });
    session.send(pdu.response());
    session.close();
  });
  session.on('close', () => {
    sessions.delete(number);
    say({ event: 'closed', session: number });
  });
  session.on('error', () => {});
});

function receiver(order) {
  return sessions.get(order.session) || [...sessions.values()].pop();
}

function deliver(order, pdu) {
  const session = receiver(order);
  if (!session) return say({ event: 'answered', order: order.order, status: -1 });
  session.deliver_sm(pdu, (answer) => say({ event: 'answered', order: order.order, status: answer.command_status }));
}

const orders = {
  deliver(order) {
    const message = order.hex !== undefined ? Buffer.from(order.hex, 'hex') : order.text;
    const udh = order.udh ? Buffer.from(order.udh, 'hex') : undefined;
    deliver(order, {
      source_addr_ton: 1,
      source_addr_npi: 1,
      source_addr: order.from,
      destination_addr: order.to,
      data_coding: order.coding,
      esm_class: order.esm_class || (udh ? 0x40 : 0),
      short_message: udh ? { udh, message } : message,
    });
  },
  receipt(order) {
    const text = `id:${order.id} sub:001 dlvrd:001 submit date:2611241200 done date:2611241201 stat:${order.stat} err:000 text:`;
    deliver(order, { source_addr: '1', destination_addr: '2', esm_class: 4, short_message: text });
  },
  answer(order) {
    refusals = { status: order.status, times: order.times };
  },
  bind_status(order) {
    bindStatus = order.status;
  },
  silent() {
    isSilent = true;
  },
  drop() {
    for (const session of sessions.values()) session.destroy();
  },
  raw(order) {
    const session = receiver(order);
    if (session) session.socket.write(Buffer.from(order.hex, 'hex'));
  },
  end() {
    process.exit(0);
  },
};

readline
  .createInterface({ input: process.stdin })
  .on('line', (line) => {
    const order = JSON.parse(line);
    orders[order.do](order);
  })
  .on('close', () => process.exit(0));

server.listen(0, '127.0.0.1', () => say({ event: 'listening', port: server.address().port }));
