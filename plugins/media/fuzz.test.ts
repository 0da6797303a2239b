/** Files that somebody damaged, of every kind that is read: each comes to a text or to a reason, and to nothing else. */
import { expect, test } from "bun:test";
import { contentType } from "@pincer/plugin-sdk/content-type";
import { systemClock } from "@pincer/plugin-sdk/system-clock";
import { Value } from "@sinclair/typebox/value";
import { flipped, mangled } from "../../tests/fuzz/mutation.ts";
import { type Random, randomOf, seedOf } from "../../tests/fuzz/random.ts";
import { zipped } from "../../tests/support/archives.ts";
import { pdfOf } from "../../tests/support/pdf.ts";
import { MediaConfig } from "./config.ts";
import { documentText } from "./documents.ts";
import { preparedImage } from "./pictures.ts";
import { readDocument } from "./reader.ts";
import { Unreadable } from "./unreadable.ts";

const config = Value.Create(MediaConfig);
const seed = Number(process.env["PINCER_FUZZ_SEED"] ?? 20_261_130);

const relations = (target: string) => `<Relationships><Relationship Id="r1" Target="${target}"/></Relationships>`;

/** Entries of archives by kind, and whole files. */
const archives: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  "a Word document": {
    "word/document.xml": `<w:document><w:body><w:tbl><w:tr><w:tc><w:p><w:r><w:rPr><w:sz w:val="2"/><w:color w:val="FFFFFF"/></w:rPr><w:t>a &amp; b</w:t></w:r></w:p></w:tc></w:tr></w:tbl><w:p><w:r><w:rPr><w:vanish/></w:rPr><w:t>c<w:tab/><w:br/></w:t></w:r></w:p></w:body></w:document>`,
    "word/footnotes.xml": "<w:footnotes><w:p><w:r><w:t>&#x41;</w:t></w:r></w:p></w:footnotes>",
  },
  "an Excel workbook": {
    "xl/workbook.xml": `<workbook><sheets><sheet name="One" r:id="r1"/><sheet name="Two" state="hidden" r:id="r1"/></sheets></workbook>`,
    "xl/_rels/workbook.xml.rels": relations("worksheets/sheet1.xml"),
    "xl/sharedStrings.xml": "<sst><si><t>shared</t><rPh><t>x</t></rPh></si></sst>",
    "xl/worksheets/sheet1.xml": `<worksheet><cols><col min="2" max="2" hidden="1"/></cols><sheetData><row r="1"><c r="A1" t="s"><v>0</v></c><c r="XFD1"><v>1</v></c></row><row hidden="1"><c><v>2</v></c></row></sheetData></worksheet>`,
  },
  "a PowerPoint presentation": {
    "ppt/presentation.xml": `<p:presentation><p:sldIdLst><p:sldId id="1" r:id="r1"/></p:sldIdLst></p:presentation>`,
    "ppt/_rels/presentation.xml.rels": relations("slides/slide1.xml"),
    "ppt/slides/slide1.xml": `<p:sld show="1"><p:sp><p:cNvPr hidden="0"/><a:p><a:t>slide</a:t><a:br/></a:p></p:sp></p:sld>`,
  },
  "an OpenDocument text": {
    mimetype: "application/vnd.oasis.opendocument.text",
    "META-INF/manifest.xml": "<manifest/>",
    "styles.xml": `<style:style style:name="h"><style:text-properties text:display="none" fo:font-size="1pt"/></style:style>`,
    "content.xml": `<office:body><text:p text:style-name="h">x</text:p><text:p>y<text:s text:c="9"/></text:p><table:table table:name="t"><table:table-row><table:table-cell table:number-columns-repeated="3"><text:p>z</text:p></table:table-cell></table:table-row></table:table></office:body>`,
  },
};
const files: Readonly<Record<string, string>> = {
  "a PDF": pdfOf(["q BT /F1 12 Tf 72 720 Td [(one) -300 (two)] TJ 0 -20 Td (three) ' ET Q", "BT /G0 gs (four) Tj ET"]).toString("latin1"),
  "a web page": `<!doctype html><html><style>.h{display:none}</style><body><p class=h>x</p><ul><li>one<li>two</ul><table><tr><td>1<td>2</table><a href="https://a.example">l</a>`,
};

