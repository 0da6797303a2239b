import { test } from "bun:test";
import { burst, slack, telegram } from "../support/burst.ts";

for (const platform of [telegram, slack])
  test(`of 1,000 messages in a burst none is lost, and each conversation keeps its order (${platform.name})`, () => burst(platform, 1_000));
