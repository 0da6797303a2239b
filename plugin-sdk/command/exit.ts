/** How a command ended, for scripts: 0 done, 1 failed, 2 wrong usage, 3 the gateway does not run, 4 it refused, 130 interrupted. */
export const EXIT = { done: 0, failed: 1, usage: 2, notRunning: 3, refused: 4, interrupted: 130 } as const;
