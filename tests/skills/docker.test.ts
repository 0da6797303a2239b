import { afterAll } from "bun:test";
import { testUnless } from "@pincer/plugin-sdk/testing/needs";
import { startDaemon, whyNoDaemon } from "./docker-daemon.ts";
import { walkSkill } from "./walk.ts";

const stack = new AsyncDisposableStack();
afterAll(() => stack.disposeAsync());

/** An image of this machine's own shell, so that none has to be fetched. */
const image = `
programs='/bin/sh /bin/sleep /bin/cat'
libraries=$(for program in $programs; do ldd $program; done | grep -o '/[^ :]*' | sort -u)
mkdir etc && echo 'port 8080' > etc/web.conf
{ tar -c -h -f base.tar -C / $(echo $programs $libraries | tr ' ' '\\n' | sed 's|^/||'); tar -r -f base.tar etc; } 2>&1
docker import --change 'ENV PATH=/bin' base.tar base:1
rm -r base.tar etc`;

walkSkill("docker", {
  declare: testUnless("docker", whyNoDaemon()),
  async prepare({ sh }) {
    const { env } = stack.use(await startDaemon());
    await sh(image, env);
    // A shell as the first process hears no request to end.
    const run = "docker run -d --network none --stop-signal KILL";
    await sh(`${run} --name web -e TOKEN=hidden -v shop:/data base:1 sh -c 'echo made > /made; exec sleep 600'`, env);
    await sh(`${run} --name broken base:1 sh -c 'echo starting; echo no such host: db >&2; exit 3'; docker wait broken`, env);
    await sh("docker volume create left-over", env);
    return env;
  },
  flow: ["Docker", "Why a container is down"],
  outcomes: {
    Docker: /^NAMES +STATUS +IMAGE\n(?=[\s\S]*broken +Exited \(3\))(?=[\s\S]*web +Up )/,
    "Why a container is down": [
      /status=exited exit=3 oom=false restarts=0 error=\n(?=[\s\S]*Z starting)(?=[\s\S]*Z no such host: db)/,
      /^\d+ create\n[\s\S]*\d+ die/,
    ],
    "Look inside": [
      /^port 8080\nPID +COMMAND\n\d+ +sleep 600\n(?=[\s\S]*web cpu=)[\s\S]*A \/made/,
      /port 8080\n/,
      /(?=[\s\S]*^TOKEN$)(?![\s\S]*hidden)[\s\S]*volume shop\/.* -> \/data\n[\s\S]*none/m,
    ],
    "Start one": /\nrunning unless-stopped\nworker\nworker\n$/,
    "Get space back": [/Images +1 [\s\S]*broken Exited \(3\)[\s\S]*left-over/, /Total reclaimed space: 0B/],
  },
});
