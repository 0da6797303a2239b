import { expect } from "bun:test";
import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { systemClock as clock } from "@pincer/plugin-sdk/system-clock";
import { buildPlugin } from "../../plugin-kit/build.ts";
import { checkPlugin } from "../../plugin-kit/check.ts";
import { main } from "../support/cli.ts";
import { installCommand, walkSkill } from "./walk.ts";

const pincer = dirname(dirname(import.meta.dir));

walkSkill("pincer-plugin", {
  async prepare(place) {
    const PATH = installCommand(place, "pincer", `exec '${process.execPath}' '${main}' "$@"`);
    return { PATH, PINCER_PORT: "0" };
  },
  flow: ["1. Make one that works"],
  outcomes: {
    "1. Make one that works": [/dice is in .*plugin.json/, /definePlugin[\s\S]*defineTool[\s\S]*test\("/],
    "2. Change it in small steps": /dice 0.1.0: [\s\S]*\d+ tests? passed[\s\S]*\nin order\n$/,
    "3. Let the gateway use it":
      /dice is used from [\s\S]*config set plugins.dice.isolation process[\s\S]*plugins enable dice[\s\S]*dice is linked no more/,
  },
  // The plugin that shows everything is one that builds and compiles.
  async after({ folder }) {
    const page = readFileSync(join(pincer, "skills", "pincer-plugin", "references", "shapes.md"), "utf8");
    const block = (language: string) => new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\`$`, "m").exec(page)![1]!;
    const kettle = join(folder, "kettle");
    mkdirSync(kettle);
    writeFileSync(join(kettle, "plugin.json"), block("json"));
    writeFileSync(join(kettle, "plugin.ts"), block("ts"));
    for (const file of ["package.json", "tsconfig.json"])
      cpSync(join(pincer, "plugin-kit", "templates", "blank", file), join(kettle, file));
    symlinkSync(join(pincer, "node_modules"), join(kettle, "node_modules"));
    await buildPlugin(kettle, clock);
    const steps: Record<string, string> = {};
    for await (const { name, verdict, lines } of checkPlugin(kettle, { clock, pincer, home: "/nowhere" }))
      steps[name] = `${verdict} ${lines.join("\n")}`;
    expect(steps).toMatchObject({ manifest: "passed ", types: "passed ", permissions: expect.stringContaining("kettle.example") });
  },
});
