/** Updates that come by themselves: of what the operator named, and never what would need a yes. */
import { errorMessage, hasCode } from "@pincer/plugin-sdk/error";
import { type Static, Type } from "@sinclair/typebox";
import type { ClientConfig } from "./config.ts";
import type { Engine } from "./engine/engine.ts";
import { keyOf, nameOf, type Packages } from "./engine/home/lock.ts";
import { type Automatic, readAutomatic, writeAutomatic } from "./engine/home/memory.ts";
import { PlanItem } from "./engine/plan/plan.ts";

export const Updated = Type.Object(
  {
    kind: PlanItem.properties.kind,
    id: Type.String(),
    from: Type.String(),
    to: Type.String(),
    /** `held`: somebody has to look at it first. `failed`: it was taken back, and is not tried again. */
    outcome: Type.Union([Type.Literal("updated"), Type.Literal("held"), Type.Literal("failed")]),
    /** For people, with what to type. */
    said: Type.String(),
  },
  { additionalProperties: false },
);
export type Updated = Static<typeof Updated>;

const isChosen = ({ updates: { automatic } }: ClientConfig, id: string): boolean =>
  automatic === true || (Array.isArray(automatic) && automatic.includes(id));

/** Only where there is a cool-down: other places do not say since when a version is out. */
const chosenIn = (config: ClientConfig, packages: Packages): readonly string[] =>
  Object.entries(packages).flatMap(([key, { origin, pinned }]) =>
    origin.from === "registry" && !pinned && isChosen(config, nameOf(key).id) ? [key] : [],
  );

/** What somebody has to have read before it counts. */
function* reasonsToHold({ needs, modelText, notices }: PlanItem): Generator<string, void, void> {
  if (modelText.length > 0) yield `new instructions (${modelText.map(({ what }) => what).join(", ")})`;
  if (needs.length > 0) yield `it needs a yes to ${needs.join(", and to ")}`;
  for (const { code, level, text, finding } of notices)
    if (!needs.includes(code) && (finding === undefined ? level !== "note" : finding === "new")) yield text;
}

/** Answers with what is new to tell: the same is told once. */
export async function updateByItself(
  home: string,
  config: ClientConfig,
  packages: Packages,
  engine: Pick<Engine, "plan" | "apply">,
  /** Told of one that cannot be asked, or while somebody installs: next time. */
  trouble: (id: string, error: unknown) => void,
  signal: AbortSignal,
): Promise<readonly Updated[]> {
  const chosen = chosenIn(config, packages);
  const before = readAutomatic(home);
  const results: Record<string, Automatic> = Object.fromEntries(Object.entries(before).filter(([key]) => chosen.includes(key)));
  const told: Updated[] = [];
  for (const key of chosen) {
    const request = { do: "update" as const, packages: [key] };
    try {
      const { items, token } = await engine.plan(request, signal);
      const [item] = items;
      if (item?.action !== "update" || item.from === undefined || item.to === undefined) continue;
      const { kind, id, from, to } = item;
      const last = before[key];
      if (last?.version === to && last.outcome !== "updated") continue;
      const tell = (outcome: Automatic["outcome"], said: string) => {
        results[keyOf(item)] = { version: to, outcome, said };
        told.push({ kind, id, from, to, outcome, said });
      };
      const held = [...reasonsToHold(item)];
      if (held.length > 0) {
        tell("held", `${to} is held: ${held.join("; ")}; what to type: pincer update ${id}`);
        continue;
      }
      await engine.apply(request, { token, accepted: [] }, signal).then(
        () => tell("updated", `came from ${from} by itself; pincer rollback ${id} goes back`),
        (error) => {
          signal.throwIfAborted();
          if (!hasCode(error, "REGISTRY_CLIENT_ROLLED_BACK")) throw error;
          tell("failed", `${to} did not work, and was taken back: ${errorMessage(error)}`);
        },
      );
    } catch (error) {
      signal.throwIfAborted();
      trouble(nameOf(key).id, error);
    }
  }
  if (!Bun.deepEquals(results, before)) writeAutomatic(home, results);
  return told;
}
