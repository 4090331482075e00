// An SMSC by npm's `smpp`, which is not ours. It is moved by lines of JSON on standard input, and tells what it sees in
// lines of JSON on standard output.
'use strict';
const smpp = require(process.argv[2]);
const say = (what) => process.stdout.write(JSON.stringify(what) + '\n');

let bound = [];
let throttle = 0;
let swallow = 0;
let messages = 0;

const server = smpp.createServer((session) => {
  session.on('error', () => {});
  session.on('close', () => {
    bound = bound.filter((other) => other !== session);
    say({ event: 'closed' });
  });
  session.on('bind_transceiver', (pdu) => {
    if (pdu.password !== 'smsc-pw') {
      session.send(pdu.response({ command_status: smpp.ESME_RINVPASWD }));
      return say({ event: 'refused' });
    }
    session.send(pdu.response({ system_id: 'peer' }));
    bound.push(session);
    say({ event: 'bound', system_id: pdu.system_id, version: pdu.interface_version });
  });
  session.on('unbind', (pdu) => {
    session.send(pdu.response());
    say({ event: 'unbound' });
    session.close();
  });
  session.on('enquire_link', (pdu) => session.send(pdu.response()));
  session.on('enquire_link_resp', () => say({ event: 'enquired' }));
  session.on('submit_sm', (pdu) => {
    if (throttle > 0) {
      throttle -= 1;
      session.send(pdu.response({ command_status: smpp.ESME_RTHROTTLED }));
      return say({ event: 'throttled' });
    }
    const { message, udh } = pdu.short_message;
    const part = udh ? [...udh].map((element) => [...element]) : null;
    messages += 1;
    say({
      event: 'submitted', id: `m${messages}`, from: pdu.source_addr, to: pdu.destination_addr,
      ton: [pdu.source_addr_ton, pdu.dest_addr_ton], text: message.toString(), coding: pdu.data_coding, udh: part,
      registered: pdu.registered_delivery,
    });
    if (swallow > 0) {
      swallow -= 1;
      return;
    }
    session.send(pdu.response({ message_id: `m${messages}` }));
  });
});

const commands = {
  // One or more deliver_sm in one go, each with what it is made of.
  deliver: ({ all }) => {
    for (const { udh, ...fields } of all) {
      const given = {
        source_addr_ton: 1, source_addr_npi: 1, dest_addr_ton: 3, destination_addr: '40404', ...fields,
      };
      if (udh) given.short_message = { udh: Buffer.from(udh), message: fields.short_message };
      const tag = fields.short_message;
      bound[0].deliver_sm(given, (answer) => say({ event: 'answered', tag, status: answer.command_status }));
    }
  },
  enquire: () => bound[0].enquire_link(),
  throttle: ({ times }) => { throttle = times; },
  swallow: ({ times }) => { swallow = times; },
  drop: () => bound[0].destroy(),
};

require('readline').createInterface({ input: process.stdin })
  .on('line', (line) => {
    const asked = JSON.parse(line);
    commands[asked.do](asked);
  })
  .on('close', () => process.exit(0));

server.listen(0, '127.0.0.1', () => say({ event: 'listening', port: server.address().port }));
