/**
 * The tables of sessions.
 *
 * A transcript is a tree that only grows, kept so that reading a conversation is an index range scan: every entry belongs to a *branch*,
 * and an entry that continues the newest entry of a branch joins it. One that continues an older entry, or none, begins a branch that is
 * named by its own seq, and keeps where it left its parent's. So the entries of a path within one branch are those with a smaller seq,
 * and a conversation that nobody branched is one range of `(transcript, branch, seq)`, however long it is.
 *
 * A reset begins another transcript; ids of entries stay unique over all transcripts of a session, so that a replay appends nothing twice.
 * A message with large values is kept twice, with them (`whole`) and without, so that a history is read without walking through images.
 * How many sessions there are is asked for with every page of a list, and kept, since to count a hundred thousand takes longer than the page.
 */
import type { Migration } from "../../store/store.ts";

export const sessionsMigrations: readonly Migration[] = [
  {
    room: "sessions",
    version: 1,
    sql: `
create table session (
  id integer primary key autoincrement, key text not null unique, agentId text not null, sessionId text not null unique,
  owner integer not null, label text, title text, preview text, createdAt integer not null, updatedAt integer not null,
  lastInteractionAt integer, repliedAt integer, readAt integer not null, idleAt integer, archived integer not null default 0,
  attributes text not null default '{}', facets text not null default '{}'
) strict;
create index session_recent on session (archived, updatedAt);
create index session_recent_any on session (updatedAt);
create index session_recent_agent on session (agentId, archived, updatedAt);
create index session_recent_owner on session (archived, owner, updatedAt);
create index session_interacted on session (archived, lastInteractionAt);
create index session_awake on session (updatedAt) where idleAt is null;
create index session_label on session (label) where label is not null;
create index session_parent on session (attributes ->> 'parentSessionKey');

create table session_transcript (
  id integer primary key autoincrement, sessionId text not null unique, session integer not null, createdAt integer not null,
  last_seq integer not null default 0, leaf_id text, leaf_branch integer, leaf_seq integer not null default 0,
  leaf_depth integer not null default 0
) strict;
create index session_transcript_session on session_transcript (session);

create table session_entry (
  entry integer primary key, transcript integer not null, session integer not null, branch integer not null, seq integer not null,
  id text not null, parent text, parent_branch integer, parent_seq integer, depth integer not null, kind text not null,
  role text not null, runId text, at integer not null, body text not null, text text, whole text
) strict;
create unique index session_entry_path on session_entry (transcript, branch, seq);
create unique index session_entry_id on session_entry (session, id);
create index session_entry_summary on session_entry (transcript, branch, seq) where kind = 'summary';

create table session_count (
  agentId text not null, archived integer not null, count integer not null, primary key (agentId, archived)
) strict, without rowid;

create virtual table session_text using fts5(text, content='session_entry', content_rowid='entry', tokenize='unicode61 remove_diacritics 2');
create virtual table session_name using fts5(key, label, title, content='session', content_rowid='id', tokenize='trigram');

create trigger session_entry_added after insert on session_entry begin
  update session_transcript set last_seq = new.seq, leaf_id = new.id, leaf_branch = new.branch, leaf_seq = new.seq, leaf_depth = new.depth
    where id = new.transcript;
  update session set
    updatedAt = max(updatedAt, new.at), idleAt = null, archived = case when new.role = 'user' then 0 else archived end,
    lastInteractionAt = case when new.role = 'user' then new.at else lastInteractionAt end,
    repliedAt = case when new.role = 'assistant' then new.at else repliedAt end,
    preview = coalesce(substr(new.text, 1, 200), preview)
    where id = new.session;
  update session set title = substr(new.text, 1, 120)
    where id = new.session and title is null and new.role = 'user' and new.kind = 'message' and new.text is not null;
end;
create trigger session_entry_indexed after insert on session_entry when new.text is not null begin
  insert into session_text (rowid, text) values (new.entry, new.text);
end;
create trigger session_entry_removed after delete on session_entry when old.text is not null begin
  insert into session_text (session_text, rowid, text) values ('delete', old.entry, old.text);
end;
create trigger session_added after insert on session begin
  insert into session_name (rowid, key, label, title) values (new.id, new.key, new.label, new.title);
  insert into session_count values (new.agentId, new.archived, 1) on conflict (agentId, archived) do update set count = count + 1;
end;
create trigger session_renamed after update of label, title on session
  when old.label is not new.label or old.title is not new.title begin
  insert into session_name (session_name, rowid, key, label, title) values ('delete', old.id, old.key, old.label, old.title);
  insert into session_name (rowid, key, label, title) values (new.id, new.key, new.label, new.title);
end;
create trigger session_archived after update of archived on session when old.archived <> new.archived begin
  update session_count set count = count - 1 where agentId = old.agentId and archived = old.archived;
  insert into session_count values (new.agentId, new.archived, 1) on conflict (agentId, archived) do update set count = count + 1;
end;
create trigger session_removed after delete on session begin
  insert into session_name (session_name, rowid, key, label, title) values ('delete', old.id, old.key, old.label, old.title);
  update session_count set count = count - 1 where agentId = old.agentId and archived = old.archived;
end;
`,
  },
];
