import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { walkSkill } from "./walk.ts";

walkSkill("notes", {
  async prepare({ folder }) {
    mkdirSync(join(folder, "notes", "kitchen"), { recursive: true });
    const write = (name: string, text: string) => writeFileSync(join(folder, "notes", name), text);
    write(
      "sourdough.md",
      "---\ntitle: Sourdough\ntags: [kitchen]\n---\n\n# Sourdough\n\nBread with 75 % water. See [[Flour]] and [[oven|the oven]].\n",
    );
    write("flour.md", "# Flour\n\n- [ ] buy rye\n- [x] buy wheat\n");
    write("kitchen/knives.md", "# Knives #kitchen\n\nSharp, like [[flour#stone]].\n\n```\nno link: [[code]]\n```\n");
    return undefined;
  },
  flow: ["Capture", "Search"],
  outcomes: {
    Capture: [/^\n?# \d{4}-\d\d-\d\d\n\n- \d\d:\d\d Ada recommends the book on tides\n$/, /See \[\[Flour\]\]/],
    Search: [
      /^notes\/sourdough.md\nnotes\/sourdough.md:8:Bread with 75 % water[\s\S]*(notes\/kitchen\/knives.md[\s\S]*notes\/sourdough.md|notes\/sourdough.md[\s\S]*notes\/kitchen\/knives.md)/,
      /notes\/daily\/.*\.md/,
    ],
    "To do": "notes/flour.md:3:- [ ] buy rye",
    Links: [
      "notes/kitchen/knives.md\nnotes/sourdough.md\nnotes/sourdough.md: [[oven]]\nnotes/kitchen/knives.md\nnotes/sourdough.md",
      "notes/kitchen/knives.md\nnotes/sourdough.md\nnotes/sourdough.md: [[oven]]",
    ],
  },
});
