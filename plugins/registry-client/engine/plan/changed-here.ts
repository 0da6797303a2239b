/** What is said of files that somebody has changed since they were installed. */
import type { Notice } from "../../notice.ts";

/** The code of the yes that writes over them. */
export const changedHere = "changed-here";

export const changed = (text: string): Notice => ({ code: changedHere, level: "warning", text });

export const writesOver = (folder: string): Notice => ({
  ...{ code: changedHere, level: "yes" },
  text: `its files were changed in ${folder} since it was installed, and are written over`,
});
