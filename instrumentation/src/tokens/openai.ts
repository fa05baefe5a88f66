import { isList, lengthOf, read, Tally } from './collect.ts';

/** Per message, its framing and role; per request, the priming of the answer (OpenAI cookbook, chat models). */
const PER_MESSAGE = 3;
const PER_ANSWER = 3;
/** Framing of a set of tools and of each function. */
const PER_TOOL = 8;

/** A low-detail image, and one of about 1024 × 1024 at high detail (4 tiles): the size is not known without decoding. */
export const IMAGE_LOW = 85;
export const IMAGE = 765;
/** A file part: its size in tokens depends on its pages. */
export const FILE = 1_500;
/** Audio is heard at about 10 tokens a second; base64 characters of one second of 24 kHz 16-bit wav, and of mp3. */
const AUDIO_TOKENS_PER_SECOND = 10;
const WAV_CHARS_PER_SECOND = 64_000;
const MP3_CHARS_PER_SECOND = 21_000;
const AUDIO_UNKNOWN = 100;

/** About how many input tokens a chat completion's body is: messages, tools, images, audio. Never throws. */
export function estimateChatInput(body: unknown): number {
  return guarded((tally) => {
    tally.add(PER_ANSWER);
    tally.each(read(body, 'messages'), (message) => {
      tally.add(PER_MESSAGE);
      tally.text(read(message, 'name'));
      content(tally, read(message, 'content'));
      tally.text(read(message, 'refusal'));
      tally.structure(read(message, 'tool_calls'));
      tally.structure(read(message, 'function_call'));
    });
    tools(tally, read(body, 'tools'));
    tally.structure(read(body, 'functions'));
    tally.structure(read(read(body, 'response_format'), 'json_schema'));
  });
}

/** About how many input tokens a Responses call's body is: instructions, input, tools. Never throws. */
export function estimateResponseInput(body: unknown): number {
  return guarded((tally) => {
    tally.add(PER_ANSWER);
    tally.text(read(body, 'instructions'));
    const input = read(body, 'input');
    if (typeof input === 'string') {
      tally.add(PER_MESSAGE);
      tally.text(input);
    } else {
      tally.each(input, (item) => {
        tally.add(PER_MESSAGE);
        content(tally, read(item, 'content'));
        tally.text(read(item, 'arguments'));
        const output = read(item, 'output');
        if (typeof output === 'string') tally.text(output);
        else content(tally, output);
        tally.each(read(item, 'summary'), (part) => tally.text(read(part, 'text')));
      });
    }
    tools(tally, read(body, 'tools'));
    tally.structure(read(read(read(body, 'text'), 'format'), 'schema'));
  });
}

/** About how many tokens an embedding's input is: a text, texts, or token ids as they are. Never throws. */
export function estimateEmbeddingInput(body: unknown): number {
  return guarded((tally) => {
    const input = read(body, 'input');
    tally.text(input);
    tally.each(input, (item) => {
      if (typeof item === 'number') tally.add(1);
      else if (typeof item === 'string') tally.text(item);
      else if (isList(item)) tally.add(lengthOf(item));
    });
  });
}

function guarded(visit: (tally: Tally) => void): number {
  const tally = new Tally();
  try {
    visit(tally);
    return tally.total();
  } catch {
    return 0;
  }
}

function tools(tally: Tally, list: unknown): void {
  if (!isList(list)) return;
  tally.add(PER_TOOL);
  tally.each(list, (tool) => {
    tally.add(PER_TOOL);
    const definition = read(tool, 'function') ?? tool;
    tally.text(read(definition, 'name'));
    tally.text(read(definition, 'description'));
    tally.structure(read(definition, 'parameters'));
  });
}

/** A message's content: a text, or parts of text, image, audio and file. */
function content(tally: Tally, value: unknown): void {
  tally.text(value);
  tally.each(value, (part) => {
    tally.text(part);
    tally.text(read(part, 'text'));
    tally.text(read(part, 'refusal'));
    const type = read(part, 'type');
    if (type === 'image_url') tally.add(imageTokens(read(part, 'image_url')));
    else if (type === 'input_image') tally.add(imageTokens(part));
    else if (type === 'input_audio') tally.add(audioTokens(read(part, 'input_audio')));
    else if (type === 'file' || type === 'input_file') tally.add(FILE);
  });
}

function imageTokens(image: unknown): number {
  return read(image, 'detail') === 'low' ? IMAGE_LOW : IMAGE;
}

function audioTokens(audio: unknown): number {
  const data = read(audio, 'data');
  if (typeof data !== 'string') return AUDIO_UNKNOWN;
  const perSecond = read(audio, 'format') === 'mp3' ? MP3_CHARS_PER_SECOND : WAV_CHARS_PER_SECOND;
  return Math.ceil((data.length / perSecond) * AUDIO_TOKENS_PER_SECOND);
}
