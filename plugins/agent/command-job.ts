/** The job `agent.command`: what somebody typed to the gateway instead of to the model. Its answer is a note, which no model sees. */
import { thinkingLevels } from "@pincer/plugin-sdk/contracts/provider";
import { errorMessage, hasCode, isGatewayError } from "@pincer/plugin-sdk/error";
import type { Job } from "@pincer/plugin-sdk/job";
import { stopRuns } from "./abort.ts";
import { admissionOf } from "./admission.ts";
import { commandsWith, mayUse, skillCommand } from "./commands.ts";
import { isPutOff } from "./errors.ts";
import { sessionsReset } from "./gateway-methods.ts";
import { Replies } from "./replies.ts";
import type { Runs } from "./runs.ts";
import { chosenModel, thinkingLevel } from "./session-facets.ts";
import { type CommandInput, entryIds, type RunResult, turnLane } from "./turn-input.ts";
import type { AgentContext } from "./uses.ts";

const unset: ReadonlySet<string> = new Set(["default", "auto", "reset"]);
/** A client of the gateway is the owner, wherever it writes. */
const isOwner = ({ owner, byOwner, sender }: CommandInput) => owner || byOwner === true || sender === undefined;
const number = (value: unknown) => (typeof value === "number" ? value.toLocaleString("en-US") : "0");

