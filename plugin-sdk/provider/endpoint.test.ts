import { expect, test } from "bun:test";
import { localOf } from "./endpoint.ts";

test("an endpoint is local by its address alone: a name may lead anywhere", () => {
  const isLocal = (url: string) => localOf(url).local === true;
  const near = [
    ...["http://127.0.0.1:11434/v1", "http://localhost:8000", "http://[::1]:8080/v1", "http://192.168.1.7/v1", "http://10.0.0.3"],
    ...["http://172.20.0.2:1234", "http://100.101.2.3", "http://[fd00::7]:80", "http://LOCALHOST./v1", "http://llm.localhost"],
  ];
  const far = [
    ...["https://api.openai.com/v1", "http://ollama:11434", "http://nas.local/v1", "http://8.8.8.8", "http://localhost.example.com"],
    ...["http://127.0.0.1.example.com", "http://[2606:4700::1]", "http://172.32.0.1", "not an address", ""],
  ];
  expect(near.filter((url) => !isLocal(url))).toEqual([]);
  expect(far.filter(isLocal)).toEqual([]);
});
