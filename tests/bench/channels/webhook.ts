import { SECRET, signedEvent, startProgram } from "../../channels/fakes/webhook/program.ts";
import type { Channel } from "./platform.ts";

const path = "/plugins/channel-webhook/default";

export const webhook: Channel = {
  name: "webhook",
  start(hear) {
    const program = startProgram();
    let url = "";
    let said = 0;
    const listen = async () => {
      for (let index = 0; ; index++) hear((await program.answer(index)).text);
    };
    void listen();
    return {
      config: { url: `${program.url}/answers`, private: true },
      env: { WEBHOOK_SECRET: SECRET },
      async connected(gateway) {
        url = new URL(path, gateway).href;
        // Until then it says that the account does not receive; what nobody has signed is taken by none.
        while ((await fetch(url, { method: "POST" })).status !== 401) await Bun.sleep(1);
      },
      say(conversation, text) {
        const event = { id: `e${++said}`, from: `person${conversation}`, conversation: `room${conversation}`, text };
        void fetch(url, signedEvent(event)).then(async (response) => {
          if (response.status !== 202) throw new Error(`an event was answered with ${response.status}: ${await response.text()}`);
        });
      },
      [Symbol.asyncDispose]: () => program[Symbol.asyncDispose](),
    };
  },
};
