/** What is said to strangers, to those who were let in, and to the owner. */
import type { Verdict } from "@pincer/plugin-sdk/contracts/sender-policy";
import type { Applicant, Who } from "./applicants.ts";

type Reply = NonNullable<Verdict["reply"]>;

/** What others wrote, within a line of ours: no mark of it works, it turns no order of reading, and it is short. */
const quoted = (text: string): string => {
  const plain = text
    .replace(/\p{C}|\p{Zl}|\p{Zp}/gu, "")
    .replaceAll("`", "'")
    .trim();
  return `\`${plain.length > 64 ? `${[...plain].slice(0, 63).join("")}…` : plain || "?"}\``;
};

const place = ({ channel, account }: Pick<Who, "channel" | "account">) => (account === "default" ? channel : `${channel} (${account})`);

export const named = ({ kind, name, id, ...where }: Who & Pick<Applicant, "name">): string =>
  `${kind === "group" ? "the group " : ""}${name === undefined ? "" : `${quoted(name)}, `}${quoted(id)} on ${place(where)}`;

function lasting(ms: number): string {
  const minutes = Math.max(1, Math.round(ms / 60_000));
  if (minutes % 60 !== 0) return minutes === 1 ? "1 minute" : `${minutes} minutes`;
  return minutes === 60 ? "1 hour" : `${minutes / 60} hours`;
}

/** The same for the same applicant, however often it is asked for. */
export function greeting({ code, ownerKnown, createdAt, expiresAt }: Applicant): Reply {
  const holds = expiresAt === null ? "" : ` It holds for ${lasting(expiresAt - createdAt)}.`;
  const what = `I answer only those whom my owner has let in. Your code is \`${code}\`.${holds}`;
  const next = ownerKnown
    ? `Give it to my owner, who lets you in with \`/pair approve ${code}\`.`
    : `If I am yours, run this where I am installed: \`pincer pairing approve ${code} --owner\`\nIf not, give the code to my owner.`;
  return { text: `${what}\n\n${next}` };
}

export function asksOwner(applicant: Applicant): Reply {
  const { kind, code } = applicant;
  const choices = [
    { label: "Let in", text: `/pair approve ${code}` },
    { label: "Turn down", text: `/pair reject ${code}` },
  ];
  const wants = kind === "group" ? "wants me to answer there" : "wants to write to me";
  return { text: `${sentence(named(applicant))} ${wants}. Anybody can take any name; the code is \`${code}\`.`, choices };
}

const sentence = (text: string) => text.charAt(0).toUpperCase() + text.slice(1);

export const letIn = ({ kind }: Who, owner: boolean): string => {
  if (kind === "group") return "My owner lets me answer here, when I am mentioned or answered.";
  return owner ? "You are my owner here now, too: what you write belongs to our main conversation." : "You may write to me now.";
};

export const decided = (applicant: Applicant, verb: "approve" | "reject"): string =>
  `${sentence(named(applicant))} ${verb === "approve" ? "is let in" : "was turned down"}.`;

export const onlyOwner = "Only my owner decides who may write to me.";
export const onlyDirect = "Decide about that where nobody reads along: write to me directly.";
export const usage = "/pair list: who asks. /pair approve <code>, /pair reject <code>.";

export const waiting = (open: readonly Applicant[]): string =>
  open.length === 0
    ? `Nobody asks to be let in.\n${usage}`
    : [...open.map((applicant) => `- ${named(applicant)}: \`${applicant.code}\``), usage].join("\n");
