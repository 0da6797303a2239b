/** The same for people, in a browser: what there is, and one package. No script, and nothing from elsewhere; all that publishers say is text. */
import type { PackagePages } from "./package-pages.ts";
import type { SearchResult, Withdrawal } from "./search-index.ts";

type PackagePage = ReturnType<PackagePages["package"]>;

/** Also what turns the direction of reading, or cannot be seen, which would change what is around it. */
const text = (value: string): string => value.replace(/\p{C}/gu, " ").replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`);

const style = `:root{color-scheme:light dark;--ground:light-dark(#fcfbfa,#161517);--raised:light-dark(#f4f2f0,#1f1d20);--line:light-dark(#e5e1dd,#322f34);
--ink:light-dark(#1d1a1c,#eeebec);--faint:light-dark(#6f676b,#a39aa0);--bad:light-dark(#b4232a,#ff8589);--warn:light-dark(#8a5a00,#e6b35c)}
*{box-sizing:border-box}body{margin:0 auto;max-width:46rem;padding:1.25rem 1rem 3rem;background:var(--ground);color:var(--ink);font:1rem/1.5 system-ui,sans-serif;overflow-wrap:anywhere}
a{color:inherit}h1{font-size:1.4rem;margin:1rem 0 .25rem}p{margin:.25rem 0}ul{list-style:none;margin:1rem 0;padding:0}li{padding:.75rem 0;border-top:1px solid var(--line)}
small{color:var(--faint);font-size:.875rem}form{display:flex;gap:.5rem;margin:1rem 0}input,button{font:inherit;color:inherit;background:var(--raised);border:1px solid var(--line);border-radius:.5rem;padding:.5rem .75rem}
input{flex:1;min-width:0}.revoked,.yanked{border-left:3px solid;padding-left:.6rem}.revoked{color:var(--bad)}.yanked{color:var(--warn)}code{background:var(--raised);border-radius:.25rem;padding:.1rem .3rem}`;

const page = (title: string, body: string, as: { readonly status?: number; readonly headers?: Headers } = {}): Response =>
  new Response(
    `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1"><title>${text(title)}</title><style>${style}</style><body>${body}</body></html>`,
    {
      status: as.status ?? 200,
      headers: {
        ...Object.fromEntries(as.headers ?? []),
        "content-type": "text/html; charset=utf-8",
        "content-security-policy":
          "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
        "x-content-type-options": "nosniff",
        "referrer-policy": "no-referrer",
        "cache-control": "no-cache",
      },
    },
  );

const mark = (withdrawn: Withdrawal | null | undefined): string =>
  withdrawn
    ? `<p class="${withdrawn.as}">${withdrawn.as === "revoked" ? "Revoked" : "Yanked"} on ${text(withdrawn.at.slice(0, 10))}: ${text(withdrawn.reason)}</p>`
    : "";

const form = (q: string): string =>
  `<form action="/"><input name="q" type="search" maxlength="200" aria-label="Search" value="${text(q)}"><button>Search</button></form>`;

export function searchPage(q: string, { packages }: SearchResult): Response {
  const rows = packages.map(
    ({ kind, id, version, publisher, summary, withdrawn }) =>
      `<li><a href="/${kind}/${id}"><b>${text(id)}</b></a> ${text(version)} <small>${kind.slice(0, -1)} by ${text(publisher)}</small>${mark(withdrawn)}<p>${text(summary)}</p></li>`,
  );
  const found =
    rows.length > 0 ? `<ul>${rows.join("")}</ul>` : `<p>${q === "" ? "Nothing is published yet." : "Nothing is like that here."}</p>`;
  return page(q === "" ? "Registry" : `${q} · Registry`, `<h1>Registry</h1>${form(q)}${found}`);
}

export function packagePage({ kind, id, summary, publisher, downloads, withdrawn, releases }: PackagePage): Response {
  const rows = releases.map(({ version, notes, revoked, findings }) => {
    const taken: Withdrawal | undefined = revoked ? { as: "revoked", ...revoked } : notes.yanked && { as: "yanked", ...notes.yanked };
    const counts = Object.entries(findings ?? {}).flatMap(([severity, count]) => (count > 0 ? [`${count} ${severity}`] : []));
    const scan = findings === undefined ? "not scanned" : counts.length > 0 ? `scan: ${counts.join(", ")}` : "scan: nothing found";
    return `<li><b>${text(version)}</b> <small>${text(notes.publishedAt.slice(0, 10))} · ${scan}</small>${mark(taken)}</li>`;
  });
  const install = withdrawn ? "" : `<p><code>pincer install ${kind === "skills" ? "skill:" : ""}${text(id)}</code></p>`;
  const by = publisher ? ` by ${text(publisher.name)}` : "";
  const head = `<p><a href="/">Registry</a></p><h1>${text(id)}</h1><small>${kind.slice(0, -1)}${by} · ${downloads} downloads</small>`;
  return page(id, `${head}${mark(withdrawn)}<p>${text(summary)}</p>${install}<ul>${rows.join("")}</ul>`);
}

/** What is refused, where a browser has asked. */
export const refusalPage = ({ status, headers }: Response, message: string): Response =>
  page("Registry", `<p><a href="/">Registry</a></p><h1>${text(message)}</h1>${form("")}`, { status, headers });
