/** What the owner allowed from now on: a tool in a conversation, until that conversation begins anew. */
import type { ApprovalsContext } from "./uses.ts";

interface Granted {
  readonly tools: readonly string[];
}
const prefix = "granted/";
const keyOf = (sessionKey: string) => `${prefix}${sessionKey}`;

export type Grants = ReturnType<typeof createGrants>;

export function createGrants({ store }: ApprovalsContext) {
  const toolsOf = async (sessionKey: string) => (await store.get<Granted>(keyOf(sessionKey)))?.tools ?? [];
  const written = (sessionKey: string, tools: readonly string[]) => ({
    [keyOf(sessionKey)]: tools.length === 0 ? undefined : ({ tools } satisfies Granted),
  });

  return {
    has: async (sessionKey: string, tool: string): Promise<boolean> => (await toolsOf(sessionKey)).includes(tool),
    /** To be kept together with the answer that gives it. */
    given: async (sessionKey: string, tool: string) => written(sessionKey, [...new Set([...(await toolsOf(sessionKey)), tool])]),
    list: async (): Promise<{ sessionKey: string; tool: string }[]> =>
      (await store.list<Granted>(prefix)).flatMap(({ key, value }) =>
        value.tools.map((tool) => ({ sessionKey: key.slice(prefix.length), tool })),
      ),
    /** Whether there was one. */
    async revoke(sessionKey: string, tool: string): Promise<boolean> {
      const tools = await toolsOf(sessionKey);
      if (!tools.includes(tool)) return false;
      await store.set(
        written(
          sessionKey,
          tools.filter((other) => other !== tool),
        ),
      );
      return true;
    },
    end: (sessionKey: string) => store.set(written(sessionKey, [])),
  };
}
