/** For the tests: the server, scripted. It says what a test wants, breaks off where a test wants, and keeps what it was sent. */
import { isToolCall, pieces, sse, startScriptedVendor, stopOf } from "@pincer/plugin-sdk/testing/scripted-vendor";

const stops = { stop: "done", length: "length", toolUse: "tools", refusal: "refused" } as const;

export const startFakeServer = () =>
  startScriptedVendor({
    other: () => false,
    keepAlive: ": still here\n\n",
    errorEvent: () => sse({ error: { status: 503, message: "overloaded in the middle" } }),
    errorBody: ({ message, code }) => JSON.stringify({ error: { message, code } }),
    events(answer) {
      const { steps = [], usage = { input: 10, output: 5 } } = answer;
      const calls = steps.filter(isToolCall);
      return {
        steps: steps.map((step) => {
          if ("text" in step) return step.text.map((text) => sse({ text }));
          if ("refusal" in step) return step.refusal.map((text) => sse({ text }));
          if ("thinking" in step) return step.thinking.map((thinking) => sse({ thinking }));
          if ("redacted" in step) return [];
          const number = calls.indexOf(step);
          const { id, name, arguments: json } = step.toolCall;
          return [sse({ call: { number, id, name } }), ...pieces(json).map((piece) => sse({ arguments: { number, json: piece } }))];
        }),
        end: [sse({ end: { stop: stops[stopOf(answer)], usage } })],
      };
    },
  });
