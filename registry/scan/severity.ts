/** How bad a finding is. Apart from a finding's shape, so that a process that scans needs no library of shapes. */

/** `high`: hardly ever meant well. `medium`: worth a look before it is installed. `low`: good to know. */
export const severities = ["low", "medium", "high"] as const;
export type Severity = (typeof severities)[number];
