/** A server that is killed has done what it was asked for, or has not; what it answered is done. */
import { expect, test } from "bun:test";
import { rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "@pincer/plugin-sdk/system-clock";
import { pack } from "../../plugin-kit/archive.ts";
import { archiveOf, type Release } from "../../registry/name.ts";
import { changedList, nextList } from "../../registry/publisher/next-list.ts";
import { publishNext } from "../../registry/publisher/publish-next.ts";
import { rekeyPublisher } from "../../registry/publisher/rekey.ts";
import { serverPlace } from "../../registry/publisher/server-place.ts";
import { takeName } from "../../registry/publisher/take.ts";
import { stage } from "../../registry/repository/stage.ts";
import { signStaged } from "../../registry/repository/staged.ts";
import { timeOf } from "../../registry/schema.ts";
import { folderSource } from "../../registry/source.ts";
import { signedIn } from "../../registry/status.ts";
import { createSigner, type Signer } from "../../registry/trust/key.ts";
import { signStatement } from "../../registry/trust/statement.ts";
import { verifyRegistry } from "../../registry/verify.ts";
import { plainPlugin } from "../support/plain-plugin.ts";
import { parcel, post } from "./parcel.ts";
import { type ServedRegistry, startServedRegistry } from "./served-registry.ts";

const signal = new AbortController().signal;
const now = () => systemClock.now();
const weather = { kind: "plugins", id: "weather" } as const;
const first: Release = { ...weather, version: "1.0.0" };

/** Something that is asked for, the same once more where it was not done. */
interface Change {
  run(): Promise<unknown>;
  isDone(): Promise<boolean>;
}

/** Those who publish, over HTTP, each time in one attempt. */
function publishers(registry: ServedRegistry) {
  const persistence = {
    clock: systemClock,
    signal,
    onWait(why: string) {
      throw new Error(why);
    },
  };
  // A connection to a server that was killed is nobody's any more.
  const fetchAnew = (url: string, init: RequestInit) => fetch(url, { ...init, keepalive: false });
  const fetchLed = () => Promise.reject(new Error("nobody leads elsewhere"));
  const place = () => serverPlace({ url: registry.url, ...persistence, fetch: fetchAnew, fetchLed });
  const keys: Record<string, Signer> = { ada: createSigner().signer, eve: createSigner().signer };
  const by = (publisher: string) => ({
    ...{ place: place(), publisher, now, signers: [keys[publisher]!] as [Signer] },
    sender: { signer: keys[publisher]! },
  });
  const publish = (release: Release, publisher = "ada") => {
    const files = plainPlugin(release);
    const archive = pack(Object.entries(files).map(([path, text]) => ({ path, bytes: Buffer.from(text) })));
    const manifest = new Bun.CryptoHasher("sha256").update(files["plugin.json"]).digest("hex");
    const notes = { summary: `What ${release.id} does`, publishedAt: timeOf(now()), manifest };
    return publishNext(
      {
        ...by(publisher),
        archives: new Map([[archiveOf(release), archive]]),
        next: (before) => nextList(before, { ...release, archive, notes }, now),
      },
      persistence,
    );
  };
  const targets = async (publisher: string) => (await place().publisher(publisher))?.list?.signed.targets ?? {};
  const ownerOf = async () => (await place().owned(weather))!;

  const changes = {
    async publication(round: number): Promise<Change> {
      const release = { kind: "plugins", id: `number-${round}`, version: "1.0.0" } as const;
      return { run: () => publish(release), isDone: async () => archiveOf(release) in (await targets("ada")) };
    },

    async yank(round: number): Promise<Change> {
      const yanked = { at: timeOf(now()), reason: `round ${round}` };
      const next = (before: Parameters<typeof changedList>[0] | undefined) =>
        changedList(before!, first, (notes) => ({ ...notes, yanked }), now);
      return {
        run: () => publishNext({ ...by("ada"), archives: new Map(), next }, persistence),
        isDone: async () => JSON.stringify(await targets("ada")).includes(`"${yanked.reason}"`),
      };
    },

    async rekey(): Promise<Change> {
      const [before, after] = [keys["ada"]!, createSigner().signer];
      const owner = { keys: [after], threshold: 1 };
      const asked = {
        place: place(),
        publisher: "ada",
        owner,
        signers: [before],
        newSigners: [after] as [Signer],
        statement: undefined,
        now,
      };
      return {
        run: () => rekeyPublisher(asked, persistence),
        async isDone() {
          const isNew = (await place().publisher("ada"))!.owner!.keys[0]!.id === after.id;
          if (isNew) keys["ada"] = after;
          return isNew;
        },
      };
    },

    async transfer(): Promise<Change> {
      const from = (await ownerOf()).publisher;
      const to = from === "ada" ? "eve" : "ada";
      const list = (await place().publisher(from))!.list!.signed.version;
      const wish = { ...weather, from, to, keys: [keys[to]!.json.keyval.public], list, expires: timeOf(now() + 3_600_000) };
      await place().offer(weather, signStatement({ _type: "transfer", ...wish }, [keys[from]!]));
      return {
        run: () => takeName({ ...by(to), name: weather }, persistence),
        isDone: async () => (await ownerOf()).publisher === to,
      };
    },

    async revocation(round: number): Promise<Change> {
      const reason = `round ${round}`;
      const revocations = [{ kind: "plugins", id: "harmful", reason, at: timeOf(now()) }] as const;
      const known = () => signedIn({ source: folderSource(registry.folder), root: registry.root, signal });
      return {
        run: async () => place().apply(signStaged(stage(await known(), { revocations, now }), [registry.online])),
        isDone: async () => (await known()).list.some((one) => one.reason === reason),
      };
    },
  };
  return { publish, changes };
}

test("killed behind whichever file it writes, a registry is as before or as after, and goes on", async () => {
  const killedAt = join(import.meta.dir, "killed-at.ts");
  const file = join(tmpdir(), `pincer-killed-at-${process.pid}`);
  await using registry = await startServedRegistry(
    { rates: { publications: { burst: 1000, perMinute: 1000 }, claims: { burst: 1000, perMinute: 1000 } } },
    { BUN_OPTIONS: `--preload=${killedAt}`, KILLED_AT: file },
  );
  const { publish, changes } = publishers(registry);
  await publish(first);
  await publish({ kind: "plugins", id: "eves-own", version: "1.0.0" }, "eve");
  await registry.cli.json(["registry", "grant", registry.folder, "plugins/channel-matrix", "ada"]);
  let rounds = 0;
  for (const [what, make] of Object.entries(changes)) {
    const seen = { before: 0, after: 0 };
    let change = await make(rounds);
    let isAnswered = false;
    for (let step = 1; !isAnswered; step++) {
      rounds += 1;
      writeFileSync(file, String(step));
      isAnswered = await change.run().then(
        () => true,
        () => false,
      );
      rmSync(file);
      // What was answered is there, also when nothing more could be written.
      await registry.stop("SIGKILL");
      await registry.start();
      const { problems } = await verifyRegistry({ source: folderSource(registry.folder), root: registry.root, now });
      expect([what, step, problems]).toEqual([what, step, []]);
      const isDone = await change.isDone();
      if (isAnswered) expect([what, isDone]).toEqual([what, true]);
      else seen[isDone ? "after" : "before"] += 1;
      if (isDone && !isAnswered) change = await make(rounds);
      expect(step).toBeLessThan(20);
    }
    // Behind all but the last file nothing has happened.
    expect([what, seen]).toEqual([what, { before: expect.any(Number), after: 1 }]);
    expect(seen.before).toBeGreaterThan(1);
    // What was granted to the keys of before has gone along with the last of the new ones, the server being killed right behind its files.
    if (what === "rekey") await publish({ kind: "plugins", id: "channel-matrix", version: "1.0.0" });
  }
}, 600_000);

test("a request that came before the server was killed is not taken after it", async () => {
  await using registry = await startServedRegistry();
  const { signer } = createSigner();
  const release = { kind: "plugins", id: "repeated", version: "1.0.0" } as const;
  const sent = await parcel({ url: registry.url, publisher: "ada", signer, release, now: systemClock.now() });
  expect(await post(registry.url, sent)).toMatchObject({ status: 201 });
  await registry.stop("SIGKILL");
  await registry.start();
  expect(await post(registry.url, sent)).toMatchObject({ status: 401, detail: expect.stringContaining("came before") });
});
