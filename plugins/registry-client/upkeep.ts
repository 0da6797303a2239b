/** What happens to what is installed without anybody asking for it: what is revoked stops, and what may come by itself comes. `registry-watch` calls it. */
import type { AuditEntry } from "@pincer/plugin-sdk/contracts/audit";
import { errorMessage } from "@pincer/plugin-sdk/error";
import { createQueue } from "@pincer/plugin-sdk/queue";
import { updateByItself } from "./automatic.ts";
import type { Engine } from "./engine/engine.ts";
import { readLock } from "./engine/home/lock.ts";
import { readFirstSeen } from "./engine/home/memory.ts";
import { payOwed } from "./engine/home/owed.ts";
import type { Running, Surroundings } from "./engine/surroundings.ts";
import { told } from "./errors.ts";
import { findingsIn } from "./findings.ts";
import * as methods from "./methods.ts";
import { placesOf } from "./package-sources.ts";
import type { Context } from "./uses.ts";
import { createWatch } from "./watch.ts";

/** Between two looks for updates. */
const keepUpMs = 3_600_000;

interface Parts {
  /** The folder with the plugins of this repository. */
  plugins(signal: AbortSignal): Promise<string>;
  readonly refresh: Running["refresh"];
  open(signal: AbortSignal, firstSeen?: Surroundings["firstSeen"]): Promise<Engine>;
}

export function upkeep(ctx: Context, { plugins, refresh, open }: Parts): void {
  const watch = createWatch({
    ...{ home: ctx.home, clock: ctx.clock, random: Math.random },
    registries: () =>
      // Who asks to be left alone for longer is asked again later: meanwhile others are asked.
      placesOf({ home: ctx.home, config: ctx.config, clock: ctx.clock, fetch: ctx.fetch, limits: { longestWaitMs: 10_000 } }).sources
        .registries,
    pollMs: () => ctx.config.pollSeconds * 1000,
  });

  const inTurn = createQueue();
  const note = (entry: Omit<AuditEntry, "principal">, signal: AbortSignal) =>
    ctx.uses.audit.append({ principal: `plugin:${ctx.id}`, ...entry }, { signal });

  ctx.event(methods.revoked);
  ctx.method(methods.watch, (_params, { signal }) =>
    told(async () => {
      const { stopped, restored, waitMs } = await watch.look(signal);
      if ([...stopped, ...restored].some(({ kind }) => kind === "plugins")) await refresh(signal);
      for (const one of stopped) {
        ctx.log.error("registry-client.revoked", one);
        ctx.emit(methods.revoked, one);
      }
      for (const one of restored) ctx.log.info("registry-client.restored", { ...one });
      await inTurn(() => payOwed(ctx.home, (owed) => note({ ...owed, outcome: "ok" }, signal)));
      ctx.log.debug("registry-client.asked", { waitMs });
      return { stopped: [...stopped], restored: [...restored], waitMs };
    }),
  );
  ctx.health(async () => {
    const troubles = watch.troubles();
    return troubles.length === 0 ? { ok: true } : { ok: false, detail: troubles.map(({ said }) => said).join("; ") };
  });
  ctx.method(methods.check, async (_params, { signal }) => {
    const looked = { home: ctx.home, now: ctx.clock.now(), plugins: await plugins(signal), troubles: watch.troubles() };
    return { findings: [...(await findingsIn(looked))] };
  });

  ctx.event(methods.updated);
  ctx.method(methods.keepUp, (_params, { signal }) =>
    told(async () => {
      if (ctx.config.updates.automatic === false) return { updated: [], waitMs: keepUpMs };
      const seen = readFirstSeen(ctx.home, ctx.clock.now);
      const trouble = (id: string, error: unknown) => ctx.log.warn("registry-client.not-updated", { id, error: errorMessage(error) });
      const engine = await open(signal, seen.of);
      const updated = await updateByItself(ctx.home, ctx.config, readLock(ctx.home), engine, trouble, signal);
      seen.save();
      for (const one of updated) {
        ctx.log.info("registry-client.updated", one);
        ctx.emit(methods.updated, one);
        const outcome = { updated: "ok", held: "refused", failed: "failed" } as const;
        const resources = [`${one.kind}/${one.id}@${one.to}`];
        await note({ action: methods.updated.name, resources, outcome: outcome[one.outcome] }, signal);
      }
      return { updated: [...updated], waitMs: keepUpMs };
    }),
  );
}
