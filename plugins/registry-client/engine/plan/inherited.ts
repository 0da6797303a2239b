/** What a plugin that was not installed would find of one that had its name. */
import type { Notice } from "../../notice.ts";
import { isSamePlace, shownOrigin } from "../../sources/sources.ts";
import { keptWhere, leftOf } from "../home/left.ts";
import type { LockedVersion } from "../home/lock.ts";
import { comparePublishers } from "../package/review.ts";

export function inherited(home: string, id: string, next: Pick<LockedVersion, "origin" | "publisher">): readonly Notice[] {
  const left = leftOf(home, id);
  if (!left) return [];
  const { version } = left;
  // An archive says where it was once, and not whose it is.
  const isKnown = version && !["archive", "upload"].includes(version.origin.from) && isSamePlace(version.origin, next.origin);
  if (isKnown && !comparePublishers(version.publisher, next.publisher))
    return [
      { code: "finds", level: "note", text: `it finds what ${id} ${version.version} kept when it was removed: ${keptWhere(home, id)}` },
    ];
  const whose = version
    ? `${id} ${version.version} from ${shownOrigin(version.origin)}${version.publisher ? ` (${version.publisher.name})` : ""}`
    : "another";
  const text = `it would find what ${whose} kept: ${keptWhere(home, id)}; "pincer remove ${id} --data" deletes that`;
  return [{ code: "inherits", level: "yes", text }];
}
