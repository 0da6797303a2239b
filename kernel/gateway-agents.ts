/** What the kernel needs to know of agents: which there are, and whose session `main` is. */
export const mainKey = "main";

export type Agents = ReturnType<typeof agentsOf>;

type Section = { readonly list?: readonly { readonly id: string }[]; readonly default?: string };
export function agentsOf(section: unknown): { readonly ids: readonly string[]; readonly main: string } {
  const { list = [], default: chosen } = (section ?? {}) as Section;
  const ids = list.length > 0 ? list.map(({ id }) => id) : [mainKey];
  return { ids, main: chosen ?? (ids.includes(mainKey) ? mainKey : ids[0]!) };
}
