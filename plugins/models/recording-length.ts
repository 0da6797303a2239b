/** About how long a recording is, so that it is known before it is heard what that may use. */

/** Where the file does not say it: the bytes of a second of speech, packed more tightly than most are. */
const SPARSE = 4_000;
/** The most that a second of Opus may have. Who sent the file wrote what it says of itself. */
const DENSE_OPUS = 64_000;
/** Of a second of two channels with 96,000 samples of 16 bits. */
const DENSE_WAV = 384_000;
const OPUS_RATE = 48_000;

/** Of the sample behind the last one, as the last page of the stream has it. */
function opusSeconds(bytes: Buffer): number | undefined {
  const at = bytes.lastIndexOf("OggS");
  if (bytes.toString("latin1", 28, 36) !== "OpusHead" || at + 14 > bytes.length) return undefined;
  const samples = Number(bytes.readBigInt64LE(at + 6));
  return samples > 0 ? Math.max(samples / OPUS_RATE, bytes.length / DENSE_OPUS) : undefined;
}

function wavSeconds(bytes: Buffer): number | undefined {
  if (bytes.toString("latin1", 12, 16) !== "fmt " || bytes.length < 44) return undefined;
  const rate = bytes.readUInt32LE(28);
  return rate > 0 ? bytes.length / Math.min(rate, DENSE_WAV) : undefined;
}

export function recordingSeconds(data: Uint8Array, mimeType: string): number {
  const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  const said = mimeType === "audio/ogg" ? opusSeconds(bytes) : mimeType === "audio/wav" ? wavSeconds(bytes) : undefined;
  return said ?? bytes.length / SPARSE;
}
