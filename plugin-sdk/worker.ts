/** A thread of its own for work that may never end: whoever started it can end it wherever it is, and nothing else stops meanwhile. */

/**
 * In a plugin's process its TypeBox is the runtime's, which a worker has not: schemas are made where modules are loaded, and checked by nobody there.
 * What stands for it takes every call and answers with itself, also as the prototype of a module that is made of it.
 */
const boot = (url: string) => `
const nothing = new Proxy(function () {}, {
  get: (_target, key) => (key === Symbol.toPrimitive ? () => "" : nothing),
  apply: () => nothing,
  construct: () => nothing,
  getPrototypeOf: () => nothing,
});
globalThis[Symbol.for("pincer.typebox")] ??= nothing;
await import(${JSON.stringify(url)});
`;

/**
 * Runs the module at `url` (its own `import.meta.url`) in a worker, where `Bun.isMainThread` is false: bundled, that is the whole plugin. The module
 * says by a first message that it listens.
 */
export function startWorker(url: string): Worker {
  const source = URL.createObjectURL(new Blob([boot(url)], { type: "text/javascript" }));
  const worker = new Worker(source, { smol: true });
  // Not when it has begun, which is before it has read what it is to run.
  for (const event of ["message", "close"]) worker.addEventListener(event, () => URL.revokeObjectURL(source), { once: true });
  return worker;
}
