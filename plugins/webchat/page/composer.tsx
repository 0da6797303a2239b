/** Where one writes. */
import type { VNode } from "preact";
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import type { Sent } from "./conversation.ts";
import { agentName, busy, current, model, send, standing, stop } from "./state.ts";

const MAX_IMAGE_BYTES = 10 * 1024 * 1024;
const drafts = new Map<string, string>();

const base64 = (file: File) =>
  new Promise<string>((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(String(reader.result).replace(/^[^,]*,/, ""));
    reader.onerror = () => reject(reader.error);
    reader.readAsDataURL(file);
  });

export function Composer(): VNode {
  const key = current.value;
  const [, redraw] = useState(0);
  const [images, setImages] = useState<Sent["images"]>([]);
  const [refusal, setRefusal] = useState("");
  const area = useRef<HTMLTextAreaElement>(null);
  const picker = useRef<HTMLInputElement>(null);
  const text = drafts.get(key) ?? "";
  const write = (next: string) => {
    drafts.set(key, next);
    redraw((count) => count + 1);
  };
  useLayoutEffect(() => {
    const element = area.current;
    if (element === null) return;
    element.style.height = "auto";
    element.style.height = `${Math.min(element.scrollHeight, 240)}px`;
  }, [text, key]);

  const add = async (files: Iterable<File>) => {
    setRefusal("");
    for (const file of files) {
      if (!file.type.startsWith("image/")) setRefusal(`${file.name} is not an image; images are what can be attached here.`);
      else if (file.size > MAX_IMAGE_BYTES) setRefusal(`${file.name} is larger than 10 MB.`);
      else {
        const image = { data: await base64(file), mimeType: file.type };
        setImages((before) => [...before, image]);
      }
    }
  };
  const submit = () => {
    const trimmed = text.trim();
    if (trimmed === "" && images.length === 0) return;
    write("");
    setImages([]);
    send(trimmed, images);
    area.current?.focus();
  };
  const onKey = (event: KeyboardEvent) => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      submit();
    } else if (event.key === "Escape" && busy.value) void stop();
  };
  const offline = standing.value.state !== "connected";
  return (
    <form
      class="composer"
      onSubmit={(event) => {
        event.preventDefault();
        submit();
      }}
      onDragOver={(event) => event.preventDefault()}
      onDrop={(event) => {
        event.preventDefault();
        void add(event.dataTransfer?.files ?? []);
      }}
    >
      {images.length > 0 && (
        <div class="images">
          {images.map((image, index) => (
            <button
              type="button"
              key={index}
              title="Remove"
              aria-label="Remove this image"
              onClick={() => setImages(images.filter((_other, at) => at !== index))}
            >
              <img src={`data:${image.mimeType};base64,${image.data}`} alt="" />
            </button>
          ))}
        </div>
      )}
      {refusal !== "" && (
        <p class="state failed" role="alert">
          {refusal}
        </p>
      )}
      <div class="row">
        <button type="button" class="quiet" title="Attach an image" aria-label="Attach an image" onClick={() => picker.current?.click()}>
          <svg viewBox="0 0 20 20" width="20" height="20" aria-hidden="true">
            <path
              d="M14.500 9.500 9.600 14.400a3 3 0 0 1-4.200-4.200l5.600-5.700a2 2 0 0 1 2.900 2.900l-5.600 5.600a1 1 0 0 1-1.400-1.400l4.900-4.900"
              fill="none"
              stroke="currentColor"
              stroke-width="1.500"
              stroke-linecap="round"
            />
          </svg>
        </button>
        <input ref={picker} type="file" accept="image/*" multiple hidden onChange={(event) => void add(event.currentTarget.files ?? [])} />
        <textarea
          ref={area}
          rows={1}
          value={text}
          placeholder={`Message ${agentName.value}`}
          aria-label="Message"
          onInput={(event) => write(event.currentTarget.value)}
          onKeyDown={onKey}
          onPaste={(event) => void add(event.clipboardData?.files ?? [])}
        />
        {busy.value && text.trim() === "" ? (
          <button key="stop" type="button" class="primary stop" title="Stop (Esc)" aria-label="Stop" onClick={() => void stop()}>
            <svg viewBox="0 0 20 20" width="16" height="16" aria-hidden="true">
              <rect x="5" y="5" width="10" height="10" rx="2" fill="currentColor" />
            </svg>
          </button>
        ) : (
          <button
            key="send"
            type="submit"
            class="primary"
            title="Send (Enter)"
            aria-label="Send"
            disabled={text.trim() === "" && images.length === 0}
          >
            <svg viewBox="0 0 20 20" width="18" height="18" aria-hidden="true">
              <path
                d="M10 16V4.500M5 9l5-5 5 5"
                fill="none"
                stroke="currentColor"
                stroke-width="2"
                stroke-linecap="round"
                stroke-linejoin="round"
              />
            </svg>
          </button>
        )}
      </div>
      <p class="foot">
        {offline ? "Not connected; what you send now goes out when the connection is back." : model.value !== undefined ? model.value : " "}
      </p>
    </form>
  );
}
