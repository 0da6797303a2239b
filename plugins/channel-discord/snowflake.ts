/** Discord's ids: numbers too large for a double, written as text, in which the time stands (discord.com/developers/docs/reference#snowflakes). */
import { channelErrors } from "@pincer/plugin-sdk/contracts/channel";

const EPOCH = 1_420_070_400_000;

export const timeOf = (id: string): number => Number(BigInt(id) >> 22n) + EPOCH;

/** The first id of that moment, in epoch milliseconds. */
export const firstAt = (time: number): string => String(BigInt(Math.max(0, Math.floor(time) - EPOCH)) << 22n);

export const byAge = (a: string, b: string): number => (a.length === b.length ? (a < b ? -1 : a > b ? 1 : 0) : a.length - b.length);

export const isSnowflake = (id: string): boolean => /^\d{15,20}$/.test(id);

/** Throws `CHANNEL_REJECTED`. */
export function snowflake(what: string, id: string): string {
  if (isSnowflake(id)) return id;
  throw channelErrors.CHANNEL_REJECTED(`expected a ${what} of Discord's, which is a number of 15 to 20 digits, came "${id}"`);
}
