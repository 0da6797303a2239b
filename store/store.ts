/**
 * The driver interface of the durable store. It is asynchronous, so that a driver for a shared database can stand in its place; the
 * SQLite driver answers reads from its own connection and hands writes to the writer thread.
 */
export type Param = string | number | null | Uint8Array;
export type Statement = readonly [sql: string, ...params: Param[]];
export type Row = Record<string, Param>;

/** A room's schema, forward only: version n holds what turns version n-1 into n. */
export interface Migration {
  readonly room: string;
  readonly version: number;
  readonly sql: string;
}

export interface Store {
  /**
   * Runs the statements in one transaction and resolves, with the rows of each, after the commit that holds it is durable. Writes keep
   * the order in which they were called, and one without statements waits for all before it. Rejects with `STORE_FULL`, `STORE_CORRUPT` or `STORE_FAILED`; then nothing of it was written.
   */
  write(...statements: Statement[]): Promise<Row[][]>;
  /** A `write` whose statements are asked for once, when its group is handed over: until then its caller may add to them. */
  writeLate(statements: () => readonly Statement[]): Promise<Row[][]>;
  /** Runs one query on a reading connection. Sees every write whose promise has resolved. */
  read<T = Row>(sql: string, ...params: Param[]): Promise<T[]>;
  /** Why it takes no writes any more, once its writer has ended. */
  failure(): string | undefined;
  close(): Promise<void>;
}
