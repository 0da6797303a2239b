/** Does what is asked for in a home, and is killed at the beginning of a step: `bun dying-installer.ts <home> <step> <request as JSON>`. */
import { engineOfHome } from "../../plugins/registry-client/home.ts";

const [home = "", at = "", request = ""] = process.argv.slice(2);
const { signal } = new AbortController();
const asked = JSON.parse(request);
const engine = await engineOfHome(home, ({ step }) => void (step === at && process.kill(process.pid, "SIGKILL")), signal);
const { token, items } = await engine.plan(asked, signal);
await engine.apply(asked, { token, accepted: items.flatMap(({ needs }) => needs) }, signal);
