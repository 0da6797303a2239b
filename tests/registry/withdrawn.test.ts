/** What was taken back, by its publisher or by the registry, is marked wherever the server shows it. */
import { expect, test } from "bun:test";
import { openRepository } from "../../registry/repository/repository.ts";
import { createSigner } from "../../registry/trust/key.ts";
import { post } from "./parcel.ts";
import { withServer } from "./timed-server.ts";

test("a version that is revoked is marked with the reason and the day, and search names another, until it is revoked no more", async () => {
  await withServer({}, async ({ server, folder, clock, online, parcel }) => {
    const { signer } = createSigner();
    const release = (version: string) => ({ kind: "plugins", id: "weather", version }) as const;
    const first = await parcel("ada", signer, "weather");
    expect(await post(server.url, first)).toMatchObject({ status: 201 });
    expect(await post(server.url, await parcel("ada", signer, "weather", { release: release("1.1.0"), before: first.list }))).toMatchObject(
      { status: 201 },
    );
    const json = async (path: string) => (await fetch(`${server.url}${path}`)).json();
    const repository = openRepository(folder, { online, now: () => clock.now() });
    const why = { kind: "plugins", id: "weather", reason: "it sends where you are to a stranger", at: "2031-05-04T10:00:00Z" } as const;
    const revoke = (versions: readonly string[]) =>
      repository.revoke(versions.length === 0 ? [] : [{ ...why, versions: [...versions] }], [online]);

    revoke(["1.1.0"]);
    expect(await json("/api/v1/search?q=weather")).toMatchObject({ packages: [{ version: "1.0.0", withdrawn: null }] });
    expect(await json("/api/v1/packages/plugins/weather")).toMatchObject({
      version: "1.0.0",
      withdrawn: null,
      releases: [
        { version: "1.1.0", revoked: { reason: why.reason, at: why.at, lastGood: null } },
        { version: "1.0.0", revoked: null },
      ],
    });
    expect(await json("/api/v1/packages/plugins/weather/1.1.0")).toMatchObject({ revoked: { reason: why.reason } });

    revoke(["1.0.0", "1.1.0"]);
    const withdrawn = { as: "revoked", reason: why.reason, at: why.at };
    expect(await json("/api/v1/search?q=weather")).toMatchObject({ packages: [{ version: "1.1.0", withdrawn }] });
    expect(await json("/api/v1/packages/plugins/weather")).toMatchObject({ withdrawn });
    const page = await (await fetch(`${server.url}/plugins/weather`)).text();
    expect(page).toContain("Revoked on 2031-05-04: it sends where you are to a stranger");

    revoke([]);
    expect(await json("/api/v1/search?q=weather")).toMatchObject({ packages: [{ version: "1.1.0", withdrawn: null }] });
  });
});

test("what all of its versions were yanked of is found last, and as that", async () => {
  await withServer({}, async ({ server, parcel }) => {
    const yanked = { at: "2031-05-04T10:00:00Z", reason: "it forgets the wind" };
    const publish = async (id: string, notes: object) => post(server.url, await parcel(`of-${id}`, createSigner().signer, id, { notes }));
    expect(await publish("weather", { yanked })).toMatchObject({ status: 201 });
    expect(await publish("weather-radio-two", {})).toMatchObject({ status: 201 });
    expect(await (await fetch(`${server.url}/api/v1/search?q=weather`)).json()).toMatchObject({
      packages: [
        { id: "weather-radio-two", withdrawn: null },
        { id: "weather", withdrawn: { as: "yanked", ...yanked } },
      ],
    });
    expect(await (await fetch(`${server.url}/?q=weather`)).text()).toContain("Yanked on 2031-05-04: it forgets the wind");
  });
});
