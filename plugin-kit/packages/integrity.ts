/** Subresource Integrity (W3C), as npm's registries and locks use it: one or more checksums, of which the strongest counts. */

const strength = ["sha256", "sha384", "sha512"] as const;

export interface Checksum {
  readonly algorithm: (typeof strength)[number];
  /** Lower case. */
  readonly hex: string;
}

const form = /^(sha256|sha384|sha512)-([A-Za-z0-9+/]+={0,2})$/;
const lengths = { sha256: 32, sha384: 48, sha512: 64 };

/** Undefined when there is none that can be trusted: SHA-1 cannot. */
export function strongestOf(integrity: string): Checksum | undefined {
  const known = integrity
    .trim()
    .split(/\s+/)
    .flatMap((text) => {
      const [, algorithm, base64] = form.exec(text.split("?", 1)[0]!) ?? [];
      if (algorithm === undefined) return [];
      const bytes = Buffer.from(base64!, "base64");
      const checksum: Checksum = { algorithm: algorithm as Checksum["algorithm"], hex: bytes.toString("hex") };
      return bytes.length === lengths[checksum.algorithm] ? [checksum] : [];
    });
  return known.sort((a, b) => strength.indexOf(b.algorithm) - strength.indexOf(a.algorithm))[0];
}

/** As registries and locks write it. */
export const integrityOf = ({ algorithm, hex }: Checksum): string => `${algorithm}-${Buffer.from(hex, "hex").toString("base64")}`;

export const fits = (bytes: Uint8Array, { algorithm, hex }: Checksum): boolean =>
  new Bun.CryptoHasher(algorithm).update(bytes).digest("hex") === hex;
