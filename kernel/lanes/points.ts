/** Where a process may die. A chaos driver is told each point as it is passed, and can end the process there. */
const steps = ["admit", "claim", "begin", "take", "send", "finish", "cancel", "release", "recover"] as const;
/** What is about to be committed, or is durable while memory does not know it and nobody was told. */
export type LaneStep = (typeof steps)[number];

export const lanePoints = [
  ...steps.flatMap((step) => [`before-${step}`, `after-${step}`] as const),
  "before-run",
  "after-run",
  /** The result of a step was handed to the writer, and not waited for. */
  "after-settle",
] as const;
export type LanePoint = (typeof lanePoints)[number];
