/** `application/vnd.amazon.eventstream`, written by the book: a prelude with its own checksum, typed headers, a payload, a checksum over all. */
import { crc32 } from "node:zlib";

const STRING = 7;

export const CONTENT_TYPE = "application/vnd.amazon.eventstream";

function header(name: string, value: string): Buffer {
  const text = Buffer.from(value);
  const length = Buffer.alloc(2);
  length.writeUInt16BE(text.length);
  return Buffer.concat([Buffer.from([name.length]), Buffer.from(name), Buffer.from([STRING]), length, text]);
}

const uint32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
};

export function frame(headers: Readonly<Record<string, string>>, payload: string): Buffer {
  const said = Buffer.concat(Object.entries(headers).map(([name, value]) => header(name, value)));
  const body = Buffer.from(payload);
  const lengths = Buffer.concat([uint32(16 + said.length + body.length), uint32(said.length)]);
  const prelude = Buffer.concat([lengths, uint32(crc32(lengths))]);
  const unchecked = Buffer.concat([prelude, said, body]);
  return Buffer.concat([unchecked, uint32(crc32(unchecked))]);
}

export const eventFrame = (type: string, payload: string): Buffer =>
  frame({ ":event-type": type, ":content-type": "application/json", ":message-type": "event" }, payload);

export const exceptionFrame = (type: string, payload: string): Buffer =>
  frame({ ":exception-type": type, ":content-type": "application/json", ":message-type": "exception" }, payload);
