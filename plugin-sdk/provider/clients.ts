/** Clients of a vendor's library, kept for each place and key: making one costs more than a request. */

/** Keys and hosts are few; what was left behind by changed ones is not kept for ever. */
const mostKept = 16;

/** `place` is all that a client is made from, as JSON. A client that could not be made is not kept. */
export function keepClients<Place, Client>(make: (place: Place) => Promise<Client>): (place: Place) => Promise<Client> {
  const kept = new Map<string, Promise<Client>>();
  return (place) => {
    const name = JSON.stringify(place);
    const known = kept.get(name);
    if (known !== undefined) return known;
    if (kept.size >= mostKept) kept.clear();
    const made = make(place);
    kept.set(name, made);
    made.catch(() => kept.delete(name)); // silent-ok: who asked is told by the promise itself
    return made;
  };
}
