import { SECRET, startProgram } from "../../channels/fakes/webhook/program.ts";
import { type StartChannel, startRoad } from "./channel.ts";

export const webhook: StartChannel = (at) => {
  // Of its own, so that a gateway of another home that has the port now does not believe it.
  const secret = `${SECRET}${crypto.randomUUID()}`;
  const program = startProgram({ secret });
  const road = startRoad(program.url, { sends: { path: "/answers" } }, at);
  return {
    name: "webhook",
    plugin: "channel-webhook",
    config: { url: `${road.url}/answers`, private: true, secret },
    rooms: [
      { conversation: "ada", from: "ada", direct: true },
      { conversation: "club", from: "carol", direct: false },
    ],
    grows: false,
    isUnordered: true,
    get shown() {
      return program.answers.map(({ conversation, text, id }) => ({ conversation, text, id }));
    },
    say: ({ conversation, from, direct }, text) =>
      program.bring({ conversation, from, text, ...(direct ? {} : { group: { mentioned: true } }) }),
    fail: road.fail,
    moved: program.gateway,
    async [Symbol.asyncDispose]() {
      await program[Symbol.asyncDispose]();
      await road.faults[Symbol.asyncDispose]();
    },
  };
};