const { signal: never } = new AbortController();

/** Read as its content says, as `media` does; answers with what it came to. */
async function read(bytes: Uint8Array): Promise<string> {
  const late = AbortSignal.timeout(10_000);
  const type = contentType(bytes, "application/octet-stream", "file");
  try {
    if (type.startsWith("image/") && type !== "image/svg+xml") return `image ${(await preparedImage(bytes, type, config)).mimeType}`;
    const inThread = type === "application/pdf";
    const found = inThread
      ? await readDocument({ bytes, mimeType: type, config }, systemClock, never)
      : await documentText(bytes, type, config, late);
    return `text ${found?.text.length ?? 0}`;
  } catch (error) {
    if (error instanceof Unreadable) return "unreadable";
    throw error;
  }
}

async function campaign(rounds: number, make: (random: Random) => Uint8Array): Promise<ReadonlySet<string>> {
  const ends = new Set<string>();
  for (let round = 0; round < rounds; round++) {
    const at = seedOf(seed, round);
    const bytes = make(randomOf(at));
    const end = await read(bytes).catch((error: unknown) => {
      throw new Error(`seed ${seed}, round ${round}: ${Buffer.from(bytes).toString("base64").slice(0, 4_000)}`, { cause: error });
    });
    ends.add(end.split(" ")[0] ?? "");
  }
  return ends;
}

/** Names and text in there that the reader may go by, in other places. */
const spread = (text: string, random: Random): string => {
  const pieces = text.match(/<[^>]*>|[^<]+/g) ?? [text];
  for (let n = random.below(6); n > 0; n--) pieces.splice(random.below(pieces.length + 1), random.below(2), random.pick(pieces));
  return pieces.join("").repeat(random.chance(0.1) ? 50 : 1);
};
const damaged = (text: string, random: Random): string => (random.chance(0.5) ? spread(text, random) : mangled(text, random));

for (const [kind, entries] of Object.entries(archives)) {
  test(`300 times ${kind} that was damaged inside or outside (seed ${seed})`, async () => {
    const ends = await campaign(300, (random) => {
      if (random.chance(0.3)) return flipped(zipped(entries).toString("latin1"), random);
      const names = Object.keys(entries);
      const name = random.pick(names);
      return zipped({ ...entries, [random.chance(0.1) ? random.pick(names) : name]: damaged(entries[name] ?? "", random) });
    });
    expect([...ends].toSorted()).toEqual(["text", "unreadable"]);
  }, 120_000);
}

for (const [kind, text] of Object.entries(files)) {
  test(`40 times ${kind} that was damaged (seed ${seed})`, async () => {
    const ends = await campaign(40, (random) =>
      random.chance(0.5) ? Buffer.from(mangled(text, random), "latin1") : flipped(text, random),
    );
    expect(ends).toContain("text");
  }, 120_000);
}

test(`200 images that were damaged (seed ${seed})`, async () => {
  const dot = Buffer.from("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGP4DwABAQEANl9ngAAAAABJRU5ErkJggg==", "base64");
  const large = () => new Bun.Image(dot).resize(40, 30, { fit: "fill" });
  const whole = [dot, await large().png().bytes(), await large().jpeg({ quality: 80 }).bytes(), await large().webp().bytes()];
  const ends = await campaign(200, (random) => {
    const bytes = Buffer.from(random.pick(whole));
    if (random.chance(0.3)) return bytes.subarray(0, random.below(bytes.length));
    for (let n = random.below(6) + 1; n > 0; n--) bytes[8 + random.below(bytes.length - 8)] = random.below(256);
    return bytes;
  });
  expect(ends).toContain("unreadable");
  expect(ends).toContain("image");
}, 120_000);
