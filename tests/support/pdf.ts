/** PDFs for tests: pages of drawing operators, with the font `/F1` and `/G0`, which draws without any ink. A page in bytes is packed. */

interface More {
  readonly trailer?: string;
  readonly objects?: readonly string[];
}

export function pdfOf(pages: readonly (string | Buffer)[], more: More = {}): Buffer {
  const kids = pages.map((_, index) => `${4 + index * 2} 0 R`).join(" ");
  const objects = [
    "<< /Type /Catalog /Pages 2 0 R >>",
    `<< /Type /Pages /Kids [${kids}] /Count ${pages.length} >>`,
    "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ...pages.flatMap((content, index) => [
      `<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents ${5 + index * 2} 0 R
         /Resources << /Font << /F1 3 0 R >> /ExtGState << /G0 << /ca 0 >> >> >> >>`,
      typeof content === "string"
        ? `<< /Length ${content.length} >>\nstream\n${content}\nendstream`
        : `<< /Length ${content.length} /Filter /FlateDecode >>\nstream\n${content.toString("latin1")}\nendstream`,
    ]),
    ...(more.objects ?? []),
  ];
  let out = "%PDF-1.7\n";
  const places = objects.map((object, index) => {
    const at = out.length;
    out += `${index + 1} 0 obj\n${object}\nendobj\n`;
    return at;
  });
  const start = out.length;
  const table = places.map((at) => `${String(at).padStart(10, "0")} 00000 n \n`).join("");
  out += `xref\n0 ${objects.length + 1}\n0000000000 65535 f \n${table}`;
  out += `trailer << /Size ${objects.length + 1} /Root 1 0 R ${more.trailer ?? ""} >>\nstartxref\n${start}\n%%EOF`;
  return Buffer.from(out, "latin1");
}
