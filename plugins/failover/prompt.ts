/** A key is typed without being shown, or piped in; never an argument, where others could read it. */

export async function readValue(question: string): Promise<string> {
  if (!process.stdin.isTTY) return (await Bun.stdin.text()).replace(/\r?\n$/, "");
  const { stdin, stderr } = process;
  stderr.write(question);
  stdin.setRawMode(true);
  stdin.setEncoding("utf8");
  const { promise, resolve } = Promise.withResolvers<string>();
  let typed = "";
  const onData = (keys: string) => {
    for (const key of keys) {
      // Return, and Ctrl-C and Ctrl-D, with which nothing was typed.
      if (key === "\r" || key === "\n") return resolve(typed);
      if (key === "\u0003" || key === "\u0004") return resolve("");
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
