/** How a skill of a ClawHub-compatible site is named: `weather`, `@ada/weather`, and of another site than the first one `site:@ada/weather`. */
import { checkedName, isName } from "@pincer/registry/name";
import { clientErrors } from "../errors.ts";

export interface SkillReference {
  /** Without the `@`; absent: whoever's it is. */
  readonly owner?: string;
  readonly slug: string;
}

export interface SiteReference extends SkillReference {
  /** As the site is called in the configuration. */
  readonly site?: string;
}

const owner = /^[a-z0-9][a-z0-9_-]{0,63}$/;

/** Throws `REGISTRY_CLIENT_WANTED_INVALID`, and `REGISTRY_NAME_INVALID` for a name that nothing here can have. */
export function parseReference(text: string): SiteReference {
  const [, site, handle, slug] = /^(?:([^:/@]+):)?(?:@?([^/@:]+)\/)?([^/@:]+)$/.exec(text.trim()) ?? [];
  const isFine = slug !== undefined && (site === undefined || isName(site)) && (handle === undefined || owner.test(handle.toLowerCase()));
  if (!isFine)
    throw clientErrors.REGISTRY_CLIENT_WANTED_INVALID(
      `${JSON.stringify(text.slice(0, 200))}: expected a skill such as weather, @ada/weather or site:@ada/weather`,
    );
  return { ...(site !== undefined && { site }), ...(handle !== undefined && { owner: handle.toLowerCase() }), slug: checkedName(slug) };
}

export const shownReference = ({ owner: handle, slug }: SkillReference): string => (handle === undefined ? slug : `@${handle}/${slug}`);
