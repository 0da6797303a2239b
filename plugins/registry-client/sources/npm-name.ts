/** How packages of npm, and what is wanted of their versions, are written. */

/** As npm's own rules for new packages have it; a name is part of an address. */
export const isNpmName = (text: string): boolean => text.length <= 214 && /^(@[a-z0-9~][a-z0-9._~-]*\/)?[a-z0-9~][a-z0-9._~-]*$/.test(text);

/** A version, a range of versions, or a tag: nothing that is looked for elsewhere. */
export const isNpmRange = (text: string): boolean => text !== "" && text.length <= 100 && /^[\w.^~<>=|*+ -]+$/.test(text);

/** A name of versions, such as `latest`. */
export const isNpmTag = (text: string): boolean => text.length <= 100 && /^[\w.-]+$/.test(text);

const part = String.raw`(?:\d+|[xX*])`;
const one = String.raw`(?:[<>]=?|[=~^])? ?v?${part}(?:\.${part}(?:\.${part}(?:-[\w.-]+)?(?:\+[\w.-]+)?)?)?`;
const semverRange = new RegExp(`^${one}(?:(?: - | \\|\\| |\\|\\|| )${one})*$`);

/** Whether it is a range of versions: what is none is fitted by every version, as Bun sees it. */
export const isSemverRange = (text: string): boolean => semverRange.test(text);
