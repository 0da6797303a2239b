/** Whose the folders are in which something is laid out: they go when whoever made them is no more. */

/** Of this process: another one may have had its number before. */
const own = `ready-${process.pid}-${crypto.randomUUID().slice(0, 8)}-`;

export const readyName = (): string => `${own}${crypto.randomUUID()}`;

/** Whether somebody who lives still lays something out there. */
export function isInUse(name: string): boolean {
  const pid = Number(/^ready-(\d+)-/.exec(name)?.[1]);
  if (!(pid > 0) || pid === process.pid) return name.startsWith(own);
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
