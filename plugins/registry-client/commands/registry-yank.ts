/** `pincer registry yank` and `tag`: what a publisher may still change of a release. */
import type { CommandDefinition, CommandIo } from "@pincer/plugin-sdk";
import { dot } from "@pincer/plugin-sdk/command/colour";
import { archiveOf, type Release } from "@pincer/registry/name";
import { type ReleaseNotes, readNotes } from "@pincer/registry/notes";
import { changedList } from "@pincer/registry/publisher/next-list";
import { publishNext } from "@pincer/registry/publisher/publish-next";
import { clientErrors } from "../errors.ts";
import { type Options, readOptions } from "./options.ts";
import { needed, now, persistence, publisherFlags, publisherSide, publisherUsage } from "./place-at.ts";
import { withFlags } from "./registry-flags.ts";
import { releaseIn, timeNow } from "./registry-place.ts";

/** Answers with the release, and whether anything was changed. */
async function changeRelease(
  typed: string,
  options: Options,
  change: (notes: ReleaseNotes) => ReleaseNotes,
  io: CommandIo,
): Promise<{ readonly release: Release; readonly isNew: boolean }> {
  const { place, publisher, signers, sender } = publisherSide(options, io);
  let release: Release | undefined;
  const sent = await publishNext(
    {
      ...{ place, publisher, signers, sender, archives: new Map() },
      next(before) {
        const found = releaseIn(typed, (one) => before?.targets[archiveOf(one)] !== undefined);
        release = found;
        const notes = readNotes(before!.targets[archiveOf(found)]!.custom, archiveOf(found));
        return Bun.deepEquals(change(notes), notes) ? undefined : changedList(before!, found, change, now);
      },
    },
    persistence(io),
  );
  return { release: release!, isNew: sent !== undefined };
}

export const yank: CommandDefinition = {
  command: withFlags(
    {
      name: "registry yank",
      summary: "Take a release of your own back, or with --undo let it be again",
      usage: `<name@version> [--reason <text>] [--undo] ${publisherUsage}`,
    },
    { reason: "What people are told" },
  ),
  async run(args, io) {
    const options = readOptions(args, [...publisherFlags, "--reason"]);
    const [typed = ""] = options.words;
    const isUndone = options.has("--undo");
    const yanked = isUndone ? undefined : { at: timeNow(), reason: needed(options, "--reason", "whoever asks for it is told why") };
    const change = ({ yanked: before, ...notes }: ReleaseNotes): ReleaseNotes => (yanked ? { ...notes, yanked: before ?? yanked } : notes);
    const { release, isNew } = await changeRelease(typed, options, change, io);
    const what = `${release.id} ${release.version} is ${isNew ? "" : "already "}${isUndone ? "offered again" : "yanked"}`;
    io.result({ ok: true, ...release, yanked: !isUndone, isNew }, `${dot("good")} ${what}`);
    return 0;
  },
};

export const tag: CommandDefinition = {
  command: withFlags(
    {
      name: "registry tag",
      summary: "Point a tag at a release of your own, or with --undo take it away",
      usage: `<name@version> <tag> [--undo] ${publisherUsage}`,
    },
    {},
  ),
  async run(args, io) {
    const options = readOptions(args, publisherFlags);
    const [typed = "", name = ""] = options.words;
    if (!/^[a-z][a-z0-9-]{0,39}$/.test(name))
      throw clientErrors.REGISTRY_CLIENT_USAGE(
        `expected a tag of small letters, digits and dashes, such as latest, came ${JSON.stringify(name)}`,
      );
    const isUndone = options.has("--undo");
    const change = ({ tags = [], ...notes }: ReleaseNotes): ReleaseNotes => {
      const left = isUndone ? tags.filter((one) => one !== name) : [...new Set([...tags, name])];
      return { ...notes, ...(left.length > 0 && { tags: left }) };
    };
    const { release, isNew } = await changeRelease(typed, options, change, io);
    const points = isUndone ? "points at nothing" : `points at ${release.id} ${release.version}`;
    io.result({ ok: true, ...release, tag: isUndone ? null : name, isNew }, `${dot("good")} ${name} ${points}${isNew ? "" : " already"}`);
    return 0;
  },
};
