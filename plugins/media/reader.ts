/**
 * Documents are read in a thread of their own, which ends with each of them: one that was made to keep its reader busy for ever, or to break it, takes
 * nothing with it but itself.
 */
import type { Clock } from "@pincer/plugin-sdk/clock";
import { linkSignals } from "@pincer/plugin-sdk/signal";
import { startWorker } from "@pincer/plugin-sdk/worker";
import type { MediaConfig } from "./config.ts";
import { type DocumentText, Unreadable } from "./unreadable.ts";

/** What a reader that was told that no time is left may still take to hand over what it has. */
const GRACE_MS = 2_000;

interface Task {
  readonly bytes: Uint8Array;
  readonly mimeType: string;
  readonly config: MediaConfig;
}
type Order = Task | "late";
type Report = "ready" | { readonly read: DocumentText | undefined } | { readonly unreadable: string };

/** Undefined for a document that holds no text. Throws `Unreadable`, also for one that breaks its reader. */
export async function readDocument(task: Task, clock: Clock, caller: AbortSignal): Promise<DocumentText | undefined> {
  const { promise, resolve, reject } = Promise.withResolvers<DocumentText | undefined>();
  using linked = linkSignals(caller);
  const { signal } = linked;
  signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  signal.throwIfAborted();
  const worker = startWorker(import.meta.url);
  const tell = (order: Order) => worker.postMessage(order);
  const tooLong = () => reject(new Unreadable("to read it takes too long"));
  // Its time begins with the document: how busy the machine is when the thread starts is nothing of the sender's.
  using timers = new DisposableStack();
  worker.addEventListener("message", ({ data }: MessageEvent<Report>) => {
    if (timers.disposed) return;
    if (data === "ready") {
      tell(task);
      timers.use(clock.after(task.config.documentMs, () => tell("late")));
      timers.use(clock.after(task.config.documentMs + GRACE_MS, tooLong));
    } else if ("read" in data) resolve(data.read);
    else reject(new Unreadable(data.unreadable));
  });
  const broken = () => reject(new Unreadable("whatever opened it failed"));
  worker.addEventListener("error", (event) => {
    event.preventDefault();
    broken();
  });
  worker.addEventListener("close", broken);
  try {
    return await promise;
  } finally {
    worker.terminate();
  }
}

function listen(): void {
  const late = new AbortController();
  const report = (what: Report) => postMessage(what);
  // Of a damaged PDF its parser leaves promises behind that nobody waits for: what it answers with counts.
  process.on("unhandledRejection", () => undefined);
  const read = async ({ bytes, mimeType, config }: Task) => {
    try {
      // Here alone, so that whoever never gets a document does not load what reads them.
      const { documentText } = await import("./documents.ts");
      report({ read: await documentText(bytes, mimeType, config, late.signal) });
    } catch (error) {
      report({ unreadable: error instanceof Unreadable ? error.message : "whatever opened it failed" });
    }
  };
  addEventListener("message", ({ data }: MessageEvent<Order>) => void (data === "late" ? late.abort() : read(data)));
  report("ready");
}

if (!Bun.isMainThread) listen();
