/** How much a package comes to when it is unpacked: a few kilobytes can be made to fill a disk. */

/** In bytes, as far as `most`: beyond it nothing more is unpacked. Throws what the unpacking throws. */
export async function unpackedBytes(packed: Uint8Array, most: number): Promise<number> {
  // Loaded here: it brings Node's streams, and whoever only looks for what is there already would wait 10 ms for them.
  const gunzip = process.getBuiltinModule("node:zlib").createGunzip();
  gunzip.end(packed);
  let bytes = 0;
  for await (const part of gunzip as AsyncIterable<Uint8Array>) {
    bytes += part.length;
    if (bytes > most) break; // which ends the stream
  }
  return bytes;
}
