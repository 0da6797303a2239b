/** This browser's device identity: an Ed25519 key that cannot leave it, and the device token that the gateway gave it. */
const DATABASE = "pincer";
const STORE = "identity";

export interface Identity {
  readonly deviceId: string;
  readonly publicKey: string;
  sign(text: string): Promise<string>;
}

const base64url = (bytes: Uint8Array) =>
  btoa(String.fromCharCode(...bytes))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replaceAll("=", "");
const hex = (bytes: Uint8Array) => [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");

const settled = <T>(request: IDBRequest<T>) =>
  new Promise<T>((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });

async function open(): Promise<IDBDatabase> {
  const request = indexedDB.open(DATABASE, 1);
  request.onupgradeneeded = () => request.result.createObjectStore(STORE);
  return settled(request);
}

async function get<T>(key: string): Promise<T | undefined> {
  const database = await open();
  try {
    return await settled(database.transaction(STORE).objectStore(STORE).get(key) as IDBRequest<T | undefined>);
  } finally {
    database.close();
  }
}

async function put(key: string, value: unknown): Promise<void> {
  const database = await open();
  try {
    const store = database.transaction(STORE, "readwrite").objectStore(STORE);
    if (value === undefined) await settled(store.delete(key));
    else await settled(store.put(value, key));
  } finally {
    database.close();
  }
}

export async function loadIdentity(): Promise<Identity> {
  let pair = await get<CryptoKeyPair>("key");
  if (pair === undefined) {
    pair = (await crypto.subtle.generateKey({ name: "Ed25519" }, false, ["sign", "verify"])) as CryptoKeyPair;
    await put("key", pair);
  }
  const raw = new Uint8Array(await crypto.subtle.exportKey("raw", pair.publicKey));
  const deviceId = hex(new Uint8Array(await crypto.subtle.digest("SHA-256", raw)));
  const { privateKey } = pair;
  return {
    deviceId,
    publicKey: base64url(raw),
    sign: async (text) => base64url(new Uint8Array(await crypto.subtle.sign("Ed25519", privateKey, new TextEncoder().encode(text)))),
  };
}

/** What the gateway lets this browser do, beside the token by which it knows it. */
interface Grant {
  readonly deviceToken: string | undefined;
  /** Undefined of what was kept by an older page. */
  readonly scopes: readonly string[] | undefined;
}

export const loadGrant = async (): Promise<Grant> => ({
  deviceToken: await get<string>("deviceToken"),
  scopes: await get<readonly string[]>("scopes"),
});

export async function keepGrant(grant: Grant | undefined): Promise<void> {
  await put("deviceToken", grant?.deviceToken);
  await put("scopes", grant?.scopes);
}
