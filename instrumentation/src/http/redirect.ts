const REDIRECTS = new Set([301, 302, 303, 307, 308]);

/** Whether an answer with this status leads somewhere else. */
export const isRedirect = (status: number | undefined): boolean => status !== undefined && REDIRECTS.has(status);
