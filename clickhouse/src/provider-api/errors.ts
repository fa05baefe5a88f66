/** A request to a provider's API that failed for good. The message says what to do and holds no credential. */
export class ProviderApiError extends Error {
  override readonly name = 'ProviderApiError';
  readonly provider: string;
  /** HTTP status; undefined when no answer came. */
  readonly status: number | undefined;

  constructor(provider: string, message: string, status?: number) {
    super(message);
    this.provider = provider;
    this.status = status;
  }
}

/** A setting for a provider's API that is missing or cannot be used; the message names it. */
export class ProviderSettingError extends Error {
  override readonly name = 'ProviderSettingError';
}
