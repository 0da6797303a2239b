export type Admission = unknown;
export const admission =
  (_: readonly string[]) =>
  (_h: string, _p: number): Admission =>
    undefined;
