import { expect, test } from "bun:test";
import { membersOf } from "./tree.ts";

const onLinux = test.skipIf(process.platform !== "linux");

/** Becomes a shell that does the same, so many times, and then waits to be ended. */
const becoming = 'if [ "$1" -gt 0 ]; then exec /bin/sh -c "$0" "$0" $(($1 - 1)); else exec sleep 100000; fi';

onLinux("what carries a command's mark is seen at every look, also while it becomes another program", async () => {
  const id = crypto.randomUUID();
  const child = Bun.spawn(["/bin/sh", "-c", becoming, becoming, "400"], {
    env: { PATH: "/usr/bin:/bin", PINCER_COMMAND: id },
    detached: true,
  });
  try {
    for (let look = 0; look < 300; look++) expect(await membersOf(undefined, `PINCER_COMMAND=${id}`)).toContain(child.pid);
  } finally {
    child.kill("SIGKILL");
    await child.exited;
  }
});
