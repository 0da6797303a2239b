/** AWS's own files, as far as an endpoint's readiness and region depend on them; credentials in them are read by AWS's library. */
import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";

export interface AwsFiles {
  readonly filepath: string;
  readonly configFilepath: string;
}

/** Where they are: in the folder that is set, or where AWS's own variables and rules say. */
export async function awsFiles(folder: string | undefined, variable: (name: string) => Promise<string | undefined>): Promise<AwsFiles> {
  // As AWS's library finds the rest of it, such as who signed in.
  const home = folder ?? join(process.env["HOME"] ?? homedir(), ".aws");
  const elsewhere = async (name: string) => (folder === undefined ? await variable(name) : undefined);
  return {
    filepath: (await elsewhere("AWS_SHARED_CREDENTIALS_FILE")) ?? join(home, "credentials"),
    configFilepath: (await elsewhere("AWS_CONFIG_FILE")) ?? join(home, "config"),
  };
}

/** What they say of a profile; `undefined` when there is no such profile. */
export async function profileIn(files: AwsFiles, profile: string): Promise<{ readonly region?: string } | undefined> {
  if (!existsSync(files.filepath) && !existsSync(files.configFilepath)) return undefined;
  const { loadSharedConfigFiles } = await import("@smithy/core/config");
  const { configFile, credentialsFile } = await loadSharedConfigFiles({ ...files, ignoreCache: true });
  const [settings, secrets] = [configFile[profile], credentialsFile[profile]];
  if (!settings && !secrets) return undefined;
  const region = settings?.["region"] ?? secrets?.["region"];
  return region === undefined ? {} : { region };
}
