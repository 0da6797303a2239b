/** Pictures for tests that are whole, so that they reach a model as they are. */

/** Of one pixel. */
export const dot = Buffer.from("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGP4DwABAQEANl9ngAAAAABJRU5ErkJggg==", "base64");

/** Another one for each width. */
export const pngOf = async (width: number): Promise<Buffer> =>
  Buffer.from(await new Bun.Image(dot).resize(width, 1, { fit: "fill" }).png().bytes());
