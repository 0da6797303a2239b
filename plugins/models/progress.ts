/** How far it is with what is fetched: a bar where a person reads along, a line now and then elsewhere. */
import type { PullState } from "./catalogue-methods.ts";

const WIDTH = 30;
/** Between two lines where there is no bar, in percent. */
const STEP = 10;

export const sizeOf = (bytes: number): string =>
  bytes >= 1e9 ? `${(bytes / 1e9).toFixed(1)} GB` : bytes >= 1e6 ? `${Math.round(bytes / 1e6)} MB` : `${Math.ceil(bytes / 1e3)} kB`;

const percentOf = ({ completedBytes, totalBytes }: Pick<PullState, "completedBytes" | "totalBytes">): number | undefined =>
  totalBytes === null || totalBytes === 0 ? undefined : Math.floor((Math.min(completedBytes, totalBytes) / totalBytes) * 100);

/** One line, without its end. */
export function barOf(state: Pick<PullState, "completedBytes" | "totalBytes" | "status">): string {
  const percent = percentOf(state);
  if (percent === undefined || state.totalBytes === null) return state.status;
  const full = Math.round((percent / 100) * WIDTH);
  const amounts = `${sizeOf(state.completedBytes)} of ${sizeOf(state.totalBytes)}`;
  return `[${"#".repeat(full)}${"-".repeat(WIDTH - full)}] ${percent} %  ${amounts}  ${state.status}`;
}

/** Written beside the answer, as what is for people alone; with JSON nothing is. */
export function createProgress(isQuiet: boolean) {
  const { stderr } = process;
  let told = "";
  return {
    show(state: PullState) {
      if (isQuiet) return;
      if (stderr.isTTY) {
        stderr.write(`\r\u001b[2K${Bun.sliceAnsi(barOf(state), 0, (stderr.columns ?? 80) - 1)}`);
        told = "bar";
        return;
      }
      const percent = percentOf(state);
      const step = percent === undefined ? state.status : `${Math.floor(percent / STEP) * STEP} %`;
      if (step !== told) stderr.write(`${percent === undefined ? state.status : barOf(state)}\n`);
      told = step;
    },
    end() {
      if (!isQuiet && stderr.isTTY && told !== "") stderr.write("\r\u001b[2K");
    },
  };
}
