/** A session as the store keeps it, as plugins see it, and as a row on the wire. */
import type { Facet } from "@pincer/plugin-sdk";
import type { Session } from "@pincer/plugin-sdk/contracts/sessions";
import { type Static, Type } from "@sinclair/typebox";
import { parseKey } from "./keys.ts";

export type Facets = ReadonlyMap<string, Facet>;

/** A type, not an interface, so that it is a row of the store. */
export type SessionRecord = {
  id: number;
  key: string;
  agentId: string;
  sessionId: string;
  owner: number;
  label: string | null;
  title: string | null;
  preview: string | null;
  createdAt: number;
  updatedAt: number;
  lastInteractionAt: number | null;
  repliedAt: number | null;
  /** 0: marked unread. */
  readAt: number;
  idleAt: number | null;
  archived: number;
  /** What nothing is looked for by; stands in the row under the same names. */
  attributes: string;
  facets: string;
};

const text = Type.Optional(Type.String());
const time = Type.Optional(Type.Integer());

/** Facets and attributes stand beside these, under their own names. */
export const SessionRow = Type.Object({
  key: Type.String(),
  kind: Type.String(),
  agentId: Type.String(),
  sessionId: Type.String(),
  updatedAt: Type.Integer(),
  createdAt: Type.Integer(),
  label: text,
  displayName: text,
  derivedTitle: text,
  lastMessagePreview: text,
  classification: Type.String(),
  channel: text,
  accountId: text,
  isMain: Type.Boolean(),
  archived: Type.Boolean(),
  pinned: Type.Boolean(),
  unread: Type.Boolean(),
  lastInteractionAt: time,
  /** When the session fell idle; absent while it is in use. */
  idleAt: time,
  /** Of the newest run. */
  status: text,
  startedAt: time,
  endedAt: time,
  hasActiveRun: Type.Boolean(),
  activeRunIds: Type.Array(Type.String()),
  snapshotAt: Type.Integer(),
});
export type SessionRow = Static<typeof SessionRow>;

export interface Running {
  readonly runIds: readonly string[];
  readonly startedAt: number;
}

export interface RowView {
  readonly now: number;
  readonly facets: Facets;
  readonly running: Running | undefined;
  readonly includeDerivedTitles?: boolean | undefined;
  readonly includeLastMessage?: boolean | undefined;
}

export const sessionOf = ({ key, agentId, sessionId, label, createdAt, updatedAt, owner, archived, facets }: SessionRecord): Session => {
  return { key, agentId, sessionId, label, createdAt, updatedAt, owner: owner === 1, archived: archived === 1, facets: JSON.parse(facets) };
};

const oneLine = (value: string | null) => value?.replaceAll(/\s+/g, " ").trim();

/** Facets never hide what the kernel knows, but may say what kind of conversation it is. */
export function rowOf(record: SessionRecord, { now, facets, running, ...view }: RowView): SessionRow {
  const { id: _, owner: __, title, preview, repliedAt, readAt, facets: kept, ...plain } = record;
  const { rest, isMain, conversation } = parseKey(record.key, record.agentId);
  const attributes = JSON.parse(record.attributes);
  const archived = record.archived === 1;
  const row = {
    ...Object.fromEntries([...facets].map(([name, { schema }]) => [name, schema.default])),
    kind: "direct",
    ...JSON.parse(kept),
    displayName: record.label,
    ...attributes,
    ...(running && { status: "running", startedAt: running.startedAt, endedAt: null }),
    ...plain,
    attributes: null,
    derivedTitle: view.includeDerivedTitles ? oneLine(title) : null,
    lastMessagePreview: view.includeLastMessage ? oneLine(preview) : null,
    classification: rest.split(":", 1)[0],
    channel: conversation?.channel,
    accountId: conversation?.account,
    isMain,
    archived,
    archivedAt: archived ? attributes.archivedAt : null,
    pinned: attributes.pinnedAt !== undefined,
    unread: readAt === 0 || (repliedAt ?? 0) > readAt,
    hasActiveRun: running !== undefined,
    activeRunIds: running?.runIds ?? [],
    snapshotAt: now,
  };
  return Object.fromEntries(Object.entries(row).filter(([, value]) => value !== null && value !== undefined)) as SessionRow;
}