export function createCommandHandler(agent: AgentContext, runs: Runs) {
  const { sessions, router, llm, lanes } = agent.uses;

  const facetsOf = async ({ sessionKey, owner }: CommandInput) => {
    const io = { signal: agent.signal };
    return (await sessions.get({ key: sessionKey }, io)) ?? (await sessions.ensure({ key: sessionKey, owner }, io));
  };
  const set = (key: string, facets: Readonly<Record<string, unknown>>) => sessions.patch({ key, facets }, { signal: agent.signal });

  const resolve = async (input: CommandInput) => {
    const session = await facetsOf(input);
    const info = await router.agent({ agentId: input.agentId }, { signal: agent.signal });
    const wanted = chosenModel(session) ?? info.model;
    const model = await llm.resolve({ agentId: info.id, ...(wanted === undefined ? {} : { model: wanted }) }, { signal: agent.signal });
    const thinking =
      thinkingLevel(session.facets["thinkingLevel"]) ?? thinkingLevel(info.thinking) ?? model.thinkingDefault ?? agent.config.thinking;
    const { selector } = agent.uses;
    const isSelected =
      wanted === undefined &&
      selector !== undefined &&
      (await selector.select({ agentId: info.id, text: "" }, { signal: agent.signal })) !== null;
    const name = isSelected ? `chosen for each message (selector), ${model.ref} where nothing says otherwise` : model.ref;
    return { session, model, name, thinking };
  };

  const help = async (input: CommandInput): Promise<string> => {
    const by = { owner: isOwner(input), group: input.group === true };
    const usable = commandsWith(agent.uses.approvals !== undefined).filter(({ name }) => mayUse(name, by));
    const { skills } = agent.uses;
    const called =
      by.owner && skills ? (await skills.list({ agentId: input.agentId }, { signal: agent.signal })).commands.map(skillCommand) : [];
    return [...usable, ...called].map(({ textAliases, description }) => `${textAliases[0]}: ${description}`).join("\n");
  };

  const status = async (input: CommandInput): Promise<string> => {
    const { session, model, name, thinking } = await resolve(input);
    const { running, waiting } = await lanes.status({ lane: turnLane(session.key) }, { signal: agent.signal });
    const window = model.contextWindow ?? agent.config.contextTokens;
    const { totalTokens, inputTokens, outputTokens, estimatedCostUsd: cost } = session.facets;
    const share = Math.round((Number(totalTokens ?? 0) / window) * 100);
    return [
      `Model: ${name}${model.reasoning ? `, thinking ${thinking}` : ""}`,
      ...(session.facets["localOnly"] === true ? ["Private: this conversation goes to local models alone; /new begins another"] : []),
      `Context: ${number(totalTokens)} of ${number(window)} tokens (${share} %)`,
      `Used: ${number(inputTokens)} tokens in, ${number(outputTokens)} out${isOwner(input) && typeof cost === "number" && cost > 0 ? `, about $${cost.toFixed(4)}` : ""}`,
      `Running: ${running === null ? "nothing" : "a turn"}${waiting.length > 0 ? `, ${waiting.length} waiting` : ""}`,
      ...(isOwner(input) ? [`Session: ${session.key}`] : []),
    ].join("\n");
  };

  const usage = async ({ sessionKey }: CommandInput): Promise<string> => {
    const { budgets } = agent.uses;
    if (!budgets) return "What was used is counted (pincer call usage.cost); to see it here, and for limits: pincer plugins enable budgets";
    return (await budgets.report({ sessionKey }, { signal: agent.signal })).text;
  };

  const model = async (input: CommandInput): Promise<string> => {
    const { sessionKey, agentId, args } = input;
    if (args === "")
      return `This conversation's model: ${(await resolve(input)).name}. Choose another with /model <model>, or /model default.`;
    if (unset.has(args)) {
      await facetsOf(input);
      await set(sessionKey, { model: null });
      return `This conversation uses the configured model again: ${(await resolve(input)).model.ref}.`;
    }
    const found = await llm.resolve({ model: args, agentId }, { signal: agent.signal });
    await facetsOf(input);
    await set(sessionKey, { model: found.ref });
    return `This conversation uses ${found.ref} from now on.`;
  };

  const think = async (input: CommandInput): Promise<string> => {
    const { sessionKey, args } = input;
    if (args === "") {
      const { model: current, thinking } = await resolve(input);
      return current.reasoning
        ? `Thinking: ${thinking}. Levels: ${thinkingLevels.join(", ")}.`
        : `${current.ref} does not think before it answers.`;
    }
    const level = thinkingLevel(args);
    if (level === undefined && !unset.has(args)) return `"${args}" is no level. There are: ${thinkingLevels.join(", ")}, or default.`;
    await facetsOf(input);
    await set(sessionKey, { thinkingLevel: level ?? null });
    return level === undefined ? "Thinking is as configured again." : `Thinking: ${level}, from now on in this conversation.`;
  };

  const stop = async ({ input: { sessionKey, agentId }, order: before }: Job<CommandInput>): Promise<string> => {
    const stopped = await stopRuns(agent, runs, { sessionKey, agentId, waiting: true, before, stopReason: "stop" });
    return stopped.length === 0 ? "Nothing is running." : "Stopped.";
  };

  const begin = async (job: Job<CommandInput>, reason: "new" | "reset"): Promise<string> => {
    const { sessionKey: key } = job.input;
    const before = async () => (await facetsOf(job.input)).sessionId;
    const expectedSessionId = await job.effect("session", null, before, { replay: "safe" });
    await agent.call(sessionsReset, { key, reason, expectedSessionId }).catch((error: unknown) => {
      // It has been emptied meanwhile: by somebody else, or by this command before the process died.
      if (!hasCode(error, "SESSION_CHANGED")) throw error;
    });
    return reason === "new" ? "A new conversation." : "This conversation is empty again.";
  };

  const agentsOf = async ({ agentId, args, replyTo }: CommandInput): Promise<string> => {
    const io = { signal: agent.signal };
    const { agents } = await router.agents({}, io);
    const list = agents.map(
      ({ id, name }) => `- \`${id}\`${name === id ? "" : ` (${name})`}${id === agentId ? ", which answers here" : ""}`,
    );
    if (router.choose === undefined) return `${list.join("\n")}\n\nWhich one answers is fixed here.`;
    if (args === "") return `${list.join("\n")}\n\nChoose one for this conversation with /agents <agent>, or /agents default.`;
    if (replyTo === undefined) return "Here each agent has conversations of its own: go to one of those.";
    if (router.choose === undefined) return "Which agent answers cannot be chosen here: the router has no choice.";
    const { address } = replyTo;
    if (unset.has(args)) {
      await router.choose({ address, agentId: null }, io);
      return "In this conversation the agent answers again whom the rules name.";
    }
    const chosen = agents.find(({ id, name }) => id === args || name.toLowerCase() === args.toLowerCase());
    if (chosen === undefined) return `No agent is called "${args}". There are:\n${list.join("\n")}`;
    await router.choose({ address, agentId: chosen.id }, io);
    return `${chosen.name} answers in this conversation from now on.`;
  };

  /** The owner said it, or `refused` would be set. */
  const answer = async ({ command, args, group, sender, user }: CommandInput): Promise<string> => {
    const { approvals } = agent.uses;
    if (approvals === undefined) return "Nothing asks for approval here: the plugin approvals is not enabled.";
    if (group === true) return "Answer that where nobody reads along: write to me directly.";
    const [code = "", word] = args.split(/\s+/);
    if (code === "") return `Say which: /${command} <code>.`;
    const decision = command === "deny" ? "deny" : word?.toLowerCase() === "always" ? "allow-always" : "allow-once";
    const by = sender === undefined ? (user ?? "shared") : `${sender.channel}:${sender.id}`;
    return (await approvals.answer({ code, decision, by }, { signal: agent.signal })).text;
  };

  const run = async (job: Job<CommandInput>): Promise<string> => {
    const { input } = job;
    if (input.refused === true) return `Only the owner of this assistant may use /${input.command}${input.group === true ? " here" : ""}.`;
    if (input.unknown !== undefined) return input.unknown;
    switch (input.command) {
      case "agents":
        return agentsOf(input);
      case "status":
        return status(input);
      case "approve":
      case "deny":
        return answer(input);
      case "usage":
        return usage(input);
      case "model":
        return model(input);
      case "think":
        return think(input);
      case "stop":
        return stop(job);
      case "new":
      case "reset":
        return begin(job, input.command);
      default:
        return help(input);
    }
  };

  return async (job: Job<CommandInput>): Promise<RunResult> => {
    const { input } = job;
    const { runId, sessionKey, agentId } = input;
    await runs.answered(runId);
    const events = runs.begin({ runId, sessionKey, agentId, sessionId: undefined }, { askedAt: input.at, resumed: job.resumed });
    const replies = new Replies({ agent, job, runId, sessionKey });
    replies.add(input.replyTo, 0);
    try {
      events.lifecycle("start", { startedAt: events.startedAt });
      const obey = () =>
        run(job).catch((error: unknown) => {
          if (job.signal.aborted || isPutOff(error) || !isGatewayError(error)) throw error;
          return `That did not work: ${error.message}`;
        });
      const text = await job.effect("command", { command: input.command, args: input.args }, obey, { replay: "safe" });
      if ((input.command === "new" || input.command === "reset") && input.args !== "" && input.refused !== true) {
        const { command: _, args, at: __, chat, ...request } = input;
        job.send(
          admissionOf(agent, { ...request, runId: `${runId}:next`, text: args }, { plain: true, ...(chat === true ? { chat } : {}) }),
        );
      }
      await facetsOf(input);
      const typed = { role: "user" as const, content: input.text, timestamp: input.at, idempotencyKey: entryIds.user(runId) };
      const reply = { role: "assistant" as const, content: [{ type: "text" as const, text }], timestamp: agent.clock.now() };
      await sessions.append(
        {
          key: sessionKey,
          entries: [
            { id: entryIds.user(runId), kind: "note", message: typed, runId },
            { id: entryIds.note(runId, "reply"), kind: "note", message: reply, runId },
          ],
        },
        { signal: agent.signal },
      );
      await replies.finish(text, text);
      events.end({ state: "final", text, stopReason: "stop", command: true });
      return { status: "ok", text, stopReason: "stop", startedAt: events.startedAt, endedAt: agent.clock.now() };
    } catch (error) {
      if (!job.signal.aborted && !isPutOff(error)) {
        agent.log.error("command.failed", { command: input.command, sessionKey, runId, error: errorMessage(error) });
        events.end({ state: "error", errorMessage: `/${input.command} failed; the gateway's log says why.`, errorKind: "unknown" });
      }
      throw error;
    } finally {
      runs.finish(events);
    }
  };
}
