import { walkSkill } from "./walk.ts";

const version = (discount: number) => `#!/bin/sh
# The price after the discount.
echo $(($1 - ${discount}))`;

walkSkill("git", {
  async prepare({ sh: run }) {
    // Long before the examples, so that what is found last is what they lost.
    const sh = (script: string) => run(script, { GIT_AUTHOR_DATE: "2026-01-02T03:04:05Z", GIT_COMMITTER_DATE: "2026-01-02T03:04:05Z" });
    await sh(
      "git config --global user.name Ada; git config --global user.email ada@example.com; git config --global init.defaultBranch main",
    );
    await sh("git init -q");
    const commit = (message: string, script: string) => sh(`${script}\ngit add .; git commit -q -m '${message}'`);
    const write = (discount: number) => `cat > price.sh <<'SH'\n${version(discount)}\nSH`;
    await commit("Sell things with a discount", write(10));
    await sh("git tag v1.0");
    await commit("Explain the shop", "echo 'A shop.' > README");
    await commit("Give a smaller discount", write(1));
    await commit("Add a list of goods", "echo tea > goods");
    await commit("Add coffee", "echo coffee >> goods");
    // Staged and forgotten, and stashed and dropped.
    await sh("echo 'the recipe' > recipe; git add recipe; git rm -q --cached recipe; rm recipe");
    await sh("echo milk >> goods; git stash -q; git stash drop -q");
    await sh("sed -i 's/echo .*/echo $(($1 - 10)).00/' price.sh");
    return undefined;
  },
  flow: ["Git", "Read the history"],
  outcomes: {
    Git: /^## main\n M price.sh\n\w+ \(HEAD -> main\) Add coffee\n/,
    "Read the history": [
      /Give a smaller discount\n\w+ Sell things with a discount\n\w+ Sell things with a discount\n[\s\S]*\(Ada .* 3\) echo/,
      /^\w+ Ada \d{4}-\d\d-\d\d\nAdd a list of goods\n[\s\S]*goods \| 1 \+/,
      version(1),
    ],
    "Find the commit that broke it": /# first bad commit: \[\w+\] Give a smaller discount/,
    "Clean commits": [/price.sh \| 2 \+-[\s\S]*Round prices to whole cents\n price.sh/, ""],
    "Lost work": /HEAD@\{[\s\S]*\w+ (pick|Add|Round|fixup|rebase|Explain|Give).*\n[\s\S]*M +price.sh/,
    "recovery.md: A dropped stash": [/On main: before the bisect\n[\s\S]*WIP on main: \w+ Add coffee/, /price.sh \| 2 \+-/],
    "recovery.md: A file that was staged and never committed": /[0-9a-f]{40} the recipe/,
    "recovery.md: A repository that is damaged": /count: \d+/,
  },
});
