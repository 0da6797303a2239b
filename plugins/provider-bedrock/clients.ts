/** Clients of AWS's library, made when they are first needed: for models, and for the list of them. */
import type { BedrockClient } from "@aws-sdk/client-bedrock";
import type { BedrockRuntimeClient } from "@aws-sdk/client-bedrock-runtime";
import type { fromIni } from "@aws-sdk/credential-provider-ini";
import { keepClients } from "@pincer/plugin-sdk/provider/clients";
import { listBounds, type ProviderContext } from "@pincer/plugin-sdk/provider/endpoint";
import type { BedrockConfig } from "./config.ts";
import type { Access, Signer } from "./endpoints.ts";
import { createHandler, type HandlerOptions } from "./handler.ts";

export interface Clients {
  runtime(access: Access): Promise<BedrockRuntimeClient>;
  list(access: Access): Promise<BedrockClient>;
  /** The vendor refused what was signed: what AWS's files say by now is read again. */
  refused(access: Access): void;
}

type Place = Pick<Access, "region" | "signer" | "headers"> & { readonly url: string; readonly readings: number };

export function createClients(ctx: ProviderContext<BedrockConfig>): Clients {
  const readings = new Map<string, number>();

  const settingsOf = async ({ url, region, signer, headers }: Place) => {
    const { clock, fetch, config } = ctx;
    const sending = { clock, fetch, bounds: listBounds(config) };
    return {
      region,
      endpoint: url,
      requestHandler: createHandler({ ...sending, headers }),
      ...(await signing(signer, region, sending)),
      // The gateway repeats, and knows when not to.
      maxAttempts: 1,
      // Whatever is not said here, the library looks up in AWS's files, with every new client.
      retryMode: "standard",
      defaultsMode: "standard" as const,
      useDualstackEndpoint: false,
      useFipsEndpoint: false,
      userAgentAppId: "pincer",
    };
  };
  const runtime = keepClients(async (place: Place) => {
    const { BedrockRuntimeClient } = await import("@aws-sdk/client-bedrock-runtime");
    return new BedrockRuntimeClient(await settingsOf(place));
  });
  const list = keepClients(async (place: Place) => {
    const { BedrockClient } = await import("@aws-sdk/client-bedrock");
    return new BedrockClient(await settingsOf(place));
  });
  const nameOf = ({ signer }: Access) => JSON.stringify(signer);
  const placeOf = (access: Access, url: string): Place => {
    const { region, signer, headers } = access;
    return { region, signer, headers, url, readings: readings.get(nameOf(access)) ?? 0 };
  };
  return {
    runtime: (access) => runtime(placeOf(access, access.baseUrl)),
    list: (access) => list(placeOf(access, access.listUrl)),
    refused(access) {
      if (access.signer.by === "profile" || access.signer.by === "chain")
        readings.set(nameOf(access), (readings.get(nameOf(access)) ?? 0) + 1);
    },
  };
}

async function signing(signer: Signer, region: string, sending: HandlerOptions) {
  if (signer.by === "key") return { token: { token: signer.key }, authSchemePreference: ["httpBearerAuth"] };
  const authSchemePreference = ["sigv4"];
  if (signer.by === "keys") {
    const { by: _, ...credentials } = signer;
    return { credentials, authSchemePreference };
  }
  let failure: Error | undefined;
  const requestHandler = createHandler({
    ...sending,
    failed: (error) => {
      failure = error;
    },
  });
  const find = await finder(signer, { ...signer.files, ignoreCache: true, clientConfig: { region, requestHandler, maxAttempts: 1 } });
  const credentials: typeof find = async (properties) => {
    failure = undefined;
    try {
      return await find(properties);
    } catch (error) {
      // What the library makes of it does not tell nobody at all from somebody who refuses.
      throw failure ?? error;
    }
  };
  return { credentials, authSchemePreference };
}

type Found = Extract<Signer, { readonly by: "profile" | "chain" }>;

async function finder(signer: Found, options: NonNullable<Parameters<typeof fromIni>[0]>): Promise<ReturnType<typeof fromIni>> {
  if (signer.by === "profile") {
    // Not the chain: a profile that gives nothing must not end in somebody else's credentials.
    const { fromIni } = await import("@aws-sdk/credential-provider-ini");
    return fromIni({ ...options, profile: signer.profile });
  }
  const { defaultProvider } = await import("@aws-sdk/credential-provider-node");
  return defaultProvider(options);
}
