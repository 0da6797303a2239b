/** Parameters that several methods share. */
import { Type } from "@sinclair/typebox";

export const word = Type.String({ minLength: 1 });
export const maybe = Type.Optional(word);
export const flag = Type.Optional(Type.Boolean());
/** Which session. */
export const one = { key: word, agentId: maybe };
