/** The text of PowerPoint's slides, in their order. */
import type { Archive } from "./archive.ts";
import { relationsOf } from "./relations.ts";
import { type DocumentText, Unreadable } from "./unreadable.ts";
import { xmlParts } from "./xml.ts";

function slideText(xml: string, most: number): { readonly text: string; readonly isHidden: boolean; readonly hidden: number } {
  let text = "";
  let isText = false;
  let isHidden = false;
  let isHiddenShape = false;
  let hidden = 0;
  for (const part of xmlParts(xml)) {
    if (text.length > most) break;
    if (typeof part === "string") {
      if (!isText) continue;
      if (isHiddenShape) hidden += part.replace(/\s+/g, "").length;
      else text += part;
      continue;
    }
    const { name, isEnd, isEmpty } = part;
    if (name === "p:sld" && !isEnd) isHidden = part.attribute("show") === "0";
    else if (name === "p:cNvPr" && !isEnd) isHiddenShape = part.attribute("hidden") === "1";
    else if (name === "a:t") isText = !isEnd && !isEmpty;
    else if (name === "a:br" && !isEnd) text += "\n";
    else if (name === "a:p" && isEnd && !isHiddenShape) text += "\n";
  }
  return { text: text.trim(), isHidden, hidden };
}

/** Throws `Unreadable`. */
export function presentationText(archive: Archive, chars: number): DocumentText {
  const presentation = archive.text("ppt/presentation.xml");
  if (presentation === undefined) throw new Unreadable("it is damaged: a presentation without its list of slides");
  const targets = relationsOf(archive, "ppt/_rels/presentation.xml.rels", "ppt");
  const slides: string[] = [];
  let left = chars;
  let hiddenSlides = 0;
  let hidden = 0;
  let number = 0;
  for (const part of xmlParts(presentation)) {
    if (typeof part === "string" || part.name !== "p:sldId" || part.isEnd) continue;
    number += 1;
    const xml = left > 0 ? archive.text(targets.get(part.attribute("r:id") ?? "") ?? "") : undefined;
    if (xml === undefined) continue;
    const slide = slideText(xml, left);
    hidden += slide.hidden;
    if (slide.isHidden) hiddenSlides += 1;
    else slides.push(`--- slide ${number} ---\n${slide.text}`);
    left -= slide.text.length;
  }
  return {
    what: "PowerPoint presentation",
    text: slides.join("\n\n"),
    leftOut: [
      ...(hiddenSlides > 0 ? [`${hiddenSlides} of its slides are hidden, and were left out`] : []),
      ...(hidden > 0 ? [`${hidden} characters in it are hidden from its reader, and were left out`] : []),
    ],
  };
}
