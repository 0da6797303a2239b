/** A key or a password: typed without being shown, or piped in; never an argument, where others could read it. */

/** Undefined when it was interrupted. */
export async function readHiddenLine(question: string): Promise<string | undefined> {
  if (!process.stdin.isTTY) return (await Bun.stdin.text()).replace(/\r?\n$/, "");
  const { stdin, stderr } = process;
  stdin.setRawMode(true);
  stderr.write(question);
  stdin.setEncoding("utf8");
  const { promise, resolve } = Promise.withResolvers<string | undefined>();
  let typed = "";
  const onData = (keys: string) => {
    for (const key of keys) {
      if (key === "\r" || key === "\n") return resolve(typed);
      // Ctrl-C and Ctrl-D.
      if (key === "\u0003" || key === "\u0004") return resolve(undefined);
      typed = key === "\u007f" || key === "\b" ? typed.slice(0, -1) : typed + key;
    }
  };
  stdin.on("data", onData);
  try {
    return await promise;
  } finally {
    stdin.setRawMode(false);
    stdin.off("data", onData).pause();
    stderr.write("\n");
  }
}
