import { estimateTokens } from '../tokens/index.ts';
import type { TokenUsage } from '../types.ts';
import type { Api } from './request.ts';
import { bag, collect, type Reported, reportedBy, text, tokensOf, usageIn } from './usage.ts';

/** Beyond so many pieces of text they are counted and let go: memory stays bounded however long a stream is. */
const MAX_PIECES = 4_096;

/**
 * What one stream said so far, chunk by chunk. Keeps references to the pieces of text only until it knows whether the
 * provider reports usage; nothing of them is ever recorded.
 */
export class StreamObserver {
  /** Chunks seen, the hidden one included. */
  chunks = 0;
  /** The provider's own last word on usage has come: nothing of the bill can change any more. */
  final = false;
  private readonly api: Api;
  private readonly injected: boolean;
  private readonly thinkingLeftOut: boolean;
  private usage: unknown;
  private whole: unknown;
  private model: string | undefined;
  private id: string | undefined;
  private serviceTier: string | undefined;
  private errorCode: string | undefined;
  private finishReasons: string[] = [];
  private pieces: string[] = [];
  private counted = 0;

  /**
   * @param injected usage was asked for by us, not by the caller
   * @param thinkingLeftOut as the provider's
   */
  constructor(api: Api, injected: boolean, thinkingLeftOut = false) {
    this.api = api;
    this.injected = injected;
    this.thinkingLeftOut = thinkingLeftOut;
  }

  /** Takes one chunk in; true: it exists only because we asked for usage, keep it from the caller. Never throws. */
  see(chunk: unknown): boolean {
    this.chunks += 1;
    const said = bag(chunk);
    if (!said) return false;
    // First: what fails in reading the chunk shows the caller nothing that he did not ask for.
    const ours = this.injected && hide(said);
    try {
      if (this.api === 'responses') this.seeEvent(said);
      else this.seeChunk(said);
    } catch {
      // A chunk of a hostile shape: what could be read of it counts.
    }
    return ours;
  }

  private seeChunk(chunk: Record<string, unknown>): void {
    const usage = usageIn(chunk);
    const choices = chunk.choices;
    if (usage !== undefined && usage !== null) {
      // On every chunk with some providers, then it is cumulative: the last one counts.
      this.usage = usage;
      this.final ||= isBare(choices);
    }
    this.id ??= text(chunk.id);
    this.model = text(chunk.model) ?? this.model;
    this.serviceTier = text(chunk.service_tier) ?? this.serviceTier;
    // With status 200: the SDK throws it, who reads the bytes finds it there.
    if (chunk.error) this.errorCode = failureOf(chunk.error);
    if (Array.isArray(choices)) for (const choice of choices) this.seeChoice(bag(choice));
  }

  private seeChoice(choice: Record<string, unknown> | undefined): void {
    if (!choice) return;
    const reason = text(choice.finish_reason);
    if (reason) this.finishReasons.push(reason);
    collect(choice.delta, this.pieces);
    if (this.pieces.length > MAX_PIECES) this.countPieces();
  }

  private seeEvent(event: Record<string, unknown>): void {
    const type = event.type;
    const response = bag(event.response);
    if (response) {
      this.id ??= text(response.id);
      this.model = text(response.model) ?? this.model;
      if (type === 'response.completed' || type === 'response.incomplete' || type === 'response.failed') {
        this.whole = response;
        this.usage = response.usage;
        this.final = true;
      }
    } else if (type === 'error') {
      this.errorCode = text(event.code) ?? failureOf(event.error);
    } else if (typeof event.delta === 'string' && type !== 'response.audio.delta') {
      this.pieces.push(event.delta);
      if (this.pieces.length > MAX_PIECES) this.countPieces();
    }
  }

  private countPieces(): void {
    this.counted += estimateTokens(this.pieces.join(''));
    this.pieces = [];
  }

  /** Tokens of the text that came through, estimated. */
  estimatedOutput(): number {
    if (this.pieces.length > 0) this.countPieces();
    return this.counted;
  }

  /** What the provider reported; `tokens` is undefined where it reported none. May throw on hostile shapes. */
  reported(): Reported {
    const whole = reportedBy(this.whole);
    const tokens: TokenUsage | undefined = tokensOf(this.usage, this.thinkingLeftOut);
    return {
      tokens,
      model: whole?.model ?? this.model,
      id: whole?.id ?? this.id,
      serviceTier: whole?.serviceTier ?? this.serviceTier,
      finishReasons: whole?.finishReasons ?? this.finishReasons,
      status: whole?.status,
      errorCode: whole?.errorCode ?? this.errorCode,
    };
  }
}

/** Whether a chunk is there only because we asked for usage. That also puts `usage: null` on all others, which is taken off. Never throws. */
function hide(chunk: Record<string, unknown>): boolean {
  try {
    if (chunk.usage === null) delete chunk.usage;
    const usage = usageIn(chunk);
    return usage !== undefined && usage !== null && isBare(chunk.choices);
  } catch {
    return false;
  }
}

const failureOf = (error: unknown): string => text(bag(error)?.code) ?? text(bag(error)?.type) ?? 'error';

const isBare = (choices: unknown): boolean => Array.isArray(choices) && choices.length === 0;
