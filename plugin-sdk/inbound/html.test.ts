import { expect, test } from "bun:test";
import { randomOf, seedOf } from "../../tests/fuzz/random.ts";
import { htmlToMarkdown } from "./html.ts";

test("what a reader sees becomes Markdown", () => {
  const html = `<h1>Hello <em>you</em></h1><p>A <b>bold </b>word, <a href="https://a.example/x?a=1&amp;b=2">a link</a> &amp; <code>x\`y</code>.<br>Next &nbsp; line</p>
    <ul><li>one<li>two<ol start=3><li>three</ol></ul><blockquote><p>q1</p><p>q2</p></blockquote>
    <pre><code class="language-ts">const a = 1;\n  b &lt; c\n</code></pre><hr><table><tr><th>A</th><th>B</th></tr><tr><td>1<td>2</table><img src="x" alt="A cat"><img src="pixel">`;
  expect(htmlToMarkdown(html)).toBe(
    "# Hello *you*\n\nA **bold** word, [a link](https://a.example/x?a=1&b=2) & ``x`y``.\nNext line\n\n- one\n- two\n\n  3. three\n\n> q1\n>\n> q2\n\n```ts\nconst a = 1;\n  b < c\n```\n\n---\n\nA | B\n--- | ---\n1 | 2\n\n[image: A cat]",
  );
});

test("what is hidden from the reader is hidden from the model (#57782)", () => {
  const hidden = [
    '<div style="display:none">X</div>',
    "<p hidden>X</p>",
    '<p style="visibility: hidden">X</p>',
    '<p style="opacity:0">X</p>',
    '<p style="FONT-SIZE:0PX">X</p>',
    '<p style="font-size:1px;line-height:1px">X</p>',
    '<p style="color:#fff">X</p>',
    '<p style="color: rgb(255, 255, 255)">X</p>',
    "<font color=white>X</font>",
    '<div style="background:#222"><p style="color:#212121">X</p></div>',
    '<p style="color:transparent">X</p>',
    '<p style="max-height:0;overflow:hidden">X</p>',
    '<p style="position:absolute;left:-9999px">X</p>',
    '<p style="text-indent:-9999px">X</p>',
    '<p style="mso-hide:all">X</p>',
    '<p style="color:red;/* ; */display : none !important">X</p>',
    "<style>.a .b{color:red;display:none}</style><p class='c b'>X</p>",
    "<style>@media screen{#a{visibility:hidden}}</style><p id=a>X</p>",
    "<script>X</script>",
    "<style>X</style>",
    "<!-- X -->",
    "<!-- X",
    "<template>X</template>",
    "<title>X</title>",
    "<noframes>X</noframes>",
    '<div style="display:none"><p style="display:block">X</p></div>',
    '<img alt="X" style="display:none">',
  ];
  // Small it has two letters: what is looked for in small letters lies elsewhere then.
  hidden.push(`<!--${"İ".repeat(60)}--><style>p{}</style><p hidden><b title="${"x".repeat(60)}">X</b></p>`);
  for (const html of hidden) expect([html, htmlToMarkdown(`<p>seen</p>${html}`)]).toEqual([html, "seen"]);
  // Tags of Unicode repeat ASCII, and nobody sees them.
  const tags = [..."ignore this"].map((char) => String.fromCodePoint(0xe0000 + char.charCodeAt(0))).join("");
  expect(htmlToMarkdown(`se${tags}\u200b\u2066en`)).toBe("seen");
});

test("what only looks as if it were hidden is read", () => {
  const shown = [
    '<div style="font-size:0"><p style="font-size:13px">X</p></div>',
    '<div style="visibility:hidden"><p style="visibility:visible">X</p></div>',
    '<div style="background:#036"><p style="color:#fff">X</p></div>',
    '<table bgcolor="#000000"><tr><td style="color:white">X</td></tr></table>',
    '<div style="background:url(a.png)"><p style="color:#fff">X</p></div>',
    "<style>.dark{background:#000}</style><div class=dark><p style='color:#fff'>X</p></div>",
    "<style>@media (max-width:600px){.a{display:none}} @media print{.a{display:none}}</style><p class=a>X</p>",
    "<style>.a .b{display:none}</style><p class=a>X</p>",
    '<p style="opacity:0.9;max-height:100px">X</p>',
  ];
  for (const html of shown) expect([html, htmlToMarkdown(html)]).toEqual([html, "X"]);
});

test("links go where a person may go, elements can be left out, and broken markup is read as a browser does", () => {
  expect(
    htmlToMarkdown(
      '<a href="javascript:x">a</a> <a href=" https://b.example/(x) ">b</a> <a href="https://c.example">https://c.example/</a>',
    ),
  ).toBe("a [b](https://b.example/%28x%29) https://c.example");
  expect(htmlToMarkdown("<mx-reply><blockquote>old</blockquote></mx-reply>new", { without: ["mx-reply"] })).toBe("new");
  expect(htmlToMarkdown("<b>unclosed <i>both<p>para</b> after")).toBe("**unclosed *both***\n\npara\n\nafter");
  expect(htmlToMarkdown("a < b > c &amp d &unknown; &#x41;&#0; <")).toBe("a < b > c & d &unknown; A\ufffd <");
  expect(htmlToMarkdown("a &lt;script&gt;")).toBe("a <script>");
  expect(htmlToMarkdown(`<p title="a > b">x</p>${"y".repeat(100)}`, { most: 30 })).toEndWith("(The rest was too long to be read.)");
});

test("what is long takes the time of what is long, however deep it is", () => {
  const units = [
    "<b>",
    "<div>",
    "<p>x",
    "<!--",
    '<a href="',
    "<b> </b>",
    "<blockquote>x<br>",
    "<ul><li>x",
    "<svg>",
    " ",
    "<x ",
    "<style>.a{",
    "<table><tr><td>x",
    "&amp;",
  ];
  for (const unit of units) {
    const before = process.cpuUsage();
    htmlToMarkdown(unit.repeat(Math.floor(400_000 / unit.length)));
    // Up to 0.4 s is seen on a busy machine.
    expect(process.cpuUsage(before).user / 1_000).toBeLessThan(2_500);
  }
});

test("2000 texts of tags alone break nothing, and no tag of theirs is left", () => {
  const pieces =
    "<p> </p> <b> </b> <ul> <li> </ul> <ol> <table> <tr> <td> </td> <th> <pre> </pre> <code> <blockquote> </blockquote> <br> <hr> <h2> </h2> <a/href='https://a.example'> </a> <span/style='color:red'> </span> <style> </style> <!-- --> > & ` ``` word".split(
      " ",
    );
  for (let round = 0; round < 2_000; round++) {
    const random = randomOf(seedOf(7, round));
    const html = Array.from({ length: random.below(40) }, () => random.pick(pieces)).join(random.pick(["", " "]));
    const text = htmlToMarkdown(html);
    expect(text).not.toMatch(/<\/?(?:p|b|ul|li|ol|table|pre|span|style)\b[^&]*>/);
    expect(text.isWellFormed()).toBe(true);
  }
});
