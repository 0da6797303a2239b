/** What renews a role of a registry, as it is typed. */
export function whatToType(role: string, registry: string): string {
  const [, publisher] = /^publisher-(.*)$/.exec(role) ?? [];
  if (publisher !== undefined) return `pincer registry renew ${registry} --publisher ${publisher} --key <file>`;
  if (role === "revocations") return `pincer registry renew ${registry} --key <file>`;
  if (role === "root" || role === "targets") return `pincer registry stage ${registry} --renew ${role}`;
  return `pincer registry renew ${registry}`;
}
