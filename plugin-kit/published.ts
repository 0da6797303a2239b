/** How a package of Pincer differs from a clone of it. */
import { existsSync } from "node:fs";
import { join } from "node:path";

/** Of the bundle in a package, which the launcher looks for too. A clone has none, and makes its own in `.build`. */
export const gatewayFolder = "dist/gateway";

/** Whether nothing in Pincer's folder `root` may be changed: it may be shared, belong to somebody else, and be replaced as a whole. */
export const isPublished = (root: string): boolean => existsSync(join(root, gatewayFolder, "main.js"));
