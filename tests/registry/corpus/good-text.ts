/** Pages as decent authors write them, near to what the rules look for. */
import { plugin, type Specimen, skill } from "./specimen.ts";

export const goodText: Readonly<Record<string, Specimen>> = {
  "tells how to use a program": skill("Run `git status`, then `git log --oneline -20`. Say what changed, and ask before you push."),
  "asks before it does": skill("Never delete a file without asking the user first. Show what would go, and wait for a yes."),
  "says what the user is told": skill("Tell the user which files changed, and mention the user's own notes by name."),
  "forbids what is forbidden": skill("Do not send passwords or tokens to https://status.site.io or anywhere else. Never skip approvals."),
  "protects a secret": skill("Keep the token out of the log: it is a secret of the owner, and `--verbose` would print it."),
  "speaks of a system": skill("## System requirements\n\nThe system needs 2 GB of memory.\n\nSystem of units: metric."),
  "speaks of instructions": skill(
    "Follow the instructions in the README of the project. Previous versions had other options; see the changelog.",
  ),
  "speaks of rules that were there before": skill("The earlier rules for dates no longer hold: since 2.0 a week begins on Monday."),
  "has a comment for authors": skill("Weather.\n\n<!-- prettier-ignore-start -->\n| a | b |\n|---|---|\n<!-- prettier-ignore-end -->"),
  "shows a picture": skill("![A map](https://weather.org/map.png)"),
  "fetches with curl": skill("```sh\ncurl -s 'https://api.weather.org/v1?q=Berlin' | jq .temperature\n```"),
  "reads the log": skill("```sh\njournalctl -u nginx --since today | grep -c error\ntail -n 100 /var/log/syslog\n```"),
  "removes what it made": skill("```sh\nrm -rf ./build /tmp/weather-cache\n```"),
  "copies with rsync": skill("```sh\nrsync -a ./site/ backup:/srv/site/\n```"),
  "decodes a file": skill("```sh\nbase64 -d picture.txt > picture.png\n```"),
  "brings a script": skill("Run `scripts/forecast.py Berlin`.", {
    files: {
      "scripts/forecast.py":
        "#!/usr/bin/env python3\nimport json, sys, urllib.request\nwith urllib.request.urlopen('https://api.weather.org/v1?q=' + sys.argv[1]) as answer:\n    print(json.load(answer)['temperature'])\n",
    },
  }),
  "describes a tool": plugin(
    'const description = "Tells the temperature of a place, in degrees. Use it when somebody asks how warm it is.";',
  ),
  "describes what a tool will not do": plugin(
    'const description = "Sends a message to a contact. It never sends without approval, and tells the user what was sent.";',
  ),
  "speaks several languages": skill(
    "Antworte auf Deutsch, wenn die Frage deutsch ist. Réponds en français aux questions en français. 用中文回答中文问题。",
  ),
  "is long, and says nothing odd": skill(
    Array.from({ length: 200 }, (_line, index) => `${index}. Look at the sky over town ${index}, and note the clouds.`).join("\n"),
  ),
};
