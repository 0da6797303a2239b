/** Images made small enough. Bun opens them; how many pixels one may have is looked at before it is opened. */

export interface ImageBounds {
  /** Longest side. */
  readonly sidePx: number;
  readonly bytes: number;
  /** Of what is opened: each takes four bytes of memory, however small the file is. */
  readonly pixels: number;
}

const QUALITIES = [85, 60, 40] as const;
const LEAST_SIDE = 64;

/** Throws when it is no image, one that cannot be opened, or has more pixels than may be opened. */
export const imageSize = (bytes: Uint8Array, pixels: number): Promise<{ readonly width: number; readonly height: number }> =>
  new Bun.Image(bytes, { maxPixels: pixels }).metadata();

/** As JPEG, within the bounds as far as 64 pixels can be. Throws as `imageSize`. */
export async function smallerImage(bytes: Uint8Array, { sidePx, bytes: most, pixels }: ImageBounds): Promise<Uint8Array> {
  let side = sidePx;
  for (;;) {
    for (const quality of QUALITIES) {
      const made = new Bun.Image(bytes, { maxPixels: pixels }).resize(side, side, { fit: "inside", withoutEnlargement: true });
      const smaller = await made.jpeg({ quality }).bytes();
      if (smaller.length <= most || side <= LEAST_SIDE) return smaller;
    }
    side = Math.max(LEAST_SIDE, Math.floor(side * 0.7));
  }
}
